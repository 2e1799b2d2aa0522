/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capability sets of the calling thread (capabilities(7)) as masks, bit n for number n.
 */
#pragma once

#include "base/error.h"

struct lx_caps {
	uint64_t effective, permitted, inheritable;
};

/* CAP_* that code here asks for by name. */
enum lx_cap {
	LX_CAP_SETGID = 6,
	LX_CAP_SETUID = 7,
	LX_CAP_SETPCAP = 8,
	LX_CAP_SYS_ADMIN = 21,
};

static inline uint64_t lx_cap_bit(int capability)
{
	return UINT64_C(1) << capability;
}

/* capget(2). */
RL_MUST rl_err lx_caps_get(struct lx_caps *ret);
/* capset(2). EPERM: permitted can only shrink, effective must be within permitted. */
RL_MUST rl_err lx_caps_set(const struct lx_caps *caps);
/*
 * Drops from the bounding set what `keep` does not have. Needs CAP_SETPCAP when there is something
 * to drop. `last` is the kernel's highest capability; beyond it nothing is asked.
 */
RL_MUST rl_err lx_caps_bound(uint64_t keep, int last);
/* The ambient set becomes exactly `ambient`, which must be permitted and inheritable. */
RL_MUST rl_err lx_caps_ambient(uint64_t ambient, int last);
/* PR_SET_KEEPCAPS: permitted survives a change of user ids. Cleared by execve. */
RL_MUST rl_err lx_caps_keep(bool keep);
/* prctl(PR_SET_NO_NEW_PRIVS), for ever. */
RL_MUST rl_err lx_no_new_privileges(void);

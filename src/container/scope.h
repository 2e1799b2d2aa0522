/* SPDX-License-Identifier: Apache-2.0 */
/* The container's scope in systemd, reached over the bus that the caller's environment names. */
#pragma once

#include "base/arena.h"
#include "linux/unit_spec.h"

#include <sys/types.h>

/* Makes the scope around `pid`, which is in the planned cgroup then. */
RL_MUST rl_err ct_scope_start(struct rl_arena *a, const struct lx_unit *unit, pid_t pid);
/* Makes systemd forget it; not being there is success. */
RL_MUST rl_err ct_scope_stop(struct rl_arena *a, const char *name, bool user);
RL_MUST rl_err ct_scope_set(struct rl_arena *a, const char *name, bool user,
			    const struct lx_unit_property *properties, size_t count);

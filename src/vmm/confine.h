/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the process keeps when everything is open and the guest is about to run: the system calls of
 * a running machine, and the files beneath the shared directories. Holds for the calling thread and
 * all that are started from then on; nothing takes it back.
 */
#pragma once

#include "base/arena.h"
#include "vmm/config.h"

/* A directory that stays reachable. */
struct vmm_reach {
	const char *path;
	bool read_only;
	bool names_only; /* entries of it may be removed, nothing else */
};

/*
 * No new privileges, and a filter for system calls: the others are EPERM. No program can be
 * executed, no memory made executable, no network socket made. The errno of prctl(2), seccomp(2).
 */
RL_MUST rl_err vmm_confine_calls(void);

/*
 * Landlock. What is open already stays so. *ret_done: false if this kernel's cannot do it (before
 * 5.19 it forbids renaming between directories altogether). After that the paths are looked at:
 * their errno.
 */
RL_MUST rl_err vmm_confine_files(const struct vmm_reach *reach, size_t count, bool *ret_done);

/* The same for what a machine of this configuration reaches; `a` is for scratch. */
RL_MUST rl_err vmm_confine_to(const struct vmm_config *c, struct rl_arena *a);

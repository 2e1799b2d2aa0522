/* SPDX-License-Identifier: Apache-2.0 */
/* How a process is scheduled. pid 0 is the caller. */
#pragma once

#include "linux/path.h"

#include <sys/types.h>

/* sched_setattr(2), Linux 3.14; times in nanoseconds. */
struct lx_sched {
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

RL_MUST rl_err lx_sched_set(pid_t pid, const struct lx_sched *s);
/* sched_setaffinity(2); `bytes` is a multiple of 8. */
RL_MUST rl_err lx_sched_affinity(pid_t pid, const void *bits, size_t bytes);
/*
 * Every CPU that the process's cpuset allows, whatever the caller was pinned to. A kernel that
 * refuses leaves the affinity as it is: that is not an error.
 */
void lx_sched_affinity_reset(pid_t pid);
/* ioprio_set(2) of one process. */
RL_MUST rl_err lx_io_priority(pid_t pid, int value);
/* personality(2) of the caller. */
RL_MUST rl_err lx_personality(unsigned long persona);
/* Lowering needs CAP_SYS_RESOURCE. `proc` shows `pid`. */
RL_MUST rl_err lx_oom_score_adj(const struct lx_proc *proc, pid_t pid, int value);
/*
 * set_mempolicy(2) of the caller: MPOL_* with MPOL_F_*, and a set of nodes (NULL: none), whose
 * `bytes` are a multiple of 8.
 */
RL_MUST rl_err lx_memory_policy(int mode, const void *nodes, size_t bytes);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a process what its plan says. Three moments:
 *
 *   ct_limit         by the runtime, on a process in another user namespace
 *   ct_confine       by the process, after its root is in place: labels, ids, capabilities
 *   ct_confine_last  by the process, directly before it becomes the program: the filter
 *
 * ct_confine gives privileges up in the one order that works, and each step names in confine.c
 * what it needs. After it the process can do nothing that the program could not.
 */
#pragma once

#include "container/filter.h"
#include "linux/path.h"
#include "plan/process.h"

/*
 * Resource limits, scheduling, I/O priority, OOM score: what the kernel grants by privilege in the
 * initial user namespace. A process in another one has none there, so the runtime does it, which
 * may, as the owner of that namespace. Without a user namespace ct_confine does it: the runtime
 * would need CAP_SYS_RESOURCE as soon as the process has other ids. `pid` 0: the caller itself.
 * `proc` shows `pid`.
 */
RL_MUST rl_err ct_limit(const struct plan_process *p, const struct lx_proc *proc, pid_t pid);

struct ct_confinement {
	const struct plan_process *process;
	const struct ct_filter *filter; /* NULL or not enabled: none */
	const struct ct_notify *notify; /* for a filter with a listener */
	/*
	 * For labels, and to learn whether setgroups is denied; opened before the root changed.
	 * NULL: neither is needed.
	 */
	const struct lx_proc *proc;
	int last_capability;  /* host->last_capability */
	bool limited_outside; /* the runtime calls ct_limit: there is a user namespace */
	bool new_session_keyring;
	bool labels_now; /* labels take effect at once: no execve follows (handlers) */
};

/* What only the process could know. */
struct ct_confined {
	const char *const *env; /* complete, in the arena */
};

/*
 * Called once, by a single-threaded process whose root directory is the container's. On failure
 * the process has lost an unknown part of its rights and can only report and exit.
 */
RL_MUST rl_err ct_confine(struct rl_arena *a, const struct ct_confinement *c,
			  struct ct_confined *ret);

/* The filter, when ct_confine could leave it for the end; else nothing. */
RL_MUST rl_err ct_confine_last(const struct ct_confinement *c);

/*
 * True if ct_confine loads the filter itself, because the right to do so (CAP_SYS_ADMIN, without
 * no_new_privs) is given up there. What then is still to do is done under the filter.
 */
bool ct_filter_is_early(const struct ct_confinement *c);

/*
 * The working directory. It is made if missing, and must then be inside the container's root:
 * a path through /proc/self/fd may lead elsewhere (CVE-2024-21626).
 */
RL_MUST rl_err ct_enter_cwd(const char *cwd, bool create);

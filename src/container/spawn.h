/* SPDX-License-Identifier: Apache-2.0 */
/* SPAWN: the one clone that makes init in its namespaces (and, on cgroup v2, in its cgroup). */
#pragma once

#include "base/fd.h"
#include "plan/plan.h"

#include <sys/types.h>

struct ct_joins {
	struct rl_fd fd[PLAN_NS_KINDS]; /* namespaces to join, opened on the host beforehand */
	bool entered;			/* a helper joined them before it made init */
	bool network_comes; /* a new one is made beside; init enters it when it gets it */
};

struct ct_child {
	pid_t pid;
	struct rl_fd pidfd;
};

/* Opens every namespace that the plan joins. */
RL_MUST rl_err ct_joins_open(const struct plan_namespaces *ns, struct ct_joins *ret);
void ct_joins_close(struct ct_joins *joins);
#define CT_AUTO_JOINS __attribute__((cleanup(ct_joins_close)))

/*
 * Makes the child, which runs init(context) and exits with what that returns. `init` first calls
 * ct_joins_enter(); what is in `late` it makes itself, once it is in its cgroup.
 *
 * cgroup_fd: directory to be born in (CLONE_INTO_CGROUP), -1: the caller's.
 * *ret_in_cgroup: false if this kernel cannot do that and the child must be moved. Without a helper
 * in between (no user namespace, no pid namespace that is joined) it is set before the clone, so
 * that the child knows as well.
 */
RL_MUST rl_err ct_spawn(const struct plan_namespaces *ns, struct ct_joins *joins, int cgroup_fd,
			int (*init)(void *context), void *context, struct ct_child *ret_child,
			bool *ret_in_cgroup);

/* In init: joins what did not have to be joined before the clone. */
RL_MUST rl_err ct_joins_enter(const struct ct_joins *joins);

/*
 * The same as ct_clone, for a child that processes of a container see from its birth: not being
 * dumpable, it cannot be ptraced, and its descriptors and executable in /proc not be reached
 * (CVE-2016-9962). execve takes that back.
 */
RL_MUST rl_err ct_clone_hidden(uint64_t flags, int cgroup_fd, int (*body)(void *context),
			       void *context, struct ct_child *ret_child, bool *ret_in_cgroup);

/*
 * A child in the namespaces `types` (CLONE_NEW*) of the process of `pidfd`, for a caller whose
 * rights over them come with the user namespace among them: a process in between enters all.
 */
RL_MUST rl_err ct_spawn_in(int pidfd, uint64_t types, int cgroup_fd, int (*body)(void *context),
			   void *context, struct ct_child *ret_child, bool *ret_in_cgroup);

/* A child in the namespaces of the caller; for exec. */
RL_MUST rl_err ct_clone(uint64_t flags, int cgroup_fd, int (*body)(void *context), void *context,
			struct ct_child *ret_child, bool *ret_in_cgroup);

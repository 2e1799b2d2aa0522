/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's system call filter, from the plan to the kernel.
 *
 *   runtime, before the clone   ct_filter_prepare   from the cache, or compiled
 *   runtime, with a listener    ct_notify_connect   then ct_notify_message once the pid is known
 *   init, at its end            ct_filter_load
 */
#pragma once

#include "linux/seccomp.h"
#include "plan/seccomp.h"

#include <sys/types.h>

struct ct_filter {
	bool enabled;
	bool notify;
	uint32_t flags;
	struct lx_seccomp_program program; /* in the arena: init has it by fork */
};

/*
 * Checks that the kernel has every action and flag of the profile, and gets the program. A name
 * that nobody knows is passed over with a log message, or an error when the plan says so.
 * `state_root`: where the cache is, NULL for none.
 */
RL_MUST rl_err ct_filter_prepare(struct rl_arena *a, const struct plan_seccomp *s,
				 const char *state_root, struct ct_filter *ret);

/* Where the notify descriptor goes: the agent's socket and what to say to it. */
struct ct_notify {
	int socket_fd; /* borrowed, connected; -1: nobody listens */
	const char *message;
	size_t message_size;
};

/* Connects to linux.seccomp.listenerPath, a path of the host. */
RL_MUST rl_err ct_notify_connect(const char *path, struct rl_fd *ret);

/* The same, or the plug-ins' own process, which is started for it. */
struct ct_notify_for {
	const char *state_root, *id, *bundle;
};
RL_MUST rl_err ct_notify_open(struct rl_arena *a, const struct plan_seccomp *s,
			      const struct ct_notify_for *container, struct rl_fd *ret);
/*
 * The container process state of the specification, as JSON. `state` is the object that `state`
 * prints, `pid` as the agent sees it.
 */
RL_MUST rl_err ct_notify_message(struct rl_arena *a, const char *oci_version, pid_t pid,
				 const char *metadata, const char *state, struct ct_notify *ret);

/*
 * Loads the filter for the calling process, and hands the notify descriptor over. From here on
 * every call is the filter's: the caller needs write and wait4 for the hand-over, and what it
 * does afterwards.
 *
 * Privilege: no_new_privs, or CAP_SYS_ADMIN effective.
 */
RL_MUST rl_err ct_filter_load(const struct ct_filter *f, const struct ct_notify *notify);

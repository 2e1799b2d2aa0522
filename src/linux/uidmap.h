/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The id maps of a new user namespace (user_namespaces(7)): once each, in one write, from outside.
 */
#pragma once

#include "linux/path.h"

#include <sys/types.h>

/* Text for /proc/PID/uid_map and gid_map; NULL: leave that map to someone else. */
struct lx_uidmap {
	const char *uid_lines, *gid_lines;
	bool deny_setgroups; /* asked for by a gid map without privilege, Linux 3.19 */
};

/* `proc` is of the caller's pid namespace. */
RL_MUST rl_err lx_uidmap_write(const struct lx_proc *proc, pid_t pid, const struct lx_uidmap *map);

/*
 * Runs newuidmap or newgidmap (`program`, found in PATH) with the pid and then `args`
 * (NULL-terminated). It is set-uid root or has file capabilities, which is why it may map what we
 * may not. What it says on stderr is in the error.
 */
RL_MUST rl_err lx_uidmap_helper(const char *program, pid_t pid, const char *const *args);

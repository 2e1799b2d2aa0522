/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User and group ids of the calling thread. The raw calls, as libc would send signals to other
 * threads, of which there are none. (uid_t)-1 means "no change" to the kernel and is refused.
 */
#pragma once

#include "base/arena.h"
#include "linux/path.h"

#include <sys/types.h>

/*
 * Needs CAP_SETGID. *ret_denied: the user namespace has setgroups denied, nothing was changed;
 * `proc` is asked for that, with NULL it is an error.
 */
RL_MUST rl_err lx_ids_set_groups(const struct lx_proc *proc, const gid_t *groups, size_t count,
				 bool *ret_denied);
/* Real, effective and saved id; needs CAP_SETGID resp. CAP_SETUID unless it is one's own. */
RL_MUST rl_err lx_ids_set_gid(gid_t gid);
RL_MUST rl_err lx_ids_set_uid(uid_t uid);

/*
 * The home directory of `uid` in /etc/passwd beneath `root_fd`, "/" where there is
 * none. The file is the container's: a link out of it, a FIFO, a device or an endless file give
 * "/" as well. Never fails for what the file contains.
 */
RL_MUST rl_err lx_ids_home(struct rl_arena *a, int root_fd, uid_t uid, const char **ret_home);

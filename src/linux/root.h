/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root of a mount namespace that is ours: cut off from the host's, given a new root mount,
 * changed to it. All in the process that will live there.
 */
#pragma once

#include "base/fd.h"

/*
 * Makes all mounts of this namespace `propagation` (MS_SLAVE | MS_REC ...), so that no mount made
 * here reaches the host. With MS_SHARED the mounts stay peers of the host's as far as
 * they are, but the one that `root_path` lies on becomes private nevertheless: what is mounted on
 * the root must not show on the host, and pivot_root(2) refuses a shared parent.
 */
RL_MUST rl_err lx_root_isolate(uint32_t propagation, const char *root_path);

/* Opens `path` with O_PATH: a directory (ENOTDIR else, also for a symlink to one). */
RL_MUST rl_err lx_root_open(const char *path, struct rl_fd *ret);

/*
 * Makes `path`, a directory of the host and no symlink, a mount with everything mounted beneath,
 * on itself. *ret: the root of that mount, O_PATH.
 */
RL_MUST rl_err lx_root_bind(const char *path, struct rl_fd *ret);

/*
 * Attaches a tree that was copied beforehand: at `path` if we can reach that, else on "/", which
 * only the pivot will see.
 */
RL_MUST rl_err lx_root_attach(int tree_fd, const char *path);

/*
 * pivot_root(2) to the mount root_fd; the old root is gone with all its mounts. The working
 * directory is the new root. `shared`: the old mounts are peers of the host's and must be cut off
 * first, or the host would lose them.
 */
RL_MUST rl_err lx_root_pivot(int root_fd, bool shared);

/*
 * For a host whose root is an initramfs, where pivot_root(2) cannot work: the mount root_fd is
 * moved over "/", and chroot(2) enters it. The host's mounts stay, hidden below; its procfs and
 * sysfs are unmounted or covered before, because they could be used to reach out.
 */
RL_MUST rl_err lx_root_move(int root_fd);

/* The propagation of the mount at "/", once that is the container's; with MS_REC of all beneath. */
RL_MUST rl_err lx_root_propagate(uint32_t propagation);

/* fchdir(2) and chroot(2): no mount namespace of our own. */
RL_MUST rl_err lx_root_chroot(int root_fd);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts by descriptor: a file system or a copy of a tree is made attached nowhere, then attached
 * to a target that was opened before. No path is resolved twice.
 *
 * The calls: fsopen(2) and its family and open_tree(2), move_mount(2) are of Linux 5.2,
 * mount_setattr(2) of 5.12. Where the kernel lacks one (or a seccomp filter says so) the same is
 * done by mount(2) on /proc/self/fd/N; that needs the host's /proc at /proc. What mount(2) cannot
 * do at all (recursive attributes, id mappings) is an error then.
 *
 * Attributes are MOUNT_ATTR_*, superblock flags MS_*; see linux/abi.h.
 */
#pragma once

#include "base/fd.h"
#include "linux/abi.h"
#include "linux/path.h"

#include <sys/types.h>

/* A file system to be made, or what to change of one. */
struct lx_fs {
	const char *type;
	const char *source;	/* NULL: none */
	unsigned long sb_flags; /* MS_RDONLY, MS_SYNCHRONOUS ... */
	unsigned long sb_clear; /* lx_fs_change only: those taken away */
	const struct lx_fs_option *options;
	size_t option_count;
	const char *data; /* the options as mount(2) takes them, NULL if none */
};

/*
 * Makes a file system, mounted nowhere. The kernel's own words about a refused parameter become
 * part of the error. ENOSYS: this kernel cannot, lx_fs_mount_at() is left.
 */
RL_MUST rl_err lx_fs_make(const struct lx_fs *fs, uint64_t attributes, struct rl_fd *ret_mount);

/*
 * The same by mount(2), at once on dir_fd/name, or dir_fd itself when the name is "" (as for
 * lx_mount_attach). There is no descriptor of the new mount.
 */
RL_MUST rl_err lx_fs_mount_at(const struct lx_fs *fs, uint64_t attributes, int dir_fd,
			      const char *name);

/* Changes parameters of the file system that mount_fd shows. */
RL_MUST rl_err lx_fs_change(int mount_fd, const struct lx_fs *fs);

enum {
	LX_TREE_RECURSIVE = 1 << 0, /* with the mounts beneath */
	LX_TREE_NOFOLLOW = 1 << 1,  /* a symlink as the last component is copied itself */
};

/*
 * Copies the mount of dir_fd/path ("" for dir_fd itself), attached nowhere. ENOSYS: lx_bind_at() is
 * left. EPERM: no CAP_SYS_ADMIN in this mount namespace. EINVAL: of another mount namespace.
 */
RL_MUST rl_err lx_tree_clone(int dir_fd, const char *path, unsigned flags, struct rl_fd *ret_mount);

/*
 * Attaches a detached mount to dir_fd/name, or to dir_fd itself when the name is "". A symlink is
 * not followed. ENOTDIR: one is a directory, the other is not. A name is for a directory that
 * nobody else can reach.
 */
RL_MUST rl_err lx_mount_attach(int mount_fd, int dir_fd, const char *name);

/* mount(2) with MS_BIND from one descriptor to another. There is no descriptor of the new mount. */
RL_MUST rl_err lx_bind_at(int source_fd, int target_fd, bool recursive);

/*
 * Sets and clears attributes of a mount, by the descriptor of its root. The atime field counts as
 * a whole. What was not named stays, also what is locked by a user namespace further out; to clear
 * a locked attribute is EPERM. Recursive: all mounts beneath too (ENOSYS before Linux 5.12). When
 * mount_setattr(2) is missing the mount must be attached.
 */
RL_MUST rl_err lx_mount_set(int mount_fd, uint64_t set, uint64_t clear, bool recursive);

/* MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, perhaps with MS_REC. */
RL_MUST rl_err lx_mount_propagate(int mount_fd, uint32_t propagation);

/* Ids shown through the user namespace. For detached mounts that nothing else has open. */
RL_MUST rl_err lx_mount_idmap(int mount_fd, int userns_fd, bool recursive);

/*
 * ENOSYS unless mounts can be made, given all their attributes and attached without a /proc: what
 * is done where the /proc at hand is a container's.
 */
RL_MUST rl_err lx_mount_can_detach(void);

/* Whether the descriptor is the root of a mount (Linux 5.8; EOPNOTSUPP before). */
RL_MUST rl_err lx_mount_is_root(int fd, bool *ret);

/*
 * Takes away the mount whose root the descriptor is, with all beneath it, whoever still uses it.
 * `proc` is the host's: whatever the /proc of this mount namespace is, it is not looked at. The
 * working directory changes. EINVAL: no mount, or one that is locked.
 */
RL_MUST rl_err lx_unmount(const struct lx_proc *proc, int mount_fd);

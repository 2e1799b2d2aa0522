/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that the C library lacks or names differently, one thin wrapper each. A wrapper
 * returns what libc would: >= 0, or -1 with errno set; so every result goes through rl_sys() or
 * rl_fd_from().
 *
 * runlet is built with musl 1.2.3 and with glibc 2.36: neither has all of these calls, and the two
 * disagree about which. Numbers from 424 on are the same on every architecture but alpha.
 */
#pragma once

#include "linux/abi.h"

#include <stddef.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* ---- numbers -------------------------------------------------------------------------------- */

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_fsopen
#define SYS_fsopen 430
#endif
#ifndef SYS_fsconfig
#define SYS_fsconfig 431
#endif
#ifndef SYS_fsmount
#define SYS_fsmount 432
#endif
#ifndef SYS_fspick
#define SYS_fspick 433
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

/* ---- paths ---------------------------------------------------------------------------------- */

static inline long lx_sys_openat2(int dir_fd, const char *path, const struct lx_open_how *how)
{
	return syscall(SYS_openat2, dir_fd, path, how, sizeof(*how));
}

/* ---- mounts --------------------------------------------------------------------------------- */

/* open_tree(2), Linux 5.2. */
static inline long lx_sys_open_tree(int dir_fd, const char *path, unsigned flags)
{
	return syscall(SYS_open_tree, dir_fd, path, flags);
}

static inline long lx_sys_move_mount(int from_fd, const char *from, int to_fd, const char *to,
				     unsigned flags)
{
	return syscall(SYS_move_mount, from_fd, from, to_fd, to, flags);
}

static inline long lx_sys_fsopen(const char *type, unsigned flags)
{
	return syscall(SYS_fsopen, type, flags);
}

static inline long lx_sys_fsconfig(int fs_fd, unsigned command, const char *key, const void *value,
				   int aux)
{
	return syscall(SYS_fsconfig, fs_fd, command, key, value, aux);
}

static inline long lx_sys_fsmount(int fs_fd, unsigned flags, unsigned attributes)
{
	return syscall(SYS_fsmount, fs_fd, flags, attributes);
}

static inline long lx_sys_fspick(int dir_fd, const char *path, unsigned flags)
{
	return syscall(SYS_fspick, dir_fd, path, flags);
}

static inline long lx_sys_mount_setattr(int dir_fd, const char *path, unsigned flags,
					const struct lx_mount_attr *attr)
{
	return syscall(SYS_mount_setattr, dir_fd, path, flags, attr, sizeof(*attr));
}

static inline long lx_sys_pivot_root(const char *new_root, const char *put_old)
{
	return syscall(SYS_pivot_root, new_root, put_old);
}

/* ---- processes and descriptors -------------------------------------------------------------- */

/* 0 in the child. Like fork, but nothing of libc's fork handlers runs: single-threaded callers. */
static inline long lx_sys_clone3(const struct lx_clone_args *args)
{
	return syscall(SYS_clone3, args, sizeof(*args));
}

static inline long lx_sys_pidfd_open(pid_t pid, unsigned flags)
{
	return syscall(SYS_pidfd_open, pid, flags);
}

static inline long lx_sys_pidfd_send_signal(int pidfd, int signal, void *info, unsigned flags)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, info, flags);
}

/* Linux 5.6. Needs the right to ptrace the process. */
static inline long lx_sys_pidfd_getfd(int pidfd, int fd, unsigned flags)
{
	return syscall(SYS_pidfd_getfd, pidfd, fd, flags);
}

/* Linux 5.9; CLOSE_RANGE_CLOEXEC 5.11. */
static inline long lx_sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return syscall(SYS_close_range, first, last, flags);
}

/* `fd`: a namespace, or with several CLONE_NEW* in `types` a pidfd (Linux 5.8). */
static inline long lx_sys_setns(int fd, int types)
{
	return syscall(SYS_setns, fd, types);
}

static inline long lx_sys_unshare(int flags)
{
	return syscall(SYS_unshare, flags);
}

/* statx(2), Linux 4.11; struct statx of <linux/stat.h>, which does not go with musl's headers. */
struct lx_statx {
	uint32_t mask, block_size;
	uint64_t attributes; /* STATX_ATTR_* */
	uint32_t links, uid, gid;
	uint16_t mode, spare;
	uint64_t ino, size, blocks;
	uint64_t attributes_mask; /* which of them this file system tells */
	uint8_t rest[192];
};
_Static_assert(sizeof(struct lx_statx) == 256, "struct statx");

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000 /* Linux 5.8 */
#endif

static inline long lx_sys_statx(int dir_fd, const char *path, int flags, struct lx_statx *st)
{
	return syscall(SYS_statx, dir_fd, path, flags, 0u, st);
}

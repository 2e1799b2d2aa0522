/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that the C library lacks or names differently, one thin wrapper each. A wrapper
 * returns what libc would: >= 0, or -1 with errno set; so every result goes through rl_sys() or
 * rl_fd_from().
 *
 * runlet is built with musl 1.2.3 and with glibc 2.36. Neither has all of these calls, the two
 * disagree about which, and the kernel's <linux/mount.h> cannot be included beside glibc's
 * <sys/mount.h>. So structs have names of our own, and a constant is defined only where no header
 * did it. Numbers from 424 on are the same on every architecture but alpha.
 */
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* ---- numbers --------------------------------------------------------------------------------- */

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

/* ---- paths ----------------------------------------------------------------------------------- */

/* openat2(2), Linux 5.6. */
struct lx_open_how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};

#ifndef RESOLVE_NO_XDEV
#define RESOLVE_NO_XDEV 0x01
#endif
#ifndef RESOLVE_NO_MAGICLINKS
#define RESOLVE_NO_MAGICLINKS 0x02
#endif
#ifndef RESOLVE_NO_SYMLINKS
#define RESOLVE_NO_SYMLINKS 0x04
#endif
#ifndef RESOLVE_BENEATH
#define RESOLVE_BENEATH 0x08
#endif
#ifndef RESOLVE_IN_ROOT
#define RESOLVE_IN_ROOT 0x10
#endif

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

static inline long lx_sys_openat2(int dir_fd, const char *path, const struct lx_open_how *how)
{
	return syscall(SYS_openat2, dir_fd, path, how, sizeof(*how));
}

/* ---- mounts ---------------------------------------------------------------------------------- */

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif
#ifndef MOVE_MOUNT_T_EMPTY_PATH
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif
#ifndef FSOPEN_CLOEXEC
#define FSOPEN_CLOEXEC 0x00000001
#endif
#ifndef FSMOUNT_CLOEXEC
#define FSMOUNT_CLOEXEC 0x00000001
#endif
#ifndef FSPICK_CLOEXEC
#define FSPICK_CLOEXEC 0x00000001
#endif
#ifndef FSPICK_EMPTY_PATH
#define FSPICK_EMPTY_PATH 0x00000008
#endif
#ifndef FSCONFIG_SET_FLAG
#define FSCONFIG_SET_FLAG 0
#define FSCONFIG_SET_STRING 1
#define FSCONFIG_SET_FD 5
#define FSCONFIG_CMD_CREATE 6
#define FSCONFIG_CMD_RECONFIGURE 7
#endif
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x00000001
#define MOUNT_ATTR_NOSUID 0x00000002
#define MOUNT_ATTR_NODEV 0x00000004
#define MOUNT_ATTR_NOEXEC 0x00000008
#define MOUNT_ATTR__ATIME 0x00000070
#define MOUNT_ATTR_RELATIME 0x00000000
#define MOUNT_ATTR_NOATIME 0x00000010
#define MOUNT_ATTR_STRICTATIME 0x00000020
#define MOUNT_ATTR_NODIRATIME 0x00000080
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MS_LAZYTIME
#define MS_LAZYTIME (1 << 25)
#endif

/* mount_setattr(2), Linux 5.12. */
struct lx_mount_attr {
	uint64_t attr_set;
	uint64_t attr_clr;
	uint64_t propagation; /* MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE; 0: as it is */
	uint64_t userns_fd;
};

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

/* ---- processes and descriptors --------------------------------------------------------------- */

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* clone3(2), Linux 5.3; CLONE_INTO_CGROUP 5.7. Pointers are numbers, as the kernel wants them. */
struct lx_clone_args {
	uint64_t flags;
	uint64_t pidfd; /* int * */
	uint64_t child_tid;
	uint64_t parent_tid;
	uint64_t exit_signal;
	uint64_t stack;
	uint64_t stack_size;
	uint64_t tls;
	uint64_t set_tid;
	uint64_t set_tid_size;
	uint64_t cgroup;
};

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

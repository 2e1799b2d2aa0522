/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths that a container can influence, opened beneath the descriptor of its root. No name is
 * ever resolved twice: what was opened is what is used (CVE-2021-30465, CVE-2024-45310,
 * CVE-2026-41579).
 *
 * openat2(2) does it in one call; a kernel without it (before 5.6, or a seccomp filter that
 * answers ENOSYS) gets a walk, component by component, each opened O_NOFOLLOW, with ".." and
 * symlinks kept inside by a stack of the directories passed.
 */
#pragma once

#include "base/fd.h"

#include <sys/types.h>

enum {
	LX_PATH_NO_SYMLINKS = 1 << 0, /* ELOOP when any component is a symlink */
	LX_PATH_NOFOLLOW = 1 << 1, /* the last component may be a symlink, which is opened itself */
	LX_PATH_OPTIONAL = 1 << 2, /* nothing there is no error: *ret then owns nothing */
};

/*
 * Opens `path` (absolute or relative, both mean "beneath root_fd") with O_PATH | O_CLOEXEC.
 * Symlinks are followed as if root_fd were "/"; magic links (/proc/PID/fd, exe, root) never:
 * ELOOP. ENOENT, ENOTDIR, EACCES as open(2).
 */
RL_MUST rl_err lx_path_open(int root_fd, const char *path, unsigned flags, struct rl_fd *ret);

/* Like lx_path_open, for reading or writing: `open_flags` as open(2) has them, no O_CREAT. */
RL_MUST rl_err lx_path_open_for(int root_fd, const char *path, int open_flags, struct rl_fd *ret);
/* The same, but what is absent is no error: *ret stays empty. */
RL_MUST rl_err lx_path_find_for(int root_fd, const char *path, int open_flags, struct rl_fd *ret);

/*
 * Makes a directory and its parents, by descriptors: nothing is ever made outside of root_fd.
 * Symlinks are followed inside the root, dangling ones too: what they name is made. New ones get
 * `mode` less the umask. *ret: the directory, O_PATH.
 */
RL_MUST rl_err lx_path_make_dir(int root_fd, const char *path, mode_t mode, struct rl_fd *ret);

/* The same for a regular file, parents with mode 0755; an existing one of any type is kept. */
RL_MUST rl_err lx_path_make_file(int root_fd, const char *path, mode_t mode, struct rl_fd *ret);

/*
 * The parent directory of `path`, made with mode 0755 if missing, and the last component: a pointer
 * into `path`. For calls that take a directory and a name (mknodat, symlinkat). EINVAL for "/".
 */
RL_MUST rl_err lx_path_parent(int root_fd, const char *path, struct rl_fd *ret_dir,
			      const char **ret_name);

/* ---- procfs that cannot be forged ----------------------------------------------------------- */

/*
 * Where kernel files are written through. A container may have mounted anything over its /proc or
 * over single files of it, so that a write arrives elsewhere (CVE-2019-16884, CVE-2025-52881).
 * Here the root of a procfs is held by descriptor: proven by file system type and inode number,
 * entered by nothing but relative paths that cross no mount and follow no magic link.
 */
struct lx_proc {
	struct rl_fd root;
};

/*
 * Opens /proc of the mount namespace we are in, which must be the host's (before the pivot, before
 * joining another namespace). One call; no /proc there is no error yet: when it is absent, or
 * something is mounted over parts of it, lx_proc_open() makes an instance that nobody else reaches,
 * for this one file.
 */
RL_MUST rl_err lx_proc_host(struct lx_proc *ret);

void lx_proc_close(struct lx_proc *p);
#define LX_AUTO_PROC __attribute__((cleanup(lx_proc_close)))

/*
 * Opens "self/attr/exec", "sys/net/ipv4/ip_forward": relative, no "..", O_CLOEXEC added. "self" is
 * the calling process in either instance. The file is proven to be of that procfs itself. EXDEV:
 * something is mounted over it, and the kernel gives us no instance of our own.
 */
RL_MUST rl_err lx_proc_open(const struct lx_proc *p, const char *path, int open_flags,
			    struct rl_fd *ret);

/* One write(2) of `value` to a file of procfs. */
RL_MUST rl_err lx_proc_write(const struct lx_proc *p, const char *path, const char *value);

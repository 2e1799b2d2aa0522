/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Deeper trees are refused: the copy is recursive, and the stack of init is small. */
#define DEPTH_MAX 64
#define XATTR_LIST_MAX_ 4096
#define XATTR_VALUE_MAX 4096

static void close_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static rl_err copy_bytes(int from_fd, int to_fd, off_t size)
{
	while (size > 0) {
		ssize_t n = sendfile(to_fd, from_fd, NULL, (size_t)size);

		if (n < 0 && errno == EINTR)
			continue;
		RL_TRY(rl_sys(n, "copy"));
		if (n == 0)
			break; /* it shrank meanwhile */
		size -= n;
	}
	return RL_OK;
}

/* What the new file system does not take (labels, capabilities in a user namespace) is left out. */
static rl_err copy_xattrs(int from_fd, int to_fd)
{
	char names[XATTR_LIST_MAX_], value[XATTR_VALUE_MAX];
	ssize_t len = flistxattr(from_fd, names, sizeof(names));

	if (len < 0 && (errno == ENOTSUP || errno == ERANGE))
		return RL_OK;
	RL_TRY(rl_sys(len, "list the extended attributes"));
	for (const char *name = names; name < names + len; name += strlen(name) + 1) {
		ssize_t n = fgetxattr(from_fd, name, value, sizeof(value));

		if (n >= 0)
			(void)fsetxattr(to_fd, name, value, (size_t)n, 0);
	}
	return RL_OK;
}

static rl_err copy_attributes(int from_fd, int to_fd, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	RL_TRY(rl_sys(fchown(to_fd, st->st_uid, st->st_gid), "set the owner"));
	RL_TRY(rl_sys(fchmod(to_fd, st->st_mode & 07777), "set the mode"));
	RL_TRY(copy_xattrs(from_fd, to_fd));
	return rl_sys(futimens(to_fd, times), "set the times");
}

static rl_err copy_file(int from_dir, int to_dir, const char *name)
{
	struct rl_fd RL_AUTO_FD from = { 0 }, to = { 0 };
	struct stat st;

	RL_TRY(rl_fd_from(
		openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC),
		&from, "open"));
	RL_TRY(rl_sys(fstat(rl_fd_get(&from), &st), "stat"));
	if (!S_ISREG(st.st_mode))
		return rl_fail(RL_E(ESTALE), "changed while it was copied");
	RL_TRY(rl_fd_from(
		openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600),
		&to, "make the copy"));
	RL_TRY(copy_bytes(rl_fd_get(&from), rl_fd_get(&to), st.st_size));
	return copy_attributes(rl_fd_get(&from), rl_fd_get(&to), &st);
}

static rl_err copy_symlink(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	char content[PATH_MAX];
	ssize_t len = readlinkat(from_dir, name, content, sizeof(content) - 1);

	RL_TRY(rl_sys(len, "read the link"));
	content[len] = '\0';
	RL_TRY(rl_sys(symlinkat(content, to_dir, name), "make the link"));
	return rl_sys(fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW),
		      "set the owner");
}

static rl_err copy_node(int to_dir, const char *name, const struct stat *st)
{
	RL_TRY(rl_sys(mknodat(to_dir, name, st->st_mode, st->st_rdev), "make the node"));
	RL_TRY(rl_sys(fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW),
		      "set the owner"));
	return rl_sys(fchmodat(to_dir, name, st->st_mode & 07777, 0), "set the mode");
}

static rl_err copy_dir(int from_fd, int to_fd, unsigned depth);

static rl_err copy_entry(int from_dir, int to_dir, const char *name, dev_t device, unsigned depth)
{
	struct rl_fd RL_AUTO_FD from = { 0 }, to = { 0 };
	struct stat st;

	RL_TRY(rl_sys(fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW), "stat"));
	if (S_ISREG(st.st_mode))
		return copy_file(from_dir, to_dir, name);
	if (S_ISLNK(st.st_mode))
		return copy_symlink(from_dir, to_dir, name, &st);
	if (!S_ISDIR(st.st_mode))
		return copy_node(to_dir, name, &st);
	RL_TRY(rl_sys(mkdirat(to_dir, name, 0700), "make the directory"));
	RL_TRY(rl_fd_from(openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
			  &to, "open the new directory"));
	if (st.st_dev != device)
		return RL_OK; /* a mount point: its directory, not its content */
	RL_TRY(rl_fd_from(openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
			  &from, "open"));
	return copy_dir(rl_fd_get(&from), rl_fd_get(&to), depth + 1);
}

static rl_err copy_entries(int from_fd, int to_fd, dev_t device, unsigned depth)
{
	struct rl_fd RL_AUTO_FD list = { 0 };
	DIR *dir __attribute__((cleanup(close_dir))) = NULL;
	struct dirent *entry;

	RL_TRY(rl_fd_from(openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), &list, "open"));
	dir = fdopendir(rl_fd_get(&list));
	RL_TRY(rl_sys(dir ? 0 : -1, "read the directory"));
	rl_fd_take(&list);
	while (errno = 0, entry = readdir(dir)) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		RL_TRY(copy_entry(from_fd, to_fd, entry->d_name, device, depth), "%s",
		       entry->d_name);
	}
	return rl_sys(errno ? -1 : 0, "read the directory");
}

/* Attributes last: the times of a directory change with every entry. */
static rl_err copy_dir(int from_fd, int to_fd, unsigned depth)
{
	struct stat st;

	if (depth > DEPTH_MAX)
		return rl_fail(RL_E(ELOOP), "more than %d directories deep", DEPTH_MAX);
	RL_TRY(rl_sys(fstat(from_fd, &st), "stat"));
	RL_TRY(copy_entries(from_fd, to_fd, st.st_dev, depth));
	return copy_attributes(from_fd, to_fd, &st);
}

/* What we are given are descriptors of mounts and paths, with which only lookups are possible. */
rl_err lx_copy_tree(int from_fd, int to_fd)
{
	struct rl_fd RL_AUTO_FD from = { 0 }, to = { 0 };

	RL_TRY(rl_fd_from(openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), &from, "open"));
	RL_TRY(rl_fd_from(openat(to_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), &to, "open"));
	return copy_dir(rl_fd_get(&from), rl_fd_get(&to), 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t read_retry(int fd, void *buf, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n;
}

/* Files of procfs have size 0, and any file may grow: the size is a first guess only. */
static rl_err read_whole(struct rl_arena *a, int fd, off_t expected, size_t limit,
			 const char **ret_text, size_t *ret_len)
{
	size_t room, len = 0;
	char *text;

	room = expected > 0 ? (size_t)expected + 1 : 4096;
	if (room > limit + 1)
		room = limit + 1;
	RL_TRY(rl_arena_get(a, 1, room + 1, &text));
	for (;;) {
		ssize_t n = read_retry(fd, text + len, room - len);
		char *larger;

		RL_TRY(rl_sys(n, "read"));
		len += (size_t)n;
		if (n == 0)
			break;
		if (len > limit)
			return rl_fail(RL_E(EFBIG), "more than %zu bytes", limit);
		if (len < room)
			continue;
		room = room * 2 > limit + 1 ? limit + 1 : room * 2;
		RL_TRY(rl_arena_get(a, 1, room + 1, &larger));
		memcpy(larger, text, len);
		text = larger;
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	return RL_OK;
}

rl_err rl_read_fd(struct rl_arena *a, int fd, size_t limit, const char **ret_text, size_t *ret_len)
{
	struct stat st;

	RL_TRY(rl_sys(fstat(fd, &st), "stat"));
	return read_whole(a, fd, st.st_size, limit, ret_text, ret_len);
}

rl_err rl_read_file(struct rl_arena *a, int dir_fd, const char *path, size_t limit,
		    const char **ret_text, size_t *ret_len)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct stat st;

	/* O_NONBLOCK: opening a FIFO must not wait for its other end. */
	RL_TRY(rl_fd_from(openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), &fd,
			  "open %s", path));
	RL_TRY(rl_sys(fstat(rl_fd_get(&fd), &st), "stat %s", path));
	if (!S_ISREG(st.st_mode))
		return rl_refuse(RL_E(EINVAL), "%s is not a regular file", path);
	RL_TRY(read_whole(a, rl_fd_get(&fd), st.st_size, limit, ret_text, ret_len), "read %s",
	       path);
	return RL_OK;
}

rl_err rl_read_small(int dir_fd, const char *path, char *buf, size_t size)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	ssize_t n;

	RL_TRY(rl_fd_from(openat(dir_fd, path, O_RDONLY | O_CLOEXEC), &fd, "open %s", path));
	n = read_retry(rl_fd_get(&fd), buf, size - 1);
	RL_TRY(rl_sys(n, "read %s", path));
	buf[n] = '\0';
	return RL_OK;
}

rl_err rl_write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		RL_TRY(rl_sys(n, "write"));
		at += n;
		len -= (size_t)n;
	}
	return RL_OK;
}

rl_err rl_write_kernel(int dir_fd, const char *path, const char *value)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	size_t len = strlen(value);
	ssize_t n;

	RL_TRY(rl_fd_from(openat(dir_fd, path, O_WRONLY | O_CLOEXEC), &fd, "open %s", path));
	do
		n = write(rl_fd_get(&fd), value, len);
	while (n < 0 && errno == EINTR);
	RL_TRY(rl_sys(n, "write \"%s\" to %s", value, path));
	if ((size_t)n != len)
		return rl_fail(RL_E(EIO), "write \"%s\" to %s: only %zd bytes taken", value, path,
			       n);
	return RL_OK;
}

rl_err rl_write_atomic(int dir_fd, const char *name, const void *bytes, size_t len, unsigned mode)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	char temporary[PATH_MAX];
	rl_err e;

	if (snprintf(temporary, sizeof(temporary), "%s.%d~", name, (int)getpid()) >=
	    (int)sizeof(temporary))
		return rl_fail(RL_E(ENAMETOOLONG), "write %s", name);
	/* O_NOFOLLOW | O_EXCL: a name planted beforehand is an error, not a target. */
	RL_TRY(rl_fd_from(openat(dir_fd, temporary,
				 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode),
			  &fd, "create %s", temporary));
	e = rl_write_all(rl_fd_get(&fd), bytes, len);
	if (!rl_failed(e))
		e = rl_sys(renameat(dir_fd, temporary, dir_fd, name), "rename %s", temporary);
	if (rl_failed(e))
		(void)unlinkat(dir_fd, temporary, 0);
	return rl_wrap(e, "write %s", name);
}

rl_err rl_write_new(int dir_fd, const char *name, const void *bytes, size_t len, unsigned mode)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };

	RL_TRY(rl_fd_from(
		openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode),
		&fd, "create %s", name));
	return rl_wrap(rl_write_all(rl_fd_get(&fd), bytes, len), "write %s", name);
}

rl_err rl_make_dirs(const char *path, unsigned mode)
{
	char partial[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0)
		return rl_fail(RL_E(ENOENT), "create directory \"\"");
	if (len >= sizeof(partial))
		return rl_fail(RL_E(ENAMETOOLONG), "create directory \"%s\"", path);
	/* The whole path is nearly always there already. */
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return RL_OK;
	memcpy(partial, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (partial[i] != '/' && partial[i] != '\0')
			continue;
		partial[i] = '\0';
		if (mkdir(partial, mode) < 0 && errno != EEXIST)
			return rl_sys(-1, "create directory %s", partial);
		partial[i] = path[i];
	}
	return RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled filters as files. A filter that somebody else could have written is a way out of the
 * container it is meant for, so an entry is believed only when every directory and the file are
 * ours alone, and when the file says that it is what its name promises:
 *
 *     0   8   "RLTBPF01"
 *     8   64  the key, as in the file's name
 *     72  8   size of the program, little-endian
 *     80  32  SHA-256 of the program
 *     112     the program
 */
#include "base/io.h"
#include "base/sha256.h"
#include "linux/seccomp.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "RLTBPF01"
#define KEY_LENGTH 64
#define AT_KEY 8
#define AT_SIZE (AT_KEY + KEY_LENGTH)
#define AT_SUM (AT_SIZE + 8)
#define HEADER (AT_SUM + RL_SHA256_SIZE)
#define PROGRAM_LIMIT (4096 * 8)
/* A machine has a handful of profiles. When there are more, somebody makes up new ones. */
#define ENTRIES_MAX 128

/* Ours, and nobody else can write to it. */
static bool trusted(const struct stat *st, mode_t type, uid_t us)
{
	return (st->st_mode & S_IFMT) == type && st->st_uid == us &&
	       (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static rl_err open_directory(int dir_fd, const char *name, bool make, uid_t us, struct rl_fd *ret)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct stat st;
	int r = openat(dir_fd, name, flags);

	if (r < 0 && errno == ENOENT && make) {
		if (mkdirat(dir_fd, name, 0700) != 0 && errno != EEXIST)
			return rl_sys(-1, "make the directory %s", name);
		r = openat(dir_fd, name, flags);
	}
	RL_TRY(rl_fd_from(r, &fd, "open the directory %s", name));
	RL_TRY(rl_sys(fstat(rl_fd_get(&fd), &st), "look at the directory %s", name));
	if (!trusted(&st, S_IFDIR, us))
		return rl_fail(RL_E(EPERM), "the directory %s is not ours alone", name);
	*ret = rl_fd_own(rl_fd_take(&fd));
	return RL_OK;
}

rl_err lx_seccomp_cache_open(const char *state_root, struct rl_fd *ret_dir)
{
	struct rl_fd RL_AUTO_FD root = { 0 };
	struct rl_fd RL_AUTO_FD cache = { 0 };

	uid_t us = geteuid();

	RL_TRY(open_directory(AT_FDCWD, state_root, false, us, &root));
	RL_TRY(open_directory(rl_fd_get(&root), ".cache", true, us, &cache));
	return open_directory(rl_fd_get(&cache), "seccomp", true, us, ret_dir);
}

static void put_le64(uint8_t *p, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

static void make_header(const char *key, const struct lx_seccomp_program *program,
			uint8_t ret[static HEADER])
{
	struct rl_sha256 h;

	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a header is no string */
	memcpy(ret, MAGIC, AT_KEY);
	memcpy(ret + AT_KEY, key, KEY_LENGTH);
	put_le64(ret + AT_SIZE, program->size);
	rl_sha256_begin(&h);
	rl_sha256_add(&h, program->bytes, program->size);
	rl_sha256_end(&h, ret + AT_SUM);
}

/* Whole or not at all. */
static bool read_entry(int fd, uint8_t *to, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = pread(fd, to + have, size - have, (off_t)have);

		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

bool lx_seccomp_cache_get(struct rl_arena *a, int dir_fd, const char *key,
			  struct lx_seccomp_program *ret)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct lx_seccomp_program program;
	uint8_t want[HEADER], *bytes;
	struct stat st;

	if (strlen(key) != KEY_LENGTH)
		return false;
	fd = rl_fd_own(
		openat(dir_fd, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
	if (!rl_fd_has(&fd) || fstat(rl_fd_get(&fd), &st) != 0 ||
	    !trusted(&st, S_IFREG, geteuid()) || st.st_size <= HEADER ||
	    st.st_size > HEADER + PROGRAM_LIMIT)
		return false;
	if (rl_drop_failed(rl_arena_get(a, (size_t)st.st_size, 1, &bytes)) ||
	    !read_entry(rl_fd_get(&fd), bytes, (size_t)st.st_size))
		return false;
	program = (struct lx_seccomp_program){ bytes + HEADER, (size_t)st.st_size - HEADER };
	make_header(key, &program, want);
	if (memcmp(bytes, want, HEADER) != 0 || program.size % 8 != 0)
		return false;
	*ret = program;
	return true;
}

/* Before the number of entries grows without end all of them go; they are made anew when needed. */
static void sweep(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	size_t count = 0;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while (readdir(dir) != NULL)
		count++;
	if (count > ENTRIES_MAX) {
		rewinddir(dir);
		while ((d = readdir(dir)) != NULL)
			if (d->d_name[0] != '.')
				(void)unlinkat(dir_fd, d->d_name, 0);
	}
	(void)closedir(dir);
}

void lx_seccomp_cache_put(int dir_fd, const char *key, const struct lx_seccomp_program *program)
{
	uint8_t bytes[HEADER + PROGRAM_LIMIT];

	if (strlen(key) != KEY_LENGTH || program->size > PROGRAM_LIMIT)
		return;
	sweep(dir_fd);
	make_header(key, program, bytes);
	memcpy(bytes + HEADER, program->bytes, program->size);
	rl_drop(rl_write_atomic(dir_fd, key, bytes, HEADER + program->size, 0600));
}

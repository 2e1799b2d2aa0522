/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of the test program's own, removed with everything in it when the program ends, and
 * what tests of descriptors and processes count.
 */
#pragma once

#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch_path[PATH_MAX];
static pid_t scratch_owner;

static int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void scratch_remove(void)
{
	if (getpid() == scratch_owner) /* not a child that calls exit() */
		nftw(scratch_path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Absolute path of the directory; made at the first call. */
static inline const char *scratch_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	if (scratch_path[0] != '\0')
		return scratch_path;
	snprintf(scratch_path, sizeof(scratch_path), "%s/runlet-unit-XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(scratch_path) == NULL) {
		perror(scratch_path);
		abort();
	}
	scratch_owner = getpid();
	atexit(scratch_remove);
	return scratch_path;
}

/* Path of a name in it. Good until the eighth next call. */
RL_PRINTF(1, 2) static inline const char *scratch(const char *fmt, ...)
{
	static char paths[8][PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 8];
	va_list ap;
	int n = snprintf(path, PATH_MAX, "%s/", scratch_dir());

	va_start(ap, fmt);
	vsnprintf(path + n, PATH_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	return path;
}

/* Makes or replaces a file. */
static inline const char *scratch_file(const char *name, const char *text)
{
	const char *path = scratch("%s", name);
	FILE *f = fopen(path, "we");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
		perror(path);
		abort();
	}
	return path;
}

/* The content of a file, cut at 64 KiB; "" if there is none. Good until the next call. */
static inline const char *scratch_read(const char *path)
{
	static char text[65536];
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f != NULL) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	return text;
}

/* How many entries a directory has, without "." and "..". */
static inline int scratch_count(const char *path)
{
	DIR *dir = opendir(path);
	int n = -2;

	if (dir == NULL)
		return -1;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* Open descriptors of this process: equal before and after, if nothing leaked. */
static inline int open_descriptors(void)
{
	return scratch_count("/proc/self/fd");
}

/* What a child said by its exit status; -1 for a signal. */
static inline int exit_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

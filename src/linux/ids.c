/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/ids.h"

#include "base/io.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A passwd file beyond this is not read to its end: the container may make it endless. */
#define PASSWD_LIMIT (4u << 20)
#define PASSWD_LINE 4096

/* ---- ids ------------------------------------------------------------------------------------ */

static bool setgroups_denied(const struct lx_proc *proc)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	char word[8] = "";

	if (rl_drop_failed(lx_proc_open(proc, "self/setgroups", O_RDONLY, &fd)))
		return false;
	return read(rl_fd_get(&fd), word, 4) == 4 && memcmp(word, "deny", 4) == 0;
}

rl_err lx_ids_set_groups(const struct lx_proc *proc, const gid_t *groups, size_t count,
			 bool *ret_denied)
{
	rl_err e = rl_sys(syscall(SYS_setgroups, count, groups), "set %zu supplementary groups",
			  count);

	*ret_denied = false;
	if (rl_is(e, RL_E(EPERM)) && proc != NULL && setgroups_denied(proc)) {
		rl_drop(e);
		*ret_denied = true;
		return RL_OK;
	}
	if (rl_is(e, RL_E(EINVAL)))
		return rl_hint(e, "is every group mapped into the user namespace?");
	return e;
}

rl_err lx_ids_set_gid(gid_t gid)
{
	if (gid == (gid_t)-1)
		return rl_fail(RL_E(EINVAL), "set the group id to -1");
	return rl_hint(rl_sys(syscall(SYS_setresgid, gid, gid, gid), "set the group id to %u",
			      (unsigned)gid),
		       "EINVAL: the id is not mapped into the user namespace");
}

rl_err lx_ids_set_uid(uid_t uid)
{
	if (uid == (uid_t)-1)
		return rl_fail(RL_E(EINVAL), "set the user id to -1");
	return rl_hint(rl_sys(syscall(SYS_setresuid, uid, uid, uid), "set the user id to %u",
			      (unsigned)uid),
		       "EINVAL: the id is not mapped into the user namespace");
}

/* ---- home ----------------------------------------------------------------------------------- */

/* name:password:uid:gid:comment:home:shell; the home if it is the line of `uid`, else NULL. */
static const char *home_of_line(char *line, uid_t uid)
{
	char *field[7], *end;
	unsigned long value;

	for (int i = 0; i < 7; i++) {
		field[i] = strsep(&line, ":");
		if (field[i] == NULL)
			return NULL;
	}
	if (field[2][0] < '0' || field[2][0] > '9')
		return NULL;
	errno = 0;
	value = strtoul(field[2], &end, 10);
	if (errno != 0 || *end != '\0' || value != uid)
		return NULL;
	return field[5];
}

/* Reads line by line; a line longer than the buffer is no line of a user. */
static bool search_passwd(int fd, uid_t uid, char buf[static PASSWD_LINE], const char **ret_home)
{
	size_t have = 0, total = 0;
	bool skipping = false;

	while (total < PASSWD_LIMIT) {
		ssize_t n = read(fd, buf + have, PASSWD_LINE - 1 - have);
		char *at = buf, *newline;

		if (n < 0)
			return false;
		total += (size_t)n;
		have += (size_t)n;
		if (n == 0)
			buf[have++] = '\n'; /* the last line may lack it */
		buf[have] = '\0';
		while ((newline = memchr(at, '\n', have - (size_t)(at - buf))) != NULL) {
			*newline = '\0';
			*ret_home = skipping ? NULL : home_of_line(at, uid);
			if (*ret_home != NULL)
				return true;
			skipping = false;
			at = newline + 1;
		}
		if (n == 0)
			return false;
		have -= (size_t)(at - buf);
		memmove(buf, at, have);
		if (have == PASSWD_LINE - 1) {
			skipping = true;
			have = 0;
		}
	}
	return false;
}

/* Apart, so that its buffer takes no page of the stack where there is no such file. */
__attribute__((noinline)) static rl_err home_in(struct rl_arena *a, int fd, uid_t uid,
						const char **ret_home)
{
	char buf[PASSWD_LINE];
	const char *home;

	if (!search_passwd(fd, uid, buf, &home) || *home == '\0')
		home = "/";
	return rl_arena_str(a, home, ret_home);
}

rl_err lx_ids_home(struct rl_arena *a, int root_fd, uid_t uid, const char **ret_home)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct stat st;

	/*
	 * O_NONBLOCK: it may be a FIFO. The type is asked before anything is read. Many images have
	 * none: no error is made of that.
	 */
	if (rl_drop_failed(lx_path_find_for(root_fd, "etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY,
					    &fd)) ||
	    !rl_fd_has(&fd) || fstat(rl_fd_get(&fd), &st) != 0 || !S_ISREG(st.st_mode)) {
		*ret_home = "/";
		return RL_OK;
	}
	return home_in(a, rl_fd_get(&fd), uid, ret_home);
}

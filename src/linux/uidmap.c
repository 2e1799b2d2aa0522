/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/uidmap.h"

#include "base/fd.h"
#include "base/proc.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More arguments than a map of 340 lines has numbers. */
#define HELPER_ARGS (2 + 3 * 340 + 1)

static rl_err write_map(const struct lx_proc *proc, pid_t pid, const char *file, const char *lines)
{
	char path[40];

	snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
	return rl_hint(lx_proc_write(proc, path, lines),
		       "EPERM: a map of more than one's own id needs CAP_SETUID and CAP_SETGID in "
		       "the parent user namespace, or newuidmap and newgidmap; EINVAL: at most "
		       "340 lines, no overlap");
}

rl_err lx_uidmap_write(const struct lx_proc *proc, pid_t pid, const struct lx_uidmap *map)
{
	/* Before the group map: without privilege the kernel asks for it. */
	if (map->deny_setgroups)
		RL_TRY(write_map(proc, pid, "setgroups", "deny"));
	if (map->gid_lines != NULL)
		RL_TRY(write_map(proc, pid, "gid_map", map->gid_lines));
	if (map->uid_lines != NULL)
		RL_TRY(write_map(proc, pid, "uid_map", map->uid_lines));
	return RL_OK;
}

/* ---- newuidmap, newgidmap ------------------------------------------------------------------- */

static void destroy_actions(posix_spawn_file_actions_t *actions)
{
	posix_spawn_file_actions_destroy(actions);
}

static rl_err spawn(const char *program, const char *const *argv, int stderr_fd, pid_t *ret_pid)
{
	__attribute__((cleanup(destroy_actions))) posix_spawn_file_actions_t actions;
	rl_err e;

	RL_TRY(rl_pos(posix_spawn_file_actions_init(&actions), "prepare %s", program));
	RL_TRY(rl_pos(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0),
		      "prepare %s", program));
	RL_TRY(rl_pos(posix_spawn_file_actions_adddup2(&actions, 0, 1), "prepare %s", program));
	RL_TRY(rl_pos(posix_spawn_file_actions_adddup2(&actions, stderr_fd, 2), "prepare %s",
		      program));
	e = rl_pos(posix_spawnp(ret_pid, program, &actions, NULL, (char *const *)argv, environ),
		   "run %s", program);
	if (rl_is(e, RL_E(ENOENT)))
		return rl_hint(e, "Debian has it in the package uidmap; without root the id map "
				  "of a container needs it, or one line of one's own id");
	return e;
}

/* The first line of what the helper says, at most the buffer; the rest is read and forgotten. */
static void read_line(int fd, char *buf, size_t size)
{
	size_t have = 0;
	char rest[256];
	ssize_t n;

	while ((n = read(fd, have < size - 1 ? buf + have : rest,
			 have < size - 1 ? size - 1 - have : sizeof(rest))) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0 && have < size - 1)
			have += (size_t)n;
	}
	buf[have] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

rl_err lx_uidmap_helper(const char *program, pid_t pid, const char *const *args)
{
	const char *argv[HELPER_ARGS] = { program };
	char number[16], said[256];
	struct rl_fd RL_AUTO_FD ours = { 0 };
	struct rl_fd RL_AUTO_FD theirs = { 0 };
	int pipes[2], status, argc = 2;
	pid_t child;

	snprintf(number, sizeof(number), "%d", (int)pid);
	argv[1] = number;
	for (; *args != NULL; args++) {
		if (argc == HELPER_ARGS - 1)
			return rl_fail(RL_E(E2BIG), "%s: more than 340 lines in an id map",
				       program);
		argv[argc++] = *args;
	}
	RL_TRY(rl_sys(pipe2(pipes, O_CLOEXEC), "make a pipe for %s", program));
	rl_fd_set(&ours, pipes[0]);
	rl_fd_set(&theirs, pipes[1]);
	RL_TRY(spawn(program, argv, pipes[1], &child));
	rl_fd_close(&theirs);
	read_line(rl_fd_get(&ours), said, sizeof(said));
	RL_TRY(rl_wait_status(child, &status));
	if (status != 0)
		return rl_hint(rl_refuse(RL_E(EPERM), "%s %s %s %s %s ...: %s (status %d)", program,
					 number, argv[2] ? argv[2] : "", argc > 3 ? argv[3] : "",
					 argc > 4 ? argv[4] : "", said, status),
			       "it allows what /etc/subuid and /etc/subgid grant");
	return RL_OK;
}

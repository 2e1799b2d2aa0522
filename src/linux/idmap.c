/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/idmap.h"

#include "base/io.h"
#include "base/proc.h"
#include "linux/sys.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* The child lives in the namespace until the socket closes; one byte says that it is there. */
static void holder(int socket_fd)
{
	uint8_t byte = 0;

	if (lx_sys_unshare(CLONE_NEWUSER) < 0)
		byte = (uint8_t)errno;
	if (write(socket_fd, &byte, 1) == 1)
		(void)read(socket_fd, &byte, 1);
	_exit(0);
}

static rl_err read_answer(int socket_fd)
{
	uint8_t byte;
	ssize_t n = read(socket_fd, &byte, 1);

	RL_TRY(rl_sys(n, "wait for the holder of the mapping"));
	if (n == 0)
		return rl_fail(RL_E(ESRCH), "the holder of the mapping died");
	return rl_pos(byte, "make a user namespace");
}

static rl_err write_maps(pid_t pid, const char *uid_lines, const char *gid_lines, struct rl_fd *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	RL_TRY(rl_write_kernel(AT_FDCWD, path, uid_lines));
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	RL_TRY(rl_write_kernel(AT_FDCWD, path, gid_lines));
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	return rl_fd_from(openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC), ret, "%s", path);
}

rl_err lx_idmap_userns(const char *uid_lines, const char *gid_lines, struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD ours = { 0 }, theirs = { 0 };
	int pair[2], status;
	rl_err e;
	pid_t pid;

	RL_TRY(rl_sys(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair"));
	ours = rl_fd_own(pair[0]);
	theirs = rl_fd_own(pair[1]);
	pid = fork();
	RL_TRY(rl_sys(pid, "fork"));
	if (pid == 0) {
		rl_fd_close(&ours);
		holder(rl_fd_get(&theirs));
	}
	rl_fd_close(&theirs);
	e = read_answer(rl_fd_get(&ours));
	if (!rl_failed(e))
		e = write_maps(pid, uid_lines, gid_lines, ret);
	rl_fd_close(&ours);
	return rl_first(e, rl_wait_status(pid, &status));
}

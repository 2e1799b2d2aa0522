/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include "base/io.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u /* Linux 6.3 */
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020 /* Linux 6.3 */
#endif

rl_err rl_pidfd_open(pid_t pid, struct rl_fd *ret)
{
	return rl_fd_from(syscall(SYS_pidfd_open, pid, 0), ret, "open a pidfd of process %d",
			  (int)pid);
}

rl_err rl_pidfd_signal(int pidfd, int signal)
{
	return rl_sys(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0), "send signal %d",
		      signal);
}

rl_err rl_proc_start_time(pid_t pid, uint64_t *ret_ticks, char *ret_state)
{
	char path[40], stat[1024], state;
	unsigned long long ticks;
	const char *at;
	rl_err e;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	e = rl_read_small(AT_FDCWD, path, stat, sizeof(stat));
	if (rl_is(e, RL_E(ENOENT)) || rl_is(e, RL_E(ESRCH))) {
		rl_drop(e);
		return rl_fail(RL_E(ESRCH), "process %d", (int)pid);
	}
	RL_TRY(e);
	at = strrchr(stat, ')');
	if (at == NULL || sscanf(at + 1,
				 " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
				 "%*d %*d %*d %llu",
				 &state, &ticks) != 2)
		return rl_fail(RL_E(EPROTO), "parse %s", path);
	*ret_ticks = ticks;
	*ret_state = state;
	return RL_OK;
}

bool rl_proc_alive(pid_t pid, uint64_t ticks)
{
	uint64_t now;
	char state;

	if (pid <= 0 || rl_drop_failed(rl_proc_start_time(pid, &now, &state)))
		return false;
	return now == ticks && state != 'Z' && state != 'X';
}

rl_err rl_wait_raw(pid_t pid, int *ret_status)
{
	pid_t r;

	do
		r = waitpid(pid, ret_status, 0);
	while (r < 0 && errno == EINTR);
	return rl_sys(r, "wait for process %d", (int)pid);
}

rl_err rl_wait_status(pid_t pid, int *ret_status)
{
	int status;

	RL_TRY(rl_wait_raw(pid, &status));
	*ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return RL_OK;
}

rl_err rl_pidfd_wait(int pidfd, int timeout_ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int r;

	do
		r = poll(&p, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	RL_TRY(rl_sys(r, "wait for a process to end"));
	if (r == 0)
		return rl_fail(RL_E(ETIMEDOUT), "wait for a process to end");
	return RL_OK;
}

rl_err rl_sealed_memfd(const char *name, const void *bytes, size_t len, struct rl_fd *ret)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	struct rl_fd RL_AUTO_FD fd = { 0 };
	long r = syscall(SYS_memfd_create, name, flags | MFD_EXEC);

	/* Before Linux 6.3 every memfd was executable and the flag unknown. */
	if (r < 0 && errno == EINVAL)
		r = syscall(SYS_memfd_create, name, flags);
	RL_TRY(rl_hint(rl_fd_from(r, &fd, "create the memory file \"%s\"", name),
		       "executable memory files need the sysctl vm.memfd_noexec to be 0 or 1"));
	RL_TRY(rl_write_all(rl_fd_get(&fd), bytes, len), "fill the memory file \"%s\"", name);
	RL_TRY(rl_sys(fcntl(rl_fd_get(&fd), F_ADD_SEALS, seals), "seal the memory file \"%s\"",
		      name));
	*ret = rl_fd_own(rl_fd_take(&fd));
	return RL_OK;
}

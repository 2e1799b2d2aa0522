// SPDX-License-Identifier: Apache-2.0
//
// System calls and memory of a command, by tracing it.
//
// Why not getrusage? Its ru_maxrss is read from per-CPU counters that the kernel folds together
// only every 32 pages or more: a small static program is reported as 0 KiB, others are off by up
// to some hundred. Here every process is stopped at the entry of each of its system calls and
// its page tables are counted (smaps_rollup), which is exact at these points. Memory that was
// gained and given back between two system calls cannot be missed: giving back is a system call.

#include "measure.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static long resident_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;

	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	FILE *rollup = fopen(path, "re");
	if (rollup == NULL)
		return 0;
	while (fgets(line, sizeof line, rollup) != NULL)
		if (sscanf(line, "Rss: %ld kB", &kib) == 1)
			break;
	fclose(rollup);
	return kib;
}

static bool at_syscall_entry(pid_t pid)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

// Says which signal the stopped process gets when it goes on; counts when it is in a system call.
static int look_at(pid_t pid, int status, struct measure_probe *probe)
{
	int signal = WSTOPSIG(status);

	if (signal == (SIGTRAP | 0x80)) {
		if (at_syscall_entry(pid)) {
			long kib = resident_kib(pid);
			probe->syscalls++;
			if (kib > probe->peak_rss_kib)
				probe->peak_rss_kib = kib;
		}
		return 0;
	}
	if (status >> 16 != 0 || signal == SIGSTOP) // a ptrace event, or the stop of a new process
		return 0;
	return signal;
}

static pid_t spawn_traced(const char *const argv[])
{
	const int options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	pid_t pid = fork();

	if (pid == 0) {
		if (freopen("/dev/null", "r+", stdout) == NULL ||
		    freopen("/dev/null", "r", stdin) == NULL)
			_exit(127);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execv(argv[0], (char *const *)(void *)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		return -1;
	ptrace(PTRACE_SETOPTIONS, pid, NULL, options);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	return pid;
}

int measure_probe(const char *const argv[], struct measure_probe *ret)
{
	struct measure_probe probe = { .syscalls = 1 }; // the execve itself
	pid_t command = spawn_traced(argv);
	int status, result = 127;

	while (command > 0) {
		pid_t pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			break;
		if (WIFSTOPPED(status)) {
			int signal = look_at(pid, status, &probe);
			ptrace(PTRACE_SYSCALL, pid, NULL, signal);
		} else if (pid == command) {
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			break;
		}
	}
	*ret = probe;
	return result;
}

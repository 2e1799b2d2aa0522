// SPDX-License-Identifier: Apache-2.0
//
// Kills a program at the entry of its N-th system call.
//
//     killat N PROGRAM [ARGUMENT]...
//
// Only the calls of the first process count, and only it is killed: its children live on, as they
// do when somebody kills a runtime. Exit status 0: killed; 1: it ended by itself before.

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static bool at_entry(pid_t pid)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		return -1;
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	return pid;
}

int main(int argc, char **argv)
{
	unsigned long wanted = argc > 2 ? strtoul(argv[1], NULL, 10) : 0, count = 0;
	int status;

	if (wanted == 0) {
		fprintf(stderr, "usage: killat N PROGRAM [ARGUMENT]...\n");
		return 2;
	}
	pid_t pid = start(argv + 2);
	while (pid > 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		int signal = WSTOPSIG(status);
		if (signal == (SIGTRAP | 0x80)) {
			signal = 0;
			if (at_entry(pid) && ++count == wanted) {
				kill(pid, SIGKILL);
				waitpid(pid, &status, 0);
				return 0;
			}
		} else if (status >> 16 != 0) {
			signal = 0; // the exec that is waited for
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, signal);
	}
	return pid > 0 ? 1 : 2;
}

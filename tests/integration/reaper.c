// SPDX-License-Identifier: Apache-2.0
//
// Runs a program as the init of a machine would: whatever it leaves behind becomes a child of
// this process and is reaped when it ends. What is still alive after the program is a leak; it is
// named, killed, and makes the exit status 1.
//
//     reaper PROGRAM [ARGUMENT]...

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t program;

static void pass_on(int signal)
{
	kill(program, signal);
}

static void name_process(int pid)
{
	char path[64], name[64] = "?";

	snprintf(path, sizeof path, "/proc/%d/comm", pid);
	FILE *file = fopen(path, "re");
	if (file != NULL) {
		if (fgets(name, sizeof name, file) != NULL)
			name[strcspn(name, "\n")] = '\0';
		fclose(file);
	}
	fprintf(stderr, "reaper: process %d (%s) was left behind\n", pid, name);
}

// Kills all children; gives how many there were. Their children come next time.
static unsigned kill_children(void)
{
	char path[64];
	unsigned count = 0;
	int pid;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	FILE *children = fopen(path, "re");
	while (children != NULL && fscanf(children, "%d", &pid) == 1) {
		name_process(pid);
		kill(pid, SIGKILL);
		count++;
	}
	if (children != NULL)
		fclose(children);
	return count;
}

static int wait_for_program(void)
{
	int status;

	for (;;) {
		pid_t pid = wait(&status);
		if (pid < 0 && errno != EINTR)
			return 1;
		if (pid == program)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

int main(int argc, char **argv)
{
	static const int passed[] = { SIGINT, SIGTERM, SIGHUP };
	unsigned left = 0, now;

	if (argc < 2) {
		fprintf(stderr, "usage: reaper PROGRAM [ARGUMENT]...\n");
		return 2;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	program = fork();
	if (program == 0) {
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
		signal(passed[i], pass_on);
	int result = wait_for_program();
	while ((now = kill_children()) > 0) {
		left += now;
		while (wait(NULL) > 0)
			;
	}
	return left > 0 && result == 0 ? 1 : result;
}

// SPDX-License-Identifier: Apache-2.0

#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static posix_spawn_file_actions_t streams;
static posix_spawnattr_t attributes;

static volatile sig_atomic_t patience_over;

static void on_alarm(int signal)
{
	(void)signal;
	patience_over = 1;
}

bool measure_open(const char *log)
{
	struct sigaction alarm_action = { .sa_handler = on_alarm };
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	sigset_t none;

	if (null_fd < 0 || log_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return false;
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&streams);
	posix_spawn_file_actions_adddup2(&streams, null_fd, 0);
	posix_spawn_file_actions_adddup2(&streams, null_fd, 1);
	posix_spawn_file_actions_adddup2(&streams, log_fd, 2);
	return sigaction(SIGALRM, &alarm_action, NULL) == 0;
}

double measure_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

// posix_spawn is a vfork in glibc: its cost does not grow with the size of this program.
pid_t measure_spawn(const char *const argv[])
{
	pid_t pid;
	int error = posix_spawn(&pid, argv[0], &streams, &attributes, (char *const *)(void *)argv,
				environ);

	if (error == 0)
		return pid;
	fprintf(stderr, "bench: cannot start %s: %s\n", argv[0], strerror(error));
	return -1;
}

// Reaps any child. When the patience is over it kills `victim` (if there is one) and goes on, so
// that the caller sees it end; `*late` then tells why.
static pid_t wait_any(pid_t victim, int *status, bool *late)
{
	for (;;) {
		pid_t pid = waitpid(-1, status, 0);
		if (pid > 0)
			return pid;
		if (errno != EINTR)
			return -1;
		if (patience_over) {
			patience_over = 0;
			*late = true;
			if (victim > 0)
				kill(victim, SIGKILL);
		}
	}
}

static void set_patience(unsigned seconds)
{
	patience_over = 0;
	alarm(seconds);
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int measure_wait(pid_t pid)
{
	int status = 0;
	bool late = false;
	pid_t got = 0;

	if (pid < 0)
		return 127;
	set_patience(MEASURE_PATIENCE);
	while (got != pid && got >= 0)
		got = wait_any(pid, &status, &late);
	set_patience(0);
	if (late)
		return MEASURE_TIMED_OUT;
	return got == pid ? exit_status(status) : 127;
}

// Removes `pid` from the list; an orphan that we merely reaped is not in it.
static bool forget(pid_t list[], unsigned *count, pid_t pid)
{
	for (unsigned i = 0; i < *count; i++) {
		if (list[i] == pid) {
			list[i] = list[--*count];
			return true;
		}
	}
	return false;
}

int measure_many(const char *const *const commands[], unsigned count, unsigned width,
		 double *ret_ms)
{
	pid_t running[MEASURE_WIDTH];
	unsigned next = 0, alive = 0;
	int worst = 0, status = 0;
	bool late = false;
	double start = measure_now_ms();

	set_patience(MEASURE_PATIENCE);
	while (next < count || alive > 0) {
		while (next < count && alive < width && alive < MEASURE_WIDTH) {
			running[alive] = measure_spawn(commands[next++]);
			if (running[alive] < 0)
				worst = 127;
			else
				alive++;
		}
		pid_t pid = alive > 0 ? wait_any(running[0], &status, &late) : -1;
		if (pid < 0)
			break;
		if (forget(running, &alive, pid) && exit_status(status) != 0)
			worst = exit_status(status);
	}
	set_patience(0);
	*ret_ms = measure_now_ms() - start;
	return late ? MEASURE_TIMED_OUT : worst;
}

int measure_time(const char *const argv[], double *ret_ms)
{
	double start = measure_now_ms();
	int status = measure_wait(measure_spawn(argv));

	*ret_ms = measure_now_ms() - start;
	return status;
}

unsigned measure_reap(void)
{
	char path[64];
	unsigned reaped = 0;
	int pid;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	FILE *children = fopen(path, "re");
	if (children != NULL) {
		while (fscanf(children, "%d", &pid) == 1)
			kill(pid, SIGKILL);
		fclose(children);
	}
	while (waitpid(-1, NULL, 0) > 0)
		reaped++;
	return reaped;
}

bool measure_first_line(const char *const argv[], char *line, size_t size)
{
	int pipes[2];

	line[0] = '\0';
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(pipes[1], 1);
		execv(argv[0], (char *const *)(void *)argv);
		_exit(127);
	}
	close(pipes[1]);
	FILE *output = fdopen(pipes[0], "r");
	bool got = output != NULL && fgets(line, (int)size, output) != NULL;
	if (output != NULL)
		fclose(output);
	line[strcspn(line, "\n")] = '\0';
	return measure_wait(pid) == 0 && got;
}

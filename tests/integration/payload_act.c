// SPDX-License-Identifier: Apache-2.0
//
// Deeds: what a container's program does to the world around it.

#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int complain(const char *what)
{
	fprintf(stderr, "payload: %s: %s\n", what, strerror(errno));
	return 70;
}

static int run_exit(int argc, char **argv)
{
	fflush(stdout);
	exit(argc > 0 ? atoi(argv[0]) : 0);
}

static int run_sleep(int argc, char **argv)
{
	fflush(stdout);
	if (argc > 0) {
		double seconds = atof(argv[0]);
		usleep((useconds_t)(seconds * 1e6));
		return 0;
	}
	for (;;)
		pause();
}

static volatile sig_atomic_t last_signal;

static void on_signal(int signal)
{
	last_signal = signal;
}

// Prints `ready=1`, then every signal that arrives; ends after SIGTERM or SIGINT. With a file the
// lines also go there, for containers whose output nobody reads.
static int run_signal_wait(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t all, old;
	FILE *file = argc > 0 ? fopen(argv[0], "we") : NULL;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	sigemptyset(&old);
	for (int signal = 1; signal < 65; signal++)
		sigaction(signal, &action, NULL);
	printf("ready=1\n");
	if (file != NULL) {
		fprintf(file, "ready=1\n");
		fflush(file);
	}
	while (last_signal != SIGTERM && last_signal != SIGINT) {
		sigsuspend(&old);
		printf("signal=%d\n", (int)last_signal);
		if (file != NULL) {
			fprintf(file, "signal=%d\n", (int)last_signal);
			fflush(file);
		}
	}
	return 0;
}

// By one write(2), because that is what files of the kernel take for one value.
static int put(const char *path, int flags, int argc, char **argv)
{
	char text[4096];
	size_t used = 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	if (fd < 0)
		return complain(path);
	for (int i = 0; i < argc && used < sizeof text; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "",
					 argv[i]);
	if (used >= sizeof text - 1) {
		errno = E2BIG;
		return complain(path);
	}
	text[used++] = '\n';
	if (write(fd, text, used) != (ssize_t)used)
		return complain(path);
	return close(fd) == 0 ? 0 : complain(path);
}

static int run_write(int argc, char **argv)
{
	return argc > 0 ? put(argv[0], O_TRUNC, argc - 1, argv + 1) : 64;
}

static int run_append(int argc, char **argv)
{
	return argc > 0 ? put(argv[0], O_APPEND, argc - 1, argv + 1) : 64;
}

static int run_echo(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("%s%s", i > 0 ? " " : "", argv[i]);
	printf("\n");
	return 0;
}

// A chain of N processes, each the child of the one before; the deepest and all others sleep.
static int run_fork_tree(int argc, char **argv)
{
	int left = argc > 0 ? atoi(argv[0]) : 1;

	fflush(stdout);
	for (; left > 0; left--) {
		pid_t pid = fork();
		if (pid < 0)
			return complain("fork");
		if (pid > 0)
			break;
	}
	if (left == 0)
		printf("ready=1\n");
	fflush(stdout);
	for (;;)
		pause();
}

// Goes on as the parent of a process that ignores every signal it can, in a session of its own.
static int run_orphan(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fflush(stdout);
	pid_t pid = fork();
	if (pid != 0)
		return pid > 0 ? 0 : complain("fork");
	setsid();
	for (int signal = 1; signal < 32; signal++)
		if (signal != SIGKILL && signal != SIGSTOP)
			sigaction(signal, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	for (;;)
		pause();
}

// Makes the cgroup DIR/NAME and moves into it; a whole path, because v1 has many hierarchies.
static int run_move_to_subcgroup(int argc, char **argv)
{
	char path[4096];

	for (int i = 0; i < argc; i++) {
		if (mkdir(argv[i], 0755) != 0 && errno != EEXIST)
			return complain(argv[i]);
		snprintf(path, sizeof path, "%s/cgroup.procs", argv[i]);
		char *zero[] = { (char *)"0", NULL };
		if (put(path, 0, 1, zero) != 0)
			return 70;
	}
	return 0;
}

// sd_notify: one datagram to $NOTIFY_SOCKET.
static int run_notify(int argc, char **argv)
{
	const char *text = argc > 0 ? argv[0] : "READY=1";
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (path == NULL || strlen(path) >= sizeof address.sun_path) {
		printf("notify=unset\n");
		return 0;
	}
	strcpy(address.sun_path, path);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) +
				       (path[0] != '@'));
	payload_outcome("notify",
			sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, length));
	close(fd);
	return 0;
}

// As a hook: appends NAME, the state read from stdin and what a hook may see to FILE.
static int run_hook(int argc, char **argv)
{
	char state[65536], name[64];
	size_t used = 0;
	ssize_t got;

	if (argc < 2)
		return 64;
	while ((got = read(0, state + used, sizeof state - 1 - used)) > 0)
		used += (size_t)got;
	state[used] = '\0';
	int fd = open(argv[0], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		return complain(argv[0]);
	gethostname(name, sizeof name);
	dprintf(fd, "hook=%s pid=%d hostname=%s\nstate.%s=%s\n", argv[1], getpid(), name, argv[1],
		state);
	for (char **variable = environ; *variable != NULL; variable++)
		dprintf(fd, "env.%s=%s\n", argv[1], *variable);
	return close(fd) == 0 ? 0 : complain(argv[0]);
}

// Touches MIB mebibytes and says so; a memory limit ends it before.
static int run_alloc(int argc, char **argv)
{
	size_t size = (size_t)(argc > 0 ? atoi(argv[0]) : 1) << 20;
	volatile char *memory = malloc(size);

	if (memory == NULL)
		return complain("malloc");
	for (size_t at = 0; at < size; at += 4096)
		memory[at] = 1;
	printf("alloc=ok\n");
	return 0;
}

// Starts processes until the kernel refuses or LIMIT is reached; tells how many and why.
static int run_fork_until(int argc, char **argv)
{
	int limit = argc > 0 ? atoi(argv[0]) : 16, count = 0;
	int error = 0;

	fflush(stdout);
	while (count < limit) {
		pid_t pid = fork();
		if (pid == 0)
			for (;;)
				pause();
		if (pid < 0) {
			error = errno;
			break;
		}
		count++;
	}
	printf("forks=%d\nforks.error=%s\n", count, error ? payload_errno_name(error) : "none");
	return 0;
}

// Goes on beside N chains in which every process starts its successor and ends at once: whoever
// kills them by a list of pids is always late.
static int run_relay(int argc, char **argv)
{
	int chains = argc > 0 ? atoi(argv[0]) : 1;

	fflush(stdout);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	for (int i = 0; i < chains; i++) {
		pid_t pid = fork();
		if (pid < 0)
			return complain("fork");
		while (pid == 0) {
			usleep(1000);
			if (fork() > 0)
				_exit(0);
		}
	}
	return 0;
}

static int run_kill_self(int argc, char **argv)
{
	int signal = argc > 0 ? atoi(argv[0]) : SIGKILL;

	sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	kill(getpid(), signal);
	return 71; // PID 1 of a pid namespace cannot do this to itself
}

static int run_copy(int argc, char **argv)
{
	char buffer[4096];
	ssize_t got;

	(void)argc;
	(void)argv;
	while ((got = read(0, buffer, sizeof buffer)) > 0)
		if (fwrite(buffer, 1, (size_t)got, stdout) != (size_t)got)
			return 70;
	printf("copy.end=%zd\n", got);
	return 0;
}

static int run_exec(int argc, char **argv)
{
	if (argc < 1)
		return 64;
	fflush(stdout);
	execv(argv[0], argv);
	payload_outcome("exec", -1);
	return 0;
}

// Forks a child that runs the rest of the words as a program, and waits for it.
static int run_spawn(int argc, char **argv)
{
	int status = 0;

	if (argc < 1)
		return 64;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	printf("spawn=%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

// Waits until PATH exists; at most ten seconds.
static int run_wait_file(int argc, char **argv)
{
	for (int i = 0; argc > 0 && i < 1000; i++) {
		if (access(argv[0], F_OK) == 0)
			return 0;
		usleep(10000);
	}
	return 72;
}

static int run_setid(int argc, char **argv)
{
	if (argc > 1 && setgid((gid_t)atoi(argv[1])) != 0)
		return complain("setgid");
	if (argc > 0 && setuid((uid_t)atoi(argv[0])) != 0)
		return complain("setuid");
	return 0;
}

const struct payload_command payload_act_commands[] = {
	{ "exit", run_exit, "STATUS" },
	{ "sleep", run_sleep, "[SECONDS]" },
	{ "signal-wait", run_signal_wait, "[FILE]" },
	{ "write", run_write, "FILE TEXT..." },
	{ "append", run_append, "FILE TEXT..." },
	{ "echo", run_echo, "TEXT..." },
	{ "fork-tree", run_fork_tree, "DEPTH" },
	{ "orphan", run_orphan, "" },
	{ "move-to-subcgroup", run_move_to_subcgroup, "DIR..." },
	{ "notify", run_notify, "[TEXT]" },
	{ "hook", run_hook, "FILE NAME" },
	{ "alloc", run_alloc, "MIB" },
	{ "fork-until", run_fork_until, "LIMIT" },
	{ "relay", run_relay, "CHAINS" },
	{ "kill-self", run_kill_self, "SIGNAL" },
	{ "copy", run_copy, "" },
	{ "exec", run_exec, "PROGRAM [ARGUMENT]..." },
	{ "spawn", run_spawn, "PROGRAM [ARGUMENT]..." },
	{ "wait-file", run_wait_file, "PATH" },
	{ "setid", run_setid, "UID [GID]" },
	{ 0 },
};

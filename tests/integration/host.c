// SPDX-License-Identifier: Apache-2.0

#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int host_socket(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof address.sun_path) {
		fprintf(stderr, "host: cannot use the socket path %s\n", path);
		exit(70);
	}
	strcpy(address.sun_path, path);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
	    (type != SOCK_DGRAM && listen(fd, 8) != 0)) {
		perror(path);
		exit(70);
	}
	return fd;
}

long host_receive(int socket, char *text, size_t size, int *ret_fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int) * 4)];
		struct cmsghdr align;
	} control;
	struct iovec data = { .iov_base = text, .iov_len = size - 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	ssize_t length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);

	*ret_fd = -1;
	if (length < 0)
		return -1;
	text[length] = '\0';
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(c), sizeof *ret_fd);
	return length;
}

// pidfd SOCKET: receives a pidfd and tells of which process it is.
static int run_pidfd(int argc, char **argv)
{
	char text[4096], path[64];
	int pidfd;

	if (argc < 1)
		return 64;
	int connection = accept4(host_socket(argv[0], SOCK_STREAM), NULL, NULL, SOCK_CLOEXEC);
	host_receive(connection, text, sizeof text, &pidfd);
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
	FILE *info = fopen(path, "re");
	while (info != NULL && fgets(text, sizeof text, info) != NULL)
		if (strncmp(text, "Pid:", 4) == 0)
			printf("pidfd=%d\n", atoi(text + 4));
	if (info != NULL)
		fclose(info);
	return 0;
}

// notify SOCKET COUNT: prints the datagrams that arrive.
static int run_notify(int argc, char **argv)
{
	char text[4096];
	int barrier;

	if (argc < 2)
		return 64;
	int fd = host_socket(argv[0], SOCK_DGRAM);
	for (int left = atoi(argv[1]); left > 0; left--) {
		if (host_receive(fd, text, sizeof text, &barrier) < 0)
			return 70;
		if (barrier >= 0)
			close(barrier); // the sender waits for this
		for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
			printf("notify=%s\n", line);
		fflush(stdout);
	}
	return 0;
}

// listen COUNT PROGRAM...: starts it as systemd starts a socket-activated service.
static int run_listen(int argc, char **argv)
{
	char number[16];
	int count = argc > 1 ? atoi(argv[0]) : -1;

	if (count < 0)
		return 64;
	for (int i = 0; i < count; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (fd < 0 || (fd != 3 + i && dup2(fd, 3 + i) != 3 + i))
			return 70;
	}
	snprintf(number, sizeof number, "%d", count);
	setenv("LISTEN_FDS", number, 1);
	snprintf(number, sizeof number, "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
	setenv("LISTEN_FDNAMES", "test", 1);
	execvp(argv[1], argv + 1);
	return 127;
}

// with-fds FROM COUNT TARGET PROGRAM...: starts it with descriptors of TARGET open from FROM on.
static int run_with_fds(int argc, char **argv)
{
	if (argc < 4)
		return 64;
	int from = atoi(argv[0]), count = atoi(argv[1]);
	int fd = open(argv[2], O_RDONLY);

	if (fd < 0)
		return 70;
	for (int i = 0; i < count; i++)
		if (fd != from + i && dup2(fd, from + i) < 0)
			return 70;
	if (fd < from || fd >= from + count)
		close(fd);
	execvp(argv[3], argv + 3);
	return 127;
}

// ignoring SIGNAL PROGRAM...: starts it with the signal ignored and SIGUSR2 blocked.
static int run_ignoring(int argc, char **argv)
{
	sigset_t blocked;

	if (argc < 2)
		return 64;
	signal(atoi(argv[0]), SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	execvp(argv[1], argv + 1);
	return 127;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "console", host_console },  { "pty", host_pty },	    { "agent", host_agent },
	{ "pidfd", run_pidfd },	      { "notify", run_notify },	    { "listen", run_listen },
	{ "with-fds", run_with_fds }, { "ignoring", run_ignoring },
};

int main(int argc, char **argv)
{
	alarm(60); // nothing here may outlive a test that forgot it
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 2, argv + 2);
	fprintf(stderr, "usage: host COMMAND [ARGUMENT]...; commands:");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(stderr, " %s", commands[i].name);
	fprintf(stderr, "\n");
	return 64;
}

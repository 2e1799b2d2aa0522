// SPDX-License-Identifier: Apache-2.0
//
// The two ways a terminal reaches a container: the engine holds the master that the runtime made
// and sent over --console-socket, or a person sits at one and calls `run`.

#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// Copies what comes out of the master until the other side is closed.
static void drain(int master)
{
	char buffer[4096];
	ssize_t got;

	while ((got = read(master, buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR))
		if (got > 0 && write(1, buffer, (size_t)got) != got)
			return;
}

// console SOCKET [INPUT]: receives a terminal, types INPUT into it, and shows its output.
int host_console(int argc, char **argv)
{
	char text[4096];
	int master;

	if (argc < 1)
		return 64;
	int connection = accept4(host_socket(argv[0], SOCK_STREAM), NULL, NULL, SOCK_CLOEXEC);
	if (connection < 0 || host_receive(connection, text, sizeof text, &master) < 0)
		return 70;
	printf("console.message=%s\nconsole.tty=%d\n", text, isatty(master));
	fflush(stdout);
	close(connection);
	if (master < 0)
		return 70;
	if (argc > 1)
		dprintf(master, "%s\n", argv[1]);
	drain(master);
	return 0;
}

static _Noreturn void become(int master, char **argv)
{
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY);

	setsid();
	ioctl(slave, TIOCSCTTY, 0);
	for (int fd = 0; fd < 3; fd++)
		dup2(slave, fd);
	close(master);
	if (slave > 2)
		close(slave);
	execvp(argv[0], argv);
	_exit(127);
}

// pty COLUMNSxROWS PROGRAM...: runs it on a terminal of that size.
int host_pty(int argc, char **argv)
{
	struct winsize size = { .ws_col = 80, .ws_row = 24 };
	int status = 0;

	if (argc < 2)
		return 64;
	sscanf(argv[0], "%hux%hu", &size.ws_col, &size.ws_row);
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
		return 70;
	ioctl(master, TIOCSWINSZ, &size);
	pid_t pid = fork();
	if (pid == 0)
		become(master, argv + 1);
	drain(master);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

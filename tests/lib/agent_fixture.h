/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's agent in a child of the test, on a unix socket in place of vsock, with a workload:
 * what init is to it. Its processes are processes of this machine.
 */
#pragma once

#include "guest/agent.h"
#include "handlers/agent.h"
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct agent_fixture {
	char dir[32], socket[64];
	struct hdl_agent_at at;
	pid_t server;
};

static inline int fixture_listen(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(a.sun_path, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 64) != 0)
		return -1;
	return fd;
}

static inline void fixture_reap(struct gst_agent *a)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		gst_agent_reaped(a, pid, status);
}

/* Until the host asks for the end, or the test does. */
static inline void fixture_serve(struct gst_agent *a)
{
	struct pollfd fds[1 + GST_AGENT_POLLS];
	struct signalfd_siginfo info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN); /* as PID 1 does by nature */
	fds[0] = (struct pollfd){ .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
				  .events = POLLIN };
	while (!a->wants_shutdown) {
		unsigned n = gst_agent_polls(a, fds + 1);

		if (poll(fds, 1 + n, -1) < 0)
			continue;
		gst_agent_serve(a, fds + 1, n);
		if (fds[0].revents != 0) {
			while (read(fds[0].fd, &info, sizeof(info)) > 0)
				a->wants_shutdown |= info.ssi_signo == SIGTERM;
			fixture_reap(a);
		}
	}
	gst_agent_close(a);
}

static inline bool fixture_start(struct agent_fixture *f)
{
	strcpy(f->dir, "/tmp/agent.XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		return false;
	snprintf(f->socket, sizeof(f->socket), "%s/socket", f->dir);
	f->at = (struct hdl_agent_at){ .dir_fd = AT_FDCWD, .path = f->socket };

	int listen_fd = fixture_listen(f->socket);

	fflush(NULL);
	f->server = fork();
	if (f->server == 0) {
		struct gst_agent a = { .listen_fd = listen_fd };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		a.workload = fork();
		if (a.workload == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		fixture_serve(&a);
		kill(a.workload, SIGKILL);
		_exit(0);
	}
	close(listen_fd);
	return f->server > 0;
}

static inline void fixture_stop(struct agent_fixture *f)
{
	kill(f->server, SIGTERM);
	waitpid(f->server, NULL, 0);
	unlink(f->socket);
	rmdir(f->dir);
}

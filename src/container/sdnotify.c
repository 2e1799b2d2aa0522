/* SPDX-License-Identifier: Apache-2.0 */
#include "container/sdnotify.h"

#include "container/store.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

rl_err ct_sdnotify_make_dir(int store_dir_fd)
{
	RL_TRY(rl_sys(mkdirat(store_dir_fd, CT_NOTIFY, 0755), "make the directory for sd_notify"));
	/* The umask is the caller's; users of the container must get through. */
	return rl_sys(fchmodat(store_dir_fd, CT_NOTIFY, 0755, 0),
		      "open the directory for sd_notify");
}

bool ct_sdnotify_exists(int store_dir_fd)
{
	return faccessat(store_dir_fd, CT_NOTIFY, F_OK, 0) == 0;
}

rl_err ct_sdnotify_bind(int store_dir_fd, struct rl_fd *ret)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct rl_fd RL_AUTO_FD fd = { 0 };

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" CT_NOTIFY_SOCKET,
		 store_dir_fd);
	RL_TRY(rl_fd_from(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), &fd,
			  "make the socket for sd_notify"));
	RL_TRY(rl_sys(bind(rl_fd_get(&fd), (struct sockaddr *)&a, sizeof(a)),
		      "bind the socket for sd_notify"));
	RL_TRY(rl_sys(fchmodat(store_dir_fd, CT_NOTIFY_SOCKET, 0777, 0),
		      "open the socket for sd_notify"));
	*ret = rl_fd_own(rl_fd_take(&fd));
	return RL_OK;
}

/* "@name" is how NOTIFY_SOCKET spells an abstract address. */
static rl_err send_to(const char *host_socket, const char *text)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct rl_fd RL_AUTO_FD fd = { 0 };
	size_t len = strlen(host_socket);

	if (len >= sizeof(a.sun_path))
		return rl_fail(RL_E(ENAMETOOLONG), "NOTIFY_SOCKET %s", host_socket);
	memcpy(a.sun_path, host_socket, len);
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	RL_TRY(rl_fd_from(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), &fd, "make a socket"));
	return rl_sys(sendto(rl_fd_get(&fd), text, strlen(text), MSG_NOSIGNAL,
			     (struct sockaddr *)&a,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		      "notify %s", host_socket);
}

static bool says_ready(const char *text)
{
	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "READY=1", 7) == 0 && (line[7] == '\n' || line[7] == '\0'))
			return true;
	}
	return false;
}

rl_err ct_sdnotify_pass(int socket_fd, const char *host_socket, pid_t pid, bool *ret_ready)
{
	char text[4096];
	ssize_t n = recv(socket_fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return RL_OK;
	RL_TRY(rl_sys(n, "receive from the container's sd_notify"));
	text[n] = '\0';
	if (!says_ready(text))
		return RL_OK;
	snprintf(text, sizeof(text), "READY=1\nMAINPID=%d\n", (int)pid);
	RL_TRY(send_to(host_socket, text));
	*ret_ready = true;
	return RL_OK;
}

rl_err ct_sdnotify_wait(int socket_fd, const char *host_socket, pid_t pid, int pidfd)
{
	struct pollfd p[] = { { socket_fd, POLLIN, 0 }, { pidfd, POLLIN, 0 } };
	bool ready = false;

	while (!ready) {
		int n = poll(p, 2, -1);

		if (n < 0 && errno == EINTR)
			continue;
		RL_TRY(rl_sys(n, "wait for the container's sd_notify"));
		if (p[0].revents != 0)
			RL_TRY(ct_sdnotify_pass(socket_fd, host_socket, pid, &ready));
		else if (p[1].revents != 0)
			break;
	}
	return RL_OK;
}

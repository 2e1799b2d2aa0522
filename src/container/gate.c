/* SPDX-License-Identifier: Apache-2.0 */
#include "container/gate.h"

#include "container/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Ids may be longer than sun_path: the directory is named by its descriptor. */
static struct sockaddr_un address(int store_dir_fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" CT_GATE, store_dir_fd);
	return a;
}

rl_err ct_gate_open(int store_dir_fd, struct rl_fd *ret_listener)
{
	struct sockaddr_un a = address(store_dir_fd);
	struct rl_fd RL_AUTO_FD fd = { 0 };

	RL_TRY(rl_fd_from(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), &fd,
			  "make the gate's socket"));
	RL_TRY(rl_sys(bind(rl_fd_get(&fd), (struct sockaddr *)&a, sizeof(a)), "bind the gate"));
	RL_TRY(rl_sys(listen(rl_fd_get(&fd), 1), "listen at the gate"));
	*ret_listener = rl_fd_own(rl_fd_take(&fd));
	return RL_OK;
}

rl_err ct_gate_wait(int listener_fd, struct rl_fd *ret_talk)
{
	int r;

	do
		r = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);
	while (r < 0 && (errno == EINTR || errno == ECONNABORTED));
	return rl_fd_from(r, ret_talk, "wait at the gate");
}

rl_err ct_gate_enter(int store_dir_fd, struct rl_fd *ret_talk)
{
	struct sockaddr_un a = address(store_dir_fd);
	struct rl_fd RL_AUTO_FD fd = { 0 };

	RL_TRY(rl_fd_from(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), &fd,
			  "make a socket for the gate"));
	RL_TRY(rl_sys(connect(rl_fd_get(&fd), (struct sockaddr *)&a, sizeof(a)), "enter the gate"));
	*ret_talk = rl_fd_own(rl_fd_take(&fd));
	return RL_OK;
}

bool ct_gate_exists(int store_dir_fd)
{
	return faccessat(store_dir_fd, CT_GATE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

rl_err ct_gate_remove(int store_dir_fd)
{
	return rl_sys(unlinkat(store_dir_fd, CT_GATE, 0), "remove the gate");
}

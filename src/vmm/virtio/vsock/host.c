/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/vsock/core.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static rl_err address_of(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return rl_refuse(RL_E(ENAMETOOLONG),
				 "the socket path %s has %zu bytes (at most %zu are possible)",
				 path, strlen(path), sizeof(ret->sun_path) - 1);
	memcpy(ret->sun_path, path, strlen(path));
	return RL_OK;
}

static rl_err make_socket(struct rl_fd *ret)
{
	return rl_fd_from(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), ret,
			  "make a unix socket");
}

static rl_err try_connect(const struct vmm_vsock_port *port, struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct sockaddr_un address;

	RL_TRY(address_of(port->path, &address));
	RL_TRY(make_socket(&fd));
	/* A unix socket connects at once or not at all: EAGAIN is a full backlog. */
	RL_TRY(rl_sys(connect(rl_fd_get(&fd), (struct sockaddr *)&address, sizeof(address)),
		      "connect to %s", port->path));
	*ret = rl_fd_own(rl_fd_take(&fd));
	return RL_OK;
}

struct rl_fd vsock_connect(struct vsock *v, uint32_t port)
{
	struct rl_fd fd = { 0 };

	for (unsigned i = 0; i < v->port_count; i++) {
		rl_err e;

		if (v->port[i].port != port || v->port[i].listen)
			continue;
		e = try_connect(&v->port[i], &fd);
		if (rl_failed(e))
			vmm_log(VMM_LOG_WARN, v->dev.name, "port %u: %s: the guest is refused",
				port, rl_text(e));
		rl_drop(e);
		return fd;
	}
	vmm_log(VMM_LOG_INFO, v->dev.name, "port %u is not mapped: the guest is refused", port);
	return fd;
}

/* ---- Listening ----------------------------------------------------------------------------------
 */

/* A port number of the host's side that no connection to this port of the guest has. */
static uint32_t ephemeral(struct vsock *v, uint32_t guest_port)
{
	do {
		if (v->next_ephemeral < VSOCK_EPHEMERAL)
			v->next_ephemeral = VSOCK_EPHEMERAL;
		v->next_ephemeral++;
	} while (vsock_find(v, guest_port, v->next_ephemeral) != NULL);
	return v->next_ephemeral;
}

static void on_listener(void *arg, uint32_t events)
{
	struct vsock_listener *l = arg;
	struct vsock *v = l->vsock;
	struct vsock_connection *c;
	struct rl_fd fd =
		rl_fd_own(accept4(rl_fd_get(&l->fd), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));

	(void)events;
	if (!rl_fd_has(&fd)) {
		/* Out of descriptors the connection stays in the backlog: do not spin on it. */
		if (errno == EMFILE || errno == ENFILE) {
			vmm_log(VMM_LOG_ERROR, v->dev.name,
				"accept on %s: %s: it waits until a connection ends", l->port->path,
				strerror(errno));
			vmm_loop_remove(v->env->loop, &l->watch);
			v->accept_waits = true;
		}
		return;
	}
	c = vsock_add(v, l->port->port, ephemeral(v, l->port->port), VSOCK_ASKING, &fd);
	if (c == NULL)
		return; /* closed: whoever connected sees the end */
	vsock_say(c, VSOCK_TELL_REQUEST);
	vsock_flush(v);
}

static rl_err make_listener(struct vsock *v, const struct vmm_vsock_port *port)
{
	struct sockaddr_un address;
	struct vsock_listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return rl_nomem();
	l->vsock = v;
	l->port = port;
	l->next = v->listener;
	v->listener = l;
	RL_TRY(address_of(port->path, &address));
	RL_TRY(make_socket(&l->fd));
	if (bind(rl_fd_get(&l->fd), (struct sockaddr *)&address, sizeof(address)) != 0) {
		rl_err e = rl_sys(-1, "bind %s", port->path);

		rl_fd_close(&l->fd); /* so that somebody else's socket is not removed in the end */
		return e;
	}
	return rl_sys(listen(rl_fd_get(&l->fd), 64), "listen on %s", port->path);
}

rl_err vsock_listen(struct vsock *v)
{
	struct sockaddr_un address;

	for (unsigned i = 0; i < v->port_count; i++) {
		/* The other direction is connected later, but its path can be judged now. */
		RL_TRY(address_of(v->port[i].path, &address), "vsock port %u", v->port[i].port);
		if (v->port[i].listen)
			RL_TRY(make_listener(v, &v->port[i]), "vsock port %u", v->port[i].port);
	}
	return RL_OK;
}

rl_err vsock_listen_start(struct vsock *v)
{
	v->accept_waits = false;
	for (struct vsock_listener *l = v->listener; l != NULL; l = l->next) {
		if (l->watch.slot_plus_one == 0)
			RL_TRY(vmm_loop_add(v->env->loop, rl_fd_get(&l->fd), EPOLLIN, on_listener,
					    l, &l->watch));
	}
	return RL_OK;
}

void vsock_listen_again(struct vsock *v)
{
	if (v->active && v->accept_waits)
		vmm_log_drop(VMM_LOG_ERROR, v->dev.name, vsock_listen_start(v));
}

void vsock_listen_stop(struct vsock *v)
{
	for (struct vsock_listener *l = v->listener; l != NULL; l = l->next)
		vmm_loop_remove(v->env->loop, &l->watch);
}

void vsock_listen_free(struct vsock *v)
{
	struct vsock_listener *next;

	for (struct vsock_listener *l = v->listener; l != NULL; l = next) {
		next = l->next;
		vmm_loop_remove(v->env->loop, &l->watch);
		if (rl_fd_has(&l->fd))
			(void)unlink(l->port->path);
		rl_fd_close(&l->fd);
		free(l);
	}
	v->listener = NULL;
}

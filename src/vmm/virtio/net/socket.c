/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/net/backend.h"
#include "vmm/virtio/net/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LENGTH 4u /* in front of a frame in a stream */
#define GREETING "VFKT"
#define LOCAL_TRIES 64

void net_backend_close(struct net_backend *b)
{
	rl_fd_close(&b->fd);
	if (b->local_path[0])
		(void)unlink(b->local_path);
	b->local_path[0] = '\0';
	free(b->in);
	free(b->out);
	b->in = b->out = NULL;
	b->in_len = b->out_len = 0;
}

static rl_err no_negotiation(struct net_backend *b, uint64_t features)
{
	(void)b;
	(void)features;
	return RL_OK;
}

/* One system call; *ret_done 0 with *ret_again: nothing can be moved now. */
static rl_err outcome(ssize_t n, const char *what, size_t *ret_done, bool *ret_again)
{
	*ret_again = false;
	*ret_done = 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) {
		*ret_again = true;
		return RL_OK;
	}
	RL_TRY(rl_sys(n, "%s", what));
	*ret_done = (size_t)n;
	return RL_OK;
}

/* ---- Streams ---- */

/* A whole frame that lies in the buffer. */
static rl_err stream_parse(struct net_backend *b, struct net_frame *ret, bool *ret_whole)
{
	uint32_t length;

	*ret_whole = false;
	if (b->in_len < LENGTH)
		return RL_OK;
	memcpy(&length, b->in + b->in_at, LENGTH);
	length = ntohl(length);
	if (length < NET_FRAME_MIN || length > NET_FRAME_MAX)
		return rl_refuse(RL_E(EPROTO), "the proxy announced a frame of %u bytes", length);
	if (b->in_len - LENGTH < length)
		return RL_OK;
	*ret = (struct net_frame){ .bytes = b->in + b->in_at + LENGTH, .len = length };
	b->in_at += LENGTH + length;
	b->in_len -= LENGTH + length;
	*ret_whole = true;
	return RL_OK;
}

static rl_err stream_receive(struct net_backend *b, struct net_frame *ret, bool *ret_again)
{
	bool whole;
	size_t done;

	*ret_again = false;
	for (;;) {
		RL_TRY(stream_parse(b, ret, &whole));
		if (whole)
			return RL_OK;
		/* What is left is less than a frame: cheap to move. */
		memmove(b->in, b->in + b->in_at, b->in_len);
		b->in_at = 0;
		RL_TRY(outcome(recv(rl_fd_get(&b->fd), b->in + b->in_len,
				    NET_STREAM_BUFFER - b->in_len, MSG_DONTWAIT),
			       "receive from the proxy", &done, ret_again));
		if (*ret_again)
			return RL_OK;
		if (done == 0)
			return rl_refuse(RL_E(ECONNRESET), "the proxy closed the connection");
		b->in_len += done;
	}
}

static uint8_t *stream_place(struct net_backend *b)
{
	if (b->out_len + LENGTH + NET_FRAME_MAX > NET_STREAM_BUFFER)
		return NULL;
	if (b->out_at + b->out_len + LENGTH + NET_FRAME_MAX > NET_STREAM_BUFFER) {
		memmove(b->out, b->out + b->out_at, b->out_len);
		b->out_at = 0;
	}
	return b->out + b->out_at + b->out_len + LENGTH;
}

static rl_err stream_commit(struct net_backend *b, const struct virtio_net_hdr_v1 *header,
			    size_t len, bool *ret_again)
{
	uint32_t length = htonl((uint32_t)len);

	(void)header;
	*ret_again = false;
	memcpy(b->out + b->out_at + b->out_len, &length, LENGTH);
	b->out_len += LENGTH + len;
	return RL_OK;
}

static rl_err stream_flush(struct net_backend *b)
{
	bool again = false;
	size_t done;

	while (b->out_len > 0 && !again) {
		RL_TRY(outcome(send(rl_fd_get(&b->fd), b->out + b->out_at, b->out_len,
				    MSG_DONTWAIT | MSG_NOSIGNAL),
			       "send to the proxy", &done, &again));
		b->out_at += done;
		b->out_len -= done;
	}
	if (b->out_len == 0)
		b->out_at = 0;
	return RL_OK;
}

static const struct net_backend_ops stream_ops = {
	.receive = stream_receive,
	.place = stream_place,
	.commit = stream_commit,
	.flush = stream_flush,
	.negotiated = no_negotiation,
};

/* ---- Datagrams ---- */

static rl_err dgram_receive(struct net_backend *b, struct net_frame *ret, bool *ret_again)
{
	size_t done;

	/* MSG_TRUNC: the true length; what does not fit is no frame. */
	RL_TRY(outcome(recv(rl_fd_get(&b->fd), b->in, NET_FRAME_MAX, MSG_DONTWAIT | MSG_TRUNC),
		       "receive from the proxy", &done, ret_again));
	*ret = (struct net_frame){ .bytes = b->in, .len = done <= NET_FRAME_MAX ? done : 0 };
	return RL_OK;
}

static uint8_t *dgram_place(struct net_backend *b)
{
	return b->out;
}

static rl_err dgram_commit(struct net_backend *b, const struct virtio_net_hdr_v1 *header,
			   size_t len, bool *ret_again)
{
	ssize_t n = send(rl_fd_get(&b->fd), b->out, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	size_t done;

	(void)header;
	*ret_again = false;
	if (n < 0 && errno == EMSGSIZE)
		return RL_OK;
	return outcome(n, "send to the proxy", &done, ret_again);
}

static rl_err dgram_flush(struct net_backend *b)
{
	(void)b;
	return RL_OK;
}

static const struct net_backend_ops dgram_ops = {
	.receive = dgram_receive,
	.place = dgram_place,
	.commit = dgram_commit,
	.flush = dgram_flush,
	.negotiated = no_negotiation,
};

/* ---- Opening ---- */

static rl_err take_fd(int fd, int type, struct rl_fd *ret)
{
	int is = 0;
	socklen_t len = sizeof(is);

	RL_TRY(rl_sys(getsockopt(fd, SOL_SOCKET, SO_TYPE, &is, &len), "descriptor %d", fd));
	/* A sequence of packets keeps the borders of frames, too. */
	if (is != type && !(type == SOCK_DGRAM && is == SOCK_SEQPACKET))
		return rl_refuse(RL_E(EPROTOTYPE), "descriptor %d is no socket of %s", fd,
				 type == SOCK_STREAM ? "a stream" : "datagrams");
	return rl_fd_from(fcntl(fd, F_DUPFD_CLOEXEC, 3), ret, "duplicate descriptor %d", fd);
}

/* Datagrams can be answered only if we have an address. */
static rl_err bind_local(struct net_backend *b)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	for (int i = 0;; i++) {
		(void)snprintf(address.sun_path, sizeof(address.sun_path),
			       VMM_NET_SOCKET_DIR "/krun-net-%d-%d.sock", (int)getpid(), i);
		if (bind(rl_fd_get(&b->fd), (struct sockaddr *)&address, sizeof(address)) == 0)
			break;
		if (errno != EADDRINUSE || i == LOCAL_TRIES)
			return rl_sys(-1, "bind %s", address.sun_path);
	}
	(void)snprintf(b->local_path, sizeof(b->local_path), "%s", address.sun_path);
	return RL_OK;
}

static rl_err connect_path(struct net_backend *b, const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return rl_refuse(RL_E(ENAMETOOLONG),
				 "the socket path %s has %zu bytes (at most %zu are possible)",
				 path, strlen(path), sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path));
	RL_TRY(rl_fd_from(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), &b->fd, "make a unix socket"));
	if (type == SOCK_DGRAM)
		RL_TRY(bind_local(b));
	return rl_sys(connect(rl_fd_get(&b->fd), (struct sockaddr *)&address, sizeof(address)),
		      "connect to %s", path);
}

static rl_err greet(struct net_backend *b)
{
	return rl_sys(send(rl_fd_get(&b->fd), GREETING, strlen(GREETING), MSG_NOSIGNAL),
		      "greet the proxy");
}

rl_err net_socket_open(const struct vmm_net_config *config, struct net_backend *b)
{
	int type = config->kind == VMM_NET_STREAM ? SOCK_STREAM : SOCK_DGRAM;
	int size = 1 << 20;

	b->ops = type == SOCK_STREAM ? &stream_ops : &dgram_ops;
	b->in = malloc(type == SOCK_STREAM ? NET_STREAM_BUFFER : NET_FRAME_MAX);
	b->out = malloc(type == SOCK_STREAM ? NET_STREAM_BUFFER : NET_FRAME_MAX);
	if (b->in == NULL || b->out == NULL)
		return rl_nomem();
	if (config->path)
		RL_TRY(connect_path(b, config->path, type));
	else
		RL_TRY(take_fd(config->fd, type, &b->fd));
	/* A hint: a large segment fits into one datagram only if the buffer does. */
	(void)setsockopt(rl_fd_get(&b->fd), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return config->vfkit ? greet(b) : RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/vsock/core.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static struct vsock_connection **bucket_of(struct vsock *v, uint32_t guest_port, uint32_t host_port)
{
	uint32_t h = (guest_port ^ host_port * 31u) * 0x9e3779b1u;

	return &v->bucket[h >> 24];
}

struct vsock_connection *vsock_find(struct vsock *v, uint32_t guest_port, uint32_t host_port)
{
	struct vsock_connection *c = *bucket_of(v, guest_port, host_port);

	while (c != NULL && (c->guest_port != guest_port || c->host_port != host_port))
		c = c->next;
	return c;
}

/* ---- Host to guest ------------------------------------------------------------------------------
 */

uint32_t vsock_credit(const struct vsock_connection *c)
{
	uint32_t in_flight = c->sent - c->peer_fwd_cnt;

	if (c->state != VSOCK_ESTABLISHED || c->guest_flags & VSOCK_NO_RECEIVE ||
	    c->host_flags & VSOCK_NO_SEND)
		return 0;
	/* The numbers are the guest's: one that makes no sense gives no credit. */
	return in_flight < c->peer_buf_alloc ? c->peer_buf_alloc - in_flight : 0;
}

void vsock_host_ended(struct vsock_connection *c)
{
	c->has_input = false;
	if (c->host_flags & VSOCK_NO_SEND)
		return;
	c->host_flags |= VSOCK_NO_SEND;
	if (c->guest_flags & VSOCK_NO_SEND && c->buffered == 0)
		vsock_close(c);
	else
		vsock_say(c, VSOCK_TELL_SHUTDOWN);
}

/* ---- Guest to host ------------------------------------------------------------------------------
 */

/* The guest gets its credit back in good time: before half of it is used up. */
static void forwarded(struct vsock_connection *c, uint32_t n)
{
	c->forwarded += n;
	if (c->forwarded - c->told_forwarded >= VSOCK_BUFFER / 2)
		vsock_say(c, VSOCK_TELL_CREDIT);
}

/* The guest sends no more, and all it sent is delivered. */
static void end_output(struct vsock_connection *c)
{
	if (!(c->guest_flags & VSOCK_NO_SEND) || c->buffered > 0)
		return;
	(void)shutdown(rl_fd_get(&c->fd), SHUT_WR);
	if (c->guest_flags & VSOCK_NO_RECEIVE || c->host_flags & VSOCK_NO_SEND)
		vsock_close(c);
}

/* One write to the host's socket. False: nothing more can be written now, or ever. */
static bool write_out(struct vsock_connection *c, const struct iovec *from, size_t count,
		      size_t *ret_done)
{
	struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)from, .msg_iovlen = count };
	ssize_t n;

	do {
		n = sendmsg(rl_fd_get(&c->fd), &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	*ret_done = n > 0 ? (size_t)n : 0;
	if (n >= 0)
		return n > 0;
	if (errno != EAGAIN)
		vsock_close(c); /* nobody reads: the guest sees a reset */
	return false;
}

static void drain_buffer(struct vsock_connection *c)
{
	size_t done;

	while (c->state == VSOCK_ESTABLISHED && c->buffered > 0) {
		struct iovec from = { c->buffer + c->buffer_at, c->buffered };

		if (!write_out(c, &from, 1, &done))
			return;
		c->buffer_at += (uint32_t)done;
		c->buffered -= (uint32_t)done;
		forwarded(c, (uint32_t)done);
	}
	if (c->state != VSOCK_ESTABLISHED)
		return;
	c->buffer_at = 0;
	end_output(c);
}

/* Keeps what the socket did not take. False: the guest sent more than it was allowed to. */
static bool keep(struct vsock_connection *c, struct vmm_cursor *from)
{
	size_t len = from->left;

	if (len > VSOCK_BUFFER - c->buffered)
		return false;
	if (c->buffer == NULL)
		c->buffer = malloc(VSOCK_BUFFER);
	if (c->buffer == NULL)
		return false;
	if (c->buffer_at + c->buffered + len > VSOCK_BUFFER) {
		memmove(c->buffer, c->buffer + c->buffer_at, c->buffered);
		c->buffer_at = 0;
	}
	(void)vmm_cursor_read(from, c->buffer + c->buffer_at + c->buffered, len);
	c->buffered += (uint32_t)len;
	return true;
}

/* Data: straight from the guest's memory to the socket, as far as that takes it. */
static void take_data(struct vsock_connection *c, struct vmm_cursor *from)
{
	while (from->left > 0 && c->buffered == 0) {
		struct iovec part[16];
		struct vmm_cursor mark = *from;
		size_t taken, done;
		size_t count = vmm_cursor_take(&mark, from->left, part, 16, &taken);

		if (!write_out(c, part, count, &done))
			break;
		(void)vmm_cursor_skip(from, done);
		forwarded(c, (uint32_t)done);
	}
	if (c->state == VSOCK_ESTABLISHED && from->left > 0 && !keep(c, from))
		vsock_close(c);
}

static void take_shutdown(struct vsock_connection *c, uint32_t flags)
{
	c->guest_flags |= flags & (VSOCK_NO_RECEIVE | VSOCK_NO_SEND);
	if (c->guest_flags & VSOCK_NO_RECEIVE)
		(void)shutdown(rl_fd_get(&c->fd), SHUT_RD);
	end_output(c);
}

void vsock_receive(struct vsock_connection *c, const struct vsock_header *h,
		   struct vmm_cursor *from)
{
	if (c->state == VSOCK_CLOSING)
		return;
	c->peer_buf_alloc = le32_get(h->buf_alloc);
	c->peer_fwd_cnt = le32_get(h->fwd_cnt);
	switch ((enum vsock_op)le16_get(h->op)) {
	case VSOCK_RESPONSE:
		if (c->state != VSOCK_ASKING)
			vsock_close(c);
		else
			c->state = VSOCK_ESTABLISHED;
		break;
	case VSOCK_RW:
		/* After its own SHUTDOWN the guest sends nothing more. */
		if (c->state != VSOCK_ESTABLISHED || c->guest_flags & VSOCK_NO_SEND)
			vsock_close(c);
		else
			take_data(c, from);
		break;
	case VSOCK_SHUTDOWN:
		take_shutdown(c, le32_get(h->flags));
		break;
	case VSOCK_CREDIT_REQUEST:
		vsock_say(c, VSOCK_TELL_CREDIT);
		break;
	case VSOCK_CREDIT_UPDATE:
		break;
	case VSOCK_REQUEST: /* of a connection that exists */
	case VSOCK_RST:	    /* seen before */
	default:
		vsock_close(c);
		break;
	}
	if (c->state == VSOCK_ESTABLISHED) {
		vsock_make_ready(c);
		vsock_update_watch(c);
	}
}

/* ---- Life ---------------------------------------------------------------------------------------
 */

static void on_socket(void *arg, uint32_t events)
{
	struct vsock_connection *c = arg;
	struct vsock *v = c->vsock;

	if (events & EPOLLOUT)
		drain_buffer(c);
	/* A hang-up is learned by reading, like the end of the input. */
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
		c->has_input = true;
	if (c->state == VSOCK_ESTABLISHED) {
		vsock_make_ready(c);
		vsock_update_watch(c);
	}
	vsock_flush(v);
}

/*
 * Input is waited for only while none is known to be there: a connection whose guest gives no
 * credit or no buffers must not keep the loop awake. Where nothing is waited for, the descriptor
 * leaves the loop, for a hang-up cannot be masked.
 */
void vsock_update_watch(struct vsock_connection *c)
{
	struct vmm_loop *loop = c->vsock->env->loop;
	uint32_t want = 0;

	if (c->state == VSOCK_ESTABLISHED) {
		if (!c->has_input && !(c->host_flags & VSOCK_NO_SEND) && vsock_credit(c) > 0)
			want |= EPOLLIN | EPOLLRDHUP;
		if (c->buffered > 0)
			want |= EPOLLOUT;
	}
	if (want == c->events)
		return;
	if (want == 0)
		vmm_loop_remove(loop, &c->watch);
	else if (c->events == 0)
		vmm_log_drop(VMM_LOG_ERROR, c->vsock->dev.name,
			     vmm_loop_add(loop, rl_fd_get(&c->fd), want, on_socket, c, &c->watch));
	else
		vmm_log_drop(VMM_LOG_ERROR, c->vsock->dev.name,
			     vmm_loop_change(loop, &c->watch, want));
	c->events = want;
}

struct vsock_connection *vsock_add(struct vsock *v, uint32_t guest_port, uint32_t host_port,
				   enum vsock_state state, struct rl_fd *fd)
{
	struct rl_fd RL_AUTO_FD own = *fd;
	struct vsock_connection **bucket = bucket_of(v, guest_port, host_port), *c;

	*fd = (struct rl_fd){ 0 };
	if (v->connection_count >= VSOCK_CONNECTIONS_MAX)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->vsock = v;
	c->guest_port = guest_port;
	c->host_port = host_port;
	c->state = state;
	c->fd = rl_fd_own(rl_fd_take(&own));
	c->next = *bucket;
	*bucket = c;
	v->connection_count++;
	return c;
}

void vsock_close(struct vsock_connection *c)
{
	if (c->state == VSOCK_CLOSING)
		return;
	c->state = VSOCK_CLOSING;
	c->buffered = 0;
	c->news = 0;
	vsock_update_watch(c);
	rl_fd_close(&c->fd);
	vsock_say(c, VSOCK_TELL_RST);
}

static void forget_ready(struct vsock_connection *c)
{
	struct vsock *v = c->vsock;

	for (struct vsock_connection **at = &v->ready; *at != NULL; at = &(*at)->next_ready) {
		if (*at != c)
			continue;
		*at = c->next_ready;
		if (*at == NULL)
			v->ready_end = at;
		return;
	}
}

void vsock_remove(struct vsock_connection *c)
{
	struct vsock *v = c->vsock;
	struct vsock_connection **at = bucket_of(v, c->guest_port, c->host_port);

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (c->is_ready)
		forget_ready(c);
	v->connection_count--;
	vmm_loop_remove(v->env->loop, &c->watch);
	rl_fd_close(&c->fd);
	free(c->buffer);
	free(c);
	vsock_listen_again(v);
}

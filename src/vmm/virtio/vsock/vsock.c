/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/vsock/core.h"

#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { QUEUE_RX, QUEUE_TX, QUEUE_EVENT, QUEUES };

#define QUEUE_SIZE 256

/* Packets that one call handles, then the others on the loop have their turn. */
#define TURN (2 * QUEUE_SIZE)

static const uint16_t queue_max[QUEUES] = { QUEUE_SIZE, QUEUE_SIZE, 16 };

static struct vsock *vsock_of(struct vmm_virtio_device *dev)
{
	return (struct vsock *)dev;
}

static enum vmm_pop pop(struct vsock *v, struct vmm_queue *q)
{
	bool was_fine = q->fault == VMM_QUEUE_FINE;
	enum vmm_pop got = vmm_queue_pop(q, &v->chain);

	if (got == VMM_POP_EMPTY && vmm_queue_listen(q))
		got = vmm_queue_pop(q, &v->chain);
	if (got == VMM_POP_FAULT && was_fine)
		vmm_queue_blame(q, v->irq, v->dev.name);
	return got;
}

/* ---- To the guest -------------------------------------------------------------------------------
 */

void vsock_make_ready(struct vsock_connection *c)
{
	struct vsock *v = c->vsock;

	if (c->is_ready)
		return;
	c->is_ready = true;
	c->next_ready = NULL;
	*v->ready_end = c;
	v->ready_end = &c->next_ready;
}

void vsock_say(struct vsock_connection *c, unsigned news)
{
	c->news |= news;
	vsock_make_ready(c);
}

/* Writes a packet whose `len` bytes of payload are in place already, and uses the buffer. */
static void put_packet(struct vsock *v, struct vmm_cursor at, uint32_t guest_port,
		       uint32_t host_port, enum vsock_op op, uint32_t flags, uint32_t len,
		       struct vsock_connection *c)
{
	struct vsock_header h = {
		.src_cid = le64_of(VMM_VSOCK_HOST_CID),
		.dst_cid = le64_of(VMM_VSOCK_GUEST_CID),
		.src_port = le32_of(host_port),
		.dst_port = le32_of(guest_port),
		.len = le32_of(len),
		.type = le16_of(VSOCK_TYPE_STREAM),
		.op = le16_of((uint16_t)op),
		.flags = le32_of(flags),
		.buf_alloc = le32_of(c ? VSOCK_BUFFER : 0),
		.fwd_cnt = le32_of(c ? c->forwarded : 0),
	};

	if (c != NULL) {
		/* Every packet carries the credit. */
		c->told_forwarded = c->forwarded;
		c->news &= ~(unsigned)VSOCK_TELL_CREDIT;
	}
	(void)vmm_cursor_write(&at, &h, sizeof(h));
	vmm_queue_push(&v->rx, v->chain.head, (uint32_t)(sizeof(h) + len));
}

/* Reads from the host's socket into the guest's buffer. False: the buffer was not used. */
static bool send_data(struct vsock_connection *c, struct vmm_cursor at)
{
	struct vmm_cursor data = at;
	struct iovec to[32];
	uint32_t want = vsock_credit(c);
	size_t count, room;
	ssize_t n;

	if (!c->has_input || want == 0)
		return false;
	(void)vmm_cursor_skip(&data, sizeof(struct vsock_header));
	if (want > VSOCK_PACKET_MAX)
		want = VSOCK_PACKET_MAX;
	count = vmm_cursor_take(&data, want, to, 32, &room);
	if (count == 0)
		return false;
	do {
		n = readv(rl_fd_get(&c->fd), to, (int)count);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		c->has_input = false;
		vsock_update_watch(c);
		return false;
	}
	if (n <= 0) {
		vsock_host_ended(c);
		return false;
	}
	c->sent += (uint32_t)n;
	put_packet(c->vsock, at, c->guest_port, c->host_port, VSOCK_RW, 0, (uint32_t)n, c);
	return true;
}

/* One packet of news, lowest bit first. */
static void send_news(struct vsock_connection *c, struct vmm_cursor at)
{
	unsigned bit = c->news & -c->news;
	enum vsock_op op = VSOCK_RST;
	uint32_t flags = 0;

	switch ((enum vsock_news)bit) {
	case VSOCK_TELL_REQUEST:
		op = VSOCK_REQUEST;
		break;
	case VSOCK_TELL_RESPONSE:
		op = VSOCK_RESPONSE;
		break;
	case VSOCK_TELL_CREDIT:
		op = VSOCK_CREDIT_UPDATE;
		break;
	case VSOCK_TELL_SHUTDOWN:
		op = VSOCK_SHUTDOWN;
		flags = c->host_flags;
		break;
	case VSOCK_TELL_RST:
		break;
	}
	c->news &= ~bit;
	put_packet(c->vsock, at, c->guest_port, c->host_port, op, flags, 0, c);
	if (op == VSOCK_RST)
		vsock_remove(c);
}

/* One packet of the next connection. False: the buffer at hand was not used. */
static bool send_next(struct vsock *v, struct vmm_cursor at)
{
	while (v->ready != NULL) {
		struct vsock_connection *c = v->ready;

		v->ready = c->next_ready;
		if (v->ready == NULL)
			v->ready_end = &v->ready;
		c->is_ready = false;
		if (c->news != 0) {
			/* To the end of the line first: sending may remove it. */
			if (c->state != VSOCK_CLOSING)
				vsock_make_ready(c);
			send_news(c, at);
			return true;
		}
		if (send_data(c, at)) {
			vsock_make_ready(c);
			return true;
		}
		vsock_update_watch(c);
	}
	return false;
}

static bool send_refusal(struct vsock *v, struct vmm_cursor at)
{
	struct vsock_refusal r;

	if (v->refusal_count == 0)
		return false;
	r = v->refusal[0];
	v->refusal_count--;
	memmove(v->refusal, v->refusal + 1, v->refusal_count * sizeof(v->refusal[0]));
	put_packet(v, at, r.guest_port, r.host_port, VSOCK_RST, 0, 0, NULL);
	return true;
}

void vsock_flush(struct vsock *v)
{
	unsigned n = 0;

	if (!v->active)
		return;
	for (; n < TURN && (v->ready != NULL || v->refusal_count > 0); n++) {
		struct vmm_cursor at;

		if (pop(v, &v->rx) != VMM_POP_CHAIN)
			break;
		at = vmm_cursor_at(vmm_chain_in(&v->chain), v->chain.in_count);
		if (at.left < sizeof(struct vsock_header)) {
			vmm_queue_push(&v->rx, v->chain.head, 0); /* of no use */
			continue;
		}
		if (!send_refusal(v, at) && !send_next(v, at)) {
			vmm_queue_unpop(&v->rx);
			break;
		}
	}
	vmm_queue_tell(&v->rx, v->irq, QUEUE_RX);
	if (n == TURN)
		vmm_kick_again(&v->kick_rx);
	if (v->tx_waits && v->refusal_count < VSOCK_REFUSALS_MAX)
		vmm_kick_again(&v->kick_tx);
}

/* ---- From the guest -----------------------------------------------------------------------------
 */

static void refuse(struct vsock *v, uint32_t guest_port, uint32_t host_port)
{
	v->refusal[v->refusal_count++] = (struct vsock_refusal){ guest_port, host_port };
}

static void open_connection(struct vsock *v, const struct vsock_header *h)
{
	uint32_t guest_port = le32_get(h->src_port), host_port = le32_get(h->dst_port);
	struct rl_fd fd = vsock_connect(v, host_port);
	struct vsock_connection *c = NULL;

	if (rl_fd_has(&fd))
		c = vsock_add(v, guest_port, host_port, VSOCK_ESTABLISHED, &fd);
	if (c == NULL) {
		refuse(v, guest_port, host_port);
		return;
	}
	c->peer_buf_alloc = le32_get(h->buf_alloc);
	c->peer_fwd_cnt = le32_get(h->fwd_cnt);
	vsock_say(c, VSOCK_TELL_RESPONSE);
	vsock_update_watch(c);
}

static void take_packet(struct vsock *v)
{
	struct vmm_cursor from = vmm_cursor_at(v->chain.segment, v->chain.out_count);
	struct vsock_connection *c;
	struct vsock_header h;
	uint32_t guest_port, host_port;
	enum vsock_op op;

	if (!vmm_cursor_read(&from, &h, sizeof(h)))
		return;
	/* Somebody else's address, or a length that is not true: not worth an answer. */
	if (le64_get(h.src_cid) != VMM_VSOCK_GUEST_CID || le32_get(h.len) > from.left)
		return;
	from.left = le32_get(h.len);
	guest_port = le32_get(h.src_port);
	host_port = le32_get(h.dst_port);
	op = (enum vsock_op)le16_get(h.op);
	c = vsock_find(v, guest_port, host_port);
	if (le64_get(h.dst_cid) != VMM_VSOCK_HOST_CID || le16_get(h.type) != VSOCK_TYPE_STREAM)
		c = NULL;
	else if (c == NULL && op == VSOCK_REQUEST) {
		open_connection(v, &h);
		return;
	}
	if (op == VSOCK_RST) {
		if (c != NULL)
			vsock_remove(c); /* an RST is not answered */
	} else if (c != NULL) {
		vsock_receive(c, &h, &from);
	} else {
		refuse(v, guest_port, host_port);
	}
}

static void on_tx_kick(void *arg, uint32_t events)
{
	struct vsock *v = arg;
	unsigned n = 0;

	(void)events;
	vmm_kick_heard(&v->kick_tx);
	v->tx_waits = false;
	for (; n < TURN; n++) {
		if (v->refusal_count == VSOCK_REFUSALS_MAX) {
			v->tx_waits = true;
			break;
		}
		if (pop(v, &v->tx) != VMM_POP_CHAIN)
			break;

		uint16_t head = v->chain.head;

		take_packet(v);
		vmm_queue_push(&v->tx, head, 0);
	}
	vmm_queue_tell(&v->tx, v->irq, QUEUE_TX);
	if (n == TURN)
		vmm_kick_again(&v->kick_tx);
	vsock_flush(v);
}

static void on_rx_kick(void *arg, uint32_t events)
{
	struct vsock *v = arg;

	(void)events;
	vmm_kick_heard(&v->kick_rx);
	vsock_flush(v);
}

/* ---- The device ---------------------------------------------------------------------------------
 */

static void reset(struct vmm_virtio_device *dev)
{
	struct vsock *v = vsock_of(dev);

	v->active = false;
	vsock_listen_stop(v);
	vmm_kick_close(&v->kick_rx, v->env->loop);
	vmm_kick_close(&v->kick_tx, v->env->loop);
	for (unsigned i = 0; i < VSOCK_BUCKETS; i++) {
		while (v->bucket[i] != NULL)
			vsock_remove(v->bucket[i]);
	}
	v->refusal_count = 0;
	v->tx_waits = false;
	v->rx = v->tx = (struct vmm_queue){ 0 };
}

static rl_err open_all(struct vsock *v, const struct vmm_virtio_run *run)
{
	/* The event queue only carries the news of a migration. */
	RL_TRY(vmm_kick_open(&v->kick_rx, v->env->loop, run, QUEUE_RX, &v->rx, on_rx_kick, v));
	RL_TRY(vmm_kick_open(&v->kick_tx, v->env->loop, run, QUEUE_TX, &v->tx, on_tx_kick, v));
	return vsock_listen_start(v);
}

static rl_err activate(struct vmm_virtio_device *dev, const struct vmm_virtio_run *run)
{
	struct vsock *v = vsock_of(dev);
	rl_err e;

	v->irq = run->irq;
	e = open_all(v, run);
	if (rl_failed(e)) {
		reset(dev);
		return e;
	}
	v->active = true;
	on_tx_kick(v, 0);
	return RL_OK;
}

static void config_read(struct vmm_virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	struct le64 cid = le64_of(VMM_VSOCK_GUEST_CID);

	(void)dev;
	memset(buf, 0, len);
	if (offset < sizeof(cid)) {
		size_t left = sizeof(cid) - offset;

		memcpy(buf, (uint8_t *)&cid + offset, len < left ? len : left);
	}
}

static void vsock_free(struct vmm_virtio_device *dev)
{
	struct vsock *v = vsock_of(dev);

	reset(dev);
	vsock_listen_free(v);
	free(v);
}

/* Bytes of the guest that a process of the host has not taken yet: at the end it still gets them.
 */
static bool busy(struct vmm_virtio_device *dev)
{
	const struct vsock *v = vsock_of(dev);

	for (unsigned i = 0; i < VSOCK_BUCKETS; i++) {
		for (const struct vsock_connection *c = v->bucket[i]; c != NULL; c = c->next) {
			if (c->buffered > 0)
				return true;
		}
	}
	return false;
}

static const struct vmm_virtio_ops ops = {
	.activate = activate,
	.reset = reset,
	.config_read = config_read,
	.busy = busy,
	.free = vsock_free,
};

rl_err vmm_vsock_new(const struct vmm_virtio_env *env, const struct vmm_vsock_port *port,
		     unsigned count, struct vmm_virtio_device **ret)
{
	struct vsock *v = calloc(1, sizeof(*v));
	rl_err e;

	if (v == NULL)
		return rl_nomem();
	v->env = env;
	v->port = port;
	v->port_count = count;
	v->ready_end = &v->ready;
	v->dev = (struct vmm_virtio_device){
		.ops = &ops,
		.name = "vsock",
		.id = VIRTIO_ID_VSOCK,
		.features = VMM_F_RING,
		.queue_count = QUEUES,
		.queue_max = queue_max,
	};
	e = vsock_listen(v);
	if (rl_failed(e)) {
		vsock_free(&v->dev);
		return e;
	}
	*ret = &v->dev;
	return RL_OK;
}

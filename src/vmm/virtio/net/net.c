/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/net/net.h"

#include "vmm/log.h"
#include "vmm/mem/le.h"
#include "vmm/virtio/kick.h"
#include "vmm/virtio/net/backend.h"
#include "vmm/virtio/net/csum.h"

#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { QUEUE_RX, QUEUE_TX, QUEUES };

#define QUEUE_SIZE 1024
/* Frames that one call moves, then the others on the loop have their turn. */
#define TURN 256

#define BIT(f) (1ull << VIRTIO_NET_F_##f)

#define HEADER sizeof(struct virtio_net_hdr_v1)
_Static_assert(sizeof(struct virtio_net_hdr_v1) == 12, "wire format");

static const uint16_t queue_max[QUEUES] = { QUEUE_SIZE, QUEUE_SIZE };

struct net {
	struct vmm_virtio_device dev;
	const struct vmm_virtio_env *env;
	struct net_backend backend;
	uint8_t mac[6];
	bool active, mergeable;
	bool is_dead; /* the back end */
	struct vmm_virtio_irq *irq;
	struct vmm_queue rx, tx;
	struct vmm_kick kick_rx, kick_tx;
	struct vmm_watch watch;
	uint32_t events;
	struct net_frame frame; /* came in, and has no buffer yet */
	bool has_frame;
	bool tx_waits;		       /* for room in the back end */
	struct vmm_chain first, chain; /* scratch */
};

static struct net *net_of(struct vmm_virtio_device *dev)
{
	return (struct net *)dev;
}

/* ---- The back end ---- */

static void on_backend(void *arg, uint32_t events);

/* Where nothing is waited for, the descriptor leaves the loop: a hang-up cannot be masked. */
static void update_watch(struct net *n)
{
	struct vmm_loop *loop = n->env->loop;
	uint32_t want = 0;
	rl_err e = RL_OK;

	if (n->active && !n->is_dead) {
		want |= n->has_frame ? 0 : (uint32_t)EPOLLIN;
		if (n->tx_waits || net_backend_wants_out(&n->backend))
			want |= EPOLLOUT;
	}
	if (want == n->events)
		return;
	if (want == 0)
		vmm_loop_remove(loop, &n->watch);
	else if (n->events == 0)
		e = vmm_loop_add(loop, rl_fd_get(&n->backend.fd), want, on_backend, n, &n->watch);
	else
		e = vmm_loop_change(loop, &n->watch, want);
	n->events = want;
	vmm_log_drop(VMM_LOG_ERROR, n->dev.name, e);
}

/* Said once. The guest's cable is pulled out. */
static void check_backend(struct net *n, rl_err e)
{
	if (!rl_failed(e))
		return;
	vmm_log_drop(VMM_LOG_ERROR, n->dev.name, rl_wrap(e, "the network is gone"));
	n->is_dead = true;
	n->has_frame = n->tx_waits = false;
	update_watch(n);
	net_backend_close(&n->backend);
	if (n->dev.config_changed)
		n->dev.config_changed(&n->dev);
}

/* ---- To the guest ---- */

static enum vmm_pop pop(struct net *n, struct vmm_queue *q, struct vmm_chain *c)
{
	bool was_fine = q->fault == VMM_QUEUE_FINE;
	enum vmm_pop got = vmm_queue_pop(q, c);

	if (got == VMM_POP_EMPTY && vmm_queue_listen(q))
		got = vmm_queue_pop(q, c);
	if (got == VMM_POP_FAULT && was_fine)
		vmm_queue_blame(q, n->irq, n->dev.name);
	return got;
}

/* As much of the frame as fits behind the header, or into a further buffer. */
static size_t fill(struct vmm_cursor at, const uint8_t *bytes, size_t len)
{
	size_t part = len < at.left ? len : at.left;

	(void)vmm_cursor_write(&at, bytes, part);
	return part;
}

/* Frames need more buffers than there are: as if none had been taken. */
static void take_back(struct net *n, unsigned buffers)
{
	for (; buffers > 0; buffers--) {
		vmm_queue_unstage(&n->rx);
		vmm_queue_unpop(&n->rx);
	}
}

/*
 * The frame over as many buffers as it needs, if the driver allows more than one. False: there are
 * not enough of them now. A buffer that is too small goes back empty, and the frame is lost.
 */
static bool deliver(struct net *n)
{
	struct virtio_net_hdr_v1 header = n->frame.header;
	struct vmm_cursor head = { 0 };
	unsigned buffers = 0;
	size_t at = 0;

	do {
		struct vmm_chain *c = buffers ? &n->chain : &n->first;
		struct vmm_cursor to;
		size_t part;

		if (pop(n, &n->rx, c) != VMM_POP_CHAIN) {
			take_back(n, buffers);
			return false;
		}
		to = vmm_cursor_at(vmm_chain_in(c), c->in_count);
		if (buffers == 0)
			head = to;
		if (buffers == 0 &&
		    (!vmm_cursor_skip(&to, HEADER) || (!n->mergeable && to.left < n->frame.len))) {
			vmm_queue_push(&n->rx, c->head, 0);
			return true;
		}
		part = fill(to, n->frame.bytes + at, n->frame.len - at);
		vmm_queue_stage(&n->rx, c->head, (uint32_t)(part + (buffers ? 0 : HEADER)));
		at += part;
		buffers++;
	} while (at < n->frame.len);
	header.num_buffers = (__virtio16)buffers;
	(void)vmm_cursor_write(&head, &header, sizeof(header));
	vmm_queue_publish(&n->rx);
	return true;
}

static void move_in(struct net *n)
{
	unsigned turn = 0;

	while (turn++ < TURN && !n->is_dead) {
		bool again = false;

		if (!n->has_frame) {
			rl_err e = n->backend.ops->receive(&n->backend, &n->frame, &again);

			n->has_frame = !rl_failed(e) && !again && n->frame.len >= NET_FRAME_MIN;
			check_backend(n, e);
		}
		if (again || (n->has_frame && !deliver(n)))
			break;
		n->has_frame = false;
	}
	vmm_queue_tell(&n->rx, n->irq, QUEUE_RX);
	/* Frames that a stream has brought already make no descriptor readable. */
	if (turn > TURN)
		vmm_kick_again(&n->kick_rx);
}

/* ---- From the guest ---- */

/* Towards a back end without headers: whole checksums. False: the header is not true. */
static bool finish(const struct net *n, const struct virtio_net_hdr_v1 *h, uint8_t *frame,
		   size_t len)
{
	if (n->backend.ops->has_header || !(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	return net_complete_checksum(frame, len, h->csum_start, h->csum_offset);
}

/* One frame of the guest. False: no room now, it comes again. */
static bool send_frame(struct net *n)
{
	struct vmm_cursor from = vmm_cursor_at(n->chain.segment, n->chain.out_count);
	struct virtio_net_hdr_v1 header;
	bool again = false;
	uint8_t *to;
	size_t len;

	/* Nonsense is dropped, and so is everything once nobody is there. */
	if (n->is_dead || !vmm_cursor_read(&from, &header, sizeof(header)) ||
	    from.left < NET_FRAME_MIN || from.left > NET_FRAME_MAX)
		return true;
	to = n->backend.ops->place(&n->backend);
	if (to == NULL)
		return false;
	len = from.left;
	(void)vmm_cursor_read(&from, to, len);
	if (!finish(n, &header, to, len))
		return true;
	check_backend(n, n->backend.ops->commit(&n->backend, &header, len, &again));
	return !again;
}

static void flush(struct net *n)
{
	if (!n->is_dead)
		check_backend(n, n->backend.ops->flush(&n->backend));
}

static void move_out(struct net *n)
{
	unsigned turn = 0;

	n->tx_waits = false;
	while (turn++ < TURN && pop(n, &n->tx, &n->chain) == VMM_POP_CHAIN) {
		if (!send_frame(n)) {
			flush(n);
			if (!send_frame(n)) {
				vmm_queue_unpop(&n->tx);
				n->tx_waits = true;
				break;
			}
		}
		vmm_queue_push(&n->tx, n->chain.head, 0);
	}
	flush(n);
	vmm_queue_tell(&n->tx, n->irq, QUEUE_TX);
	if (turn > TURN)
		vmm_kick_again(&n->kick_tx);
}

/* ---- Events ---- */

static void on_backend(void *arg, uint32_t events)
{
	struct net *n = arg;

	if (events & EPOLLOUT)
		move_out(n);
	if (events & ~(uint32_t)EPOLLOUT)
		move_in(n);
	update_watch(n);
}

static void on_rx_kick(void *arg, uint32_t events)
{
	struct net *n = arg;

	(void)events;
	vmm_kick_heard(&n->kick_rx);
	move_in(n);
	update_watch(n);
}

static void on_tx_kick(void *arg, uint32_t events)
{
	struct net *n = arg;

	(void)events;
	vmm_kick_heard(&n->kick_tx);
	/* While the back end has no room, its readiness is what matters. */
	if (!n->tx_waits)
		move_out(n);
	update_watch(n);
}

/* ---- The device ---- */

static void reset(struct vmm_virtio_device *dev)
{
	struct net *n = net_of(dev);

	n->active = false;
	n->has_frame = n->tx_waits = false;
	update_watch(n);
	vmm_kick_close(&n->kick_rx, n->env->loop);
	vmm_kick_close(&n->kick_tx, n->env->loop);
	n->rx = n->tx = (struct vmm_queue){ 0 };
}

static rl_err start(struct net *n, const struct vmm_virtio_run *run)
{
	RL_TRY(vmm_kick_open(&n->kick_rx, n->env->loop, run, QUEUE_RX, &n->rx, on_rx_kick, n));
	RL_TRY(vmm_kick_open(&n->kick_tx, n->env->loop, run, QUEUE_TX, &n->tx, on_tx_kick, n));
	return n->is_dead ? RL_OK : n->backend.ops->negotiated(&n->backend, run->features);
}

static rl_err activate(struct vmm_virtio_device *dev, const struct vmm_virtio_run *run)
{
	struct net *n = net_of(dev);
	rl_err e;

	n->irq = run->irq;
	n->mergeable = run->features & BIT(MRG_RXBUF);
	e = start(n, run);
	if (rl_failed(e)) {
		reset(dev);
		return e;
	}
	n->active = true;
	on_tx_kick(n, 0);
	return RL_OK;
}

static void config_read(struct vmm_virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	const struct net *n = net_of(dev);
	struct le16 status = le16_of(n->is_dead ? 0 : VIRTIO_NET_S_LINK_UP);
	uint8_t config[8];

	memcpy(config, n->mac, sizeof(n->mac));
	memcpy(config + 6, &status, sizeof(status));
	memset(buf, 0, len);
	if (offset < sizeof(config)) {
		size_t left = sizeof(config) - offset;

		memcpy(buf, config + offset, len < left ? len : left);
	}
}

static void net_free(struct vmm_virtio_device *dev)
{
	struct net *n = net_of(dev);

	reset(dev);
	net_backend_close(&n->backend);
	free(n);
}

static const struct vmm_virtio_ops ops = {
	.activate = activate,
	.reset = reset,
	.config_read = config_read,
	.free = net_free,
};

/* 5.1.3.1: what rests on something that is not offered is not offered either. */
static uint64_t offered(uint32_t wanted)
{
	const uint64_t in = BIT(GUEST_TSO4) | BIT(GUEST_TSO6) | BIT(GUEST_UFO);
	const uint64_t out = BIT(HOST_TSO4) | BIT(HOST_TSO6) | BIT(HOST_UFO);
	uint64_t f = wanted & (in | out | BIT(CSUM) | BIT(GUEST_CSUM));

	if (!(f & BIT(GUEST_CSUM)))
		f &= ~in;
	if (!(f & BIT(CSUM)))
		f &= ~out;
	return f | BIT(MAC) | BIT(STATUS) | BIT(MRG_RXBUF) | VMM_F_RING;
}

rl_err vmm_net_new(const struct vmm_virtio_env *env, const struct vmm_net_config *config,
		   struct vmm_virtio_device **ret)
{
	struct net *n = calloc(1, sizeof(*n));
	uint32_t features = config->features;
	rl_err e;

	if (n == NULL)
		return rl_nomem();
	n->env = env;
	memcpy(n->mac, config->mac, sizeof(n->mac));
	e = config->kind == VMM_NET_TAP ? net_tap_open(config, &n->backend, &features)
					: net_socket_open(config, &n->backend);
	n->dev = (struct vmm_virtio_device){
		.ops = &ops,
		.id = VIRTIO_ID_NET,
		.features = offered(features),
		.queue_count = QUEUES,
		.queue_max = queue_max,
	};
	(void)snprintf(n->dev.name, sizeof(n->dev.name), "%s", config->name);
	if (rl_failed(e)) {
		net_free(&n->dev);
		return e;
	}
	*ret = &n->dev;
	return RL_OK;
}

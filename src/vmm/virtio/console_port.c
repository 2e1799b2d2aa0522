/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/console_core.h"

#include <string.h>
#include <sys/epoll.h>

/*
 * Waits for a stream, or for nothing (0). A descriptor that is not waited for leaves the loop, or a
 * hang-up that nobody can act upon would wake it for ever. What cannot be waited for (/dev/null)
 * never says "again" either.
 */
static void want(struct port *p, const struct rl_stream *s, struct vmm_watch *watch,
		 uint32_t events, vmm_ready_fn *ready)
{
	struct console *c = p->console;
	rl_err e = RL_OK;

	if (events == 0)
		vmm_loop_remove(c->env->loop, watch);
	else if (watch->slot_plus_one == 0)
		e = vmm_loop_add(c->env->loop, s->fd, events, ready, p, watch);
	if (rl_failed(e) && !rl_is(e, RL_E(EPERM)))
		vmm_log(VMM_LOG_ERROR, c->dev.name, "port %u: %s", p->index, rl_text(e));
	rl_drop(e);
}

static void on_input(void *arg, uint32_t events);
static void on_output(void *arg, uint32_t events);

static void want_input(struct port *p, bool yes)
{
	want(p, &p->in, &p->watch_in, yes ? EPOLLIN : 0, on_input);
}

static void want_output(struct port *p, bool yes)
{
	want(p, &p->out, &p->watch_out, yes ? EPOLLOUT : 0, on_output);
}

/* The host has no more input: the guest's reader sees the end of the file. */
static void end_input(struct port *p)
{
	want_input(p, false);
	rl_stream_close(&p->in);
	if (p->host_open && !p->is_console) {
		p->host_open = false;
		p->news |= NEWS_OPEN;
		vmm_console_tell(p->console);
	}
}

/* Host to guest, one buffer. False: stop for now. */
static bool receive_one(struct port *p)
{
	struct console *c = p->console;
	struct iovec to[SEGMENTS_AT_ONCE];
	size_t done = 0, room;

	if (vmm_console_pop(c, &p->rx) != VMM_POP_CHAIN) {
		if (vmm_queue_listen(&p->rx))
			return true;
		want_input(p, false); /* until the guest brings buffers */
		return false;
	}

	struct vmm_cursor cursor = vmm_cursor_at(vmm_chain_in(&c->chain), c->chain.in_count);
	size_t count = vmm_cursor_take(&cursor, SIZE_MAX, to, SEGMENTS_AT_ONCE, &room);

	if (count == 0) {
		vmm_queue_push(&p->rx, c->chain.head, 0);
		return true;
	}
	switch (rl_stream_read(&p->in, to, count, &done)) {
	case RL_IO_DONE:
		vmm_queue_push(&p->rx, c->chain.head, (uint32_t)done);
		return true;
	case RL_IO_AGAIN:
		vmm_queue_unpop(&p->rx);
		want_input(p, true);
		return false;
	case RL_IO_ERROR:
		vmm_log(VMM_LOG_WARN, c->dev.name, "port %u: read input: %s", p->index,
			strerror(errno));
		break;
	case RL_IO_END:
		break;
	}
	vmm_queue_unpop(&p->rx);
	end_input(p);
	return false;
}

void vmm_console_receive(struct port *p)
{
	struct console *c = p->console;

	unsigned n = 0;

	if (!c->active || !rl_stream_has(&p->in))
		return;
	if (!p->guest_open) {
		want_input(p, false);
		return;
	}
	while (n < TURN && receive_one(p))
		n++;
	vmm_queue_tell(&p->rx, c->irq, rx_queue(p->index));
	if (n == TURN)
		vmm_kick_again(&p->kick_rx);
}

/* Guest to host, one buffer. False: the host takes no more now. */
static bool transmit_one(struct port *p)
{
	struct console *c = p->console;
	struct vmm_cursor from = vmm_cursor_at(c->chain.segment, c->chain.out_count);

	/* The rest of a chain that was begun. If the guest shortened it since, it is done. */
	if (!vmm_cursor_skip(&from, p->tx_done))
		vmm_cursor_skip(&from, from.left);
	while (from.left > 0) {
		struct iovec part[SEGMENTS_AT_ONCE];
		struct vmm_cursor mark = from;
		size_t done = 0, room;
		size_t count = vmm_cursor_take(&mark, SIZE_MAX, part, SEGMENTS_AT_ONCE, &room);

		switch (rl_stream_write(&p->out, part, count, &done)) {
		case RL_IO_DONE:
			vmm_cursor_skip(&from, done);
			p->tx_done += done;
			break;
		case RL_IO_AGAIN:
			want_output(p, true);
			return false;
		case RL_IO_ERROR:
			vmm_log(VMM_LOG_WARN, c->dev.name, "port %u: write output: %s", p->index,
				strerror(errno));
			/* fall through */
			__attribute__((fallthrough));
		case RL_IO_END:
			/*
			 * Nobody reads. The output is thrown away: a guest that writes to a port
			 * whose host side is closed would wait for ever.
			 */
			want_output(p, false);
			rl_stream_close(&p->out);
			vmm_cursor_skip(&from, from.left);
			break;
		}
	}
	return true;
}

void vmm_console_transmit(struct port *p)
{
	struct console *c = p->console;

	if (!c->active)
		return;
	want_output(p, false);
	for (unsigned n = 0; n < TURN; n++) {
		if (vmm_console_pop(c, &p->tx) != VMM_POP_CHAIN) {
			vmm_queue_tell(&p->tx, c->irq, rx_queue(p->index) + 1);
			if (vmm_queue_listen(&p->tx))
				continue;
			return;
		}
		if (rl_stream_has(&p->out) && !transmit_one(p)) {
			vmm_queue_unpop(&p->tx);
			vmm_queue_tell(&p->tx, c->irq, rx_queue(p->index) + 1);
			return;
		}
		p->tx_done = 0;
		vmm_queue_push(&p->tx, c->chain.head, 0);
	}
	vmm_queue_tell(&p->tx, c->irq, rx_queue(p->index) + 1);
	vmm_kick_again(&p->kick_tx);
}

static void on_input(void *arg, uint32_t events)
{
	(void)events;
	vmm_console_receive(arg);
}

static void on_output(void *arg, uint32_t events)
{
	(void)events;
	vmm_console_transmit(arg);
}

void vmm_console_on_rx_kick(void *arg, uint32_t events)
{
	struct port *p = arg;

	(void)events;
	vmm_kick_heard(&p->kick_rx);
	vmm_console_receive(p);
}

void vmm_console_on_tx_kick(void *arg, uint32_t events)
{
	struct port *p = arg;

	(void)events;
	vmm_kick_heard(&p->kick_tx);
	vmm_console_transmit(p);
}

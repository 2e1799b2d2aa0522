/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/console.h"

#include "vmm/log.h"
#include "vmm/mem/le.h"
#include "vmm/virtio/queue.h"
#include "vmm/virtio/stream.h"

#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>

/* 5.3.3: feature bits. */
#define F_SIZE (1ull << 0)
#define F_MULTIPORT (1ull << 1)

/* 5.3.2: queue numbers. Port 0 has 0 and 1, port n has 2n + 2 and 2n + 3. */
#define QUEUE_CONTROL_IN 2
#define QUEUE_CONTROL_OUT 3

#define QUEUE_SIZE 128
#define NAME_MAX_BYTES 255
#define SEGMENTS_AT_ONCE 16

/*
 * Buffers that one call moves. Then the others on the loop have their turn: a guest that floods
 * the console must not delay the signal that stops it.
 */
#define TURN (2 * QUEUE_SIZE)

/* 5.3.6.2: control messages. */
enum event {
	DEVICE_READY = 0,
	PORT_ADD = 1,
	PORT_READY = 3,
	CONSOLE_PORT = 4,
	RESIZE = 5,
	PORT_OPEN = 6,
	PORT_NAME = 7,
};

struct control {
	struct le32 id;
	struct le16 event;
	struct le16 value;
};

struct config {
	struct le16 columns, rows;
	struct le32 ports;
	struct le32 emergency;
};

/*
 * What is to be told about a port, one bit each. Bits and not a list: a guest that never takes its
 * messages makes none pile up, and the newest state is what it gets. Sent in this order.
 */
enum news {
	NEWS_ADD = 1 << 0,
	NEWS_CONSOLE = 1 << 1,
	NEWS_NAME = 1 << 2,
	NEWS_RESIZE = 1 << 3,
	NEWS_OPEN = 1 << 4,
};

struct console;

struct port {
	struct console *console;
	unsigned index;
	char *name;
	bool is_console;
	struct vmm_stream in, out;
	int tty_fd;
	bool is_raw;
	struct termios saved;
	uint16_t rows, columns;

	struct vmm_queue rx, tx; /* the guest's view: we write rx, we read tx */
	struct vmm_watch kick_rx, kick_tx, watch_in, watch_out;
	int kick_rx_fd, kick_tx_fd;
	bool guest_open; /* the guest reads: input before that would be thrown away there */
	bool host_open;	 /* the host's input has not ended */
	size_t tx_done;	 /* bytes of the next chain that are written already */
	unsigned news;
};

struct console {
	struct vmm_virtio_device dev;
	const struct vmm_virtio_env *env;
	uint16_t queue_max[VIRTIO_QUEUES_MAX];
	bool active, multiport;
	struct vmm_virtio_irq *irq;
	struct vmm_queue control_in, control_out;
	struct vmm_watch kick_control_in, kick_control_out;
	int kick_control_in_fd, kick_control_out_fd;
	struct vmm_chain chain; /* scratch: valid during one step only */
	unsigned count;
	struct port port[];
};

static struct console *console_of(struct vmm_virtio_device *dev)
{
	return (struct console *)dev;
}

static unsigned rx_queue(unsigned port)
{
	return port == 0 ? 0 : 2 * port + 2;
}

static void read_size(struct port *p)
{
	struct winsize size;

	if (p->tty_fd >= 0 && ioctl(p->tty_fd, TIOCGWINSZ, &size) == 0) {
		p->rows = size.ws_row;
		p->columns = size.ws_col;
	}
}

static void interrupt(struct console *c, struct vmm_queue *q, unsigned index)
{
	if (vmm_queue_wants_interrupt(q))
		vmm_virtio_used(c->irq, (uint16_t)index);
}

static void drain_kick(int fd)
{
	eventfd_t count;

	/* Nothing to read is fine: the notification was seen by an earlier call. */
	(void)eventfd_read(fd, &count);
}

static enum vmm_pop pop(struct console *c, struct vmm_queue *q)
{
	bool was_fine = q->fault == VMM_QUEUE_FINE;
	enum vmm_pop got = vmm_queue_pop(q, &c->chain);

	if (got == VMM_POP_FAULT && was_fine)
		vmm_log(VMM_LOG_ERROR, c->dev.name, "the guest broke a queue: %s",
			vmm_queue_fault_text(q->fault));
	return got;
}

/* ---- Control messages ------------------------------------------------------------------------ */

/* Composes the message for one bit of news. Returns its length. */
static size_t compose(const struct port *p, unsigned news, uint8_t buf[NAME_MAX_BYTES + 16])
{
	struct control m = { .id = le32_of(p->index) };
	size_t len = sizeof(m);

	switch ((enum news)news) {
	case NEWS_ADD:
		m.event = le16_of(PORT_ADD);
		break;
	case NEWS_CONSOLE:
		m.event = le16_of(CONSOLE_PORT);
		m.value = le16_of(1);
		break;
	case NEWS_NAME:
		m.event = le16_of(PORT_NAME);
		m.value = le16_of(1);
		memcpy(buf + len, p->name, strlen(p->name));
		len += strlen(p->name);
		break;
	case NEWS_RESIZE: {
		struct le16 size[2] = { le16_of(p->columns), le16_of(p->rows) };

		m.event = le16_of(RESIZE);
		memcpy(buf + len, size, sizeof(size));
		len += sizeof(size);
		break;
	}
	case NEWS_OPEN:
		m.event = le16_of(PORT_OPEN);
		m.value = le16_of(p->host_open);
		break;
	}
	memcpy(buf, &m, sizeof(m));
	return len;
}

static void send_news(struct console *c)
{
	uint8_t buf[NAME_MAX_BYTES + 16];

	for (unsigned i = 0; i < c->count; i++) {
		struct port *p = &c->port[i];

		while (p->news != 0) {
			unsigned bit = p->news & -p->news;
			size_t len = compose(p, bit, buf);

			if (pop(c, &c->control_in) != VMM_POP_CHAIN) {
				if (vmm_queue_listen(&c->control_in))
					continue;
				return;
			}

			struct vmm_cursor to =
				vmm_cursor_at(vmm_chain_in(&c->chain), c->chain.in_count);

			/* A buffer too small for the message gets none; Linux gives a page. */
			if (!vmm_cursor_write(&to, buf, len))
				len = 0;
			vmm_queue_push(&c->control_in, c->chain.head, (uint32_t)len);
			p->news &= ~bit;
		}
	}
}

static void tell(struct console *c)
{
	if (!c->active || !c->multiport)
		return;
	send_news(c);
	interrupt(c, &c->control_in, QUEUE_CONTROL_IN);
}

static void on_control_in(void *arg, uint32_t events)
{
	struct console *c = arg;

	(void)events;
	drain_kick(c->kick_control_in_fd);
	tell(c);
}

/* ---- Data ------------------------------------------------------------------------------------ */

/*
 * Waits for a stream, or for nothing (0). A descriptor that is not waited for leaves the loop, or a
 * hang-up that nobody can act upon would wake it for ever. What cannot be waited for (/dev/null)
 * never says "again" either.
 */
static void want(struct port *p, const struct vmm_stream *s, struct vmm_watch *watch,
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
	vmm_stream_close(&p->in);
	if (p->host_open && !p->is_console) {
		p->host_open = false;
		p->news |= NEWS_OPEN;
		tell(p->console);
	}
}

/* Host to guest, one buffer. False: stop for now. */
static bool receive_one(struct port *p)
{
	struct console *c = p->console;
	struct iovec to[SEGMENTS_AT_ONCE];
	size_t done = 0, room;

	if (pop(c, &p->rx) != VMM_POP_CHAIN) {
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
	switch (vmm_stream_read(&p->in, to, count, &done)) {
	case VMM_IO_DONE:
		vmm_queue_push(&p->rx, c->chain.head, (uint32_t)done);
		return true;
	case VMM_IO_AGAIN:
		vmm_queue_unpop(&p->rx);
		want_input(p, true);
		return false;
	case VMM_IO_ERROR:
		vmm_log(VMM_LOG_WARN, c->dev.name, "port %u: read input: %s", p->index,
			strerror(errno));
		break;
	case VMM_IO_END:
		break;
	}
	vmm_queue_unpop(&p->rx);
	end_input(p);
	return false;
}

static void receive(struct port *p)
{
	struct console *c = p->console;

	unsigned n = 0;

	if (!c->active || !vmm_stream_has(&p->in))
		return;
	if (!p->guest_open) {
		want_input(p, false);
		return;
	}
	while (n < TURN && receive_one(p))
		n++;
	interrupt(c, &p->rx, rx_queue(p->index));
	if (n == TURN)
		eventfd_write(p->kick_rx_fd, 1);
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

		switch (vmm_stream_write(&p->out, part, count, &done)) {
		case VMM_IO_DONE:
			vmm_cursor_skip(&from, done);
			p->tx_done += done;
			break;
		case VMM_IO_AGAIN:
			want_output(p, true);
			return false;
		case VMM_IO_ERROR:
			vmm_log(VMM_LOG_WARN, c->dev.name, "port %u: write output: %s", p->index,
				strerror(errno));
			/* fall through */
			__attribute__((fallthrough));
		case VMM_IO_END:
			/*
			 * Nobody reads. The output is thrown away: a guest that writes to a port
			 * whose host side is closed would wait for ever.
			 */
			want_output(p, false);
			vmm_stream_close(&p->out);
			vmm_cursor_skip(&from, from.left);
			break;
		}
	}
	return true;
}

static void transmit(struct port *p)
{
	struct console *c = p->console;

	if (!c->active)
		return;
	want_output(p, false);
	for (unsigned n = 0; n < TURN; n++) {
		if (pop(c, &p->tx) != VMM_POP_CHAIN) {
			interrupt(c, &p->tx, rx_queue(p->index) + 1);
			if (vmm_queue_listen(&p->tx))
				continue;
			return;
		}
		if (vmm_stream_has(&p->out) && !transmit_one(p)) {
			vmm_queue_unpop(&p->tx);
			interrupt(c, &p->tx, rx_queue(p->index) + 1);
			return;
		}
		p->tx_done = 0;
		vmm_queue_push(&p->tx, c->chain.head, 0);
	}
	interrupt(c, &p->tx, rx_queue(p->index) + 1);
	eventfd_write(p->kick_tx_fd, 1);
}

static void on_input(void *arg, uint32_t events)
{
	(void)events;
	receive(arg);
}

static void on_output(void *arg, uint32_t events)
{
	(void)events;
	transmit(arg);
}

static void on_rx_kick(void *arg, uint32_t events)
{
	struct port *p = arg;

	(void)events;
	drain_kick(p->kick_rx_fd);
	receive(p);
}

static void on_tx_kick(void *arg, uint32_t events)
{
	struct port *p = arg;

	(void)events;
	drain_kick(p->kick_tx_fd);
	transmit(p);
}

/* ---- What the guest's driver says --------------------------------------------------------------
 */

static void hear(struct console *c, const struct control *m)
{
	uint32_t id = le32_get(m->id);
	uint16_t event = le16_get(m->event), value = le16_get(m->value);

	if (event == DEVICE_READY) {
		for (unsigned i = 0; value == 1 && i < c->count; i++)
			c->port[i].news |= NEWS_ADD;
		return;
	}
	if (id >= c->count)
		return;

	struct port *p = &c->port[id];

	if (event == PORT_READY && value == 1) {
		p->news |= p->is_console ? NEWS_CONSOLE : 0;
		p->news |= p->name != NULL ? NEWS_NAME : 0;
		p->news |= p->is_console && p->tty_fd >= 0 ? NEWS_RESIZE : 0;
		p->news |= NEWS_OPEN;
	} else if (event == PORT_OPEN) {
		p->guest_open = value == 1;
		receive(p);
	}
	/* Everything else is for us to send. */
}

static void on_control_out(void *arg, uint32_t events)
{
	struct console *c = arg;

	(void)events;
	if (!c->multiport)
		return;
	drain_kick(c->kick_control_out_fd);
	for (unsigned n = 0; n < TURN; n++) {
		struct control m;

		if (pop(c, &c->control_out) != VMM_POP_CHAIN) {
			if (vmm_queue_listen(&c->control_out))
				continue;
			break;
		}

		struct vmm_cursor from = vmm_cursor_at(c->chain.segment, c->chain.out_count);
		bool whole = vmm_cursor_read(&from, &m, sizeof(m));

		vmm_queue_push(&c->control_out, c->chain.head, 0);
		if (whole)
			hear(c, &m);
	}
	interrupt(c, &c->control_out, QUEUE_CONTROL_OUT);
	if (vmm_queue_pending(&c->control_out))
		eventfd_write(c->kick_control_out_fd, 1);
	tell(c);
}

/* ---- The device --------------------------------------------------------------------------------
 */

static void reset(struct vmm_virtio_device *dev)
{
	struct console *c = console_of(dev);
	struct vmm_loop *loop = c->env->loop;

	c->active = false;
	vmm_loop_remove(loop, &c->kick_control_in);
	vmm_loop_remove(loop, &c->kick_control_out);
	for (unsigned i = 0; i < c->count; i++) {
		struct port *p = &c->port[i];

		vmm_loop_remove(loop, &p->kick_rx);
		vmm_loop_remove(loop, &p->kick_tx);
		vmm_loop_remove(loop, &p->watch_in);
		vmm_loop_remove(loop, &p->watch_out);
		p->rx = p->tx = (struct vmm_queue){ 0 };
		p->guest_open = false;
		p->tx_done = 0;
		p->news = 0;
	}
	c->control_in = c->control_out = (struct vmm_queue){ 0 };
}

/* A queue and the watch of its notifications. */
static rl_err open_queue(struct console *c, const struct vmm_virtio_run *run, unsigned index,
			 struct vmm_queue *q, vmm_ready_fn *ready, void *arg,
			 struct vmm_watch *watch, int *ret_fd)
{
	const struct vmm_queue_setup *setup = &run->queue[index];
	enum vmm_queue_fault fault;

	if (index >= run->queue_count || !setup->ready)
		return RL_OK;
	fault = vmm_queue_init(q, run->mem, setup, run->features);
	if (fault != VMM_QUEUE_FINE)
		return rl_refuse(RL_E(EINVAL), "queue %u: %s", index, vmm_queue_fault_text(fault));
	*ret_fd = setup->kick_fd;
	return vmm_loop_add(c->env->loop, setup->kick_fd, EPOLLIN, ready, arg, watch);
}

static rl_err open_port(struct console *c, const struct vmm_virtio_run *run, struct port *p)
{
	unsigned rx = rx_queue(p->index);

	RL_TRY(open_queue(c, run, rx, &p->rx, on_rx_kick, p, &p->kick_rx, &p->kick_rx_fd));
	RL_TRY(open_queue(c, run, rx + 1, &p->tx, on_tx_kick, p, &p->kick_tx, &p->kick_tx_fd));
	p->guest_open = !c->multiport; /* without control messages there is only one way */
	return RL_OK;
}

static rl_err open_all(struct console *c, const struct vmm_virtio_run *run)
{
	if (c->multiport) {
		RL_TRY(open_queue(c, run, QUEUE_CONTROL_IN, &c->control_in, on_control_in, c,
				  &c->kick_control_in, &c->kick_control_in_fd));
		RL_TRY(open_queue(c, run, QUEUE_CONTROL_OUT, &c->control_out, on_control_out, c,
				  &c->kick_control_out, &c->kick_control_out_fd));
	}
	for (unsigned i = 0; i < (c->multiport ? c->count : 1); i++)
		RL_TRY(open_port(c, run, &c->port[i]), "port %u", i);
	return RL_OK;
}

static rl_err activate(struct vmm_virtio_device *dev, const struct vmm_virtio_run *run)
{
	struct console *c = console_of(dev);
	rl_err e;

	c->irq = run->irq;
	c->multiport = run->features & F_MULTIPORT;
	e = open_all(c, run);
	if (rl_failed(e)) {
		reset(dev);
		return e;
	}
	c->active = true;
	/* What the driver queued before it said DRIVER_OK. */
	on_control_out(c, 0);
	for (unsigned i = 0; i < c->count; i++) {
		transmit(&c->port[i]);
		receive(&c->port[i]);
	}
	return RL_OK;
}

static void config_read(struct vmm_virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	struct console *c = console_of(dev);
	struct config config = {
		.columns = le16_of(c->port[0].columns),
		.rows = le16_of(c->port[0].rows),
		.ports = le32_of(c->count),
	};

	memset(buf, 0, len);
	if (offset < sizeof(config)) {
		size_t left = sizeof(config) - offset;

		memcpy(buf, (uint8_t *)&config + offset, len < left ? len : left);
	}
}

static bool busy(struct vmm_virtio_device *dev)
{
	struct console *c = console_of(dev);

	for (unsigned i = 0; i < c->count; i++) {
		if (vmm_stream_has(&c->port[i].out) && vmm_queue_pending(&c->port[i].tx))
			return true;
	}
	return false;
}

static void close_port(struct port *p)
{
	if (p->is_raw)
		tcsetattr(p->tty_fd, TCSANOW, &p->saved);
	vmm_stream_close(&p->in);
	vmm_stream_close(&p->out);
	free(p->name);
}

static void console_free(struct vmm_virtio_device *dev)
{
	struct console *c = console_of(dev);

	reset(dev);
	for (unsigned i = 0; i < c->count; i++)
		close_port(&c->port[i]);
	free(c);
}

static const struct vmm_virtio_ops ops = {
	.activate = activate,
	.reset = reset,
	.config_read = config_read,
	.busy = busy,
	.free = console_free,
};

void vmm_console_resized(struct vmm_virtio_device *dev)
{
	struct console *c = console_of(dev);

	for (unsigned i = 0; i < c->count; i++) {
		struct port *p = &c->port[i];

		if (p->tty_fd < 0)
			continue;
		read_size(p);
		if (p->is_console)
			p->news |= NEWS_RESIZE;
	}
	tell(c);
	if (dev->config_changed != NULL)
		dev->config_changed(dev);
}

static rl_err make_raw(struct port *p)
{
	struct termios raw;

	RL_TRY(rl_sys(tcgetattr(p->tty_fd, &p->saved), "descriptor %d", p->tty_fd));
	raw = p->saved;
	cfmakeraw(&raw);
	RL_TRY(rl_sys(tcsetattr(p->tty_fd, TCSANOW, &raw), "put terminal %d into raw mode",
		      p->tty_fd));
	p->is_raw = true;
	return RL_OK;
}

static rl_err make_port(struct port *p, const struct vmm_console_port_config *config)
{
	p->is_console = config->is_console;
	p->host_open = true;
	p->tty_fd = config->tty_fd;
	if (config->name != NULL && config->name[0] != '\0') {
		if (strlen(config->name) > NAME_MAX_BYTES)
			return rl_refuse(RL_E(ENAMETOOLONG), "a name of %zu bytes (at most %d)",
					 strlen(config->name), NAME_MAX_BYTES);
		p->name = strdup(config->name);
		if (p->name == NULL)
			return rl_nomem();
	}
	RL_TRY(vmm_stream_open(config->in_fd, VMM_STREAM_READ, &p->in), "input");
	RL_TRY(vmm_stream_open(config->out_fd, VMM_STREAM_WRITE, &p->out), "output");
	if (p->tty_fd >= 0) {
		RL_TRY(make_raw(p), "terminal");
		read_size(p);
	}
	return RL_OK;
}

static rl_err make_ports(struct console *c, const struct vmm_console_port_config *port,
			 unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct port *p = &c->port[i];

		*p = (struct port){
			.console = c,
			.index = i,
			.tty_fd = -1,
			.in = { .fd = -1 },
			.out = { .fd = -1 },
		};
		c->count = i + 1; /* console_free closes what was opened, also of a failed one */
		RL_TRY(make_port(p, &port[i]), "%s port %u", c->dev.name, i);
	}
	return RL_OK;
}

rl_err vmm_console_new(const struct vmm_virtio_env *env, const char *name,
		       const struct vmm_console_port_config *port, unsigned count,
		       struct vmm_virtio_device **ret)
{
	struct console *c;
	rl_err e;

	if (count == 0 || count > VMM_CONSOLE_PORTS_MAX)
		return rl_refuse(RL_E(E2BIG), "%s: %u ports (1 to %d are possible)", name, count,
				 VMM_CONSOLE_PORTS_MAX);
	c = calloc(1, sizeof(*c) + count * sizeof(c->port[0]));
	if (c == NULL)
		return rl_nomem();
	c->env = env;
	c->dev = (struct vmm_virtio_device){
		.ops = &ops,
		.id = VIRTIO_ID_CONSOLE,
		.features = VMM_F_RING | F_SIZE | F_MULTIPORT,
		.queue_count = (uint16_t)(2 * count + 2),
		.queue_max = c->queue_max,
	};
	snprintf(c->dev.name, sizeof(c->dev.name), "%s", name);
	for (unsigned i = 0; i < c->dev.queue_count; i++)
		c->queue_max[i] = QUEUE_SIZE;
	e = make_ports(c, port, count);
	if (rl_failed(e)) {
		console_free(&c->dev);
		return e;
	}
	*ret = &c->dev;
	return RL_OK;
}

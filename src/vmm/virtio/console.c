/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/console_core.h"

#include "vmm/mem/le.h"

#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

struct config {
	struct le16 columns, rows;
	struct le32 ports;
	struct le32 emergency;
};

static struct console *console_of(struct vmm_virtio_device *dev)
{
	return (struct console *)dev;
}

static void read_size(struct port *p)
{
	struct winsize size;

	if (p->tty_fd >= 0 && ioctl(p->tty_fd, TIOCGWINSZ, &size) == 0) {
		p->rows = size.ws_row;
		p->columns = size.ws_col;
	}
}

enum vmm_pop vmm_console_pop(struct console *c, struct vmm_queue *q)
{
	bool was_fine = q->fault == VMM_QUEUE_FINE;
	enum vmm_pop got = vmm_queue_pop(q, &c->chain);

	if (got == VMM_POP_FAULT && was_fine)
		vmm_queue_blame(q, c->irq, c->dev.name);
	return got;
}

static void reset(struct vmm_virtio_device *dev)
{
	struct console *c = console_of(dev);
	struct vmm_loop *loop = c->env->loop;

	c->active = false;
	vmm_kick_close(&c->kick_control_in, loop);
	vmm_kick_close(&c->kick_control_out, loop);
	for (unsigned i = 0; i < c->count; i++) {
		struct port *p = &c->port[i];

		vmm_kick_close(&p->kick_rx, loop);
		vmm_kick_close(&p->kick_tx, loop);
		vmm_loop_remove(loop, &p->watch_in);
		vmm_loop_remove(loop, &p->watch_out);
		p->rx = p->tx = (struct vmm_queue){ 0 };
		p->guest_open = false;
		p->tx_done = 0;
		p->news = 0;
	}
	c->control_in = c->control_out = (struct vmm_queue){ 0 };
}

static rl_err open_port(struct console *c, const struct vmm_virtio_run *run, struct port *p)
{
	unsigned rx = rx_queue(p->index);

	RL_TRY(vmm_kick_open(&p->kick_rx, c->env->loop, run, rx, &p->rx, vmm_console_on_rx_kick,
			     p));
	RL_TRY(vmm_kick_open(&p->kick_tx, c->env->loop, run, rx + 1, &p->tx, vmm_console_on_tx_kick,
			     p));
	p->guest_open = !c->multiport; /* without control messages there is only one way */
	return RL_OK;
}

static rl_err open_all(struct console *c, const struct vmm_virtio_run *run)
{
	if (c->multiport) {
		RL_TRY(vmm_kick_open(&c->kick_control_in, c->env->loop, run, QUEUE_CONTROL_IN,
				     &c->control_in, vmm_console_on_control_in, c));
		RL_TRY(vmm_kick_open(&c->kick_control_out, c->env->loop, run, QUEUE_CONTROL_OUT,
				     &c->control_out, vmm_console_on_control_out, c));
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
	vmm_console_on_control_out(c, 0);
	for (unsigned i = 0; i < c->count; i++) {
		vmm_console_transmit(&c->port[i]);
		vmm_console_receive(&c->port[i]);
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
		if (rl_stream_has(&c->port[i].out) && vmm_queue_pending(&c->port[i].tx))
			return true;
	}
	return false;
}

static void close_port(struct port *p)
{
	if (p->is_raw)
		tcsetattr(p->tty_fd, TCSANOW, &p->saved);
	rl_stream_close(&p->in);
	rl_stream_close(&p->out);
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
	vmm_console_tell(c);
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
	RL_TRY(rl_stream_open(config->in_fd, RL_STREAM_READ, &p->in), "input");
	RL_TRY(rl_stream_open(config->out_fd, RL_STREAM_WRITE, &p->out), "output");
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

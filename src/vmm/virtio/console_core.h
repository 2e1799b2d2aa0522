/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the console device.
 *
 *   console.c          the device: its ports, activation, configuration space
 *   console_port.c     data of one port, both ways
 *   console_control.c  what device and driver tell each other about the ports
 */
#pragma once

#include "base/stream.h"
#include "vmm/log.h"
#include "vmm/virtio/console.h"
#include "vmm/virtio/kick.h"

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
	struct rl_stream in, out;
	int tty_fd;
	bool is_raw;
	struct termios saved;
	uint16_t rows, columns;

	struct vmm_queue rx, tx; /* the guest's view: we write rx, we read tx */
	struct vmm_kick kick_rx, kick_tx;
	struct vmm_watch watch_in, watch_out;
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
	struct vmm_kick kick_control_in, kick_control_out;
	struct vmm_chain chain; /* scratch: valid during one step only */
	unsigned count;
	struct port port[];
};

/* ---- console.c ---- */

/* The next chain, in c->chain; a fault is logged once. */
enum vmm_pop vmm_console_pop(struct console *c, struct vmm_queue *q);

/* The receive queue of a port; its transmit queue is the next one. */
static inline unsigned rx_queue(unsigned port)
{
	return port == 0 ? 0 : 2 * port + 2;
}

/* ---- console_port.c ---- */

/* Host to guest, and guest to host: what can be moved now. */
void vmm_console_receive(struct port *p);
void vmm_console_transmit(struct port *p);
void vmm_console_on_rx_kick(void *port, uint32_t events);
void vmm_console_on_tx_kick(void *port, uint32_t events);

/* ---- console_control.c ---- */

/* Sends what news there are. */
void vmm_console_tell(struct console *c);
void vmm_console_on_control_in(void *console, uint32_t events);
void vmm_console_on_control_out(void *console, uint32_t events);

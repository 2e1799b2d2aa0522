/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers by the National 16550 data sheet. Only one interrupt cause is pending at a time, the
 * one of highest priority, as IIR shows it.
 */
#include "vmm/bus/serial.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#define FIFO 64

enum { REG_DATA, REG_IER, REG_IIR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCRATCH };
enum { IER_RX = 1, IER_TX_EMPTY = 2 };
enum { IIR_NONE = 1, IIR_TX_EMPTY = 2, IIR_RX = 4, IIR_FIFO = 0xc0 };
enum { LCR_DLAB = 0x80, MCR_LOOP = 0x10, FCR_CLEAR_RX = 2 };
enum { LSR_RX_READY = 1, LSR_TX_EMPTY = 0x60 };
enum { MSR_LINE_UP = 0xb0 }; /* carrier, data set ready, clear to send */

struct vmm_serial_port {
	struct vmm_loop *loop;
	struct vmm_watch watch;
	int in_fd, out_fd, irq_fd;
	bool was_tty;
	struct termios saved;

	uint8_t ier, lcr, mcr, scratch, divisor[2];
	bool tx_empty_pending;
	uint8_t fifo[FIFO];
	unsigned head, count;
};

/* Without a lock: a reader that does not read must stop nobody but this vCPU. */
static void send_byte(int fd, uint8_t byte)
{
	/* Output that nobody reads any more is lost; the guest need not know. EINTR: the machine
	 * is being stopped. EAGAIN: somebody else made the terminal non-blocking. */
	while (fd >= 0 && write(fd, &byte, 1) < 0 && errno == EAGAIN)
		(void)poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 100);
}

static uint8_t interrupt_cause(const struct vmm_serial_port *s)
{
	if ((s->ier & IER_RX) && s->count > 0)
		return IIR_RX;
	if ((s->ier & IER_TX_EMPTY) && s->tx_empty_pending)
		return IIR_TX_EMPTY;
	return IIR_NONE;
}

static void raise_line(struct vmm_serial_port *s)
{
	static const uint64_t one = 1;

	if (interrupt_cause(s) == IIR_NONE || s->irq_fd < 0)
		return;
	if (write(s->irq_fd, &one, sizeof(one)) < 0)
		errno = 0; /* the counter is full: the line is raised anyway */
}

static void receive(struct vmm_serial_port *s, uint8_t byte)
{
	if (s->count < FIFO)
		s->fifo[(s->head + s->count++) % FIFO] = byte;
}

static uint8_t take(struct vmm_serial_port *s)
{
	uint8_t byte = 0;

	if (s->count > 0) {
		byte = s->fifo[s->head];
		s->head = (s->head + 1) % FIFO;
		s->count--;
		rl_drop(vmm_loop_change(s->loop, &s->watch, EPOLLIN));
	}
	return byte;
}

static void on_input(void *arg, uint32_t events)
{
	struct vmm_serial_port *s = arg;
	uint8_t bytes[FIFO];
	ssize_t n;

	(void)events;
	if (s->count == FIFO) {
		rl_drop(vmm_loop_change(s->loop, &s->watch, 0));
		return;
	}
	n = read(s->in_fd, bytes, FIFO - s->count);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		vmm_loop_remove(s->loop, &s->watch);
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		receive(s, bytes[i]);
	raise_line(s);
}

static uint8_t read_register(struct vmm_serial_port *s, uint64_t offset)
{
	uint8_t cause;

	switch (offset) {
	case REG_DATA:
		return s->lcr & LCR_DLAB ? s->divisor[0] : take(s);
	case REG_IER:
		return s->lcr & LCR_DLAB ? s->divisor[1] : s->ier;
	case REG_IIR:
		cause = interrupt_cause(s);
		if (cause == IIR_TX_EMPTY)
			s->tx_empty_pending = false;
		return cause | IIR_FIFO;
	case REG_LCR:
		return s->lcr;
	case REG_MCR:
		return s->mcr;
	case REG_LSR:
		return LSR_TX_EMPTY | (s->count > 0 ? LSR_RX_READY : 0);
	case REG_MSR:
		/* In loop-back the outputs are read as inputs: how drivers probe the port. */
		if (s->mcr & MCR_LOOP)
			return (uint8_t)((s->mcr & 0x0c) << 4 | (s->mcr & 2) << 3 |
					 (s->mcr & 1) << 5);
		return MSR_LINE_UP;
	default:
		return s->scratch;
	}
}

static void write_register(struct vmm_serial_port *s, uint64_t offset, uint8_t value)
{
	switch (offset) {
	case REG_DATA:
		if (s->lcr & LCR_DLAB)
			s->divisor[0] = value;
		else if (s->mcr & MCR_LOOP)
			receive(s, value);
		s->tx_empty_pending = !(s->lcr & LCR_DLAB);
		break;
	case REG_IER:
		if (s->lcr & LCR_DLAB) {
			s->divisor[1] = value;
			break;
		}
		/* Enabling the interrupt while the transmitter is empty raises it. */
		s->tx_empty_pending |= (value & ~s->ier & IER_TX_EMPTY) != 0;
		s->ier = value & 0x0f;
		break;
	case REG_IIR: /* FIFO control when written */
		if (value & FCR_CLEAR_RX)
			s->count = 0;
		break;
	case REG_LCR:
		s->lcr = value;
		break;
	case REG_MCR:
		s->mcr = value & 0x1f;
		break;
	case REG_SCRATCH:
		s->scratch = value;
		break;
	default:
		break;
	}
	raise_line(s);
}

static void port_read(void *arg, uint64_t offset, uint8_t *data, unsigned len)
{
	struct vmm_serial_port *s = arg;

	if (len != 1)
		return;
	vmm_loop_lock(s->loop);
	data[0] = read_register(s, offset);
	vmm_loop_unlock(s->loop);
}

static void port_write(void *arg, uint64_t offset, const uint8_t *data, unsigned len)
{
	struct vmm_serial_port *s = arg;

	if (len != 1)
		return;
	vmm_loop_lock(s->loop);
	if (offset == REG_DATA && !(s->lcr & LCR_DLAB) && !(s->mcr & MCR_LOOP)) {
		vmm_loop_unlock(s->loop);
		send_byte(s->out_fd, data[0]);
		vmm_loop_lock(s->loop);
	}
	write_register(s, offset, data[0]);
	vmm_loop_unlock(s->loop);
}

static void make_raw(struct vmm_serial_port *s)
{
	struct termios raw;

	if (s->in_fd < 0 || tcgetattr(s->in_fd, &s->saved) < 0)
		return;
	raw = s->saved;
	cfmakeraw(&raw);
	s->was_tty = tcsetattr(s->in_fd, TCSANOW, &raw) == 0;
}

rl_err vmm_serial_new(struct vmm_loop *loop, int in_fd, int out_fd, int irq_fd,
		      struct vmm_serial_port **ret)
{
	struct vmm_serial_port *s = calloc(1, sizeof(*s));
	rl_err e = RL_OK;

	if (s == NULL)
		return rl_nomem();
	*s = (struct vmm_serial_port){
		.loop = loop, .in_fd = in_fd, .out_fd = out_fd, .irq_fd = irq_fd
	};
	if (in_fd >= 0)
		e = vmm_loop_add(loop, in_fd, EPOLLIN, on_input, s, &s->watch);
	/* A file, /dev/null: cannot be waited for and has no line behaviour; no input then. */
	if (rl_failed(e) && !rl_is(e, RL_E(EPERM))) {
		free(s);
		return rl_wrap(e, "serial input");
	}
	rl_drop(e);
	make_raw(s);
	*ret = s;
	return RL_OK;
}

rl_err vmm_serial_attach(struct vmm_serial_port *s, struct vmm_bus *ports, uint16_t port)
{
	static const struct vmm_bus_ops ops = { .read = port_read, .write = port_write };

	return vmm_bus_add(ports, (struct vmm_bus_range){ port, 8, &ops, s });
}

void vmm_serial_free(struct vmm_serial_port *s)
{
	if (s == NULL)
		return;
	if (s->was_tty)
		(void)tcsetattr(s->in_fd, TCSANOW, &s->saved);
	vmm_loop_remove(s->loop, &s->watch);
	free(s);
}

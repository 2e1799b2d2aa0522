/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A 16550 serial port. Output is written when the guest sends it, byte by byte, so a reader that
 * is slow slows the guest, as a line would. Input waits until the guest's FIFO has room.
 */
#pragma once

#include "vmm/bus/bus.h"
#include "vmm/loop.h"

struct vmm_serial_port;

/* fds are borrowed, -1: none. irq_fd: an eventfd that raises the line (borrowed). */
RL_MUST rl_err vmm_serial_new(struct vmm_loop *loop, int in_fd, int out_fd, int irq_fd,
			      struct vmm_serial_port **ret);
RL_MUST rl_err vmm_serial_attach(struct vmm_serial_port *s, struct vmm_bus *ports, uint16_t port);
void vmm_serial_free(struct vmm_serial_port *s);

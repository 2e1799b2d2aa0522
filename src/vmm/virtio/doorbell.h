/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a device's thread sleeps until its driver rings, and rings back.
 *
 * A request costs what it asks for, an interrupt and going back to sleep. The last two are one
 * system call where the kernel has an io_uring of the right kind (Linux 6.1): the interrupt's
 * write is submitted by the call that waits. Elsewhere, or under a filter that forbids it, they
 * are a write and an epoll_wait.
 *
 * The ring gives nobody who breaks into this process anything to do: it can write to descriptors
 * and wait for them, as the process can anyway, and its restrictions are set before it is enabled.
 */
#pragma once

#include "vmm/virtio/ring.h"

#define VMM_DOORBELL_FDS 8

struct vmm_doorbell {
	struct vmm_ring ring;
	struct rl_fd epoll_fd; /* without a ring */
	unsigned count;
	struct {
		int fd;
		bool armed; /* the ring watches it */
	} rung[VMM_DOORBELL_FDS];
	int owed; /* eventfd of an interrupt that was not told yet, -1: none */
};

/*
 * Makes the ring, as long as that is still allowed: before the process confines itself. Not
 * necessary; if it cannot be made, there is none.
 */
void vmm_doorbell_prepare(struct vmm_doorbell *b);
/* Before the thread starts. Descriptors are eventfds that are never read; every write wakes. */
RL_MUST rl_err vmm_doorbell_open(struct vmm_doorbell *b);
RL_MUST rl_err vmm_doorbell_watch(struct vmm_doorbell *b, int fd);
/* On the thread that sleeps, once, before the others below. */
void vmm_doorbell_enter(struct vmm_doorbell *b);

/* An interrupt that may wait until the thread sleeps or has more to do. -1: none. */
void vmm_doorbell_owe(struct vmm_doorbell *b, int irq_fd);
/* Tells it now. */
void vmm_doorbell_pay(struct vmm_doorbell *b);
/*
 * Tells it, and sleeps until a descriptor was written to since the last return; may also return
 * for nothing.
 */
void vmm_doorbell_sleep(struct vmm_doorbell *b);

/* After the thread has ended. A ring is gone for good; opened again, there is an epoll. */
void vmm_doorbell_close(struct vmm_doorbell *b);

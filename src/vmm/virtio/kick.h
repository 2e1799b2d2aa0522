/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of a device on the loop: its driver's notifications are heard there. */
#pragma once

#include "vmm/loop.h"
#include "vmm/virtio/queue.h"

/* Zero-initialised: none is heard. */
struct vmm_kick {
	struct vmm_watch watch;
	int fd;
};

/*
 * Takes queue `index` over into *q and calls ready(arg, 0) when the driver notifies it. A queue
 * that the driver does not use is empty for ever and makes no call. EINVAL: a bad ring.
 */
RL_MUST rl_err vmm_kick_open(struct vmm_kick *kick, struct vmm_loop *loop,
			     const struct vmm_virtio_run *run, unsigned index, struct vmm_queue *q,
			     vmm_ready_fn *ready, void *arg);
void vmm_kick_close(struct vmm_kick *kick, struct vmm_loop *loop);

/* First of all in `ready`: what is notified from now on calls again. */
void vmm_kick_heard(const struct vmm_kick *kick);
/* The device's turn was long enough: others first, then it is called again. */
void vmm_kick_again(const struct vmm_kick *kick);

/* Interrupts the driver if it wants to know what was pushed since it was asked last. */
void vmm_queue_tell(struct vmm_queue *q, struct vmm_virtio_irq *irq, unsigned index);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's side of a split virtqueue (virtio 1.2, 2.7), with indirect descriptors and event
 * suppression.
 *
 * Everything in the rings was written by the guest. What a guest does wrong is not an error of
 * ours but an enum vmm_queue_fault: the queue stops for good (until the driver resets the device)
 * and nothing outside the guest's RAM was touched. Every index is checked, every loop is bounded
 * by the queue's size, and every field is read exactly once.
 *
 * A queue belongs to one thread. The usual shape of a device:
 *
 *     do {
 *             vmm_queue_quiet(q);
 *             while (vmm_queue_pop(q, &chain) == VMM_POP_CHAIN)
 *                     vmm_queue_push(q, chain.head, serve(&chain));
 *             if (vmm_queue_wants_interrupt(q))
 *                     vmm_virtio_used(irq, index);
 *     } while (vmm_queue_listen(q));
 */
#pragma once

#include "base/error.h"
#include "vmm/mem/guest_memory.h"
#include "vmm/virtio/chain.h"
#include "vmm/virtio/device.h"

#define VMM_F_RING_INDIRECT_DESC (1ull << 28)
#define VMM_F_RING_EVENT_IDX (1ull << 29)
/* What every device of ours offers. */
#define VMM_F_RING (VMM_F_RING_INDIRECT_DESC | VMM_F_RING_EVENT_IDX)

enum vmm_queue_fault {
	VMM_QUEUE_FINE,
	VMM_QUEUE_RING_MISALIGNED,   /* 2.7: 16, 2 and 4 bytes */
	VMM_QUEUE_RING_OUTSIDE,	     /* a ring is not in RAM */
	VMM_QUEUE_AVAIL_JUMPED,	     /* more new buffers than the ring has places */
	VMM_QUEUE_BAD_INDEX,	     /* a descriptor index beyond its table */
	VMM_QUEUE_TOO_LONG,	     /* a chain with a loop, or with too many segments or bytes */
	VMM_QUEUE_BUFFER_OUTSIDE,    /* a buffer is not in RAM */
	VMM_QUEUE_WRITE_BEFORE_READ, /* 2.7.4.2: readable descriptors come first */
	VMM_QUEUE_BAD_INDIRECT, /* not negotiated, nested, followed by more, or no whole table */
};

/* For the log: "buffer outside RAM". */
const char *vmm_queue_fault_text(enum vmm_queue_fault fault);

struct vmm_ring_desc; /* layouts of the standard */
struct vmm_ring_avail;
struct vmm_ring_used;

struct vmm_queue {
	const struct vmm_mem *mem; /* NULL: the driver does not use this queue */
	struct vmm_ring_desc *desc;
	struct vmm_ring_avail *avail;
	struct vmm_ring_used *used;
	uint16_t size;
	uint16_t next_avail; /* free running, as in the rings */
	uint16_t next_used;
	uint16_t signalled; /* next_used when the guest was last asked about an interrupt */
	bool event_idx;
	bool indirect;
	enum vmm_queue_fault fault;
};

/*
 * Takes over a queue as the driver has set it up. A setup that is not ready makes a queue that is
 * always empty. A ring that is misaligned or not in RAM is a fault at once.
 */
enum vmm_queue_fault vmm_queue_init(struct vmm_queue *q, const struct vmm_mem *mem,
				    const struct vmm_queue_setup *setup, uint64_t features);

enum vmm_pop {
	VMM_POP_EMPTY,
	VMM_POP_CHAIN, /* *ret is filled */
	VMM_POP_FAULT, /* q->fault says which; from now on always */
};

/* The next request. Segments of length 0 are left out. */
enum vmm_pop vmm_queue_pop(struct vmm_queue *q, struct vmm_chain *ret);

/*
 * Gives the last popped chain back, neither staged nor pushed: the next pop finds it again. May be
 * repeated, for the one before.
 */
void vmm_queue_unpop(struct vmm_queue *q);

/* Gives a chain's buffers back; `written` bytes were written to its device-writable part. */
void vmm_queue_push(struct vmm_queue *q, uint16_t head, uint32_t written);

/*
 * The same for chains that belong together (one frame in several buffers): staged ones are seen by
 * the driver when they are published, all at once.
 */
void vmm_queue_stage(struct vmm_queue *q, uint16_t head, uint32_t written);
void vmm_queue_publish(struct vmm_queue *q);
/* Takes the last chain back that was staged and not published; then it can be unpopped. */
void vmm_queue_unstage(struct vmm_queue *q);

/*
 * What the guest did wrong, once, in the log; and its driver is told that the device needs a reset.
 */
void vmm_queue_blame(const struct vmm_queue *q, struct vmm_virtio_irq *irq, const char *name);

/* After one or more pushes: does the driver want to know? Asked once for all of them. */
bool vmm_queue_wants_interrupt(struct vmm_queue *q);

/* Tells the driver that its notifications are not needed now. A hint, not a promise. */
void vmm_queue_quiet(struct vmm_queue *q);
/* Asks for notifications; true if requests came in the meantime, which then cause none. */
bool vmm_queue_listen(struct vmm_queue *q);
/* Are there requests? Costs one read of the guest's index. */
bool vmm_queue_pending(const struct vmm_queue *q);

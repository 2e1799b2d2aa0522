/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An io_uring that can do two things: write 1 to an eventfd, and say when a descriptor becomes
 * readable. One thread uses it, and only while that thread is in the kernel for it does the
 * kernel work for it (DEFER_TASKRUN, Linux 6.1): no other call of the thread is ever interrupted.
 */
#pragma once

#include "base/fd.h"

#define VMM_RING_ENTRIES 16 /* submitted at a time; a power of two */

struct vmm_ring {
	bool enabled;
	struct rl_fd fd;
	void *map, *sqes; /* shared with the kernel; NULL: there is no ring */
	size_t map_size, sqes_size;
	uint32_t *sq_tail, *cq_head, *cq_tail, *sq_array;
	uint32_t sq_mask, cq_mask;
	unsigned unsubmitted;
	void *cqes;
};

struct vmm_ring_event {
	uint64_t tag;
	bool good; /* it was done */
	bool more; /* the watch goes on */
};

/* ENOSYS, EINVAL, EPERM: this kernel, or whoever confines us, has none for us. */
RL_MUST rl_err vmm_ring_new(struct vmm_ring *ring);
void vmm_ring_free(struct vmm_ring *ring);
/* By the thread that will use it; fails quietly (ring->enabled). */
void vmm_ring_enable(struct vmm_ring *ring);

/* To be submitted; at most VMM_RING_ENTRIES at a time. */
void vmm_ring_write_one(struct vmm_ring *ring, int fd, uint64_t tag);
void vmm_ring_watch(struct vmm_ring *ring, int fd, uint64_t tag);
/* Returns when there are `events`, or for nothing. */
void vmm_ring_submit_and_wait(struct vmm_ring *ring, unsigned events);
bool vmm_ring_next(struct vmm_ring *ring, struct vmm_ring_event *ret);

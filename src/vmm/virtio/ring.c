/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/ring.h"

#include <linux/io_uring.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1u << 12)
#define IORING_SETUP_DEFER_TASKRUN (1u << 13)
#endif

static rl_err map_rings(struct vmm_ring *ring, const struct io_uring_params *p)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	int fd = rl_fd_get(&ring->fd);
	uint8_t *base;

	ring->map_size = sq > cq ? sq : cq;
	ring->sqes_size = p->sq_entries * sizeof(struct io_uring_sqe);
	base = mmap(NULL, ring->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    IORING_OFF_SQ_RING);
	if (base == MAP_FAILED)
		return rl_sys(-1, "map an io_uring");
	ring->map = base;
	ring->sqes = mmap(NULL, ring->sqes_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  IORING_OFF_SQES);
	if (ring->sqes == MAP_FAILED) {
		ring->sqes = NULL;
		return rl_sys(-1, "map an io_uring");
	}
	ring->sq_tail = (uint32_t *)(base + p->sq_off.tail);
	ring->sq_array = (uint32_t *)(base + p->sq_off.array);
	ring->sq_mask = *(uint32_t *)(base + p->sq_off.ring_mask);
	ring->cq_head = (uint32_t *)(base + p->cq_off.head);
	ring->cq_tail = (uint32_t *)(base + p->cq_off.tail);
	ring->cq_mask = *(uint32_t *)(base + p->cq_off.ring_mask);
	ring->cqes = base + p->cq_off.cqes;
	return RL_OK;
}

/* They hold from enabling on, for everybody who has the descriptor. */
static rl_err restrict_it(const struct vmm_ring *ring)
{
	struct io_uring_restriction only[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITE },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_POLL_ADD },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP,
		  .register_op = IORING_REGISTER_ENABLE_RINGS },
	};

	return rl_sys((int)syscall(SYS_io_uring_register, rl_fd_get(&ring->fd),
				   IORING_REGISTER_RESTRICTIONS, only,
				   sizeof(only) / sizeof(only[0])),
		      "restrict an io_uring");
}

rl_err vmm_ring_new(struct vmm_ring *ring)
{
	struct io_uring_params p = { .flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
					      IORING_SETUP_DEFER_TASKRUN };
	rl_err e = rl_fd_from((int)syscall(SYS_io_uring_setup, VMM_RING_ENTRIES, &p), &ring->fd,
			      "make an io_uring");

	if (!rl_failed(e) && !(p.features & IORING_FEAT_SINGLE_MMAP))
		e = rl_refuse(RL_E(ENOTSUP), "an io_uring in two pieces");
	if (!rl_failed(e))
		e = map_rings(ring, &p);
	if (!rl_failed(e))
		e = restrict_it(ring);
	if (rl_failed(e))
		vmm_ring_free(ring);
	return e;
}

void vmm_ring_free(struct vmm_ring *ring)
{
	if (ring->map)
		(void)munmap(ring->map, ring->map_size);
	if (ring->sqes)
		(void)munmap(ring->sqes, ring->sqes_size);
	rl_fd_close(&ring->fd);
	*ring = (struct vmm_ring){ 0 };
}

void vmm_ring_enable(struct vmm_ring *ring)
{
	ring->enabled = ring->map && syscall(SYS_io_uring_register, rl_fd_get(&ring->fd),
					     IORING_REGISTER_ENABLE_RINGS, NULL, 0) == 0;
}

/* Only this thread moves the tail, so it may be read plainly. */
static void put(struct vmm_ring *ring, const struct io_uring_sqe *sqe)
{
	uint32_t tail = *ring->sq_tail, slot = tail & ring->sq_mask;

	((struct io_uring_sqe *)ring->sqes)[slot] = *sqe;
	ring->sq_array[slot] = slot;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	ring->unsubmitted++;
}

void vmm_ring_write_one(struct vmm_ring *ring, int fd, uint64_t tag)
{
	static const uint64_t one = 1;
	struct io_uring_sqe sqe = { .opcode = IORING_OP_WRITE,
				    .fd = fd,
				    .addr = (uint64_t)(uintptr_t)&one,
				    .len = sizeof(one),
				    .user_data = tag };

	put(ring, &sqe);
}

void vmm_ring_watch(struct vmm_ring *ring, int fd, uint64_t tag)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_POLL_ADD,
				    .fd = fd,
				    .len = IORING_POLL_ADD_MULTI,
				    .poll32_events = POLLIN,
				    .user_data = tag };

	put(ring, &sqe);
}

void vmm_ring_submit_and_wait(struct vmm_ring *ring, unsigned events)
{
	long taken = syscall(SYS_io_uring_enter, rl_fd_get(&ring->fd), ring->unsubmitted, events,
			     IORING_ENTER_GETEVENTS, NULL, 0);

	/* What was not taken goes with the next call. */
	if (taken > 0)
		ring->unsubmitted -= (unsigned)taken;
	else
		errno = 0;
}

bool vmm_ring_next(struct vmm_ring *ring, struct vmm_ring_event *ret)
{
	uint32_t head = *ring->cq_head;
	const struct io_uring_cqe *cqe;

	if (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
		return false;
	cqe = &((const struct io_uring_cqe *)ring->cqes)[head & ring->cq_mask];
	*ret = (struct vmm_ring_event){ .tag = cqe->user_data,
					.good = cqe->res >= 0,
					.more = cqe->flags & IORING_CQE_F_MORE };
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return true;
}

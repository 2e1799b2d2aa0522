/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's side of a split virtqueue in fake guest memory: what a guest kernel would do, and
 * what a hostile one could.
 *
 * RAM has two regions that are neighbours for the guest but not for the host, so that a buffer
 * across the border is really split.
 */
#pragma once

#include "vmm/virtio/queue.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FAKE_RAM 0x100000u /* start of RAM */
#define FAKE_BORDER 0x180000u
#define FAKE_END 0x200000u

#define FAKE_NEXT 1
#define FAKE_WRITE 2
#define FAKE_INDIRECT 4

struct fake_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct fake_used {
	uint32_t id, len;
};

struct fake_guest {
	struct vmm_mem mem;
	uint64_t top; /* next free byte for fake_alloc */
};

struct fake_queue {
	struct fake_guest *guest;
	struct vmm_queue_setup setup;
	struct fake_desc *desc;
	uint16_t *avail; /* flags, idx, ring[size], used_event */
	uint16_t *used;	 /* flags, idx, ring of fake_used, avail_event */
	uint16_t next_desc, last_used;
};

static inline void fake_guest_init(struct fake_guest *g)
{
	*g = (struct fake_guest){ .mem = { .count = 2 }, .top = FAKE_RAM };
	for (unsigned i = 0; i < 2; i++)
		g->mem.region[i] = (struct vmm_region){
			.start = GPA(i ? FAKE_BORDER : FAKE_RAM),
			.size = i ? FAKE_END - FAKE_BORDER : FAKE_BORDER - FAKE_RAM,
			.host = calloc(1, FAKE_BORDER - FAKE_RAM),
		};
}

static inline void fake_guest_free(struct fake_guest *g)
{
	free(g->mem.region[0].host);
	free(g->mem.region[1].host);
}

static inline uint64_t fake_alloc(struct fake_guest *g, size_t size, size_t align)
{
	uint64_t at = (g->top + align - 1) / align * align;

	g->top = at + size;
	return at;
}

static inline void *fake_at(struct fake_guest *g, uint64_t at, size_t len)
{
	return vmm_mem_at(&g->mem, GPA(at), len);
}

static inline void fake_queue_init(struct fake_queue *q, struct fake_guest *g, uint16_t size)
{
	*q = (struct fake_queue){ .guest = g };
	q->setup = (struct vmm_queue_setup){
		.ready = true,
		.size = size,
		.desc = GPA(fake_alloc(g, 16u * size, 16)),
		.driver = GPA(fake_alloc(g, 6 + 2u * size, 2)),
		.device = GPA(fake_alloc(g, 6 + 8u * size, 4)),
		.kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
	};
	q->desc = fake_at(g, q->setup.desc.addr, 16u * size);
	q->avail = fake_at(g, q->setup.driver.addr, 6 + 2u * size);
	q->used = fake_at(g, q->setup.device.addr, 6 + 8u * size);
}

static inline void fake_queue_free(struct fake_queue *q)
{
	close(q->setup.kick_fd);
}

static inline void fake_kick(struct fake_queue *q)
{
	eventfd_write(q->setup.kick_fd, 1);
}

/* Makes a chain that starts at descriptor `head` available. */
static inline void fake_offer(struct fake_queue *q, uint16_t head)
{
	q->avail[2 + q->avail[1] % q->setup.size] = head;
	__atomic_store_n(&q->avail[1], (uint16_t)(q->avail[1] + 1), __ATOMIC_RELEASE);
}

/* Fills the next free descriptor; returns its index. */
static inline uint16_t fake_desc(struct fake_queue *q, uint64_t addr, uint32_t len, uint16_t flags,
				 uint16_t next)
{
	uint16_t i = q->next_desc++ % q->setup.size;

	q->desc[i] = (struct fake_desc){ addr, len, flags, next };
	return i;
}

/* A chain of one readable and one writable buffer (either may be of length 0: absent). */
static inline uint16_t fake_request(struct fake_queue *q, uint64_t out, uint32_t out_len,
				    uint64_t in, uint32_t in_len)
{
	uint16_t head = q->next_desc % q->setup.size;
	uint16_t next = (head + 1) % q->setup.size;

	if (out_len)
		fake_desc(q, out, out_len, in_len ? FAKE_NEXT : 0, next);
	if (in_len)
		fake_desc(q, in, in_len, FAKE_WRITE, 0);
	fake_offer(q, head);
	return head;
}

/* Takes the next used element, false if there is none. */
static inline bool fake_take(struct fake_queue *q, struct fake_used *ret)
{
	if (__atomic_load_n(&q->used[1], __ATOMIC_ACQUIRE) == q->last_used)
		return false;
	memcpy(ret, (uint8_t *)(q->used + 2) + 8 * (q->last_used % q->setup.size), sizeof(*ret));
	q->last_used++;
	return true;
}

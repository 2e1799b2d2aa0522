/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/queue.h"

#include <string.h>

/*
 * The rings of virtio 1.2, 2.7.5 to 2.7.8. All fields are little-endian, and so is every machine
 * this VMM runs on.
 */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rings are read without conversion");

struct vmm_ring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct vmm_ring_avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[]; /* size places, then used_event */
};

struct vmm_ring_used_elem {
	uint32_t id;
	uint32_t len;
};

struct vmm_ring_used {
	uint16_t flags;
	uint16_t idx;
	struct vmm_ring_used_elem ring[]; /* size places, then avail_event (16 bit) */
};

#define DESC_NEXT 1
#define DESC_WRITE 2
#define DESC_INDIRECT 4
#define AVAIL_NO_INTERRUPT 1
#define USED_NO_NOTIFY 1

/* One field, read or written exactly once, whatever the compiler would like to do. */
#define get(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define put(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

const char *vmm_queue_fault_text(enum vmm_queue_fault fault)
{
	switch (fault) {
	case VMM_QUEUE_FINE:
		return "no fault";
	case VMM_QUEUE_RING_MISALIGNED:
		return "a ring is misaligned";
	case VMM_QUEUE_RING_OUTSIDE:
		return "a ring is outside RAM";
	case VMM_QUEUE_AVAIL_JUMPED:
		return "the available index jumped";
	case VMM_QUEUE_BAD_INDEX:
		return "a descriptor index is beyond the table";
	case VMM_QUEUE_TOO_LONG:
		return "a chain has a loop or is too long";
	case VMM_QUEUE_BUFFER_OUTSIDE:
		return "a buffer is outside RAM";
	case VMM_QUEUE_WRITE_BEFORE_READ:
		return "a writable buffer comes before a readable one";
	case VMM_QUEUE_BAD_INDIRECT:
		return "an indirect descriptor is malformed";
	}
	return "unknown fault";
}

static uint16_t *used_event(const struct vmm_queue *q)
{
	return &q->avail->ring[q->size];
}

static uint16_t *avail_event(const struct vmm_queue *q)
{
	return (uint16_t *)&q->used->ring[q->size];
}

enum vmm_queue_fault vmm_queue_init(struct vmm_queue *q, const struct vmm_mem *mem,
				    const struct vmm_queue_setup *setup, uint64_t features)
{
	*q = (struct vmm_queue){ 0 };
	if (!setup->ready || setup->size == 0)
		return VMM_QUEUE_FINE;

	q->size = setup->size;
	q->event_idx = features & VMM_F_RING_EVENT_IDX;
	q->indirect = features & VMM_F_RING_INDIRECT_DESC;
	/* 2.7: alignment. It also makes the atomic accesses below valid. */
	if (setup->desc.addr % 16 || setup->driver.addr % 2 || setup->device.addr % 4)
		return q->fault = VMM_QUEUE_RING_MISALIGNED;

	uint64_t n = setup->size;

	q->desc = vmm_mem_at(mem, setup->desc, n * sizeof(struct vmm_ring_desc));
	q->avail = vmm_mem_at(mem, setup->driver, sizeof(struct vmm_ring_avail) + 2 * n + 2);
	q->used = vmm_mem_at(mem, setup->device,
			     sizeof(struct vmm_ring_used) + n * sizeof(struct vmm_ring_used_elem) +
				     2);
	if (q->desc == NULL || q->avail == NULL || q->used == NULL)
		return q->fault = VMM_QUEUE_RING_OUTSIDE;
	q->mem = mem;
	return VMM_QUEUE_FINE;
}

static bool usable(const struct vmm_queue *q)
{
	return q->mem != NULL && q->fault == VMM_QUEUE_FINE;
}

bool vmm_queue_pending(const struct vmm_queue *q)
{
	return usable(q) && get(q->avail->idx) != q->next_avail;
}

/* The region of RAM that holds `at`, NULL if none. */
static const struct vmm_region *region_of(const struct vmm_mem *mem, struct gpa at)
{
	for (unsigned i = 0; i < mem->count; i++) {
		const struct vmm_region *r = &mem->region[i];

		if (at.addr >= r->start.addr && at.addr - r->start.addr < r->size)
			return r;
	}
	return NULL;
}

/*
 * Appends guest bytes to the chain. A buffer may lie across two regions: they are neighbours for
 * the guest, even where they are not for us.
 */
static enum vmm_queue_fault append(const struct vmm_mem *mem, struct vmm_chain *c,
				   const struct vmm_ring_desc *d)
{
	bool in = d->flags & DESC_WRITE;
	struct gpa at = GPA(d->addr);
	uint64_t len = d->len;

	if (!in && c->in_count > 0)
		return VMM_QUEUE_WRITE_BEFORE_READ;
	while (len > 0) {
		const struct vmm_region *r = region_of(mem, at);
		unsigned count = c->out_count + c->in_count;

		if (r == NULL)
			return VMM_QUEUE_BUFFER_OUTSIDE;
		if (count == VMM_CHAIN_SEGMENTS)
			return VMM_QUEUE_TOO_LONG;

		uint64_t here = r->size - (at.addr - r->start.addr);
		uint64_t n = len < here ? len : here;

		c->segment[count] = (struct iovec){ vmm_mem_at(mem, at, n), n };
		if (in) {
			c->in_count++;
			c->in_size += n;
		} else {
			c->out_count++;
			c->out_size += n;
		}
		at = gpa_add(at, n);
		len -= n;
	}
	/* 2.7.5: a chain is at most 2^32 bytes. It also bounds what `written` can say. */
	return c->out_size + c->in_size <= UINT32_MAX ? VMM_QUEUE_FINE : VMM_QUEUE_TOO_LONG;
}

/* One descriptor, each field read once: what was checked is what is used. */
static struct vmm_ring_desc copy_desc(const struct vmm_ring_desc *from)
{
	return (struct vmm_ring_desc){
		.addr = get(from->addr),
		.len = get(from->len),
		.flags = get(from->flags),
		.next = get(from->next),
	};
}

/* Follows a chain through one table, the queue's own or an indirect one. */
static enum vmm_queue_fault walk(struct vmm_queue *q, const struct vmm_ring_desc *table,
				 uint32_t size, uint16_t first, bool nested, struct vmm_chain *c)
{
	uint32_t index = first;

	if (index >= size)
		return VMM_QUEUE_BAD_INDEX;
	for (uint32_t steps = 0; steps < size; steps++) {
		struct vmm_ring_desc d = copy_desc(&table[index]);
		enum vmm_queue_fault fault;

		if (d.flags & DESC_INDIRECT) {
			const struct vmm_ring_desc *inner;

			/* 2.7.5.3.1: one level, nothing behind it, a whole table in one piece. */
			if (!q->indirect || nested || d.flags & DESC_NEXT || d.len == 0 ||
			    d.len % sizeof(d) || d.addr % 8 || d.len / sizeof(d) > UINT16_MAX)
				return VMM_QUEUE_BAD_INDIRECT;
			inner = vmm_mem_at(q->mem, GPA(d.addr), d.len);
			if (inner == NULL)
				return VMM_QUEUE_BUFFER_OUTSIDE;
			return walk(q, inner, d.len / sizeof(d), 0, true, c);
		}
		fault = append(q->mem, c, &d);
		if (fault != VMM_QUEUE_FINE)
			return fault;
		if (!(d.flags & DESC_NEXT))
			return VMM_QUEUE_FINE;
		if (d.next >= size)
			return VMM_QUEUE_BAD_INDEX;
		index = d.next;
	}
	return VMM_QUEUE_TOO_LONG; /* as many steps as there are descriptors: a loop */
}

enum vmm_pop vmm_queue_pop(struct vmm_queue *q, struct vmm_chain *ret)
{
	if (!usable(q))
		return q->fault == VMM_QUEUE_FINE ? VMM_POP_EMPTY : VMM_POP_FAULT;

	/* Acquire: what the driver wrote before it moved the index is visible now. */
	uint16_t waiting = __atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE) - q->next_avail;

	if (waiting == 0)
		return VMM_POP_EMPTY;
	if (waiting > q->size) {
		q->fault = VMM_QUEUE_AVAIL_JUMPED;
		return VMM_POP_FAULT;
	}

	uint16_t head = get(q->avail->ring[q->next_avail % q->size]);

	ret->head = head;
	ret->out_count = ret->in_count = 0;
	ret->out_size = ret->in_size = 0;
	q->fault = walk(q, q->desc, q->size, head, false, ret);
	if (q->fault != VMM_QUEUE_FINE)
		return VMM_POP_FAULT;
	q->next_avail++;
	return VMM_POP_CHAIN;
}

void vmm_queue_unpop(struct vmm_queue *q)
{
	q->next_avail--;
}

void vmm_queue_stage(struct vmm_queue *q, uint16_t head, uint32_t written)
{
	if (!usable(q))
		return;

	struct vmm_ring_used_elem *e = &q->used->ring[q->next_used % q->size];

	put(e->id, (uint32_t)head);
	put(e->len, written);
	q->next_used++;
}

void vmm_queue_unstage(struct vmm_queue *q)
{
	q->next_used--;
}

void vmm_queue_publish(struct vmm_queue *q)
{
	/* Release: the elements, and the buffers, before the index that announces them. */
	if (usable(q))
		__atomic_store_n(&q->used->idx, q->next_used, __ATOMIC_RELEASE);
}

void vmm_queue_push(struct vmm_queue *q, uint16_t head, uint32_t written)
{
	vmm_queue_stage(q, head, written);
	vmm_queue_publish(q);
}

bool vmm_queue_wants_interrupt(struct vmm_queue *q)
{
	uint16_t before = q->signalled, now = q->next_used;

	if (!usable(q) || before == now)
		return false;
	/* Our index must be out before the driver's wish is read (2.7.7.2, 2.7.10). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	q->signalled = now;
	if (!q->event_idx)
		return !(get(q->avail->flags) & AVAIL_NO_INTERRUPT);
	/* Did we pass the place that the driver named, which is 0 in the beginning? */
	return (uint16_t)(now - get(*used_event(q)) - 1) < (uint16_t)(now - before);
}

void vmm_queue_quiet(struct vmm_queue *q)
{
	/* With event suppression an index in the past says the same without a write. */
	if (usable(q) && !q->event_idx)
		put(q->used->flags, USED_NO_NOTIFY);
}

bool vmm_queue_listen(struct vmm_queue *q)
{
	if (!usable(q))
		return false;
	if (q->event_idx)
		put(*avail_event(q), q->next_avail);
	else
		put(q->used->flags, 0);
	/* The wish must be out before the index is read, or a request is missed for ever. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return vmm_queue_pending(q);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_guest.h"
#include "test.h"

#define SIZE 16

static struct fake_guest guest;
static struct fake_queue driver;
static struct vmm_queue queue;
static struct vmm_chain chain;

static void begin(uint64_t features)
{
	fake_guest_free(&guest);
	fake_guest_init(&guest);
	fake_queue_free(&driver);
	fake_queue_init(&driver, &guest, SIZE);
	vmm_queue_init(&queue, &guest.mem, &driver.setup, features);
}

/* Pops once; the fault or FINE. */
static enum vmm_queue_fault pop_fault(void)
{
	enum vmm_pop pop = vmm_queue_pop(&queue, &chain);

	/* A fault is for ever: nothing is popped afterwards. */
	if (pop == VMM_POP_FAULT && vmm_queue_pop(&queue, &chain) != VMM_POP_FAULT)
		return VMM_QUEUE_FINE;
	return queue.fault;
}

TEST(not_ready_is_empty)
{
	struct vmm_queue_setup none = { 0 };

	begin(0);
	CHECK_INT(vmm_queue_init(&queue, &guest.mem, &none, 0), VMM_QUEUE_FINE);
	CHECK_INT(vmm_queue_pop(&queue, &chain), VMM_POP_EMPTY);
	CHECK(!vmm_queue_listen(&queue));
	CHECK(!vmm_queue_wants_interrupt(&queue));
	vmm_queue_push(&queue, 0, 0);
}

TEST(rings_are_checked)
{
	struct vmm_queue_setup s;

	begin(0);
	s = driver.setup;
	s.desc.addr += 8;
	CHECK_INT(vmm_queue_init(&queue, &guest.mem, &s, 0), VMM_QUEUE_RING_MISALIGNED);
	CHECK_INT(vmm_queue_pop(&queue, &chain), VMM_POP_FAULT);
	s = driver.setup;
	s.driver.addr += 1;
	CHECK_INT(vmm_queue_init(&queue, &guest.mem, &s, 0), VMM_QUEUE_RING_MISALIGNED);
	s = driver.setup;
	s.device.addr = FAKE_END - 8;
	CHECK_INT(vmm_queue_init(&queue, &guest.mem, &s, 0), VMM_QUEUE_RING_OUTSIDE);
	s.device.addr = UINT64_MAX & ~3ull;
	CHECK_INT(vmm_queue_init(&queue, &guest.mem, &s, 0), VMM_QUEUE_RING_OUTSIDE);
	vmm_queue_push(&queue, 0, 0);
	/* The event index behind the ring belongs to it as well. */
	s = driver.setup;
	s.driver.addr = FAKE_END - 4 - 2 * SIZE;
	CHECK_INT(vmm_queue_init(&queue, &guest.mem, &s, 0), VMM_QUEUE_RING_OUTSIDE);
}

TEST(request_and_reply)
{
	uint64_t out = 0, in = 0;
	struct fake_used used;

	begin(0);
	out = fake_alloc(&guest, 100, 1);
	in = fake_alloc(&guest, 50, 1);
	memcpy(fake_at(&guest, out, 5), "hello", 5);
	CHECK_INT(vmm_queue_pop(&queue, &chain), VMM_POP_EMPTY);
	fake_request(&driver, out, 100, in, 50);
	CHECK_INT(vmm_queue_pop(&queue, &chain), VMM_POP_CHAIN);
	CHECK_INT(chain.out_count, 1);
	CHECK_INT(chain.in_count, 1);
	CHECK_INT(chain.out_size, 100);
	CHECK_INT(chain.in_size, 50);
	CHECK(memcmp(chain.segment[0].iov_base, "hello", 5) == 0);
	vmm_queue_push(&queue, chain.head, 7);
	CHECK(fake_take(&driver, &used));
	CHECK_INT(used.id, 0);
	CHECK_INT(used.len, 7);
	CHECK_INT(vmm_queue_pop(&queue, &chain), VMM_POP_EMPTY);
}

TEST(many_rounds)
{
	struct fake_used used;

	begin(0);
	for (unsigned round = 0; round < 70000; round++) { /* the indices wrap */
		uint16_t head = fake_request(&driver, FAKE_END - 8, 8, FAKE_RAM, 8);

		if (vmm_queue_pop(&queue, &chain) != VMM_POP_CHAIN || chain.head != head)
			FAIL_("round %u", round);
		vmm_queue_push(&queue, chain.head, round);
		if (!fake_take(&driver, &used) || used.id != head || used.len != round)
			FAIL_("reply %u", round);
	}
}

TEST(unpop_gives_the_same_again)
{
	begin(0);
	fake_request(&driver, FAKE_RAM, 8, 0, 0);
	CHECK_INT(vmm_queue_pop(&queue, &chain), VMM_POP_CHAIN);
	vmm_queue_unpop(&queue);
	chain.head = 99;
	CHECK_INT(vmm_queue_pop(&queue, &chain), VMM_POP_CHAIN);
	CHECK_INT(chain.head, 0);
}

TEST(buffer_across_regions)
{
	uint8_t buf[8] = { 0 };
	struct vmm_cursor c;

	begin(0);
	memcpy(fake_at(&guest, FAKE_BORDER - 3, 3), "abc", 3);
	memcpy(fake_at(&guest, FAKE_BORDER, 5), "defgh", 5);
	fake_request(&driver, FAKE_BORDER - 3, 8, 0, 0);
	CHECK_INT(vmm_queue_pop(&queue, &chain), VMM_POP_CHAIN);
	CHECK_INT(chain.out_count, 2);
	CHECK_INT(chain.out_size, 8);
	c = vmm_cursor_at(chain.segment, chain.out_count);
	CHECK(vmm_cursor_read(&c, buf, 8));
	CHECK(memcmp(buf, "abcdefgh", 8) == 0);
	CHECK(!vmm_cursor_read(&c, buf, 1));
}

TEST(buffers_outside)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
	} bad[] = {
		{ FAKE_END - 4, 5 },   { FAKE_RAM - 1, 1 },	     { 0, 16 },
		{ UINT64_MAX - 1, 1 }, { UINT64_MAX - 1, 4 },	     { FAKE_RAM, UINT32_MAX },
		{ FAKE_END, 1 },       { FAKE_BORDER - 4, 0x80005 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(0);
		fake_request(&driver, bad[i].addr, bad[i].len, 0, 0);
		CHECK_INT(pop_fault(), VMM_QUEUE_BUFFER_OUTSIDE);
	}
}

TEST(empty_buffers_are_skipped)
{
	begin(0);
	fake_desc(&driver, 0, 0, FAKE_NEXT, 1); /* an address is not even looked at */
	fake_desc(&driver, FAKE_RAM, 4, FAKE_WRITE, 0);
	fake_offer(&driver, 0);
	CHECK_INT(vmm_queue_pop(&queue, &chain), VMM_POP_CHAIN);
	CHECK_INT(chain.out_count, 0);
	CHECK_INT(chain.in_count, 1);
}

TEST(bad_heads_and_nexts)
{
	begin(0);
	fake_offer(&driver, SIZE);
	CHECK_INT(pop_fault(), VMM_QUEUE_BAD_INDEX);
	begin(0);
	fake_desc(&driver, FAKE_RAM, 4, FAKE_NEXT, SIZE);
	fake_offer(&driver, 0);
	CHECK_INT(pop_fault(), VMM_QUEUE_BAD_INDEX);
	begin(0);
	fake_desc(&driver, FAKE_RAM, 4, FAKE_NEXT, 0xffff);
	fake_offer(&driver, 0);
	CHECK_INT(pop_fault(), VMM_QUEUE_BAD_INDEX);
}

TEST(loops_end)
{
	begin(0);
	fake_desc(&driver, FAKE_RAM, 4, FAKE_NEXT, 1);
	fake_desc(&driver, FAKE_RAM, 4, FAKE_NEXT, 0);
	fake_offer(&driver, 0);
	CHECK_INT(pop_fault(), VMM_QUEUE_TOO_LONG);
	begin(0);
	fake_desc(&driver, FAKE_RAM, 0, FAKE_NEXT, 0); /* even when it brings no segments */
	fake_offer(&driver, 0);
	CHECK_INT(pop_fault(), VMM_QUEUE_TOO_LONG);
}

TEST(available_index_jumps)
{
	begin(0);
	driver.avail[1] = SIZE;
	CHECK_INT(vmm_queue_pop(&queue, &chain), VMM_POP_CHAIN); /* a full ring is fine */
	begin(0);
	driver.avail[1] = SIZE + 1;
	CHECK_INT(pop_fault(), VMM_QUEUE_AVAIL_JUMPED);
	begin(0);
	driver.avail[1] = 0xffff;
	CHECK_INT(pop_fault(), VMM_QUEUE_AVAIL_JUMPED);
}

TEST(order_of_directions)
{
	begin(0);
	fake_desc(&driver, FAKE_RAM, 4, FAKE_WRITE | FAKE_NEXT, 1);
	fake_desc(&driver, FAKE_RAM, 4, 0, 0);
	fake_offer(&driver, 0);
	CHECK_INT(pop_fault(), VMM_QUEUE_WRITE_BEFORE_READ);
}

/* An indirect table of `n` entries, chained. Returns its guest address. */
static uint64_t make_table(unsigned n, uint16_t flags)
{
	uint64_t at = fake_alloc(&guest, 16 * n, 16);
	struct fake_desc *d = fake_at(&guest, at, 16 * n);

	for (unsigned i = 0; i < n; i++)
		d[i] = (struct fake_desc){ FAKE_RAM, 4, flags | (i + 1 < n ? FAKE_NEXT : 0),
					   (uint16_t)(i + 1) };
	return at;
}

static enum vmm_queue_fault offer_indirect(uint64_t features, unsigned n, uint16_t outer,
					   uint16_t inner, uint32_t len)
{
	begin(features);
	uint64_t at = make_table(n, inner);

	fake_desc(&driver, at, len, FAKE_INDIRECT | outer, 1);
	fake_offer(&driver, 0);
	return pop_fault();
}

TEST(indirect_tables)
{
	uint64_t on = VMM_F_RING_INDIRECT_DESC;

	CHECK_INT(offer_indirect(on, 100, 0, 0, 1600), VMM_QUEUE_FINE);
	CHECK_INT(chain.out_count, 100); /* longer than the queue */
	CHECK_INT(offer_indirect(on, 5, 0, FAKE_WRITE, 80), VMM_QUEUE_FINE);
	CHECK_INT(chain.in_count, 5);
	CHECK_INT(offer_indirect(on, 1024, 0, 0, 16 * 1024), VMM_QUEUE_FINE);
	CHECK_INT(offer_indirect(on, 1025, 0, 0, 16 * 1025), VMM_QUEUE_TOO_LONG);
	CHECK_INT(offer_indirect(0, 5, 0, 0, 80), VMM_QUEUE_BAD_INDIRECT);
	CHECK_INT(offer_indirect(on, 5, FAKE_NEXT, 0, 80), VMM_QUEUE_BAD_INDIRECT);
	CHECK_INT(offer_indirect(on, 5, 0, FAKE_INDIRECT, 80), VMM_QUEUE_BAD_INDIRECT);
	CHECK_INT(offer_indirect(on, 5, 0, 0, 81), VMM_QUEUE_BAD_INDIRECT);
	CHECK_INT(offer_indirect(on, 5, 0, 0, 0), VMM_QUEUE_BAD_INDIRECT);
	CHECK_INT(offer_indirect(on, 5, 0, 0, 64), VMM_QUEUE_BAD_INDEX); /* cut short */
	CHECK_INT(offer_indirect(on, 5, 0, 0, 0xfffff0), VMM_QUEUE_BAD_INDIRECT);
	begin(on);
	fake_desc(&driver, FAKE_END - 16, 32, FAKE_INDIRECT, 0);
	fake_offer(&driver, 0);
	CHECK_INT(pop_fault(), VMM_QUEUE_BUFFER_OUTSIDE);
	begin(on);
	fake_desc(&driver, FAKE_RAM + 4, 32, FAKE_INDIRECT, 0);
	fake_offer(&driver, 0);
	CHECK_INT(pop_fault(), VMM_QUEUE_BAD_INDIRECT);
}

TEST(more_than_4_gib_in_a_chain)
{
	/* Descriptors may overlap, so 1 MiB of RAM is enough for a chain of any size. */
	begin(VMM_F_RING_INDIRECT_DESC);
	uint64_t at = fake_alloc(&guest, 16 * 1000, 16);
	struct fake_desc *d = fake_at(&guest, at, 16 * 1000);

	guest.mem.region[1].size = UINT32_MAX; /* never touched: only addresses are made */
	for (unsigned i = 0; i < 1000; i++)
		d[i] = (struct fake_desc){ FAKE_BORDER, 0x7fffffff, i < 999, (uint16_t)(i + 1) };
	fake_desc(&driver, at, 16 * 1000, FAKE_INDIRECT, 0);
	fake_offer(&driver, 0);
	CHECK_INT(pop_fault(), VMM_QUEUE_TOO_LONG);
}

TEST(interrupts_without_event_index)
{
	begin(0);
	CHECK(!vmm_queue_wants_interrupt(&queue));
	vmm_queue_push(&queue, 0, 0);
	CHECK(vmm_queue_wants_interrupt(&queue));
	driver.avail[0] = 1;
	vmm_queue_push(&queue, 0, 0);
	CHECK(!vmm_queue_wants_interrupt(&queue));
	vmm_queue_quiet(&queue);
	CHECK_INT(driver.used[0], 1);
	CHECK(!vmm_queue_listen(&queue));
	CHECK_INT(driver.used[0], 0);
	fake_request(&driver, FAKE_RAM, 4, 0, 0);
	CHECK(vmm_queue_listen(&queue));
}

TEST(interrupts_with_event_index)
{
	uint16_t *used_event, *avail_event;

	begin(VMM_F_RING_EVENT_IDX);
	used_event = &driver.avail[2 + SIZE];
	avail_event = &driver.used[2 + 4 * SIZE];
	vmm_queue_push(&queue, 0, 0);
	CHECK(vmm_queue_wants_interrupt(&queue)); /* the first time always */
	*used_event = 2;			  /* "tell me when buffer 2 is used" */
	vmm_queue_push(&queue, 0, 0);
	CHECK(!vmm_queue_wants_interrupt(&queue));
	vmm_queue_push(&queue, 0, 0);
	CHECK(vmm_queue_wants_interrupt(&queue));
	vmm_queue_push(&queue, 0, 0);
	CHECK(!vmm_queue_wants_interrupt(&queue));
	*used_event = 6; /* several pushes, one question */
	for (int i = 0; i < 5; i++)
		vmm_queue_push(&queue, 0, 0);
	CHECK(vmm_queue_wants_interrupt(&queue));

	fake_request(&driver, FAKE_RAM, 4, 0, 0);
	CHECK_INT(vmm_queue_pop(&queue, &chain), VMM_POP_CHAIN);
	vmm_queue_quiet(&queue);
	CHECK_INT(driver.used[0], 0);
	CHECK(!vmm_queue_listen(&queue));
	CHECK_INT(*avail_event, 1);
}

TEST(cursor)
{
	char a[3] = "ab", b[4] = "cde", got[8] = "";
	struct iovec segments[] = { { a, 2 }, { NULL, 0 }, { b, 3 } }, taken[4];
	struct vmm_cursor c = vmm_cursor_at(segments, 3), mark;
	size_t n;

	CHECK_INT(c.left, 5);
	CHECK(vmm_cursor_skip(&c, 1));
	mark = c;
	CHECK(vmm_cursor_read(&c, got, 3));
	CHECK_STR(got, "bcd");
	CHECK(!vmm_cursor_read(&c, got, 2));
	CHECK_INT(c.left, 1);
	CHECK(vmm_cursor_write(&mark, "XYZ", 3));
	CHECK_STR(a, "aX");
	CHECK_STR(b, "YZe");
	CHECK(vmm_cursor_clear(&c, 1));
	CHECK_STR(b, "YZ");
	CHECK(vmm_cursor_read(&c, got, 0));
	CHECK(!vmm_cursor_skip(&c, 1));

	c = vmm_cursor_at(segments, 3);
	CHECK_INT(vmm_cursor_take(&c, 4, taken, 4, &n), 2);
	CHECK_INT(n, 4);
	CHECK(taken[1].iov_base == b && taken[1].iov_len == 2);
	CHECK_INT(c.left, 1);
	c = vmm_cursor_at(segments, 3);
	CHECK_INT(vmm_cursor_take(&c, 4, taken, 1, &n), 1);
	CHECK_INT(n, 2);
	CHECK_INT(vmm_cursor_take(&c, 100, taken, 4, &n), 1);
	CHECK_INT(n, 3);
}

TEST(every_fault_has_a_text)
{
	for (int f = VMM_QUEUE_FINE; f <= VMM_QUEUE_BAD_INDIRECT; f++)
		CHECK(strcmp(vmm_queue_fault_text((enum vmm_queue_fault)f), "unknown fault") != 0);
}

RUN_TESTS()

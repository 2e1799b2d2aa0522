/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory and the addresses of the rings are the input: 32 bytes of setup, then RAM. Whatever
 * they say, every segment of every chain lies in RAM, and popping comes to an end.
 */
#include "fuzz.h"
#include "vmm/virtio/queue.h"

#include <string.h>

#define RAM 65536
#define HALF (RAM / 2)

struct setup {
	uint16_t desc, driver, device, size_log2;
	uint64_t features;
	uint8_t pad[16];
};
_Static_assert(sizeof(struct setup) == 32, "seeds have this layout");

static bool in_ram(const struct vmm_mem *mem, const struct iovec *s)
{
	for (unsigned i = 0; i < mem->count; i++) {
		const struct vmm_region *r = &mem->region[i];
		uintptr_t at = (uintptr_t)s->iov_base - (uintptr_t)r->host;

		if (at < r->size && s->iov_len <= r->size - at)
			return true;
	}
	return false;
}

static void check_chain(const struct vmm_mem *mem, const struct vmm_chain *c)
{
	size_t out = 0, in = 0;

	FUZZ_CHECK(c->out_count + c->in_count <= VMM_CHAIN_SEGMENTS);
	for (unsigned i = 0; i < c->out_count + c->in_count; i++) {
		FUZZ_CHECK(c->segment[i].iov_len > 0 && in_ram(mem, &c->segment[i]));
		if (i < c->out_count)
			out += c->segment[i].iov_len;
		else
			in += c->segment[i].iov_len;
	}
	FUZZ_CHECK(out == c->out_size && in == c->in_size && out + in <= UINT32_MAX);
}

/* Two neighbours for the guest, two allocations for us, so that a sanitizer sees every step out. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct vmm_chain chain;
	uint8_t *low = calloc(1, HALF), *high = calloc(1, HALF);
	struct vmm_mem mem = { .count = 2,
			       .region = { { GPA(0x1000), HALF, low },
					   { GPA(0x1000 + HALF), HALF, high } } };
	struct setup s = { 0 };
	struct vmm_queue q;
	bool more = true;

	if (low != NULL && high != NULL && len >= sizeof(s)) {
		size_t ram = len - sizeof(s) < RAM ? len - sizeof(s) : RAM;

		memcpy(&s, bytes, sizeof(s));
		memcpy(low, bytes + sizeof(s), ram < HALF ? ram : HALF);
		if (ram > HALF)
			memcpy(high, bytes + sizeof(s) + HALF, ram - HALF);

		struct vmm_queue_setup setup = {
			.ready = true,
			.size = (uint16_t)(1u << (s.size_log2 % 11)),
			.desc = GPA(s.desc),
			.driver = GPA(s.driver),
			.device = GPA(s.device),
		};
		enum vmm_queue_fault fault = vmm_queue_init(&q, &mem, &setup, s.features);

		FUZZ_CHECK(vmm_queue_fault_text(fault)[0] != '\0');
		/* Rings may lie over each other, so what we write can make more requests. */
		for (unsigned n = 0; more && n < 4096; n++) {
			more = vmm_queue_pop(&q, &chain) == VMM_POP_CHAIN;
			if (more) {
				check_chain(&mem, &chain);
				vmm_queue_push(&q, chain.head, n);
				(void)vmm_queue_wants_interrupt(&q);
			} else {
				more = vmm_queue_listen(&q);
			}
		}
	}
	free(low);
	free(high);
	return 0;
}

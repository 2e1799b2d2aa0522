/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/mem/guest_memory.h"

#include <string.h>

void *vmm_mem_at(const struct vmm_mem *mem, struct gpa at, uint64_t len)
{
	if (len == 0)
		return NULL;
	for (unsigned i = 0; i < mem->count; i++) {
		const struct vmm_region *r = &mem->region[i];
		/* Unsigned: an address below the start becomes a large offset. */
		uint64_t offset = at.addr - r->start.addr;

		if (offset < r->size && len <= r->size - offset)
			return r->host + offset;
	}
	return NULL;
}

bool vmm_mem_read(const struct vmm_mem *mem, struct gpa at, void *buf, uint64_t len)
{
	const void *p = vmm_mem_at(mem, at, len);

	if (p == NULL)
		return false;
	memcpy(buf, p, len);
	return true;
}

bool vmm_mem_write(const struct vmm_mem *mem, struct gpa at, const void *buf, uint64_t len)
{
	void *p = vmm_mem_at(mem, at, len);

	if (p == NULL)
		return false;
	memcpy(p, buf, len);
	return true;
}

uint64_t vmm_mem_total(const struct vmm_mem *mem)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < mem->count; i++)
		total += mem->region[i].size;
	return total;
}

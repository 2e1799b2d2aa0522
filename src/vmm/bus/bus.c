/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/bus/bus.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

rl_err vmm_bus_add(struct vmm_bus *bus, struct vmm_bus_range range)
{
	struct vmm_bus_range *grown;
	unsigned at = 0;

	while (at < bus->count && bus->range[at].start < range.start)
		at++;
	if ((at > 0 && bus->range[at - 1].start + bus->range[at - 1].size > range.start) ||
	    (at < bus->count && range.start + range.size > bus->range[at].start))
		return rl_refuse(RL_E(EEXIST), "two devices claim address 0x%" PRIx64, range.start);
	grown = reallocarray(bus->range, bus->count + 1, sizeof(*grown));
	if (grown == NULL)
		return rl_nomem();
	memmove(grown + at + 1, grown + at, (bus->count - at) * sizeof(*grown));
	grown[at] = range;
	bus->range = grown;
	bus->count++;
	return RL_OK;
}

void vmm_bus_free(struct vmm_bus *bus)
{
	free(bus->range);
	*bus = (struct vmm_bus){ 0 };
}

static const struct vmm_bus_range *find(const struct vmm_bus *bus, uint64_t addr, unsigned len)
{
	unsigned low = 0, high = bus->count;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		const struct vmm_bus_range *r = &bus->range[mid];
		uint64_t offset = addr - r->start;

		if (addr < r->start)
			high = mid;
		else if (offset >= r->size)
			low = mid + 1;
		else
			return len <= r->size - offset ? r : NULL;
	}
	return NULL;
}

void vmm_bus_read(const struct vmm_bus *bus, uint64_t addr, uint8_t *data, unsigned len)
{
	const struct vmm_bus_range *r = find(bus, addr, len);

	memset(data, 0xff, len);
	if (r)
		r->ops->read(r->arg, addr - r->start, data, len);
}

void vmm_bus_write(const struct vmm_bus *bus, uint64_t addr, const uint8_t *data, unsigned len)
{
	const struct vmm_bus_range *r = find(bus, addr, len);

	if (r)
		r->ops->write(r->arg, addr - r->start, data, len);
}

uint32_t vmm_bus_value(const uint8_t *data, unsigned len)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < len && i < 4; i++)
		value |= (uint32_t)data[i] << (8 * i);
	return value;
}

void vmm_bus_answer(uint8_t *data, unsigned len, uint32_t value)
{
	for (unsigned i = 0; i < len; i++)
		data[i] = i < 4 ? (uint8_t)(value >> (8 * i)) : 0;
}

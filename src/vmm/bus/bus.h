/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which device answers an address: one bus for I/O ports, one for memory-mapped windows. Ranges
 * are added before the machine runs and never change, so vCPUs look them up without a lock; a
 * device on a bus protects its own state.
 */
#pragma once

#include "base/error.h"

struct vmm_bus_ops {
	/*
	 * `len` is 1, 2, 4 or 8 and the access lies inside the range. Fill data with what a read
	 * gives; it was set to ones before, which is what an absent register reads as.
	 */
	void (*read)(void *arg, uint64_t offset, uint8_t *data, unsigned len);
	void (*write)(void *arg, uint64_t offset, const uint8_t *data, unsigned len);
};

struct vmm_bus_range {
	uint64_t start, size;
	const struct vmm_bus_ops *ops;
	void *arg;
};

struct vmm_bus {
	struct vmm_bus_range *range; /* ascending */
	unsigned count;
};

/* EEXIST: overlaps a range that is there. */
RL_MUST rl_err vmm_bus_add(struct vmm_bus *bus, struct vmm_bus_range range);
void vmm_bus_free(struct vmm_bus *bus);

/* Nobody there: reads give ones, writes are lost, as on the hardware. */
void vmm_bus_read(const struct vmm_bus *bus, uint64_t addr, uint8_t *data, unsigned len);
void vmm_bus_write(const struct vmm_bus *bus, uint64_t addr, const uint8_t *data, unsigned len);

/* A little-endian register value to and from the bytes of an access. */
uint32_t vmm_bus_value(const uint8_t *data, unsigned len);
void vmm_bus_answer(uint8_t *data, unsigned len, uint32_t value);

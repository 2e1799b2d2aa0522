/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's RAM as the host sees it. An address of the guest is a type of its own (struct gpa)
 * and becomes a pointer only together with a length: every translation is checked whole.
 *
 * The bytes behind a translated pointer belong to the guest, which changes them while we read.
 * So: copy a structure out once, judge the copy, use the copy. Never read a field twice.
 *
 * The regions are laid out before the first vCPU runs and never change afterwards, so every
 * thread may translate without a lock.
 */
#pragma once

#include "base/error.h"

/* A guest physical address. */
struct gpa {
	uint64_t addr;
};

#define GPA(a) ((struct gpa){ (a) })

static inline struct gpa gpa_add(struct gpa at, uint64_t offset)
{
	return (struct gpa){ at.addr + offset };
}

/* One contiguous piece of RAM: guest [start, start + size) is host [host, host + size). */
struct vmm_region {
	struct gpa start;
	uint64_t size;
	uint8_t *host;
};

#define VMM_REGIONS_MAX 4

struct vmm_mem {
	unsigned count;
	struct vmm_region region[VMM_REGIONS_MAX]; /* ascending, not overlapping */
};

/*
 * The host address of guest bytes [at, at + len), NULL unless all of them are in one region.
 * A length of 0 is never valid: there is nothing a pointer could be used for.
 */
void *vmm_mem_at(const struct vmm_mem *mem, struct gpa at, uint64_t len);

/* Copies out of or into the guest; false (and nothing copied) unless the whole range is RAM. */
RL_MUST bool vmm_mem_read(const struct vmm_mem *mem, struct gpa at, void *buf, uint64_t len);
RL_MUST bool vmm_mem_write(const struct vmm_mem *mem, struct gpa at, const void *buf, uint64_t len);

/* Bytes of RAM in all regions. */
uint64_t vmm_mem_total(const struct vmm_mem *mem);

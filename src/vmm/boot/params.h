/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kernel finds when it starts: command line, memory map, initramfs and the ACPI root
 * pointer, in the form of the PVH protocol (hvm_start_info) or of the Linux/x86 64-bit boot
 * protocol (boot_params, the "zero page").
 */
#pragma once

#include "vmm/mem/guest_memory.h"
#include "vmm/plan.h"

struct vmm_boot_params {
	const char *cmdline;
	struct gpa initrd;
	uint64_t initrd_size; /* 0: none */
	struct gpa rsdp;
	/* The setup header of a bzImage (from offset 0x1f1 of the file); NULL: not a bzImage. */
	const uint8_t *setup_header;
	size_t setup_header_size;
};

RL_MUST rl_err vmm_params_pvh(const struct vmm_plan *plan, const struct vmm_boot_params *p,
			      const struct vmm_mem *mem, uint64_t *ret_argument);
RL_MUST rl_err vmm_params_linux(const struct vmm_plan *plan, const struct vmm_boot_params *p,
				const struct vmm_mem *mem, uint64_t *ret_argument);

enum { VMM_E820_RAM = 1, VMM_E820_RESERVED = 2 };

struct vmm_e820 {
	uint64_t start, size;
	uint32_t type;
};
#define VMM_E820_MAX 8
/* The memory map both protocols show; returns the number of entries. */
unsigned vmm_e820_make(const struct vmm_plan *plan, struct vmm_e820 map[static VMM_E820_MAX]);

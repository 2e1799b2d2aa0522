/* SPDX-License-Identifier: Apache-2.0 */
/* An x86-64 ELF kernel: its segments by physical address, its entry, its PVH note. */
#pragma once

#include "vmm/boot/image.h"
#include "vmm/kvm/kvm.h"

struct vmm_elf {
	uint64_t entry;	     /* of the ELF header */
	uint64_t pvh;	     /* of the Xen note XEN_ELFNOTE_PHYS32_ENTRY; 0: none */
	uint64_t start, end; /* physical addresses used, BSS included */
};

bool vmm_elf_is(const uint8_t *bytes, size_t size);
/* ENOEXEC: not an x86-64 executable, or damaged. */
RL_MUST rl_err vmm_elf_read(const struct vmm_image *image, struct vmm_elf *ret);
/* Puts the segments into guest memory. ENOMEM: it has too little, with the need. */
RL_MUST rl_err vmm_elf_place(const struct vmm_image *image, const struct vmm_elf *elf,
			     const struct vmm_mem *mem);

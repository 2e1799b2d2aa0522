/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel files: which format, where the ELF kernel is inside, and everything that has to lie in
 * guest memory before the first instruction.
 */
#pragma once

#include "vmm/boot/supply.h"
#include "vmm/kvm/kvm.h"

/* The version a bzImage says it is ("6.1.0-13-cloud-amd64"); false if it is none. */
bool vmm_bzimage_version(const struct vmm_image *image, char *buf, size_t size);

/*
 * Loads what `supply` holds, with command line, ACPI tables and boot parameters.
 * ENOEXEC: not a kernel. ENOTSUP: a format that is not for this architecture, or whose
 * decompressor is not installed. ENOMEM: the kernel does not fit, EFBIG: the initramfs does not.
 */
RL_MUST rl_err vmm_kernel_load(const struct vmm_plan *plan, struct vmm_supply *supply,
			       const struct vmm_mem *mem, struct vmm_entry *ret_entry);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables that tell a stock kernel what the machine is made of: RSDP, XSDT, FADT (hardware
 * reduced), MADT and a DSDT with a node for every virtio-mmio device and serial port. And the MP
 * table, which tells a kernel without ACPI of the processors.
 */
#pragma once

#include "vmm/mem/guest_memory.h"
#include "vmm/plan.h"

/* Writes the tables between LAYOUT_ACPI and LAYOUT_ACPI_END; gives the RSDP's address. */
RL_MUST rl_err vmm_acpi_write(const struct vmm_plan *plan, const struct vmm_mem *mem,
			      struct gpa *ret_rsdp);
/* Intel MultiProcessor Specification 1.4, at LAYOUT_LOW_RAM_END. */
RL_MUST rl_err vmm_mptable_write(const struct vmm_plan *plan, const struct vmm_mem *mem);

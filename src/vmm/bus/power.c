/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/bus/power.h"

#include "vmm/plan.h"

#define SLEEP_ENABLE 0x20 /* ACPI 6.4, table 4.19 */

#define I8042_DATA 0x60
#define I8042_STATUS 0x64
#define I8042_RESET 0xfe

/* Offset 0: sleep control, 1: sleep status, 2: reset. */
static void acpi_read(void *arg, uint64_t offset, uint8_t *data, unsigned len)
{
	(void)arg;
	(void)offset;
	vmm_bus_answer(data, len, 0);
}

static void acpi_write(void *arg, uint64_t offset, const uint8_t *data, unsigned len)
{
	struct vmm_outcome *outcome = arg;

	(void)len;
	/* Only S5 is described, so whatever sleep type comes with it means off. */
	if (offset == 0 && (data[0] & SLEEP_ENABLE))
		vmm_outcome_end(outcome, VMM_END_POWEROFF, "%s", "");
	if (offset == LAYOUT_PORT_RESET - LAYOUT_PORT_SLEEP)
		vmm_outcome_end(outcome, VMM_END_RESET, "%s", "");
}

/* Nothing to read, always ready for a command: that is what a kernel waits for before 0xfe. */
static void i8042_read(void *arg, uint64_t offset, uint8_t *data, unsigned len)
{
	(void)arg;
	(void)offset;
	vmm_bus_answer(data, len, 0);
}

static void i8042_write(void *arg, uint64_t offset, const uint8_t *data, unsigned len)
{
	(void)offset;
	(void)len;
	if (data[0] == I8042_RESET)
		vmm_outcome_end(arg, VMM_END_RESET, "%s", "");
}

static void ignore_write(void *arg, uint64_t offset, const uint8_t *data, unsigned len)
{
	(void)arg;
	(void)offset;
	(void)data;
	(void)len;
}

rl_err vmm_power_attach(struct vmm_outcome *outcome, struct vmm_bus *ports)
{
	static const struct vmm_bus_ops acpi = { acpi_read, acpi_write };
	static const struct vmm_bus_ops command = { i8042_read, i8042_write };
	static const struct vmm_bus_ops data = { i8042_read, ignore_write };

	RL_TRY(vmm_bus_add(ports, (struct vmm_bus_range){ LAYOUT_PORT_SLEEP, 4, &acpi, outcome }));
	RL_TRY(vmm_bus_add(ports, (struct vmm_bus_range){ I8042_STATUS, 1, &command, outcome }));
	return vmm_bus_add(ports, (struct vmm_bus_range){ I8042_DATA, 1, &data, outcome });
}

/* SPDX-License-Identifier: Apache-2.0 */
/* For kernels without ACPI, such as libkrunfw's: how many processors, where the IOAPIC is. */
#include "vmm/boot/acpi.h"

#include "vmm/mem/le.h"

#include <string.h>

#define IOAPIC_VERSION 0x11
#define LAPIC_VERSION 0x14
#define IOAPIC_LINES 24

struct mp_floating {
	char signature[4];
	struct le32 table;
	uint8_t length; /* in 16 bytes */
	uint8_t revision;
	uint8_t checksum;
	uint8_t feature[5];
} __attribute__((packed));

struct mp_head {
	char signature[4];
	struct le16 length;
	uint8_t revision;
	uint8_t checksum;
	char oem[8];
	char product[12];
	struct le32 oem_table;
	struct le16 oem_size;
	struct le16 entries;
	struct le32 lapic;
	struct le32 extended;
} __attribute__((packed));

struct mp_processor {
	uint8_t type, apic_id, apic_version, flags;
	struct le32 signature, features;
	struct le32 reserved[2];
} __attribute__((packed));

struct mp_bus {
	uint8_t type, id;
	char name[6];
} __attribute__((packed));

struct mp_ioapic {
	uint8_t type, id, version, flags;
	struct le32 address;
} __attribute__((packed));

struct mp_interrupt {
	uint8_t type, kind;
	struct le16 flags;
	uint8_t bus, line, to_apic, to_pin;
} __attribute__((packed));

enum { TYPE_PROCESSOR, TYPE_BUS, TYPE_IOAPIC, TYPE_INTERRUPT, TYPE_LOCAL_INTERRUPT };
enum { KIND_INT, KIND_NMI, KIND_EXTINT = 3 };
enum { PROCESSOR_ENABLED = 1, PROCESSOR_BOOT = 2, IOAPIC_ENABLED = 1, ALL_APICS = 0xff };

static uint8_t checksum(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint8_t sum = 0;

	while (len-- > 0)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

static void *append(uint8_t **next, const void *entry, size_t len, unsigned *count)
{
	void *at = *next;

	memcpy(at, entry, len);
	*next += len;
	(*count)++;
	return at;
}

static unsigned write_entries(const struct vmm_plan *plan, uint8_t **next)
{
	unsigned count = 0;

	for (unsigned i = 0; i < plan->vcpus; i++) {
		struct mp_processor cpu = {
			.type = TYPE_PROCESSOR,
			.apic_id = (uint8_t)i,
			.apic_version = LAPIC_VERSION,
			.flags = PROCESSOR_ENABLED | (i == 0 ? PROCESSOR_BOOT : 0),
			.signature = le32_of(0x600),
			.features = le32_of(0x201), /* FPU and APIC */
		};

		append(next, &cpu, sizeof(cpu), &count);
	}
	append(next, &(struct mp_bus){ TYPE_BUS, 0, "ISA   " }, sizeof(struct mp_bus), &count);
	append(next,
	       &(struct mp_ioapic){ TYPE_IOAPIC, 0, IOAPIC_VERSION, IOAPIC_ENABLED,
				    le32_of((uint32_t)LAYOUT_IOAPIC) },
	       sizeof(struct mp_ioapic), &count);
	for (unsigned line = 0; line < IOAPIC_LINES; line++) {
		struct mp_interrupt entry = { .type = TYPE_INTERRUPT,
					      .kind = KIND_INT,
					      .line = (uint8_t)line,
					      .to_pin = (uint8_t)line };

		append(next, &entry, sizeof(entry), &count);
	}
	append(next, &(struct mp_interrupt){ .type = TYPE_LOCAL_INTERRUPT, .kind = KIND_EXTINT },
	       sizeof(struct mp_interrupt), &count);
	append(next,
	       &(struct mp_interrupt){ .type = TYPE_LOCAL_INTERRUPT,
				       .kind = KIND_NMI,
				       .to_apic = ALL_APICS,
				       .to_pin = 1 },
	       sizeof(struct mp_interrupt), &count);
	return count;
}

rl_err vmm_mptable_write(const struct vmm_plan *plan, const struct vmm_mem *mem)
{
	size_t room = 0xa0000 - LAYOUT_LOW_RAM_END;
	uint8_t *base = vmm_mem_at(mem, GPA(LAYOUT_LOW_RAM_END), room), *next;
	struct mp_floating *floating;
	struct mp_head *head;
	unsigned entries;
	size_t len;

	len = sizeof(*floating) + sizeof(*head) + plan->vcpus * sizeof(struct mp_processor) +
	      (IOAPIC_LINES + 4) * sizeof(struct mp_interrupt);
	if (base == NULL || len > room) {
		/* More processors than the table's place has room for: ACPI has them all. */
		return RL_OK;
	}
	memset(base, 0, room);
	floating = (struct mp_floating *)base;
	head = (struct mp_head *)(base + sizeof(*floating));
	next = (uint8_t *)(head + 1);
	entries = write_entries(plan, &next);
	len = (size_t)(next - (uint8_t *)head);
	*head = (struct mp_head){ .length = le16_of((uint16_t)len),
				  .revision = 4,
				  .entries = le16_of((uint16_t)entries),
				  .lapic = le32_of((uint32_t)LAYOUT_LAPIC) };
	memcpy(head->signature, "PCMP", 4);
	memcpy(head->oem, "RUNLET  ", 8);
	memcpy(head->product, "MICROVM     ", 12);
	head->checksum = checksum(head, len);
	*floating = (struct mp_floating){ .table = le32_of((uint32_t)(LAYOUT_LOW_RAM_END +
								      sizeof(*floating))),
					  .length = 1,
					  .revision = 4 };
	memcpy(floating->signature, "_MP_", 4);
	floating->checksum = checksum(floating, sizeof(*floating));
	return RL_OK;
}

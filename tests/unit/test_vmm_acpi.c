/* SPDX-License-Identifier: Apache-2.0 */
/* The tables as a kernel reads them: by following pointers from the RSDP and adding up bytes. */
#include "vmm/boot/acpi.h"
#include "vmm/boot/aml.h"

#include "test.h"

#include <sys/mman.h>

static uint8_t *ram;
static struct vmm_mem mem;

static void fresh_memory(void)
{
	if (ram == NULL)
		ram = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);
	memset(ram, 0xcc, 2 << 20);
	mem = (struct vmm_mem){ .count = 1, .region = { { GPA(0), 2 << 20, ram } } };
}

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len-- > 0)
		s = (uint8_t)(s + *p++);
	return s;
}

static uint32_t u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static uint64_t u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

/* The table with this signature, by the XSDT. */
static const uint8_t *table(struct gpa rsdp, const char *signature)
{
	const uint8_t *xsdt = ram + u64(ram + rsdp.addr + 24);

	for (uint32_t at = 36; at < u32(xsdt + 4); at += 8) {
		const uint8_t *t = ram + u64(xsdt + at);

		if (memcmp(t, signature, 4) == 0)
			return sum(t, u32(t + 4)) == 0 ? t : NULL;
	}
	return NULL;
}

static struct vmm_plan plan_of(unsigned vcpus, struct vmm_device_plan *devices, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		devices[i].mmio = GPA(LAYOUT_MMIO + i * LAYOUT_MMIO_SIZE);
		devices[i].gsi = LAYOUT_GSI_FIRST + i % 19;
	}
	return (struct vmm_plan){ .vcpus = vcpus, .device = devices, .device_count = count };
}

TEST(every_table_is_found_and_adds_up)
{
	struct vmm_device_plan devices[3] = { 0 };
	struct vmm_plan plan = plan_of(4, devices, 3);
	const uint8_t *fadt, *madt, *dsdt;
	struct gpa rsdp;

	fresh_memory();
	CHECK_OK(vmm_acpi_write(&plan, &mem, &rsdp));
	CHECK_INT(memcmp(ram + rsdp.addr, "RSD PTR ", 8), 0);
	CHECK_INT(rsdp.addr % 16, 0);
	CHECK_INT(sum(ram + rsdp.addr, 20), 0);
	CHECK_INT(sum(ram + rsdp.addr, 36), 0);
	CHECK_INT(ram[rsdp.addr + 15], 2);

	fadt = table(rsdp, "FACP");
	CHECK(fadt != NULL);
	CHECK(u32(fadt + 112) & 1u << 20); /* hardware reduced */
	CHECK(u32(fadt + 112) & 1u << 10); /* reset register */
	CHECK_INT(fadt[109] & 2, 0);	   /* no 8042 */
	CHECK(fadt[109] & 1 << 5);	   /* no CMOS clock */
	CHECK_INT(u64(fadt + 120), LAYOUT_PORT_RESET);
	CHECK_INT(u64(fadt + 248), LAYOUT_PORT_SLEEP);

	dsdt = ram + u64(fadt + 140);
	CHECK_INT(memcmp(dsdt, "DSDT", 4), 0);
	CHECK_INT(sum(dsdt, u32(dsdt + 4)), 0);

	madt = table(rsdp, "APIC");
	CHECK(madt != NULL);
	CHECK_INT(u32(madt + 36), LAYOUT_LAPIC);
	CHECK_INT(u32(madt + 4), 44 + 4 * 8 + 12);
	CHECK_INT(madt[44 + 3 * 8 + 3], 3); /* APIC id of the last processor */
	CHECK_INT(madt[44 + 4 * 8], 1);	    /* then the IOAPIC */
	CHECK_INT(u32(madt + 44 + 4 * 8 + 4), LAYOUT_IOAPIC);
}

TEST(every_device_has_a_node)
{
	static struct vmm_device_plan devices[LAYOUT_MMIO_MAX];
	struct vmm_plan plan = plan_of(255, devices, LAYOUT_MMIO_MAX);
	const uint8_t *dsdt, *end, *p;
	unsigned nodes = 0, windows = 0;
	struct gpa rsdp;

	fresh_memory();
	CHECK_OK(vmm_acpi_write(&plan, &mem, &rsdp));
	dsdt = ram + u64(table(rsdp, "FACP") + 140);
	end = dsdt + u32(dsdt + 4);
	CHECK((uint64_t)(end - ram) <= LAYOUT_ACPI_END);
	for (p = dsdt; (p = memmem(p, (size_t)(end - p), "LNRO0005", 9)) != NULL; p++)
		nodes++;
	CHECK_INT(nodes, LAYOUT_MMIO_MAX);
	for (p = dsdt; (p = memmem(p, (size_t)(end - p), "\x86\x09\x00\x01", 4)) != NULL; p++) {
		CHECK_INT(u32(p + 4), LAYOUT_MMIO + windows * LAYOUT_MMIO_SIZE);
		CHECK_INT(u32(p + 8), LAYOUT_MMIO_SIZE);
		/* extended interrupt: consumer, edge, active high, shared */
		CHECK_INT(p[12], 0x89);
		CHECK_INT(p[15], 0x0b);
		CHECK_INT(u32(p + 17), 5 + windows % 19);
		windows++;
	}
	CHECK_INT(windows, LAYOUT_MMIO_MAX);
	CHECK_INT(ram[LAYOUT_ACPI_END], 0xcc);
}

TEST(aml_by_hand)
{
	static const uint8_t want[] = {
		0x08, '_',  'U',  'I',	'D',  0x0b, 0x34, 0x12,		    /* Name(_UID, 0x1234) */
		0x08, '_',  'H',  'I',	'D',  0x0c, 0x41, 0xd0, 0x05, 0x01, /* EISAID("PNP0501") */
		0x10, 0xc9, 0x00, 0x00, 0x00, '\\', 'A',  'B',	'C',  '_',  /* Scope(\ABC_) {} */
	};
	uint8_t bytes[64];
	struct vmm_aml a = { .bytes = bytes, .size = sizeof(bytes) };

	vmm_aml_name(&a, "_UID");
	vmm_aml_integer(&a, 0x1234);
	vmm_aml_name(&a, "_HID");
	vmm_aml_eisa(&a, "PNP0501");
	vmm_aml_end(&a, vmm_aml_scope(&a, "\\ABC_"));
	CHECK(!a.full);
	CHECK_INT(a.used, sizeof(want));
	CHECK_INT(memcmp(bytes, want, sizeof(want)), 0);
}

TEST(aml_that_does_not_fit_is_marked)
{
	uint8_t bytes[8];
	struct vmm_aml a = { .bytes = bytes, .size = sizeof(bytes) };

	vmm_aml_end(&a, vmm_aml_device(&a, "ABCD"));
	CHECK(a.full);
}

TEST(tables_need_memory)
{
	struct vmm_plan plan = { .vcpus = 1 };
	struct gpa rsdp;

	fresh_memory();
	mem.region[0].size = 0xe0000;
	CHECK_FAILS(vmm_acpi_write(&plan, &mem, &rsdp), ENOSPC, "ACPI");
}

TEST(mp_table_adds_up)
{
	struct vmm_plan plan = { .vcpus = 3 };
	const uint8_t *floating, *head;

	fresh_memory();
	CHECK_OK(vmm_mptable_write(&plan, &mem));
	floating = ram + LAYOUT_LOW_RAM_END;
	CHECK_INT(memcmp(floating, "_MP_", 4), 0);
	CHECK_INT(sum(floating, 16), 0);
	head = ram + u32(floating + 4);
	CHECK_INT(memcmp(head, "PCMP", 4), 0);
	CHECK_INT(sum(head, (size_t)(head[4] | head[5] << 8)), 0);
	CHECK_INT(head[34], 3 + 1 + 1 + 24 + 2); /* processors, bus, IOAPIC, lines, local */
	/* With 255 vCPUs it has no room; nothing is written beyond its place. */
	plan.vcpus = 255;
	fresh_memory();
	CHECK_OK(vmm_mptable_write(&plan, &mem));
	CHECK_INT(ram[0xa0000], 0xcc);
}

RUN_TESTS()

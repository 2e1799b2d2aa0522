/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/boot/acpi.h"

#include "vmm/boot/aml.h"
#include "vmm/mem/le.h"

#include <stdio.h>
#include <string.h>

#define CREATOR_ID "RNLT"

struct table_head {
	char signature[4];
	struct le32 length;
	uint8_t revision;
	uint8_t checksum;
	char oem[6];
	char oem_table[8];
	struct le32 oem_revision;
	char creator[4];
	struct le32 creator_revision;
} __attribute__((packed));
_Static_assert(sizeof(struct table_head) == 36, "ACPI 6.4, 5.2.6");

struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	struct le32 rsdt;
	struct le32 length;
	struct le64 xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} __attribute__((packed));
_Static_assert(sizeof(struct rsdp) == 36, "ACPI 6.4, 5.2.5.3");

struct generic_address {
	uint8_t space; /* 1: I/O ports */
	uint8_t bits;
	uint8_t bit_offset;
	uint8_t access; /* 1: bytes */
	struct le64 address;
} __attribute__((packed));

struct fadt {
	struct table_head head;
	uint8_t unused_1[73]; /* what a hardware-reduced machine does not have */
	struct le16 boot_arch;
	uint8_t unused_2;
	struct le32 flags;
	struct generic_address reset;
	uint8_t reset_value;
	struct le16 arm_boot_arch;
	uint8_t minor;
	struct le64 x_facs;
	struct le64 x_dsdt;
	struct generic_address unused_3[8];
	struct generic_address sleep_control;
	struct generic_address sleep_status;
	struct le64 hypervisor;
} __attribute__((packed));
_Static_assert(offsetof(struct fadt, boot_arch) == 109, "ACPI 6.4, 5.2.9");
_Static_assert(offsetof(struct fadt, x_dsdt) == 140, "ACPI 6.4, 5.2.9");
_Static_assert(sizeof(struct fadt) == 276, "ACPI 6.4, 5.2.9");

enum {
	/* No keyboard controller, no VGA, no CMOS clock: their probing takes seconds. */
	BOOT_ARCH_NO_VGA = 1 << 2,
	BOOT_ARCH_NO_MSI = 1 << 3,
	BOOT_ARCH_NO_CMOS_RTC = 1 << 5,
	FADT_WBINVD = 1 << 0,
	FADT_NO_POWER_BUTTON = 1 << 4,
	FADT_NO_SLEEP_BUTTON = 1 << 5,
	FADT_RESET_SUPPORTED = 1 << 10,
	FADT_HW_REDUCED = 1 << 20,
};

struct madt {
	struct table_head head;
	struct le32 lapic;
	struct le32 flags;
} __attribute__((packed));

struct madt_lapic {
	uint8_t type, length;
	uint8_t processor, apic_id;
	struct le32 flags;
} __attribute__((packed));

struct madt_ioapic {
	uint8_t type, length;
	uint8_t id, reserved;
	struct le32 address;
	struct le32 gsi_base;
} __attribute__((packed));

/* Where the next table goes. */
struct writer {
	const struct vmm_mem *mem;
	uint64_t next;
};

static uint8_t checksum(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint8_t sum = 0;

	while (len-- > 0)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

static struct table_head head(const char *signature, uint8_t revision, size_t length)
{
	struct table_head h = {
		.length = le32_of((uint32_t)length),
		.revision = revision,
		.oem_revision = le32_of(1),
		.creator_revision = le32_of(1),
	};

	memcpy(h.signature, signature, 4);
	memcpy(h.oem, "RUNLET", 6);
	memcpy(h.oem_table, "RUNLETVM", 8);
	memcpy(h.creator, CREATOR_ID, 4);
	return h;
}

/* Room for a table of `len` bytes, zeroed. */
static rl_err reserve(struct writer *w, size_t len, uint64_t *ret_addr, void *ret_table)
{
	uint64_t at = (w->next + 15) & ~15ull;
	void *p = vmm_mem_at(w->mem, GPA(at), len);

	if (p == NULL || at + len > LAYOUT_ACPI_END)
		return rl_refuse(RL_E(ENOSPC), "the ACPI tables do not fit");
	memset(p, 0, len);
	memcpy(ret_table, &p, sizeof(p));
	*ret_addr = at;
	w->next = at + len;
	return RL_OK;
}

static void seal(void *table, size_t len)
{
	struct table_head *h = table;

	h->checksum = 0;
	h->checksum = checksum(table, len);
}

/* ---- DSDT ---- */

static void virtio_node(struct vmm_aml *a, const struct vmm_device_plan *d, unsigned index)
{
	vmm_aml_mark device;
	char name[5];

	snprintf(name, sizeof(name), "V%03X", index & 0xfff);
	device = vmm_aml_device(a, name);
	vmm_aml_name(a, "_HID");
	vmm_aml_string(a, "LNRO0005");
	vmm_aml_name(a, "_UID");
	vmm_aml_integer(a, index);
	vmm_aml_crs(a, &(struct vmm_aml_resources){ .memory = true,
						    .base = (uint32_t)d->mmio.addr,
						    .length = LAYOUT_MMIO_SIZE,
						    .gsi = d->gsi });
	vmm_aml_end(a, device);
}

static void serial_node(struct vmm_aml *a, const struct vmm_serial_plan *s, unsigned index)
{
	vmm_aml_mark device;
	char name[5];

	snprintf(name, sizeof(name), "COM%u", index % 10);
	device = vmm_aml_device(a, name);
	vmm_aml_name(a, "_HID");
	vmm_aml_eisa(a, "PNP0501");
	vmm_aml_name(a, "_UID");
	vmm_aml_integer(a, index);
	vmm_aml_crs(a, &(struct vmm_aml_resources){ .base = s->port, .length = 8, .gsi = s->gsi });
	vmm_aml_end(a, device);
}

static rl_err write_dsdt(struct writer *w, const struct vmm_plan *plan, uint64_t *ret_addr)
{
	/* A device node takes about 80 bytes. */
	size_t room = 512 + 128 * (size_t)(plan->device_count + plan->serial_count);
	static const uint8_t soft_off[] = { 5, 0 }; /* sleep type of S5 */
	struct table_head *table = NULL;
	struct vmm_aml a = { 0 };
	struct table_head h;
	vmm_aml_mark scope;

	RL_TRY(reserve(w, room, ret_addr, &table));
	a.bytes = (uint8_t *)table;
	a.size = room;
	a.used = sizeof(*table);
	vmm_aml_package(&a, "_S5_", soft_off, sizeof(soft_off));
	scope = vmm_aml_scope(&a, "\\_SB_");
	for (unsigned i = 0; i < plan->serial_count; i++)
		serial_node(&a, &plan->serial[i], i);
	for (unsigned i = 0; i < plan->device_count; i++)
		virtio_node(&a, &plan->device[i], i);
	vmm_aml_end(&a, scope);
	if (a.full)
		return rl_refuse(RL_E(ENOSPC), "the DSDT does not fit");
	h = head("DSDT", 6, a.used);
	memcpy(table, &h, sizeof(h));
	seal(table, a.used);
	w->next = *ret_addr + a.used;
	return RL_OK;
}

/* ---- The fixed tables ---- */

static struct generic_address port(uint16_t number)
{
	return (struct generic_address){
		.space = 1, .bits = 8, .access = 1, .address = le64_of(number)
	};
}

static rl_err write_fadt(struct writer *w, uint64_t dsdt, uint64_t *ret_addr)
{
	struct fadt *f = NULL;

	RL_TRY(reserve(w, sizeof(*f), ret_addr, &f));
	f->head = head("FACP", 6, sizeof(*f));
	f->boot_arch = le16_of(BOOT_ARCH_NO_VGA | BOOT_ARCH_NO_MSI | BOOT_ARCH_NO_CMOS_RTC);
	f->flags = le32_of(FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON |
			   FADT_RESET_SUPPORTED | FADT_HW_REDUCED);
	f->reset = port(LAYOUT_PORT_RESET);
	f->reset_value = 1;
	f->minor = 4;
	f->x_dsdt = le64_of(dsdt);
	f->sleep_control = port(LAYOUT_PORT_SLEEP);
	f->sleep_status = port(LAYOUT_PORT_SLEEP + 1);
	seal(f, sizeof(*f));
	return RL_OK;
}

static rl_err write_madt(struct writer *w, const struct vmm_plan *plan, uint64_t *ret_addr)
{
	enum { TYPE_LAPIC = 0, TYPE_IOAPIC = 1, LAPIC_ENABLED = 1 };
	size_t len = sizeof(struct madt) + plan->vcpus * sizeof(struct madt_lapic) +
		     sizeof(struct madt_ioapic);
	struct madt_ioapic *ioapic;
	struct madt_lapic *lapic;
	struct madt *m = NULL;

	RL_TRY(reserve(w, len, ret_addr, &m));
	m->head = head("APIC", 5, len);
	m->lapic = le32_of((uint32_t)LAYOUT_LAPIC);
	lapic = (struct madt_lapic *)(m + 1);
	for (unsigned i = 0; i < plan->vcpus; i++)
		lapic[i] = (struct madt_lapic){ .type = TYPE_LAPIC,
						.length = sizeof(*lapic),
						.processor = (uint8_t)i,
						.apic_id = (uint8_t)i,
						.flags = le32_of(LAPIC_ENABLED) };
	ioapic = (struct madt_ioapic *)(lapic + plan->vcpus);
	*ioapic = (struct madt_ioapic){ .type = TYPE_IOAPIC,
					.length = sizeof(*ioapic),
					.address = le32_of((uint32_t)LAYOUT_IOAPIC) };
	seal(m, len);
	return RL_OK;
}

static rl_err write_xsdt(struct writer *w, const uint64_t *tables, size_t count, uint64_t *ret_addr)
{
	size_t len = sizeof(struct table_head) + count * sizeof(struct le64);
	struct table_head *x = NULL;

	RL_TRY(reserve(w, len, ret_addr, &x));
	*x = head("XSDT", 1, len);
	for (size_t i = 0; i < count; i++) {
		struct le64 entry = le64_of(tables[i]);

		memcpy((uint8_t *)(x + 1) + i * sizeof(entry), &entry, sizeof(entry));
	}
	seal(x, len);
	return RL_OK;
}

rl_err vmm_acpi_write(const struct vmm_plan *plan, const struct vmm_mem *mem, struct gpa *ret_rsdp)
{
	struct writer w = { .mem = mem, .next = LAYOUT_ACPI };
	uint64_t rsdp_at, dsdt, table[2], xsdt;
	struct rsdp *rsdp = NULL; /* what gcc cannot see is initialised */

	/* First, so that a kernel which searches for it finds it early. */
	RL_TRY(reserve(&w, sizeof(*rsdp), &rsdp_at, &rsdp));
	RL_TRY(write_dsdt(&w, plan, &dsdt));
	RL_TRY(write_fadt(&w, dsdt, &table[0]));
	RL_TRY(write_madt(&w, plan, &table[1]));
	RL_TRY(write_xsdt(&w, table, 2, &xsdt));
	*rsdp = (struct rsdp){ .revision = 2,
			       .length = le32_of(sizeof(*rsdp)),
			       .xsdt = le64_of(xsdt) };
	memcpy(rsdp->signature, "RSD PTR ", 8);
	memcpy(rsdp->oem, "RUNLET", 6);
	rsdp->checksum = checksum(rsdp, 20); /* of the part that ACPI 1.0 had */
	rsdp->extended_checksum = checksum(rsdp, sizeof(*rsdp));
	*ret_rsdp = GPA(rsdp_at);
	return RL_OK;
}

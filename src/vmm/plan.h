/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine will be, decided from the configuration and the facts of the host without a
 * system call: where memory lies, which device sits where on which interrupt line, the command
 * line, the configuration of init. Everything that can be refused beforehand is refused here.
 * vmm/run.c then carries it out and decides nothing.
 */
#pragma once

#include "vmm/config.h"
#include "vmm/mem/guest_memory.h"

#include <stdio.h>

/*
 * The guest's physical address space. RAM lies below LOW_END and, what is more, from 4 GiB on;
 * windows of shared memory follow above it.
 */
#define LAYOUT_PVH_INFO 0x6000ull  /* hvm_start_info, module list, memory map */
#define LAYOUT_ZERO_PAGE 0x7000ull /* boot_params */
#define LAYOUT_BOOT_STACK 0x8ff0ull
#define LAYOUT_PAGE_TABLES 0x9000ull /* PML4, PDPT, 4 page directories */
#define LAYOUT_GDT 0x500ull
#define LAYOUT_CMDLINE 0x20000ull
#define LAYOUT_CMDLINE_MAX 0x10000ull
#define LAYOUT_LOW_RAM_END 0x9fc00ull
#define LAYOUT_ACPI 0xe0000ull
#define LAYOUT_ACPI_END 0x100000ull
#define LAYOUT_HIGH_RAM 0x100000ull
#define LAYOUT_GAP 0xc0000000ull  /* no RAM from here to 4 GiB */
#define LAYOUT_MMIO 0xd0000000ull /* virtio-mmio windows */
#define LAYOUT_MMIO_SIZE 0x1000ull
#define LAYOUT_MMIO_MAX 256u
#define LAYOUT_IOAPIC 0xfec00000ull
#define LAYOUT_LAPIC 0xfee00000ull
/* What KVM on Intel needs for real mode: a page table and three pages, below any firmware. */
#define LAYOUT_IDENTITY_MAP 0xfeffc000ull
#define LAYOUT_TSS 0xfeffd000ull
#define LAYOUT_FIRMWARE_MAX (16ull << 20) /* up to 4 GiB */
#define LAYOUT_BIOS_COPY_MAX (128ull << 10)
#define LAYOUT_4G 0x100000000ull
#define LAYOUT_SHM_ALIGN (1ull << 30)

/* I/O ports. */
#define LAYOUT_PORT_SLEEP 0x600 /* ACPI sleep control; status is the next one */
#define LAYOUT_PORT_RESET 0x602

#define LAYOUT_GSI_FIRST 5u /* below: timer, keyboard, cascade, serial ports */
#define LAYOUT_GSI_LAST 23u

/* How the kernel reaches init; known once a kernel was found. */
enum vmm_boot {
	VMM_BOOT_ROOT,	    /* it mounts the root itself and executes init there */
	VMM_BOOT_INITRAMFS, /* it starts init from our initramfs: a kernel with modules */
	VMM_BOOT_FIRMWARE,  /* firmware decides */
};

/* Of three descriptors, for input, output and errors. */
struct vmm_stdio {
	bool open[3], tty[3];
};

/* What was found out about the host before planning. */
struct vmm_facts {
	unsigned vcpus_max;    /* KVM_CAP_MAX_VCPUS */
	unsigned address_bits; /* guest physical addresses */
	bool nested;	       /* VMX or SVM can be shown to guests */
	const char *hostname;  /* what the guest is called unless its environment says otherwise */
	enum vmm_boot boot;
	struct vmm_stdio stdio;		       /* of the implicit console */
	const struct vmm_stdio *console_stdio; /* one for each configured console, in order */
};

enum vmm_device_kind { VMM_RNG, VMM_CONSOLE, VMM_FS, VMM_BLK, VMM_NET, VMM_VSOCK };

struct vmm_console_port_plan {
	const char *name;
	bool is_console;
	int in_fd, out_fd, tty_fd;
	bool to_file; /* output goes to the file of krun_set_console_output */
	bool to_log;  /* output goes to the log */
	bool control; /* the port by which the host asks init for things */
};

struct vmm_device_plan {
	enum vmm_device_kind kind;
	const char *name;
	struct gpa mmio;
	uint32_t gsi;
	struct gpa shm_at;
	uint64_t shm_size;
	const struct vmm_fs *fs;
	struct vmm_disk disk; /* blk */
	struct vmm_net net;
	struct vmm_console_port_plan *port;
	unsigned port_count;
};

struct vmm_serial_plan {
	uint16_t port;
	uint32_t gsi;
	int in_fd, out_fd;
};

struct vmm_span {
	struct gpa start;
	uint64_t size;
};

struct vmm_plan {
	struct rl_arena arena;
	const struct vmm_config *config; /* outlives the plan */

	uint32_t vcpus;
	uint64_t ram;
	struct vmm_span region[2];
	unsigned region_count;
	struct gpa end; /* first address above everything */

	struct vmm_device_plan *device;
	unsigned device_count, console_count;
	struct vmm_serial_plan serial[VMM_SERIALS_MAX];
	unsigned serial_count;

	const char *cmdline;

	const uint8_t *blob; /* configuration of init, guest/proto.h */
	size_t blob_size;
};

RL_MUST rl_err vmm_plan_make(const struct vmm_config *c, const struct vmm_facts *facts,
			     struct vmm_plan *ret);
void vmm_plan_free(struct vmm_plan *plan);
#define VMM_AUTO_PLAN __attribute__((cleanup(vmm_plan_free)))

/* The plan as text: one stable line a fact. */
void vmm_plan_print(const struct vmm_plan *plan, FILE *out);

/* vmm/workload.c: what init is told. */
RL_MUST rl_err vmm_workload_blob(struct rl_arena *a, const struct vmm_config *c,
				 const struct vmm_facts *facts, const uint8_t **ret_blob,
				 size_t *ret_size);

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/boot/params.h"

#include "vmm/mem/le.h"

#include <asm/bootparam.h>
#include <string.h>

#define HVM_MAGIC 0x336ec578u

/* xen/include/public/arch-x86/hvm/start_info.h, version 1 */
struct hvm_start_info {
	struct le32 magic, version, flags, modules;
	struct le64 modlist, cmdline, rsdp, memmap;
	struct le32 memmap_entries, reserved;
};
_Static_assert(sizeof(struct hvm_start_info) == 56, "PVH start info");

struct hvm_module {
	struct le64 start, size, cmdline, reserved;
};

struct hvm_memory {
	struct le64 start, size;
	struct le32 type, reserved;
};

unsigned vmm_e820_make(const struct vmm_plan *plan, struct vmm_e820 map[static VMM_E820_MAX])
{
	unsigned n = 0;

	map[n++] = (struct vmm_e820){ 0, LAYOUT_LOW_RAM_END, VMM_E820_RAM };
	/* The MP table and, up to 1 MiB, the ACPI tables. */
	map[n++] = (struct vmm_e820){ LAYOUT_LOW_RAM_END, LAYOUT_HIGH_RAM - LAYOUT_LOW_RAM_END,
				      VMM_E820_RESERVED };
	map[n++] = (struct vmm_e820){ LAYOUT_HIGH_RAM, plan->region[0].size - LAYOUT_HIGH_RAM,
				      VMM_E820_RAM };
	for (unsigned i = 1; i < plan->region_count; i++)
		map[n++] = (struct vmm_e820){ plan->region[i].start.addr, plan->region[i].size,
					      VMM_E820_RAM };
	return n;
}

static rl_err write_cmdline(const struct vmm_boot_params *p, const struct vmm_mem *mem)
{
	size_t len = strlen(p->cmdline) + 1;

	if (len > LAYOUT_CMDLINE_MAX || !vmm_mem_write(mem, GPA(LAYOUT_CMDLINE), p->cmdline, len))
		return rl_refuse(RL_E(ENOMEM), "there is no room for the command line");
	return RL_OK;
}

rl_err vmm_params_pvh(const struct vmm_plan *plan, const struct vmm_boot_params *p,
		      const struct vmm_mem *mem, uint64_t *ret_argument)
{
	struct {
		struct hvm_start_info info;
		struct hvm_module module;
		struct hvm_memory memory[VMM_E820_MAX];
	} page = { 0 };
	struct vmm_e820 map[VMM_E820_MAX];
	unsigned entries = vmm_e820_make(plan, map);

	page.info = (struct hvm_start_info){
		.magic = le32_of(HVM_MAGIC),
		.version = le32_of(1),
		.modules = le32_of(p->initrd_size ? 1 : 0),
		.modlist = le64_of(LAYOUT_PVH_INFO + sizeof(page.info)),
		.cmdline = le64_of(LAYOUT_CMDLINE),
		.rsdp = le64_of(p->rsdp.addr),
		.memmap = le64_of(LAYOUT_PVH_INFO + sizeof(page.info) + sizeof(page.module)),
		.memmap_entries = le32_of(entries),
	};
	page.module = (struct hvm_module){ .start = le64_of(p->initrd.addr),
					   .size = le64_of(p->initrd_size) };
	for (unsigned i = 0; i < entries; i++)
		page.memory[i] = (struct hvm_memory){ .start = le64_of(map[i].start),
						      .size = le64_of(map[i].size),
						      .type = le32_of(map[i].type) };
	if (!vmm_mem_write(mem, GPA(LAYOUT_PVH_INFO), &page, sizeof(page)))
		return rl_refuse(RL_E(ENOMEM), "there is no room for the boot parameters");
	RL_TRY(write_cmdline(p, mem));
	*ret_argument = LAYOUT_PVH_INFO;
	return RL_OK;
}

static void fill_header(struct setup_header *h, const struct vmm_boot_params *p)
{
	enum { LOADER_UNDEFINED = 0xff };

	if (p->setup_header) {
		size_t size = p->setup_header_size < sizeof(*h) ? p->setup_header_size : sizeof(*h);

		memcpy(h, p->setup_header, size);
	} else {
		h->boot_flag = 0xaa55;
		memcpy(&h->header, "HdrS", 4);
		h->kernel_alignment = 0x1000000;
	}
	h->type_of_loader = LOADER_UNDEFINED;
	h->cmd_line_ptr = LAYOUT_CMDLINE;
	h->cmdline_size = (uint32_t)strlen(p->cmdline);
	h->ramdisk_image = (uint32_t)p->initrd.addr;
	h->ramdisk_size = (uint32_t)p->initrd_size;
}

rl_err vmm_params_linux(const struct vmm_plan *plan, const struct vmm_boot_params *p,
			const struct vmm_mem *mem, uint64_t *ret_argument)
{
	struct boot_params *zero = vmm_mem_at(mem, GPA(LAYOUT_ZERO_PAGE), sizeof(*zero));
	struct vmm_e820 map[VMM_E820_MAX];
	unsigned entries = vmm_e820_make(plan, map);

	if (zero == NULL)
		return rl_refuse(RL_E(ENOMEM), "there is no room for the boot parameters");
	memset(zero, 0, sizeof(*zero));
	fill_header(&zero->hdr, p);
	zero->acpi_rsdp_addr = p->rsdp.addr;
	for (unsigned i = 0; i < entries; i++)
		zero->e820_table[i] = (struct boot_e820_entry){ .addr = map[i].start,
								.size = map[i].size,
								.type = map[i].type };
	zero->e820_entries = (uint8_t)entries;
	RL_TRY(write_cmdline(p, mem));
	*ret_argument = LAYOUT_ZERO_PAGE;
	return RL_OK;
}

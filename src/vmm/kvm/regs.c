/* SPDX-License-Identifier: Apache-2.0 */
/* Registers at the first instruction: PVH, the 64-bit Linux entry, or the hardware's reset. */
#include "vmm/kvm/kvm.h"

#include "vmm/plan.h"

#include <string.h>
#include <sys/ioctl.h>

#define CR0_PE 0x1u
#define CR0_ET 0x10u
#define CR0_PG 0x80000000u
#define CR4_PAE 0x20u
#define EFER_LME 0x100u
#define EFER_LMA 0x400u

#define MSR_IA32_MISC_ENABLE 0x1a0
#define MISC_ENABLE_FAST_STRING 1u
#define MSR_MTRR_DEF_TYPE 0x2ff
#define MTRR_ENABLED (1u << 11)
#define MTRR_WRITE_BACK 6u

#define LAPIC_LVT0 0x350
#define LAPIC_LVT1 0x360
#define LAPIC_MODE_NMI 4u
#define LAPIC_MODE_EXTINT 7u

enum { SELECTOR_CODE = 0x8, SELECTOR_DATA = 0x10, SELECTOR_TSS = 0x18 };

/* The descriptor table that the segment registers claim to have been loaded from. */
static const uint64_t gdt_long[] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff,
				     0x00008b0000000067 };

static struct kvm_segment segment(uint16_t selector, uint8_t type, bool code64)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.g = 1,
		.l = code64,
		.db = !code64,
	};
}

static void flat_segments(struct kvm_sregs *s, bool code64)
{
	struct kvm_segment data = segment(SELECTOR_DATA, 3, false);

	s->cs = segment(SELECTOR_CODE, 11, code64);
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = (struct kvm_segment){
		.limit = 0x67, .selector = SELECTOR_TSS, .type = 11, .present = 1
	};
	s->ldt = (struct kvm_segment){ .unusable = 1 };
	s->gdt = (struct kvm_dtable){ .base = LAYOUT_GDT, .limit = sizeof(gdt_long) - 1 };
	s->idt = (struct kvm_dtable){ 0 };
}

/* The first 4 GiB, identity, in pages of 2 MiB: everything that the boot protocols hand over. */
rl_err vmm_kvm_boot_tables(const struct vmm_mem *mem)
{
	enum { PRESENT_WRITABLE = 3, HUGE = 0x80, DIRECTORIES = 4 };
	uint64_t *table = vmm_mem_at(mem, GPA(LAYOUT_PAGE_TABLES), (2 + DIRECTORIES) * 4096);
	uint64_t *pml4 = table, *pdpt = table + 512, *pd = table + 1024;

	if (table == NULL || !vmm_mem_write(mem, GPA(LAYOUT_GDT), gdt_long, sizeof(gdt_long)))
		return rl_refuse(RL_E(ENOMEM), "there is no room for the page tables");
	pml4[0] = (LAYOUT_PAGE_TABLES + 4096) | PRESENT_WRITABLE;
	for (uint64_t i = 0; i < DIRECTORIES; i++)
		pdpt[i] = (LAYOUT_PAGE_TABLES + (2 + i) * 4096) | PRESENT_WRITABLE;
	for (uint64_t i = 0; i < DIRECTORIES * 512; i++)
		pd[i] = i << 21 | HUGE | PRESENT_WRITABLE;
	return RL_OK;
}

static void enter_pvh(struct kvm_sregs *s, struct kvm_regs *r, const struct vmm_entry *entry)
{
	flat_segments(s, false);
	s->cr0 = CR0_PE | CR0_ET;
	s->cr4 = 0;
	s->efer = 0;
	r->rbx = entry->argument;
}

static void enter_linux64(struct kvm_sregs *s, struct kvm_regs *r, const struct vmm_entry *entry)
{
	flat_segments(s, true);
	s->cr3 = LAYOUT_PAGE_TABLES;
	s->cr4 = CR4_PAE;
	s->cr0 = CR0_PE | CR0_ET | CR0_PG;
	s->efer = EFER_LME | EFER_LMA;
	r->rsi = entry->argument;
	r->rsp = r->rbp = LAYOUT_BOOT_STACK;
}

rl_err vmm_kvm_set_entry(int vcpu_fd, const struct vmm_entry *entry)
{
	struct kvm_regs r = { .rflags = 2, .rip = entry->address };
	struct kvm_sregs s;

	if (entry->mode == VMM_ENTRY_RESET)
		return RL_OK; /* KVM starts there */
	RL_TRY(rl_sys(ioctl(vcpu_fd, KVM_GET_SREGS, &s), "KVM_GET_SREGS"));
	if (entry->mode == VMM_ENTRY_PVH)
		enter_pvh(&s, &r, entry);
	else
		enter_linux64(&s, &r, entry);
	RL_TRY(rl_sys(ioctl(vcpu_fd, KVM_SET_SREGS, &s), "KVM_SET_SREGS"));
	return rl_sys(ioctl(vcpu_fd, KVM_SET_REGS, &r), "KVM_SET_REGS");
}

static rl_err set_msrs(int vcpu_fd)
{
	static const struct kvm_msr_entry wanted[] = {
		{ .index = MSR_IA32_MISC_ENABLE, .data = MISC_ENABLE_FAST_STRING },
		/* Without it Linux takes caching for broken. */
		{ .index = MSR_MTRR_DEF_TYPE, .data = MTRR_ENABLED | MTRR_WRITE_BACK },
	};
	enum { COUNT = sizeof(wanted) / sizeof(wanted[0]) };
	_Alignas(struct kvm_msrs) uint8_t space[sizeof(struct kvm_msrs) + sizeof(wanted)] = { 0 };
	struct kvm_msrs *msrs = (struct kvm_msrs *)space;
	int n;

	msrs->nmsrs = COUNT;
	memcpy(msrs->entries, wanted, sizeof(wanted));
	n = ioctl(vcpu_fd, KVM_SET_MSRS, msrs);
	RL_TRY(rl_sys(n, "KVM_SET_MSRS"));
	if (n != COUNT)
		return rl_fail(RL_E(ENOTSUP), "KVM_SET_MSRS: register 0x%x", wanted[n].index);
	return RL_OK;
}

static void set_lvt(struct kvm_lapic_state *lapic, size_t offset, uint32_t mode)
{
	uint32_t value;

	memcpy(&value, lapic->regs + offset, sizeof(value));
	value = (value & ~0x700u) | mode << 8;
	memcpy(lapic->regs + offset, &value, sizeof(value));
}

rl_err vmm_kvm_set_common(int vcpu_fd)
{
	struct kvm_fpu fpu = { .fcw = 0x37f, .mxcsr = 0x1f80 };
	struct kvm_lapic_state lapic;

	RL_TRY(set_msrs(vcpu_fd));
	RL_TRY(rl_sys(ioctl(vcpu_fd, KVM_SET_FPU, &fpu), "KVM_SET_FPU"));
	RL_TRY(rl_sys(ioctl(vcpu_fd, KVM_GET_LAPIC, &lapic), "KVM_GET_LAPIC"));
	set_lvt(&lapic, LAPIC_LVT0, LAPIC_MODE_EXTINT);
	set_lvt(&lapic, LAPIC_LVT1, LAPIC_MODE_NMI);
	return rl_sys(ioctl(vcpu_fd, KVM_SET_LAPIC, &lapic), "KVM_SET_LAPIC");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest sees of the processor: what KVM supports on this host, with our topology (one
 * package, a core for each vCPU, no threads), and without hardware virtualisation unless it was
 * asked for.
 */
#include "vmm/kvm/kvm.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
	LEAF1_EDX_HTT = 1 << 28,
	LEAF1_ECX_VMX = 1 << 5,
	LEAF1_ECX_X2APIC = 1 << 21,
	LEAF1_ECX_TSC_DEADLINE = 1 << 24,
	LEAF80000001_ECX_CMP_LEGACY = 1 << 1,
	LEAF80000001_ECX_SVM = 1 << 2,
	LEAF80000001_ECX_TOPOEXT = 1 << 22,
	TOPOLOGY_SMT = 1 << 8,
	TOPOLOGY_CORE = 2 << 8,
};
#define LEAF1_ECX_HYPERVISOR (1u << 31)

/* Bits that an APIC id needs for `count` cores. */
static unsigned id_bits(unsigned count)
{
	unsigned bits = 0;

	while ((1u << bits) < count)
		bits++;
	return bits;
}

static void leaf_1(struct kvm_cpuid_entry2 *e, const struct vmm_kvm *kvm,
		   const struct vmm_cpu_choice *cpu)
{
	unsigned logical = cpu->count < 256 ? cpu->count : 255;

	e->ebx = (e->ebx & 0x0000ffff) | logical << 16 | cpu->index << 24;
	e->edx &= ~(uint32_t)LEAF1_EDX_HTT;
	if (cpu->count > 1)
		e->edx |= LEAF1_EDX_HTT;
	e->ecx |= LEAF1_ECX_HYPERVISOR | LEAF1_ECX_X2APIC;
	if (kvm->tsc_deadline)
		e->ecx |= LEAF1_ECX_TSC_DEADLINE;
	if (!cpu->nested)
		e->ecx &= ~(uint32_t)LEAF1_ECX_VMX;
}

/* Cache sharing: first and second level per core, third by all. */
static void leaf_4(struct kvm_cpuid_entry2 *e, const struct vmm_cpu_choice *cpu)
{
	unsigned level = (e->eax >> 5) & 7, cores = (1u << id_bits(cpu->count)) - 1;

	if ((e->eax & 0x1f) == 0)
		return;
	e->eax = (e->eax & 0x3fff) | (level >= 3 ? cores << 14 : 0) | (cores & 0x3f) << 26;
}

static void leaf_b(struct kvm_cpuid_entry2 *e, const struct vmm_cpu_choice *cpu)
{
	e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	e->eax = e->ebx = 0;
	e->ecx = e->index & 0xff;
	e->edx = cpu->index;
	if (e->index == 0) {
		e->ebx = 1;
		e->ecx |= TOPOLOGY_SMT;
	} else if (e->index == 1) {
		e->eax = id_bits(cpu->count);
		e->ebx = cpu->count;
		e->ecx |= TOPOLOGY_CORE;
	}
}

static void adjust(struct kvm_cpuid_entry2 *e, const struct vmm_kvm *kvm,
		   const struct vmm_cpu_choice *cpu)
{
	switch (e->function) {
	case 0x1:
		leaf_1(e, kvm, cpu);
		break;
	case 0x4:
		leaf_4(e, cpu);
		break;
	case 0xb:
		leaf_b(e, cpu);
		break;
	case 0x80000001:
		e->ecx &= ~(uint32_t)(LEAF80000001_ECX_TOPOEXT | LEAF80000001_ECX_CMP_LEGACY);
		if (cpu->count > 1)
			e->ecx |= LEAF80000001_ECX_CMP_LEGACY;
		if (!cpu->nested)
			e->ecx &= ~(uint32_t)LEAF80000001_ECX_SVM;
		break;
	case 0x80000008:
		e->ecx = id_bits(cpu->count) << 12 | (cpu->count - 1);
		break;
	default:
		break;
	}
}

/* Leaves that describe the host's topology or what the guest shall not see. */
static bool hidden(const struct kvm_cpuid_entry2 *e, const struct vmm_cpu_choice *cpu)
{
	return e->function == 0x1f || e->function == 0x8000001e ||
	       (e->function == 0x8000000a && !cpu->nested);
}

rl_err vmm_kvm_set_cpuid(const struct vmm_kvm *kvm, int vcpu_fd, const struct vmm_cpu_choice *cpu)
{
	/* Two entries of leaf 0xb are ours; the host may have none. */
	uint32_t room = kvm->cpuid->nent + 3;
	struct kvm_cpuid2 *mine = calloc(1, sizeof(*mine) + room * sizeof(mine->entries[0]));
	uint32_t n = 0;
	rl_err e;

	if (mine == NULL)
		return rl_nomem();
	for (uint32_t i = 0; i < kvm->cpuid->nent; i++) {
		struct kvm_cpuid_entry2 entry = kvm->cpuid->entries[i];

		if (hidden(&entry, cpu) || entry.function == 0xb)
			continue;
		adjust(&entry, kvm, cpu);
		mine->entries[n++] = entry;
	}
	for (uint32_t level = 0; level < 3; level++) {
		mine->entries[n] = (struct kvm_cpuid_entry2){ .function = 0xb, .index = level };
		adjust(&mine->entries[n++], kvm, cpu);
	}
	mine->nent = n;
	e = rl_sys(ioctl(vcpu_fd, KVM_SET_CPUID2, mine), "KVM_SET_CPUID2");
	free(mine);
	return e;
}

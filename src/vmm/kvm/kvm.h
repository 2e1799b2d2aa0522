/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /dev/kvm, one virtual machine in it, and its vCPUs: the ioctls with their errors named. No
 * policy; what is created and where is the plan's.
 */
#pragma once

#include "base/fd.h"
#include "vmm/mem/guest_memory.h"

#include <linux/kvm.h>

struct vmm_kvm {
	struct rl_fd sys; /* /dev/kvm */
	struct rl_fd vm;
	size_t run_size; /* of the shared area of a vCPU */
	unsigned vcpus_max;
	unsigned address_bits;
	bool tsc_deadline;
	bool nested;		  /* guests can have guests: VMX or SVM is offered to them */
	bool intel;		  /* needs a TSS for real mode */
	struct kvm_cpuid2 *cpuid; /* what this host supports; owned */
	unsigned next_slot;
};

/*
 * Opens /dev/kvm, or copies `fd` (-1: none), and asks what it can do. ENOENT, ENXIO, EACCES, EBUSY
 * as open(2) says, with a hint; ENOTSUP: another API version, or a capability is missing (named).
 */
RL_MUST rl_err vmm_kvm_open(struct vmm_kvm *kvm, int fd);
void vmm_kvm_close(struct vmm_kvm *kvm);
#define VMM_AUTO_KVM __attribute__((cleanup(vmm_kvm_close)))

/* For the API's questions, without a machine. */
RL_MUST rl_err vmm_kvm_max_vcpus(unsigned *ret);
bool vmm_kvm_nested(void);

RL_MUST rl_err vmm_kvm_make_vm(struct vmm_kvm *kvm);
/*
 * Its interrupt controllers: all in the kernel, or the IOAPIC here (split). After RAM: making them
 * starts a grace period of the kernel which mapping memory would then wait for, for milliseconds.
 */
RL_MUST rl_err vmm_kvm_make_irqchip(struct vmm_kvm *kvm, bool split);
/* Guest addresses [at, at + size) are this host memory. */
RL_MUST rl_err vmm_kvm_map(struct vmm_kvm *kvm, struct gpa at, uint64_t size, void *host);
/* Writing the eventfd raises the line as an edge. */
RL_MUST rl_err vmm_kvm_irqfd(const struct vmm_kvm *kvm, int event_fd, uint32_t gsi);
/* A 32-bit write of `value` to `at` signals the eventfd instead of leaving the guest. */
RL_MUST rl_err vmm_kvm_ioeventfd(const struct vmm_kvm *kvm, int event_fd, struct gpa at,
				 uint32_t value);

#define VMM_IOAPIC_PINS 24

/* What raising a line sends to a local APIC, in a machine with a split interrupt controller. */
struct vmm_msi {
	bool present;
	uint32_t address, data;
};
RL_MUST rl_err vmm_kvm_route(const struct vmm_kvm *kvm, const struct vmm_msi pin[VMM_IOAPIC_PINS]);

/* ---- kvm/cpuid.c, kvm/regs.c: a vCPU before its first instruction ---- */

struct vmm_cpu_choice {
	unsigned index; /* also its APIC id */
	unsigned count;
	bool nested;
};

RL_MUST rl_err vmm_kvm_set_cpuid(const struct vmm_kvm *kvm, int vcpu_fd,
				 const struct vmm_cpu_choice *choice);

enum vmm_entry_mode {
	VMM_ENTRY_RESET,   /* as the hardware: firmware at the reset vector */
	VMM_ENTRY_PVH,	   /* 32-bit protected mode, paging off, ebx = argument */
	VMM_ENTRY_LINUX64, /* long mode, the first 4 GiB mapped, rsi = argument */
};

struct vmm_entry {
	enum vmm_entry_mode mode;
	uint64_t address;
	uint64_t argument; /* guest address of what the protocol hands over */
};

/* Tables in guest memory that VMM_ENTRY_LINUX64 and _PVH start with. */
RL_MUST rl_err vmm_kvm_boot_tables(const struct vmm_mem *mem);
/* Registers of vCPU 0; the others wait for INIT and SIPI. */
RL_MUST rl_err vmm_kvm_set_entry(int vcpu_fd, const struct vmm_entry *entry);
/* What every vCPU needs: MSRs, FPU, LAPIC. */
RL_MUST rl_err vmm_kvm_set_common(int vcpu_fd);

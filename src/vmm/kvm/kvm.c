/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/kvm/kvm.h"

#include "vmm/plan.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CPUID_ENTRIES 256

static int sys_fd(const struct vmm_kvm *kvm)
{
	return rl_fd_get(&kvm->sys);
}

static int vm_fd(const struct vmm_kvm *kvm)
{
	return rl_fd_get(&kvm->vm);
}

static rl_err open_device(struct rl_fd *ret)
{
	rl_err e = rl_fd_from(open("/dev/kvm", O_RDWR | O_CLOEXEC), ret, "open /dev/kvm");

	switch (rl_errno(e)) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return rl_hint(e, "the kvm module is not loaded, the processor's virtualisation "
				  "is off, or the container was not given the device");
	case EACCES:
	case EPERM:
		return rl_hint(e, "add the user to the group that owns /dev/kvm (usually kvm)");
	default:
		return e;
	}
}

static const struct {
	int number;
	const char *name;
} required[] = {
	{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
	{ KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP" },
	{ KVM_CAP_IRQFD, "KVM_CAP_IRQFD" },
	{ KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD" },
	{ KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID" },
	{ KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR" },
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
};

static int capability(const struct vmm_kvm *kvm, int number)
{
	int value = ioctl(sys_fd(kvm), KVM_CHECK_EXTENSION, (unsigned long)number);

	return value < 0 ? 0 : value;
}

static rl_err check_capabilities(struct vmm_kvm *kvm)
{
	int version = ioctl(sys_fd(kvm), KVM_GET_API_VERSION, 0);

	if (version != KVM_API_VERSION)
		return rl_refuse(RL_E(ENOTSUP), "/dev/kvm has API version %d, not %d", version,
				 KVM_API_VERSION);
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		if (capability(kvm, required[i].number) == 0)
			return rl_refuse(RL_E(ENOTSUP), "/dev/kvm lacks %s", required[i].name);
	}
	kvm->vcpus_max = (unsigned)capability(kvm, KVM_CAP_MAX_VCPUS);
	if (kvm->vcpus_max == 0)
		kvm->vcpus_max = 4; /* what Documentation/virt/kvm/api.rst says to assume */
	kvm->tsc_deadline = capability(kvm, KVM_CAP_TSC_DEADLINE_TIMER) != 0;
	return RL_OK;
}

static void look_at_cpuid(struct vmm_kvm *kvm)
{
	kvm->address_bits = 36; /* the least that 64-bit processors have */
	for (uint32_t i = 0; i < kvm->cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &kvm->cpuid->entries[i];

		if (e->function == 0)
			kvm->intel = e->ebx == 0x756e6547; /* "Genu" */
		if (e->function == 1 && e->ecx & 1u << 5)
			kvm->nested = true; /* VMX */
		if (e->function == 0x80000001 && e->ecx & 1u << 2)
			kvm->nested = true; /* SVM */
		if (e->function == 0x80000008)
			kvm->address_bits = e->eax & 0xff;
	}
	if (kvm->address_bits > 52)
		kvm->address_bits = 52;
}

static rl_err read_cpuid(struct vmm_kvm *kvm)
{
	kvm->cpuid =
		calloc(1, sizeof(*kvm->cpuid) + CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2));
	if (kvm->cpuid == NULL)
		return rl_nomem();
	kvm->cpuid->nent = CPUID_ENTRIES;
	RL_TRY(rl_sys(ioctl(sys_fd(kvm), KVM_GET_SUPPORTED_CPUID, kvm->cpuid),
		      "KVM_GET_SUPPORTED_CPUID"));
	look_at_cpuid(kvm);
	return RL_OK;
}

rl_err vmm_kvm_open(struct vmm_kvm *kvm, int fd)
{
	int size;

	if (fd < 0)
		RL_TRY(open_device(&kvm->sys));
	else
		RL_TRY(rl_fd_from(fcntl(fd, F_DUPFD_CLOEXEC, 0), &kvm->sys, "copy /dev/kvm"));
	RL_TRY(check_capabilities(kvm));
	size = ioctl(sys_fd(kvm), KVM_GET_VCPU_MMAP_SIZE, 0);
	RL_TRY(rl_sys(size, "KVM_GET_VCPU_MMAP_SIZE"));
	kvm->run_size = (size_t)size;
	return read_cpuid(kvm);
}

void vmm_kvm_close(struct vmm_kvm *kvm)
{
	rl_fd_close(&kvm->vm);
	rl_fd_close(&kvm->sys);
	free(kvm->cpuid);
	kvm->cpuid = NULL;
}

rl_err vmm_kvm_max_vcpus(unsigned *ret)
{
	struct vmm_kvm kvm = { 0 };
	rl_err e = open_device(&kvm.sys);

	if (!rl_failed(e))
		e = check_capabilities(&kvm);
	if (!rl_failed(e))
		*ret = kvm.vcpus_max;
	vmm_kvm_close(&kvm);
	return e;
}

bool vmm_kvm_nested(void)
{
	static const char *const files[] = { "/sys/module/kvm_intel/parameters/nested",
					     "/sys/module/kvm_amd/parameters/nested" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd = open(files[i], O_RDONLY | O_CLOEXEC);
		char c = 0;
		bool yes = fd >= 0 && read(fd, &c, 1) == 1 && (c == 'Y' || c == 'y' || c == '1');

		if (fd >= 0)
			(void)close(fd);
		if (yes)
			return true;
	}
	return false;
}

/* KVM_CREATE_VM is interrupted by any signal, and the caller may have plenty of them. */
static rl_err create_vm(struct vmm_kvm *kvm)
{
	int fd;

	do
		fd = ioctl(sys_fd(kvm), KVM_CREATE_VM, 0ul);
	while (fd < 0 && errno == EINTR);
	if (fd < 0 && errno == EBUSY)
		return rl_hint(rl_sys(fd, "KVM_CREATE_VM"),
			       "another hypervisor (VirtualBox, VMware) has the processor");
	return rl_fd_from(fd, &kvm->vm, "KVM_CREATE_VM");
}

static rl_err split_irqchip(struct vmm_kvm *kvm)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { VMM_IOAPIC_PINS } };

	if (capability(kvm, KVM_CAP_SPLIT_IRQCHIP) == 0)
		return rl_refuse(RL_E(ENOTSUP), "/dev/kvm lacks KVM_CAP_SPLIT_IRQCHIP");
	return rl_sys(ioctl(vm_fd(kvm), KVM_ENABLE_CAP, &cap), "KVM_CAP_SPLIT_IRQCHIP");
}

rl_err vmm_kvm_make_vm(struct vmm_kvm *kvm)
{
	uint64_t identity_map = LAYOUT_IDENTITY_MAP;

	RL_TRY(create_vm(kvm));
	RL_TRY(rl_sys(ioctl(vm_fd(kvm), KVM_SET_IDENTITY_MAP_ADDR, &identity_map),
		      "KVM_SET_IDENTITY_MAP_ADDR"));
	return rl_sys(ioctl(vm_fd(kvm), KVM_SET_TSS_ADDR, LAYOUT_TSS), "KVM_SET_TSS_ADDR");
}

rl_err vmm_kvm_make_irqchip(struct vmm_kvm *kvm, bool split)
{
	if (split)
		return split_irqchip(kvm);
	return rl_sys(ioctl(vm_fd(kvm), KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
}

rl_err vmm_kvm_map(struct vmm_kvm *kvm, struct gpa at, uint64_t size, void *host)
{
	struct kvm_userspace_memory_region region = {
		.slot = kvm->next_slot,
		.guest_phys_addr = at.addr,
		.memory_size = size,
		.userspace_addr = (uint64_t)(uintptr_t)host,
	};

	RL_TRY(rl_sys(ioctl(vm_fd(kvm), KVM_SET_USER_MEMORY_REGION, &region),
		      "give the guest %" PRIu64 " bytes at 0x%" PRIx64, size, at.addr));
	kvm->next_slot++;
	return RL_OK;
}

rl_err vmm_kvm_irqfd(const struct vmm_kvm *kvm, int event_fd, uint32_t gsi)
{
	struct kvm_irqfd irqfd = { .fd = (uint32_t)event_fd, .gsi = gsi };

	return rl_sys(ioctl(vm_fd(kvm), KVM_IRQFD, &irqfd), "KVM_IRQFD for line %u", gsi);
}

rl_err vmm_kvm_ioeventfd(const struct vmm_kvm *kvm, int event_fd, struct gpa at, uint32_t value)
{
	struct kvm_ioeventfd io = {
		.datamatch = value,
		.addr = at.addr,
		.len = 4,
		.fd = event_fd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	return rl_sys(ioctl(vm_fd(kvm), KVM_IOEVENTFD, &io), "KVM_IOEVENTFD at 0x%" PRIx64,
		      at.addr);
}

rl_err vmm_kvm_route(const struct vmm_kvm *kvm, const struct vmm_msi pin[VMM_IOAPIC_PINS])
{
	enum {
		SPACE = sizeof(struct kvm_irq_routing) +
			VMM_IOAPIC_PINS * sizeof(struct kvm_irq_routing_entry)
	};
	_Alignas(struct kvm_irq_routing) uint8_t space[SPACE] = { 0 };
	struct kvm_irq_routing *table = (struct kvm_irq_routing *)space;

	for (uint32_t i = 0; i < VMM_IOAPIC_PINS; i++) {
		if (!pin[i].present)
			continue;
		table->entries[table->nr++] = (struct kvm_irq_routing_entry){
			.gsi = i,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = pin[i].address, .data = pin[i].data },
		};
	}
	return rl_sys(ioctl(vm_fd(kvm), KVM_SET_GSI_ROUTING, table), "KVM_SET_GSI_ROUTING");
}

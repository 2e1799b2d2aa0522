/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/kvm/vcpu.h"

#include "vmm/log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define KICK (SIGRTMIN + 0)
#define STACK_SIZE ((size_t)256 << 10) /* address space; what is touched counts */

static void on_kick(int number)
{
	(void)number; /* its only effect is EINTR */
}

rl_err vmm_vcpu_prepare_kick(void)
{
	struct sigaction action = { .sa_handler = on_kick };

	return rl_sys(sigaction(KICK, &action, NULL), "handle the vCPUs' signal");
}

rl_err vmm_vcpu_new(const struct vmm_kvm *kvm, const struct vmm_cpu_choice *choice,
		    struct vmm_vcpu *ret)
{
	struct vmm_vcpu v = { .index = choice->index, .run_size = kvm->run_size };
	rl_err e = rl_fd_from(ioctl(rl_fd_get(&kvm->vm), KVM_CREATE_VCPU, (long)choice->index),
			      &v.fd, "create vCPU %u", choice->index);
	void *run = MAP_FAILED;

	if (!rl_failed(e)) {
		run = mmap(NULL, v.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, rl_fd_get(&v.fd),
			   0);
		if (run == MAP_FAILED)
			e = rl_fail(RL_E(ENOMEM), "map vCPU %u", choice->index);
		else
			v.run = run;
	}
	if (!rl_failed(e))
		e = vmm_kvm_set_cpuid(kvm, rl_fd_get(&v.fd), choice);
	if (!rl_failed(e))
		e = vmm_kvm_set_common(rl_fd_get(&v.fd));
	if (rl_failed(e)) {
		vmm_vcpu_free(&v);
		return rl_wrap(e, "vCPU %u", choice->index);
	}
	*ret = v;
	return RL_OK;
}

void vmm_vcpu_free(struct vmm_vcpu *v)
{
	if (v->run)
		(void)munmap(v->run, v->run_size);
	v->run = NULL;
	rl_fd_close(&v->fd);
}

/* ---- Exits ---- */

static void handle_io(struct vmm_vcpu *v)
{
	uint8_t *data = (uint8_t *)v->run + v->run->io.data_offset;
	unsigned size = v->run->io.size;

	/* String instructions come with a count. */
	for (uint32_t i = 0; i < v->run->io.count; i++, data += size) {
		if (v->run->io.direction == KVM_EXIT_IO_OUT)
			vmm_bus_write(v->ports, v->run->io.port, data, size);
		else
			vmm_bus_read(v->ports, v->run->io.port, data, size);
	}
}

static void handle_mmio(struct vmm_vcpu *v)
{
	if (v->run->mmio.is_write)
		vmm_bus_write(v->mmio, v->run->mmio.phys_addr, v->run->mmio.data, v->run->mmio.len);
	else
		vmm_bus_read(v->mmio, v->run->mmio.phys_addr, v->run->mmio.data, v->run->mmio.len);
}

/* Where the guest was, for the reason of an end that nobody wanted. */
static void describe(const struct vmm_vcpu *v, char *buf, size_t size)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	if (ioctl(rl_fd_get(&v->fd), KVM_GET_REGS, &regs) < 0 ||
	    ioctl(rl_fd_get(&v->fd), KVM_GET_SREGS, &sregs) < 0) {
		snprintf(buf, size, "vCPU %u", v->index);
		return;
	}
	snprintf(buf, size, "vCPU %u at rip 0x%llx, cr0 0x%llx, cr2 0x%llx, cr3 0x%llx", v->index,
		 regs.rip, sregs.cr0, sregs.cr2, sregs.cr3);
}

static void end_by_fault(struct vmm_vcpu *v, const char *what, uint64_t detail)
{
	char where[160];

	describe(v, where, sizeof(where));
	vmm_outcome_end(v->outcome, VMM_END_FAULT, "%s (0x%" PRIx64 "): %s", what, detail, where);
}

static void end_by_triple_fault(struct vmm_vcpu *v)
{
	char where[160];

	describe(v, where, sizeof(where));
	vmm_log(VMM_LOG_WARN, "vcpu", "triple fault: %s", where);
	vmm_outcome_end(v->outcome, VMM_END_TRIPLE_FAULT, "%s", "");
}

static void handle_system_event(struct vmm_vcpu *v)
{
	switch (v->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		vmm_outcome_end(v->outcome, VMM_END_POWEROFF, "%s", "");
		break;
	case KVM_SYSTEM_EVENT_RESET:
		vmm_outcome_end(v->outcome, VMM_END_RESET, "%s", "");
		break;
	default:
		end_by_fault(v, "system event", v->run->system_event.type);
		break;
	}
}

static void handle_exit(struct vmm_vcpu *v)
{
	v->exits++;
	switch (v->run->exit_reason) {
	case KVM_EXIT_IO:
		handle_io(v);
		break;
	case KVM_EXIT_MMIO:
		handle_mmio(v);
		break;
	case KVM_EXIT_IOAPIC_EOI: /* of level-triggered lines, which we do not have */
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		break;
	case KVM_EXIT_SHUTDOWN:
		end_by_triple_fault(v);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		handle_system_event(v);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		end_by_fault(v, "the processor refused to enter the guest",
			     v->run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		end_by_fault(v, "KVM cannot run the guest (internal error)",
			     v->run->internal.suberror);
		break;
	default:
		end_by_fault(v, "KVM left the guest for an unknown reason", v->run->exit_reason);
		break;
	}
}

static void *run_vcpu(void *arg)
{
	struct vmm_vcpu *v = arg;
	char name[16];

	snprintf(name, sizeof(name), "vcpu %u", v->index);
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
	while (!vmm_outcome_ended(v->outcome)) {
		int result = ioctl(rl_fd_get(&v->fd), KVM_RUN, 0);

		if (result == 0) {
			handle_exit(v);
		} else if (errno != EINTR && errno != EAGAIN) {
			vmm_outcome_end(v->outcome, VMM_END_FAULT, "vCPU %u: KVM_RUN: %s", v->index,
					strerror(errno));
		}
	}
	return NULL;
}

rl_err vmm_vcpu_start(struct vmm_vcpu *v)
{
	pthread_attr_t attr;
	sigset_t blocked, saved;
	int result;

	RL_TRY(rl_pos(pthread_attr_init(&attr), "thread"));
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	/* Inherited by the thread, so that it is there from its first instruction on. */
	(void)sigfillset(&blocked);
	(void)sigdelset(&blocked, KICK);
	(void)pthread_sigmask(SIG_SETMASK, &blocked, &saved);
	result = pthread_create(&v->thread, &attr, run_vcpu, v);
	(void)pthread_sigmask(SIG_SETMASK, &saved, NULL);
	(void)pthread_attr_destroy(&attr);
	RL_TRY(rl_pos(result, "start the thread of vCPU %u", v->index));
	v->started = true;
	return RL_OK;
}

void vmm_vcpu_stop(struct vmm_vcpu *v)
{
	/* Seen by the next KVM_RUN; the signal ends the one that is under way. */
	if (!v->started)
		return;
	__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		struct timespec until;

		(void)pthread_kill(v->thread, KICK);
		(void)clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 20 * 1000 * 1000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (pthread_timedjoin_np(v->thread, NULL, &until) == 0)
			break; /* else it was between the check and a blocking call: once more */
	}
	v->started = false;
}

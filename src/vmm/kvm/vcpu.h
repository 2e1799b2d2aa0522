/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One vCPU and its thread. It runs until the machine has ended (vmm/outcome.h); what the guest
 * does wrong ends the machine with a reason, never the process.
 */
#pragma once

#include "vmm/bus/bus.h"
#include "vmm/kvm/kvm.h"
#include "vmm/outcome.h"

#include <pthread.h>

struct vmm_vcpu {
	unsigned index;
	struct rl_fd fd;
	struct kvm_run *run;
	size_t run_size;
	const struct vmm_bus *ports, *mmio; /* borrowed */
	struct vmm_outcome *outcome;
	uint64_t exits; /* to user space, for whoever counts */
	pthread_t thread;
	bool started;
};

RL_MUST rl_err vmm_vcpu_new(const struct vmm_kvm *kvm, const struct vmm_cpu_choice *choice,
			    struct vmm_vcpu *ret);
/* Starts the thread; all signals but the kick are blocked in it. */
RL_MUST rl_err vmm_vcpu_start(struct vmm_vcpu *vcpu);
/* After the machine has ended: gets the vCPU out of the guest and waits for its thread. */
void vmm_vcpu_stop(struct vmm_vcpu *vcpu);
void vmm_vcpu_free(struct vmm_vcpu *vcpu);
/* Once, before the first start: the signal that gets a vCPU out of the guest. */
RL_MUST rl_err vmm_vcpu_prepare_kick(void);

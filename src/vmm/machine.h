/* SPDX-License-Identifier: Apache-2.0 */
/* A machine while it is being made and while it runs. Filled step by step by vmm/run.c. */
#pragma once

#include "vmm/boot/supply.h"
#include "vmm/bus/guest_device.h"
#include "vmm/bus/ioapic.h"
#include "vmm/bus/serial.h"
#include "vmm/console_log.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/plan.h"
#include "vmm/stop.h"
#include "vmm/virtio/mmio.h"

struct vmm_machine {
	const struct vmm_config *config;
	uint64_t started; /* CLOCK_MONOTONIC, microseconds */
	struct rl_arena facts_arena;
	struct vmm_facts facts;
	struct vmm_supply supply;
	struct vmm_plan plan;

	struct vmm_kvm kvm;
	struct vmm_mem mem;
	struct vmm_loop *loop;
	struct vmm_outcome outcome;
	struct vmm_bus ports, mmio;

	struct vmm_virtio_env env;
	struct vmm_mmio **device; /* plan.device_count */
	unsigned device_count;
	struct vmm_virtio_device **console; /* of them, those with a terminal */
	struct rl_fd serial_irq[VMM_SERIALS_MAX];
	struct vmm_serial_port *serial[VMM_SERIALS_MAX];
	struct vmm_guest_device guest_device;
	struct vmm_console_log console_log;
	struct rl_fd console_file;
	struct vmm_ioapic *ioapic; /* with a split interrupt controller */
	struct vmm_stop stop;

	struct vmm_entry entry;
	struct vmm_vcpu *vcpu;
	unsigned vcpu_count;
};

/* vmm/devices.c: makes every device of the plan; attached ones are m->device[]. */
RL_MUST rl_err vmm_devices_make(struct vmm_machine *m);
RL_MUST rl_err vmm_devices_attach(struct vmm_machine *m);
void vmm_devices_free(struct vmm_machine *m);
/* True while one of them still has output for the host. */
bool vmm_devices_busy(const struct vmm_machine *m);
/* The terminals' sizes have changed. Loop's lock held. */
void vmm_devices_resized(const struct vmm_machine *m);

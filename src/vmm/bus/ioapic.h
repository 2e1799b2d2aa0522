/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IOAPIC of a machine with a split interrupt controller: 24 pins, each a redirection entry
 * that becomes a message to a local APIC (which KVM has). The lines are raised by irqfds; here
 * only the routes are kept, so nothing runs when an interrupt is delivered.
 *
 * Pins behave as edge-triggered whatever the guest programs: that is what the devices are
 * described as.
 */
#pragma once

#include "vmm/bus/bus.h"
#include "vmm/kvm/kvm.h"

struct vmm_ioapic;

RL_MUST rl_err vmm_ioapic_new(const struct vmm_kvm *kvm, struct vmm_ioapic **ret);
RL_MUST rl_err vmm_ioapic_attach(struct vmm_ioapic *io, struct vmm_bus *bus);
void vmm_ioapic_free(struct vmm_ioapic *io);

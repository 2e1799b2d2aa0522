/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory-mapped transport, version 2 (virtio 1.2, 4.2): registers, feature negotiation,
 * status, interrupt. Notifications reach the device by eventfd without leaving the kernel.
 */
#pragma once

#include "vmm/bus/bus.h"
#include "vmm/kvm/kvm.h"
#include "vmm/virtio/device.h"

struct vmm_mmio;

/*
 * Puts a device (owned from now on, even on failure) at `at` on interrupt line `gsi`. `kvm` NULL:
 * no machine, for tests; the eventfds are made all the same. A window of shared memory becomes
 * the guest's when the driver starts the device: giving a machine memory waits for all its vCPUs,
 * which is no work to do before the first of them runs.
 */
RL_MUST rl_err vmm_mmio_new(const struct vmm_virtio_env *env, struct vmm_virtio_device *dev,
			    struct vmm_kvm *kvm, struct gpa at, uint32_t gsi,
			    struct vmm_mmio **ret);
RL_MUST rl_err vmm_mmio_attach(struct vmm_mmio *t, struct vmm_bus *bus);
void vmm_mmio_free(struct vmm_mmio *t);
struct vmm_virtio_device *vmm_mmio_device(struct vmm_mmio *t);

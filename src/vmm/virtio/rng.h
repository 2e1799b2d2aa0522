/* SPDX-License-Identifier: Apache-2.0 */
/* The entropy device (virtio 1.2, 5.4): getrandom(2) of the host. Lives on the loop. */
#pragma once

#include "vmm/virtio/device.h"

RL_MUST rl_err vmm_rng_new(const struct vmm_virtio_env *env, struct vmm_virtio_device **ret);

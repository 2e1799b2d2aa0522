/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a guest stops the machine: the ACPI registers of a hardware-reduced machine (sleep control
 * and reset), and the keyboard controller's reset line, which kernels without ACPI use.
 */
#pragma once

#include "vmm/bus/bus.h"
#include "vmm/outcome.h"

RL_MUST rl_err vmm_power_attach(struct vmm_outcome *outcome, struct vmm_bus *ports);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's walk, from a configuration to an exit status. Returns an error if the machine
 * could not be started (nothing of it is left then but the configuration, which stays the
 * caller's), and the status when it has ended.
 */
#pragma once

#include "vmm/config.h"

RL_MUST rl_err vmm_run(const struct vmm_config *config, int *ret_status);

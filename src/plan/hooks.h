/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "oci/config.h"
#include "plan/plan.h"

/* "prestart", "createRuntime" ... as config.json spells the phases. */
const char *plan_hook_phase_name(enum plan_hook_phase phase);

RL_MUST rl_err plan_hooks_make(struct rl_arena *a, const struct oci_config *config,
			       struct plan_hooks ret[PLAN_HOOK_PHASES]);

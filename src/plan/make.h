/* SPDX-License-Identifier: Apache-2.0 */
/* From a checked configuration to a plan. Pure; the caller seals the arena afterwards. */
#pragma once

#include "handlers/handler.h"
#include "linux/host.h"
#include "oci/config.h"
#include "plan/plan.h"

/*
 * Everything in the plan lives in the arena, or in the configuration, which must live as long.
 * The first refusal is the error; it begins with the JSON path. `handler`: what the handler found,
 * for a container that has one (hdl_choose); else NULL.
 */
RL_MUST rl_err plan_make(struct rl_arena *a, const struct oci_config *config,
			 const struct plan_request *request, const struct lx_host *host,
			 const struct hdl_facts *handler, const struct plan **ret);

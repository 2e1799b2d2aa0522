/* SPDX-License-Identifier: Apache-2.0 */
/* process.env. Part of plan/process.h, which is what others include. */
#pragma once

#include "plan/process.h"

/*
 * Pure. Fills env, env_count, find_home and set_listen_pid. Of a name that occurs twice the last
 * counts. What the request adds wins over what the configuration has.
 */
RL_MUST rl_err plan_environment_make(struct rl_arena *a, const struct oci_strings *env,
				     const struct plan_request *request, struct plan_process *p);

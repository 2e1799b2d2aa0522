/* SPDX-License-Identifier: Apache-2.0 */
/* Running hooks: in order, the container's state as JSON on stdin, each with its timeout. */
#pragma once

#include "base/fd.h"
#include "plan/plan.h"

struct ct_hook_output {
	const char *stdout_path, *stderr_path; /* appended to; NULL: the runtime's own */
};

/*
 * Runs one phase. The first hook that cannot be executed, ends with another status than 0 or
 * exceeds its timeout ends it: the error names phase, number, path and status.
 */
RL_MUST rl_err ct_hooks_run(const struct plan_hooks *hooks, enum plan_hook_phase phase,
			    const char *state_json, size_t state_len,
			    const struct ct_hook_output *output);

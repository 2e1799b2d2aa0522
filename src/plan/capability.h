/* SPDX-License-Identifier: Apache-2.0 */
/* process.capabilities as masks. Part of plan/process.h, which is what others include. */
#pragma once

#include "plan/process.h"

/* Pure. `c` may be NULL: a process without the property has no capability at all. */
RL_MUST rl_err plan_capabilities_make(struct rl_arena *a, const struct oci_capabilities *c,
				      const struct oci_config *config, const struct lx_host *host,
				      struct plan_warnings *w, struct plan_capabilities *ret);

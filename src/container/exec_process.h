/* SPDX-License-Identifier: Apache-2.0 */
/* The process that `exec` is asked for, out of a file, or out of the container's own and options.
 */
#pragma once

#include "base/arena.h"
#include "container/container.h"
#include "oci/config.h"

RL_MUST rl_err ct_exec_process(struct rl_arena *a, const struct oci_config *config,
			       const struct ct_exec_options *options,
			       const struct oci_process **ret);

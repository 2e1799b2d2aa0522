/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"

#include <sys/types.h>

/*
 * prlimit(2); pid 0 is the caller. UINT64_MAX is infinity. A hard limit rises only with
 * CAP_SYS_RESOURCE in the initial user namespace, so the runtime does this for a process that is
 * in another one. `name` is for the error.
 */
RL_MUST rl_err lx_rlimit_set(pid_t pid, int resource, const char *name, uint64_t soft,
			     uint64_t hard);

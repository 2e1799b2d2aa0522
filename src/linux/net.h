/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"

/* Brings `lo` of the caller's network namespace up, which a new one has down. */
RL_MUST rl_err lx_net_loopback_up(void);

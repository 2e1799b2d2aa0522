/* SPDX-License-Identifier: Apache-2.0 */
/* What went through the network interfaces of a process's network namespace. */
#pragma once

#include "base/arena.h"

#include <sys/types.h>

struct lx_net_stats {
	const char *name;
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};

/* From /proc/PID/net/dev. Statistics are no reason to fail: a process that is gone has none. */
RL_MUST rl_err lx_net_stats(struct rl_arena *a, pid_t pid, const struct lx_net_stats **ret,
			    size_t *ret_count);

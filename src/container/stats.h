/* SPDX-License-Identifier: Apache-2.0 */
/* The statistics of a container as `events` shows them. */
#pragma once

#include "base/json.h"
#include "linux/cgroup_stats.h"
#include "linux/net_stats.h"
#include "linux/rdt.h"

struct ct_stats {
	struct lx_cgroup_stats cgroup;
	/* Of the container's own network namespace; none when it shares the host's. */
	const struct lx_net_stats *interfaces;
	size_t interface_count;
	struct lx_rdt_stats rdt; /* empty without linux.intelRdt */
};

/*
 * The object behind "data": the names and units of `runc events`, which containerd reads. Numbers
 * that are 0 are left out where runc leaves them out.
 */
void ct_stats_put(struct rl_json_writer *w, const struct ct_stats *stats);

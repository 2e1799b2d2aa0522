/* SPDX-License-Identifier: Apache-2.0 */
/* linux.netDevices: moved into the container's network namespace while it is made. */
#pragma once

#include "base/arena.h"
#include "base/fd.h"
#include "linux/netdev.h"
#include "plan/plan.h"

struct ct_net_devices {
	struct rl_fd own, container; /* the two namespaces; the second lives as long as this */
	struct lx_netdev *moved;     /* in the arena */
	size_t count;
};

void ct_net_devices_close(struct ct_net_devices *d);

/*
 * All of them or none. `joined_fd`: the namespace if it was joined, -1: that of process `pid`.
 * What was moved later goes back only by ct_net_devices_return().
 */
RL_MUST rl_err ct_net_devices_move(struct rl_arena *a, const struct plan *plan, int joined_fd,
				   pid_t pid, struct ct_net_devices *ret);

/*
 * For a container that could not be made. One that was made keeps them: the kernel gives a device
 * back, or destroys it, when its namespace ends.
 */
RL_MUST rl_err ct_net_devices_return(struct ct_net_devices *d);

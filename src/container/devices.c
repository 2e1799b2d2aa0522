/* SPDX-License-Identifier: Apache-2.0 */
#include "container/devices.h"

#include <fcntl.h>
#include <stdio.h>

void ct_net_devices_close(struct ct_net_devices *d)
{
	rl_fd_close(&d->own);
	rl_fd_close(&d->container);
	d->count = 0;
}

static rl_err open_namespaces(struct ct_net_devices *d, int joined_fd, pid_t pid)
{
	char path[40];

	RL_TRY(rl_fd_from(openat(AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC), &d->own,
			  "open our network namespace"));
	if (joined_fd >= 0)
		return rl_fd_from(fcntl(joined_fd, F_DUPFD_CLOEXEC, 0), &d->container,
				  "copy a descriptor");
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return rl_fd_from(openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC), &d->container,
			  "open the container's network namespace");
}

rl_err ct_net_devices_move(struct rl_arena *a, const struct plan *plan, int joined_fd, pid_t pid,
			   struct ct_net_devices *ret)
{
	rl_err e = RL_OK;

	if (plan->net_device_count == 0)
		return RL_OK;
	RL_TRY(rl_new_array(a, plan->net_device_count, &ret->moved));
	RL_TRY(open_namespaces(ret, joined_fd, pid));
	for (size_t i = 0; i < plan->net_device_count && !rl_failed(e); i++) {
		const struct plan_net_device *d = &plan->net_devices[i];
		const struct lx_netdev_pair pair = { rl_fd_get(&ret->own),
						     rl_fd_get(&ret->container) };

		e = lx_netdev_move(a, &pair, d->name, d->new_name, &ret->moved[ret->count]);
		ret->count += !rl_failed(e);
		e = rl_wrap(e, "$.linux.netDevices[\"%s\"]", d->name);
		if (rl_is(e, RL_E(EPERM)))
			e = rl_hint(e, "moving a device needs CAP_NET_ADMIN in both network "
				       "namespaces");
	}
	return e;
}

rl_err ct_net_devices_return(struct ct_net_devices *d)
{
	rl_err first = RL_OK;

	while (d->count > 0) {
		const struct lx_netdev_pair pair = { rl_fd_get(&d->own), rl_fd_get(&d->container) };

		d->count--;
		first = rl_first(first, lx_netdev_return(&pair, &d->moved[d->count]));
	}
	return first;
}

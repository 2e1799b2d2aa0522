/* SPDX-License-Identifier: Apache-2.0 */
/* Network devices moved from one network namespace to another (rtnetlink(7)). */
#pragma once

#include "base/arena.h"
#include "base/fd.h"

/* The two namespaces; the process is in the first one, and is back there after every call. */
struct lx_netdev_pair {
	int from_fd, to_fd;
};

/* What a move did, and what takes it back. */
struct lx_netdev {
	const char *name; /* where it came from */
	int index;	  /* where it is */
	bool up;	  /* it was, there */
	const struct lx_netdev_address *addresses;
	size_t address_count;
};

/*
 * Moves a device and names it `new_name` there; a name with "%d" is completed by the kernel. Its
 * permanent addresses of global scope go with it, and it is up at the end. EEXIST: there is a
 * device of that name. ENODEV: there is no such device here. EPERM: needs CAP_NET_ADMIN in both.
 * When this fails, the device is here as it was.
 */
RL_MUST rl_err lx_netdev_move(struct rl_arena *a, const struct lx_netdev_pair *pair,
			      const char *name, const char *new_name, struct lx_netdev *ret);

/* Back under its old name, with its addresses, up if it was up. */
RL_MUST rl_err lx_netdev_return(const struct lx_netdev_pair *pair, const struct lx_netdev *device);

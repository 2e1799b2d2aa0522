/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new network namespace with `lo` up, made by a thread while the caller does something else: the
 * kernel takes three times as long for one as for all the other namespaces of a container.
 *
 * The thread makes a few system calls and touches nothing of the C library, so that the caller is
 * in all but one respect a program of one thread still: while it runs, setns refuses a user or
 * time namespace. It ends with the process, and so does a namespace that nobody has taken.
 *
 * Start it with no signal handler that could run on its small stack, of which there is one: one
 * maker at a time.
 */
#pragma once

#include "base/fd.h"

struct lx_net_maker {
	bool started;
	int tid;   /* the kernel makes it 0 when the thread has ended */
	int ns_fd; /* -1: could not be made */
};

/*
 * `m`, zeroed, must not move until it is taken or closed. Where it cannot be started, `started`
 * stays false and nothing has happened.
 */
void lx_net_maker_start(struct lx_net_maker *m);
/*
 * Waits for the thread. *ret_ns stays empty when the namespace could not be made, or not be named
 * (SIOCGSKNS: Linux 4.10): whoever makes one now finds out why.
 */
void lx_net_maker_take(struct lx_net_maker *m, struct rl_fd *ret_ns);
void lx_net_maker_close(struct lx_net_maker *m);

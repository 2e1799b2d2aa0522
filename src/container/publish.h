/* SPDX-License-Identifier: Apache-2.0 */
/* Telling the caller about a new process: terminal, pid file, pidfd. */
#pragma once

#include "container/container.h"
#include "container/spawn.h"

/*
 * Sends the terminal's master to the console socket (if there are both), the pidfd to the pidfd
 * socket, writes the pid file: in this order, as engines act on the pid file.
 */
RL_MUST rl_err ct_publish(const struct ct_options *options, const struct ct_child *child,
			  int master_fd);
/* One message with one descriptor, as runc sends it. */
RL_MUST rl_err ct_publish_pidfd(const char *path, const struct ct_child *child);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passt(1): carries a virtual machine's network by the sockets of a network namespace, without
 * privilege. It is opened on the host and started by descriptor: no image has a say in which
 * program that is.
 */
#pragma once

#include "base/arena.h"
#include "base/fd.h"

/* Its path by PATH, or in the usual directories; NULL: it is not installed. */
RL_MUST rl_err passt_find(struct rl_arena *a, const char **ret_path);
RL_MUST rl_err passt_open(const char *path, struct rl_fd *ret_program);

struct passt_wish {
	bool open_ports; /* who connects to any port of the namespace reaches the guest */
};

/*
 * Starts it in the network namespace of the caller; *ret_socket is the machine's end, in the
 * format of krun_add_net_unixstream. Waits until it is ready, and has gone into the background.
 * A failure has its exit status and the last line it wrote. `path` is for messages.
 */
RL_MUST rl_err passt_start(int program_fd, const char *path, const struct passt_wish *wish,
			   struct rl_fd *ret_socket);

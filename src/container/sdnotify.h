/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd_notify(3) through the container's wall: the directory ROOT/ID/notify is bound into the
 * container at /run/notify. `start` and `run` put a socket there and pass on what systemd is
 * waiting for: that the service is ready, and which process it is. Everything else that the
 * container sends is dropped; it is hostile.
 */
#pragma once

#include "base/fd.h"

#include <sys/types.h>

/* Makes the directory; before the container is furnished. */
RL_MUST rl_err ct_sdnotify_make_dir(int store_dir_fd);
bool ct_sdnotify_exists(int store_dir_fd);
/* Binds the socket in it, writable by any user of the container. */
RL_MUST rl_err ct_sdnotify_bind(int store_dir_fd, struct rl_fd *ret);

/*
 * Takes one datagram. If it says READY=1, tells `host_socket` so, with `pid` as MAINPID, and sets
 * *ret_ready.
 */
RL_MUST rl_err ct_sdnotify_pass(int socket_fd, const char *host_socket, pid_t pid, bool *ret_ready);
/* Does so until it is ready, or the process of `pidfd` has ended. */
RL_MUST rl_err ct_sdnotify_wait(int socket_fd, const char *host_socket, pid_t pid, int pidfd);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: where an init waits between create and start. A listening AF_UNIX socket in the state
 * directory, which only its owner can enter. That the name exists means "created"; `start` removes
 * it, which is what makes a second start impossible.
 */
#pragma once

#include "base/fd.h"

/* Makes the socket. The listener is inherited by init. */
RL_MUST rl_err ct_gate_open(int store_dir_fd, struct rl_fd *ret_listener);
/* In init: waits for `start`; *ret_talk is the connection to it. */
RL_MUST rl_err ct_gate_wait(int listener_fd, struct rl_fd *ret_talk);
/* In `start`: connects. ENOENT or ECONNREFUSED: nobody waits there. */
RL_MUST rl_err ct_gate_enter(int store_dir_fd, struct rl_fd *ret_talk);
bool ct_gate_exists(int store_dir_fd);
RL_MUST rl_err ct_gate_remove(int store_dir_fd);

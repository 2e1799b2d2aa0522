/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces that hold nothing but an id mapping, for id-mapped mounts. */
#pragma once

#include "base/fd.h"

/*
 * Makes a user namespace with these maps (text as for /proc/PID/uid_map) and returns a descriptor
 * of it; no process stays in it. Needs CAP_SETUID and CAP_SETGID where we are: an id-mapped mount
 * is made by the privileged side. Costs a fork.
 */
RL_MUST rl_err lx_idmap_userns(const char *uid_lines, const char *gid_lines, struct rl_fd *ret);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"

/*
 * Writes a kernel parameter. `proc_fd` borrows the root directory of a procfs of the namespaces
 * that are meant, `path` is beneath its "sys": "net/ipv4/ip_forward". No link and no mount is
 * passed on the way, so that nothing else can be written (CVE-2025-52881).
 */
RL_MUST rl_err lx_sysctl_write(int proc_fd, const char *path, const char *value);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "linux/path.h"

/*
 * Writes a kernel parameter. `proc` is a procfs, the namespaces are those of the caller;
 * `path` is beneath "sys": "net/ipv4/ip_forward". No link and no mount is passed on the way, so
 * that nothing else can be written (CVE-2025-52881).
 */
RL_MUST rl_err lx_sysctl_write(const struct lx_proc *proc, const char *path, const char *value);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels of security modules, written to /proc/thread-self/attr of a procfs that cannot be forged
 * (linux/path.h): a container image can put its own files where /proc is expected, or link one
 * procfs file to another (CVE-2019-16884, CVE-2025-52881). The procfs must be one of the caller's
 * pid namespace.
 *
 * A thread must be dumpable to open its own attributes once its user ids have changed; so this
 * comes before setresuid.
 */
#pragma once

#include "linux/path.h"

/* The profile that the next execve enters. Needs AppArmor; ENOENT: no such profile is loaded. */
RL_MUST rl_err lx_apparmor_on_exec(const struct lx_proc *proc, const char *profile);
/* The profile entered at once: for a handler that ends in no execve. */
RL_MUST rl_err lx_apparmor_now(const struct lx_proc *proc, const char *profile);
/* The context of the next execve, of keys made from now on, of this thread at once. */
RL_MUST rl_err lx_selinux_on_exec(const struct lx_proc *proc, const char *context);
RL_MUST rl_err lx_selinux_on_keys(const struct lx_proc *proc,
				  const char *context); /* NULL: as by default */
RL_MUST rl_err lx_selinux_now(const struct lx_proc *proc, const char *context);

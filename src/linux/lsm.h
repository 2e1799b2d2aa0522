/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels of security modules. They are written to /proc/thread-self/attr of a procfs that was
 * verified to be one: a container image can put its own files where /proc is expected, or link
 * one procfs file to another (CVE-2019-16884, CVE-2025-52881).
 *
 * `proc_fd` borrows the root directory of a procfs of the caller's pid namespace. Whether it is
 * one is checked again here, and no link and no mount is passed on the way from it.
 *
 * The thread must be dumpable to open its own attributes once its user ids have changed; so this
 * comes before setresuid.
 */
#pragma once

#include "base/error.h"

/* The profile that the next execve enters. Needs AppArmor; ENOENT: no such profile is loaded. */
RL_MUST rl_err lx_apparmor_on_exec(int proc_fd, const char *profile);
/* The profile entered at once: for a handler that ends in no execve. */
RL_MUST rl_err lx_apparmor_now(int proc_fd, const char *profile);
/* The context of the next execve, of keys made from now on, of this thread at once. */
RL_MUST rl_err lx_selinux_on_exec(int proc_fd, const char *context);
RL_MUST rl_err lx_selinux_on_keys(int proc_fd, const char *context); /* NULL: as by default */
RL_MUST rl_err lx_selinux_now(int proc_fd, const char *context);

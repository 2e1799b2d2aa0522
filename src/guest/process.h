/* SPDX-License-Identifier: Apache-2.0 */
/* The workload's process: what OCI calls `process`. */
#pragma once

#include "guest/config.h"

/*
 * Becomes the workload: limits, groups, user, capabilities, directory, then execve. Never returns:
 * what fails is said by gst_fail (125) or gst_fail_exec (126, 127).
 */
_Noreturn void gst_become(const struct gst_config *c);
/* The same for a process whose three streams are in place and whose directory must exist. */
_Noreturn void gst_become_process(const struct gst_config *c);

/* What is executed if nothing else was asked for. */
#define GST_DEFAULT_SHELL "/bin/sh"
#define GST_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The value of a variable in a list, NULL if it is not there. */
const char *gst_getenv(const struct gst_strings *env, const char *name);

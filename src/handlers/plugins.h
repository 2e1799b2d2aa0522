/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plug-ins that answer seccomp notifications (run.oci.seccomp.plugins), with the functions that
 * crun's have:
 *
 *   int run_oci_seccomp_notify_version(void)         returns 1; optional
 *   int run_oci_seccomp_notify_start(void **opaque, const struct hdl_plugin_conf *, size_t)
 *                                                    0 or -errno; optional
 *   int run_oci_seccomp_notify_handle_request(void *opaque, struct seccomp_notif_sizes *,
 *                                             struct seccomp_notif *, struct seccomp_notif_resp *,
 *                                             int seccomp_fd, int *handled)
 *                                                    0 or -errno; *handled: HDL_PLUGIN_*
 *   int run_oci_seccomp_notify_stop(void *opaque)    optional
 *
 * They run in a process of their own, which lives until nobody is left behind the filter: so they
 * serve detached containers as well, and cannot harm the runtime.
 */
#pragma once

#include "base/fd.h"

#include <sys/types.h>

struct hdl_plugin_conf {
	const char *runtime_root_path;
	const char *name;
	const char *bundle_path;
	const char *oci_config_path;
};

enum {
	HDL_PLUGIN_NOT_HANDLED,	 /* the next plug-in is asked; the last one: ENOTSUP */
	HDL_PLUGIN_SEND,	 /* the response is filled in */
	HDL_PLUGIN_DELAYED,	 /* the plug-in answers by itself, later */
	HDL_PLUGIN_SEND_CONTINUE /* the kernel goes on with the call */
};

/*
 * Loads the plug-ins, "A" or "A:B": absolute paths, or names that dlopen(3) looks for. *ret_agent
 * is where the listener is handed over, as to an agent's socket.
 */
RL_MUST rl_err hdl_plugins_start(const char *plugins, const struct hdl_plugin_conf *conf,
				 struct rl_fd *ret_agent);

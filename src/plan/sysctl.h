/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel parameters of the container's own namespaces (linux.sysctl). */
#pragma once

#include "base/arena.h"
#include "oci/config.h"

struct plan_sysctl {
	const char *path; /* beneath /proc/sys: "net/ipv4/ip_forward" */
	const char *value;
};

/*
 * Pure. Names come with dots or slashes; a mixed one is read as sysctl(8) does: the first separator
 * decides. EINVAL, with the JSON path, for a parameter that is not of a namespace, or of a
 * namespace that the container shares with the host.
 */
RL_MUST rl_err plan_sysctls_make(struct rl_arena *a, const struct oci_config *config,
				 const struct plan_sysctl **ret_items, size_t *ret_count);

/* SPDX-License-Identifier: Apache-2.0 */
/* Which namespaces are made, which are joined, and the id maps of a new user namespace. */
#pragma once

#include "linux/host.h"
#include "oci/config.h"
#include "plan/plan.h"

/* The CLONE_NEW* bit of a kind. */
uint64_t plan_ns_flag(enum plan_ns_kind kind);
/* The word for messages and /proc/PID/ns: "user", "net", "mnt" ... */
const char *plan_ns_name(enum plan_ns_kind kind);

RL_MUST rl_err plan_namespaces_make(struct rl_arena *a, const struct oci_config *config,
				    const struct lx_host *host, struct plan_namespaces *ret);

/* Needs the namespaces: maps are for a new user namespace only. */
RL_MUST rl_err plan_ids_make(struct rl_arena *a, const struct oci_config *config,
			     const struct lx_host *host, const struct plan_namespaces *ns,
			     struct plan_id_map *ret);

/* SPDX-License-Identifier: Apache-2.0 */
/* The scope of systemd for a container: its name and place, and the limits in systemd's words. */
#pragma once

#include "plan/cgroup.h"

/*
 * Name, slice, description and place by linux.cgroupsPath, which is "SLICE:PREFIX:NAME" here; with
 * user, whether it is the user's systemd.
 */
RL_MUST rl_err plan_unit_place(struct rl_arena *a, const struct plan_cgroup_input *in,
			       struct lx_unit *ret);

/*
 * The limits that systemd has a property for, worked out from the writes: what the cgroup gets and
 * what systemd believes cannot differ, whichever property of the configuration it came from. Later
 * writes to the same file win.
 */
RL_MUST rl_err plan_unit_limits(struct rl_arena *a, const struct lx_cgroup_spec *spec,
				const struct lx_cgroup_write *writes, size_t count,
				const struct lx_unit_property **ret, size_t *ret_count);

/* The annotations org.systemd.property.NAME, behind `properties`. */
RL_MUST rl_err plan_unit_annotations(struct rl_arena *a, const struct oci_map *annotations,
				     struct lx_unit *unit);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup of a container: where it is, what is limited, which devices are allowed. The pure
 * translation of linux.resources (runtime-spec config-linux.md, "Control groups") into files and
 * values of cgroup version 1 and 2.
 */
#pragma once

#include "linux/cgroup_spec.h"
#include "linux/host.h"
#include "linux/unit_spec.h"
#include "oci/config.h"
#include "plan/request.h"
#include "plan/warn.h"

struct plan_cgroup {
	enum plan_cgroup_manager manager;
	/* False: the container stays in the runtime's own cgroup. The manager is "disabled", or the
	 * machine has no cgroups and the configuration asks for no limits. */
	bool enabled;
	/* As shown to people and kept in the state: "/a/b" beneath each hierarchy. */
	const char *path;
	struct lx_cgroup_spec spec;
	const struct lx_cgroup_write *writes; /* in this order */
	size_t write_count;
	/*
	 * NULL when the machine has no means for it. Else it ends with the rules that every
	 * container needs (null, zero, full, random, urandom, tty,
	 * console, ptmx, pts, tun, and mknod of anything). For version 1 the list is in the form
	 * that the kernel can store: all refused or all allowed, then exceptions that do not
	 * overlap.
	 */
	const struct lx_device_rule *devices;
	size_t device_count;
	bool devices_forgiven; /* no right to load the program is not an error */
	/* run.oci.delegate-cgroup: a child made and entered after the cgroup namespace is there,
	 * without limits. NULL: none. Version 2 only. */
	const char *child;
	/*
	 * Manager systemd: the scope that is started around init; unit.name is NULL otherwise. The
	 * directories of `spec` are then a child of the scope's (run.oci.systemd.subgroup), or the
	 * scope's own.
	 */
	struct lx_unit unit;
};

/* What is needed besides the configuration. */
struct plan_cgroup_input {
	const struct oci_config *config;
	const struct plan_request *request;
	const struct lx_host *host;
	/* What a handler needs: appended before the rules that are always there. */
	const struct lx_device_rule *extra_devices;
	size_t extra_device_count;
	/* Host ids of the container's process.user; -1 if unmapped. Used when the container gets
	 * its own cgroup namespace and a writable cgroup mount. */
	uid_t owner;
	gid_t group;
};

/* Pure. Errors begin with the JSON path. */
RL_MUST rl_err plan_cgroup_make(struct rl_arena *a, const struct plan_cgroup_input *in,
				struct plan_warnings *warnings, struct plan_cgroup *ret);

/*
 * `update`: new resources for a cgroup that exists. `dirs` are those of its plan. Only what `r`
 * names is written. The rules of devices are replaced when `r` has any.
 */
struct plan_cgroup_update {
	const struct lx_cgroup_write *writes;
	size_t write_count;
	const struct lx_device_rule *devices; /* NULL: stay as they are */
	size_t device_count;
	/* What the unit is told, if there is one. */
	const struct lx_unit_property *properties;
	size_t property_count;
};

RL_MUST rl_err plan_cgroup_update_make(struct rl_arena *a, const struct oci_resources *r,
				       const struct lx_cgroup_spec *spec,
				       const struct lx_host *host, struct plan_warnings *warnings,
				       struct plan_cgroup_update *ret);

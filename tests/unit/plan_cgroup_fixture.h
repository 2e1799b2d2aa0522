/* SPDX-License-Identifier: Apache-2.0 */
/* Machines that are not there, and the plan's writes as one text to compare. */
#pragma once

#include "oci/read.h"
#include "plan/cgroup_parts.h"
#include "test.h"

static const struct lx_cgroup_hierarchy v1_mounts[] = {
	{ "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct", "/user/me", 1 },
	{ "/sys/fs/cgroup/cpuset", "cpuset", "/", 1 },
	{ "/sys/fs/cgroup/memory", "memory", "/user/me", 1 },
	{ "/sys/fs/cgroup/devices", "devices", "/", 1 },
	{ "/sys/fs/cgroup/freezer", "freezer", "/", 1 },
	{ "/sys/fs/cgroup/blkio", "blkio", "/", 1 },
	{ "/sys/fs/cgroup/pids", "pids", "/", 1 },
	{ "/sys/fs/cgroup/net_cls,net_prio", "net_cls,net_prio", "/", 1 },
	{ "/sys/fs/cgroup/hugetlb", "hugetlb", "/", 1 },
	{ "/sys/fs/cgroup/rdma", "rdma", "/", 1 },
	{ "/sys/fs/cgroup/systemd", "name=systemd", "/user/me", 1 },
};

static const struct lx_cgroup_hierarchy hybrid_mounts[] = {
	{ "/sys/fs/cgroup/cpu", "cpu", "/", 1 },
	{ "/sys/fs/cgroup/memory", "memory", "/deep/er", 1 },
	{ "/sys/fs/cgroup/devices", "devices", "/", 1 },
	{ "/sys/fs/cgroup/unified", "", "/", 2 },
};

static const struct lx_cgroup_hierarchy v2_mounts[] = {
	{ "/sys/fs/cgroup", "", "/user.slice/user-0.slice/session-1.scope", 2 },
};

static struct lx_host v1_host __attribute__((unused)) = {
	.cgroup_layout = LX_CGROUP_V1,
	.hierarchies = v1_mounts,
	.hierarchy_count = sizeof(v1_mounts) / sizeof(*v1_mounts),
	.cgroup2_controllers = "",
};

static struct lx_host hybrid_host __attribute__((unused)) = {
	.cgroup_layout = LX_CGROUP_HYBRID,
	.hierarchies = hybrid_mounts,
	.hierarchy_count = sizeof(hybrid_mounts) / sizeof(*hybrid_mounts),
	.cgroup2_controllers = "hugetlb",
};

static struct lx_host v2_host __attribute__((unused)) = {
	.cgroup_layout = LX_CGROUP_V2,
	.hierarchies = v2_mounts,
	.hierarchy_count = 1,
	.cgroup2_controllers = "cpuset cpu io memory hugetlb pids rdma misc",
};

static struct lx_host bare_host
	__attribute__((unused)) = { .cgroup_layout = LX_CGROUP_NONE, .cgroup2_controllers = "" };

/* One arena for all cases: a test program does not live long. */
static inline struct rl_arena *arena(void)
{
	static struct rl_arena a;

	if (a.base == NULL)
		rl_drop(rl_arena_new((size_t)64 << 20, &a));
	return &a;
}

struct planned {
	struct plan_cgroup cg;
	struct plan_warnings warnings;
};

/* The plan for a configuration that holds `linux_json` and these other members (", \"mounts\": []"
 * or ""). */
static inline rl_err plan_for(const struct lx_host *host, const struct plan_request *request,
			      const char *linux_json, const char *others, struct planned *ret)
{
	struct oci_problems problems = oci_problems_in(arena());
	struct plan_cgroup_input in = { .request = request, .host = host };
	const char *text;

	RL_TRY(rl_arena_fmt(arena(), &text,
			    "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"r\"},\"linux\":%s%s}",
			    linux_json, others));
	RL_TRY(oci_config_read(&problems, "test", text, strlen(text), &in.config));
	*ret = (struct planned){ 0 };
	in.owner = 1000;
	in.group = 1001;
	return plan_cgroup_make(arena(), &in, &ret->warnings, &ret->cg);
}

/* "memory.max=1 pids.max=2": flags as <else>, <if> ... behind; with its directory's controller in
 * front on version 1. */
static inline const char *writes_text(const struct lx_cgroup_spec *spec,
				      const struct lx_cgroup_write *writes, size_t count)
{
	static const char *const flags[] = { "else", "if",    "tied", "changed",
					     "keep", "usage", "less" };
	const char *text = "";

	for (size_t i = 0; i < count; i++) {
		const struct lx_cgroup_write *w = &writes[i];

		rl_drop(rl_arena_fmt(arena(), &text, "%s%s%s%s%s=%s", text, i ? "|" : "",
				     spec->dirs[w->dir].controllers,
				     spec->dirs[w->dir].version == 1 ? ":" : "", w->file,
				     w->value));
		for (int k = 0; k < 7; k++)
			if (w->flags & (1u << k))
				rl_drop(rl_arena_fmt(arena(), &text, "%s<%s>", text, flags[k]));
	}
	return text;
}

/* The writes that these resources become on a machine, or the error's text. */
static inline const char *written(const struct lx_host *host, const char *resources)
{
	static const struct plan_request request = { .id = "c1" };
	struct planned p;
	const char *text;
	rl_err e;

	rl_drop(rl_arena_fmt(arena(), &text, "{\"cgroupsPath\":\"/x\",\"resources\":%s}",
			     resources));
	e = plan_for(host, &request, text, "", &p);
	if (rl_failed(e)) {
		rl_drop(rl_arena_str(arena(), rl_text(e), &text));
		rl_drop(e);
		return text;
	}
	return writes_text(&p.cg.spec, p.cg.writes, p.cg.write_count);
}

/* As `update` would write them. */
static inline const char *updated(const struct lx_host *host, const char *resources)
{
	static const struct plan_request request = { .id = "c1" };
	struct oci_problems problems = oci_problems_in(arena());
	struct plan_warnings warnings = { 0 };
	const struct oci_resources *r;
	struct plan_cgroup_update u;
	struct planned p;
	const char *text;
	rl_err e = plan_for(host, &request, "{\"cgroupsPath\":\"/x\"}", "", &p);

	if (!rl_failed(e))
		e = oci_resources_read(&problems, "test", resources, strlen(resources), &r);
	if (!rl_failed(e))
		e = plan_cgroup_update_make(arena(), r, &p.cg.spec, host, &warnings, &u);
	if (rl_failed(e)) {
		rl_drop(rl_arena_str(arena(), rl_text(e), &text));
		rl_drop(e);
		return text;
	}
	return writes_text(&p.cg.spec, u.writes, u.write_count);
}

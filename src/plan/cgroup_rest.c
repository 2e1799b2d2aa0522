/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources: pids, hugepageLimits, network, rdma, unified. */
#include "plan/cgroup_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A limit of 0 is one: no process may be made, which suits a container of one process. */
static rl_err pids(struct plan_cg *c, const struct oci_pids *p)
{
	struct plan_cg_place at;

	if (!p->limit.set)
		return RL_OK;
	RL_TRY(plan_cg_place(c, "pids", "pids.limit", &at));
	if (p->limit.value < 0)
		return plan_cg_write(c, at, 0, "pids.max", "pids.limit", "max");
	return plan_cg_write(c, at, 0, "pids.max", "pids.limit", "%" PRId64, p->limit.value);
}

/*
 * Limits on reservations (Linux 5.7) are better than those on faults, where being over the limit
 * ends the process by SIGBUS: config-linux.md wants them first.
 */
static rl_err hugepages(struct plan_cg *c, const struct oci_resources *r)
{
	struct plan_cg_place at;
	char name[64], file[96];

	for (size_t i = 0; i < r->hugepage_limit_count; i++) {
		const struct oci_hugepage_limit *h = &r->hugepage_limits[i];
		const char *end;

		snprintf(name, sizeof(name), "hugepageLimits[%zu]", i);
		RL_TRY(plan_cg_place(c, "hugetlb", name, &at));
		end = at.v1 ? "limit_in_bytes" : "max";
		snprintf(file, sizeof(file), "hugetlb.%s.rsvd.%s", h->page_size, end);
		RL_TRY(plan_cg_write(c, at, 0, file, name, "%" PRIu64, h->limit));
		snprintf(file, sizeof(file), "hugetlb.%s.%s", h->page_size, end);
		RL_TRY(plan_cg_write(c, at, LX_CGROUP_ELSE, file, name, "%" PRIu64, h->limit));
	}
	return RL_OK;
}

/* Both controllers exist in version 1 only. */
static rl_err network(struct plan_cg *c, const struct oci_network *n)
{
	struct plan_cg_place at;
	char name[64];

	if (n->class_id.set && n->class_id.value != 0) {
		RL_TRY(plan_cg_place(c, "net_cls", "network.classID", &at));
		RL_TRY(plan_cg_write(c, at, 0, "net_cls.classid", "network.classID", "%u",
				     n->class_id.value));
	}
	for (size_t i = 0; i < n->priority_count; i++) {
		snprintf(name, sizeof(name), "network.priorities[%zu]", i);
		RL_TRY(plan_cg_place(c, "net_prio", name, &at));
		RL_TRY(plan_cg_write(c, at, 0, "net_prio.ifpriomap", name, "%s %u",
				     n->priorities[i].name, n->priorities[i].priority));
	}
	return RL_OK;
}

static rl_err rdma(struct plan_cg *c, const struct oci_resources *r)
{
	struct plan_cg_place at;
	char name[128], handles[40], objects[40];

	for (size_t i = 0; i < r->rdma_count; i++) {
		const struct oci_rdma *d = &r->rdma[i];

		handles[0] = objects[0] = '\0';
		if (d->hca_handles.set)
			snprintf(handles, sizeof(handles), " hca_handle=%u", d->hca_handles.value);
		if (d->hca_objects.set)
			snprintf(objects, sizeof(objects), " hca_object=%u", d->hca_objects.value);
		snprintf(name, sizeof(name), "rdma.%s", d->device);
		RL_TRY(plan_cg_place(c, "rdma", name, &at));
		RL_TRY(plan_cg_write(c, at, 0, "rdma.max", name, "%s%s%s", d->device, handles,
				     objects));
	}
	return RL_OK;
}

/* A file takes one line a write. */
static rl_err unified_lines(struct plan_cg *c, struct plan_cg_place at, const char *file,
			    const char *name, const char *value)
{
	for (const char *line = value; *line != '\0'; line += *line == '\n') {
		size_t len = strcspn(line, "\n");

		if (len > 0)
			RL_TRY(plan_cg_write(c, at, 0, file, name, "%.*s", (int)len, line));
		line += len;
	}
	return RL_OK;
}

/*
 * Files of version 2 by name, after everything else and so instead of it. The part before the
 * first dot is the controller; "cgroup" is no controller, its files are always there.
 */
static rl_err unified(struct plan_cg *c, const struct oci_map *map)
{
	char controller[64], name[160];

	for (size_t i = 0; i < map->count; i++) {
		const char *file = map->items[i].key;
		struct plan_cg_place at = { .dir = 0 };

		snprintf(name, sizeof(name), "unified[\"%.140s\"]", file);
		snprintf(controller, sizeof(controller), "%.*s", (int)strcspn(file, "."), file);
		while (at.dir < c->dir_count && c->dirs[at.dir].version != 2)
			at.dir++;
		if (at.dir == c->dir_count)
			return rl_hint(
				rl_refuse(RL_E(EOPNOTSUPP),
					  "%s.%s: this machine has no cgroup version 2", c->base,
					  name),
				"boot with systemd.unified_cgroup_hierarchy=1, or use the other "
				"properties of linux.resources");
		if (strcmp(controller, "cgroup") != 0)
			RL_TRY(plan_cg_place(c, controller, name, &at));
		if (at.v1)
			return rl_refuse(RL_E(EOPNOTSUPP),
					 "%s.%s: the controller %s is in use by version 1 here",
					 c->base, name, controller);
		RL_TRY(unified_lines(c, at, file, name, map->items[i].value));
	}
	return RL_OK;
}

rl_err plan_cg_rest(struct plan_cg *c, const struct oci_resources *r)
{
	if (r->pids != NULL)
		RL_TRY(pids(c, r->pids));
	RL_TRY(hugepages(c, r));
	if (r->network != NULL)
		RL_TRY(network(c, r->network));
	RL_TRY(rdma(c, r));
	return unified(c, &r->unified);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `update`: other limits for a container that exists, all of them or none. What the kernel, systemd
 * or the devices program refuses is found out by trying, so the old values are read first and put
 * back when a step fails.
 */
#include "base/log.h"
#include "container/container.h"
#include "container/rdt.h"
#include "container/record.h"
#include "container/scope.h"
#include "handlers/handler.h"
#include "oci/read.h"
#include "plan/cgroup_unit.h"

#include <string.h>

struct change {
	struct rl_arena *arena;
	const struct oci_record *record;
	struct lx_cgroup_spec spec;
	struct lx_cgroup cgroup;
	struct plan_cgroup_update plan;
	/* The writes of the plan, and what systemd cannot be told without. */
	struct lx_cgroup_write *watched;
	size_t watched_count;
	/* What the files said before. */
	const struct lx_cgroup_write *old;
	size_t old_count;
};

static void close_change(struct change *c)
{
	lx_cgroup_close(&c->cgroup);
}

/* ---- what is wanted, what is there ----------------------------------------------------------- */

static const struct lx_cgroup_write *find_write(const struct change *c, const char *file)
{
	for (size_t i = 0; i < c->plan.write_count; i++)
		if (strcmp(c->plan.writes[i].file, file) == 0)
			return &c->plan.writes[i];
	return NULL;
}

/* systemd has one number for the quota and the period of version 1. */
static rl_err watch(struct change *c)
{
	static const char *const pair[] = { "cpu.cfs_quota_us", "cpu.cfs_period_us" };
	size_t n = c->plan.write_count;

	RL_TRY(rl_new_array(c->arena, n + 1, &c->watched));
	for (size_t i = 0; i < n; i++)
		c->watched[i] = c->plan.writes[i];
	for (size_t i = 0; i < 2; i++) {
		const struct lx_cgroup_write *other = find_write(c, pair[!i]);

		if (other == NULL || find_write(c, pair[i]) != NULL)
			continue;
		c->watched[n] = *other;
		c->watched[n].flags = 0;
		c->watched[n++].file = pair[i];
	}
	c->watched_count = n;
	return RL_OK;
}

static rl_err make_plan(struct change *c, const struct oci_resources *r)
{
	struct lx_cgroup_dir *dirs;
	struct plan_warnings warnings = { 0 };
	struct lx_host host;

	RL_TRY(lx_host_read(c->arena, LX_HOST_CGROUPS, &host));
	RL_TRY(ct_record_cgroup_dirs(c->arena, c->record, &dirs));
	c->spec = (struct lx_cgroup_spec){ .dirs = dirs, .dir_count = c->record->cgroup_count };
	RL_TRY(plan_cgroup_update_make(c->arena, r, &c->spec, &host, &warnings, &c->plan));
	for (size_t i = 0; i < warnings.count; i++)
		rl_log(RL_LOG_WARNING, "%s", warnings.items[i]);
	RL_TRY(watch(c));
	RL_TRY(lx_cgroup_open(dirs, c->spec.dir_count, &c->cgroup));
	return lx_cgroup_save(c->arena, &c->cgroup, c->watched, c->watched_count, &c->old,
			      &c->old_count);
}

/*
 * systemd is told what the files say now: some values depend on what was there before, and a limit
 * of the scope that stays behind would count for the container below it.
 */
static rl_err tell_systemd(struct change *c)
{
	const struct oci_record *r = c->record;
	const struct lx_cgroup_write *now;
	const struct lx_unit_property *properties;
	size_t count, property_count;

	if (r->systemd_unit == NULL)
		return RL_OK;
	RL_TRY(lx_cgroup_save(c->arena, &c->cgroup, c->watched, c->watched_count, &now, &count));
	RL_TRY(plan_unit_limits(c->arena, &c->spec, now, count, &properties, &property_count));
	return ct_scope_set(c->arena, r->systemd_unit, r->systemd_user, properties, property_count);
}

/* ---- doing it, taking it back ---------------------------------------------------------------- */

/* One value that does not go back keeps no other. */
static rl_err put_back(struct change *c)
{
	rl_err first = RL_OK;
	size_t used;

	for (size_t i = 0; i < c->old_count; i += used) {
		for (used = 1; i + used < c->old_count; used++)
			if (!(c->old[i + used - 1].flags & LX_CGROUP_TIED))
				break;
		first = rl_first(first, lx_cgroup_apply(&c->cgroup, &c->old[i], used));
	}
	return first;
}

/* The reason of the failure stays the error. */
static rl_err take_back(struct change *c, bool told, rl_err reason)
{
	rl_err e = put_back(c);

	if (told)
		e = rl_first(e, tell_systemd(c));
	if (rl_failed(e))
		rl_log(RL_LOG_WARNING, "put back the old limits: %s", rl_text(e));
	rl_drop(e);
	return reason;
}

static rl_err set_devices(struct change *c)
{
	if (c->plan.devices == NULL)
		return RL_OK;
	return rl_wrap(lx_cgroup_set_devices(&c->cgroup, c->plan.devices, c->plan.device_count),
		       "$.devices");
}

/*
 * The kernel first: it is the one who judges. In the scope's own directory systemd then writes its
 * version of the limits, rounded, so ours are written once more. Devices last: only they replace
 * what was there in one step.
 */
static rl_err make_change(struct change *c)
{
	const struct plan_cgroup_update *p = &c->plan;
	rl_err e = lx_cgroup_apply(&c->cgroup, p->writes, p->write_count);

	if (rl_failed(e))
		return take_back(c, false, e);
	e = tell_systemd(c);
	if (!rl_failed(e) && c->record->systemd_unit != NULL)
		e = lx_cgroup_apply(&c->cgroup, p->writes, p->write_count);
	if (!rl_failed(e))
		e = set_devices(c);
	return rl_failed(e) ? take_back(c, true, e) : RL_OK;
}

static rl_err check_status(struct rl_arena *a, const struct ct_store *store,
			   const struct oci_record *record)
{
	enum oci_status status;

	RL_TRY(ct_status(a, store, record, &status));
	if (status == OCI_STOPPED || status == OCI_CREATING)
		return rl_refuse(RL_E(EINVAL), "container not running: %s is %s", record->id,
				 oci_status_name(status));
	if (record->cgroup_count == 0)
		return rl_hint(rl_refuse(RL_E(ENOTSUP),
					 "container %s has no cgroup, which limits need",
					 record->id),
			       "create it with a cgroup manager");
	return RL_OK;
}

/*
 * A machine has the processors and the memory it was made with. Fewer shares of a CPU it does not
 * see; but with less memory than it believes to have it would be killed.
 */
static rl_err check_machine(const struct oci_record *record, const struct oci_resources *r)
{
	const struct oci_memory *memory = r->memory;
	long long mib;

	if (!hdl_makes_machine(record->handler) || memory == NULL || !memory->limit.set ||
	    memory->limit.value < 0)
		return RL_OK;
	mib = memory->limit.value >> 20;
	if (mib < record->machine_mib)
		return rl_hint(rl_refuse(RL_E(EBUSY),
					 "$.memory.limit: %lld bytes are less than the %lld MiB "
					 "that the virtual machine has",
					 (long long)memory->limit.value,
					 (long long)record->machine_mib),
			       "its memory cannot change while it runs");
	return RL_OK;
}

rl_err ct_update(struct rl_arena *a, const char *root, const char *id,
		 const struct ct_update_options *options)
{
	struct ct_store CT_AUTO_STORE store = { 0 };
	struct oci_problems problems = oci_problems_in(a);
	struct change __attribute__((cleanup(close_change))) change = { .arena = a };
	const struct oci_resources *resources;
	struct oci_record record;
	rl_err e;

	RL_TRY(oci_resources_read(&problems, options->name, options->text, strlen(options->text),
				  &resources));
	RL_TRY(ct_record_load(a, root, id, &store, &record));
	RL_TRY(ct_store_lock(&store));
	RL_TRY(check_status(a, &store, &record));
	RL_TRY(check_machine(&record, resources));
	change.record = &record;
	RL_TRY(make_plan(&change, resources));
	RL_TRY(make_change(&change));
	e = ct_rdt_update(a, &record, options->l3_cache_schema, options->mem_bw_schema);
	return rl_failed(e) ? take_back(&change, true, e) : RL_OK;
}

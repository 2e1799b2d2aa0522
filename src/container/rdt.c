/* SPDX-License-Identifier: Apache-2.0 */
#include "container/rdt.h"

#include <string.h>

struct making {
	const struct ct_store *store;
	struct oci_record *record;
};

static rl_err note_class(void *context)
{
	const struct making *m = context;

	m->record->rdt_made = true;
	return ct_record_save(m->store, m->record);
}

rl_err ct_rdt_make(const struct ct_store *store, struct oci_record *record,
		   const struct plan_rdt *plan)
{
	struct making making = { store, record };
	const struct lx_rdt_spec spec = { .group = plan->group,
					  .must_exist = plan->must_exist,
					  .lines = plan->lines,
					  .line_count = plan->line_count };
	rl_err e;

	if (plan->group == NULL)
		return RL_OK;
	record->rdt_group = plan->group;
	RL_TRY(lx_rdt_make(&spec, note_class, &making), "$.linux.intelRdt");
	if (plan->monitor == NULL)
		return RL_OK;
	record->rdt_monitor = plan->monitor;
	RL_TRY(ct_record_save(store, record));
	e = lx_rdt_monitor(plan->monitor);
	/* Somebody else's, which is not ours to remove. */
	if (rl_is(e, RL_E(EEXIST)))
		record->rdt_monitor = NULL;
	return rl_wrap(e, "$.linux.intelRdt.enableMonitoring");
}

rl_err ct_rdt_join(const struct oci_record *record, pid_t pid)
{
	if (record->rdt_group == NULL)
		return RL_OK;
	return rl_wrap(lx_rdt_join(record->rdt_group, record->rdt_monitor, pid),
		       "enter the class %s", record->rdt_group);
}

rl_err ct_rdt_remove(const struct oci_record *record)
{
	rl_err e = RL_OK;

	if (record->rdt_monitor != NULL)
		e = lx_rdt_remove(record->rdt_monitor);
	if (record->rdt_made && record->rdt_group != NULL)
		e = rl_first(e, lx_rdt_remove(record->rdt_group));
	return e;
}

/* The lines that there were, one an item. */
static rl_err split(struct rl_arena *a, const char *text, const char *const **ret,
		    size_t *ret_count)
{
	const struct oci_strings none = { 0 };

	/* A line of bandwidth would be cut out of the first argument. */
	const char *bandwidth = strstr(text, "MB:");

	if (bandwidth != NULL)
		RL_TRY(rl_arena_strn(a, bandwidth, strcspn(bandwidth, "\n"), &bandwidth));
	return plan_rdt_lines(a, text, bandwidth, &none, ret, ret_count);
}

static rl_err check_line(const char *option, const char *line, const char *begin)
{
	if (line == NULL ||
	    (strncmp(line, begin, strlen(begin)) == 0 && strchr(line, '\n') == NULL))
		return RL_OK;
	return rl_refuse(RL_E(EINVAL), "option %s: \"%s\" is not one line that begins with %s",
			 option, line, begin);
}

rl_err ct_rdt_update(struct rl_arena *a, const struct oci_record *record, const char *l3,
		     const char *bandwidth)
{
	const char *const *lines, *const *old;
	size_t count, old_count;
	const char *text;
	rl_err e;

	if (l3 == NULL && bandwidth == NULL)
		return RL_OK;
	RL_TRY(check_line("--l3-cache-schema", l3, "L3"));
	RL_TRY(check_line("--mem-bw-schema", bandwidth, "MB:"));
	if (record->rdt_group == NULL)
		return rl_hint(rl_refuse(RL_E(ENOTSUP),
					 "container %s was created without linux.intelRdt",
					 record->id),
			       "only a container with a class of its own can have other schemata");
	RL_TRY(plan_rdt_lines(a, l3, bandwidth, NULL, &lines, &count));
	RL_TRY(lx_rdt_read(a, record->rdt_group, &text));
	RL_TRY(split(a, text, &old, &old_count));
	e = lx_rdt_write(record->rdt_group, lines, count);
	if (rl_failed(e))
		rl_drop(lx_rdt_write(record->rdt_group, old, old_count));
	return e;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/rdt.h"

#include <string.h>

rl_err plan_rdt_lines(struct rl_arena *a, const char *l3, const char *bandwidth,
		      const struct oci_strings *more, const char *const **ret, size_t *ret_count)
{
	const char **lines;
	size_t room = 2 + (more != NULL ? more->count : 0), count = 0;

	for (const char *at = l3; at != NULL && *at != '\0'; at++)
		room += *at == '\n';
	RL_TRY(rl_new_array(a, room, &lines));
	for (const char *at = l3 != NULL ? l3 : ""; *at != '\0'; at += *at == '\n') {
		size_t len = strcspn(at, "\n");

		if (len > 0 && strncmp(at, "MB:", 3) != 0)
			RL_TRY(rl_arena_strn(a, at, len, &lines[count++]));
		at += len;
	}
	if (bandwidth != NULL && bandwidth[0] != '\0')
		lines[count++] = bandwidth;
	for (size_t i = 0; more != NULL && i < more->count; i++)
		lines[count++] = more->items[i];
	*ret = lines;
	*ret_count = count;
	return RL_OK;
}

rl_err plan_rdt_make(struct rl_arena *a, const struct oci_config *config,
		     const struct plan_request *request, const struct lx_host *host,
		     struct plan_rdt *ret)
{
	const struct oci_intel_rdt *rdt = config->linux_.intel_rdt;
	struct plan_rdt p = { 0 };
	const char *name;

	*ret = p;
	if (rdt == NULL)
		return RL_OK;
	if (host->resctrl == NULL)
		return rl_hint(rl_refuse(RL_E(ENOTSUP),
					 "$.linux.intelRdt: no resctrl file system is mounted"),
			       "where the processor has RDT: `mount -t resctrl resctrl "
			       "/sys/fs/resctrl`");
	name = rdt->clos_id != NULL && rdt->clos_id[0] != '\0' ? rdt->clos_id : request->id;
	if (strcmp(name, "/") == 0)
		p.group = host->resctrl;
	else
		RL_TRY(rl_arena_fmt(a, &p.group, "%s/%s", host->resctrl, name));
	RL_TRY(plan_rdt_lines(a, rdt->l3_cache_schema, rdt->mem_bw_schema, &rdt->schemata, &p.lines,
			      &p.line_count));
	p.must_exist = name == rdt->clos_id && p.line_count == 0;
	if (rdt->enable_monitoring)
		RL_TRY(rl_arena_fmt(a, &p.monitor, "%s/mon_groups/%s", p.group, request->id));
	*ret = p;
	return RL_OK;
}

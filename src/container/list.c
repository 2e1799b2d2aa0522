/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at containers: state, list, ps. */
#include "container/agent.h"
#include "container/container.h"
#include "container/record.h"
#include "handlers/handler.h"

#include <pwd.h>
#include <regex.h>

static pid_t shown_pid(const struct oci_record *record, enum oci_status status)
{
	return status == OCI_STOPPED ? 0 : record->pid;
}

/* Its name as of now, or its number. */
static rl_err owner_name(struct rl_arena *a, uid_t uid, const char **ret)
{
	const struct passwd *entry = getpwuid(uid);

	if (entry != NULL)
		return rl_arena_str(a, entry->pw_name, ret);
	return rl_arena_fmt(a, ret, "#%u", (unsigned)uid);
}

rl_err ct_state(struct rl_arena *a, const char *root, const char *id, struct rl_json_writer *w)
{
	struct ct_store CT_AUTO_STORE store = { 0 };
	struct oci_record record;
	enum oci_status status;

	RL_TRY(ct_record_load(a, root, id, &store, &record));
	RL_TRY(ct_status(a, &store, &record, &status));
	RL_TRY(owner_name(a, record.owner, &record.owner_name));
	oci_state_put(w, &record, status, shown_pid(&record, status));
	return RL_OK;
}

static rl_err read_row(struct rl_arena *a, const char *root, const char *id, struct ct_row *ret)
{
	struct ct_store CT_AUTO_STORE store = { 0 };
	struct oci_record record;
	enum oci_status status;

	RL_TRY(ct_record_load(a, root, id, &store, &record));
	RL_TRY(ct_status(a, &store, &record, &status));
	*ret = (struct ct_row){ .id = record.id,
				.status = oci_status_name(status),
				.bundle = record.bundle,
				.created = record.created,
				.pid = shown_pid(&record, status) };
	return owner_name(a, record.owner, &ret->owner);
}

rl_err ct_list(struct rl_arena *a, const char *root, struct ct_row **ret_rows, size_t *ret_count)
{
	struct ct_row *rows;
	const char **ids;
	size_t found, count = 0;

	RL_TRY(ct_store_list(a, root, &ids, &found));
	RL_TRY(rl_new_array(a, found, &rows));
	for (size_t i = 0; i < found; i++)
		if (!rl_drop_failed(read_row(a, root, ids[i], &rows[count])))
			count++;
	*ret_rows = rows;
	*ret_count = count;
	return RL_OK;
}

rl_err ct_match(struct rl_arena *a, const char *root, const char *regex, const char ***ret_ids,
		size_t *ret_count)
{
	const char **ids;
	size_t found, count = 0;
	char reason[128];
	regex_t compiled;
	int r = regcomp(&compiled, regex, REG_EXTENDED | REG_NOSUB);
	rl_err e;

	if (r != 0) {
		regerror(r, &compiled, reason, sizeof(reason));
		return rl_refuse(RL_E(EINVAL), "regular expression \"%s\": %s", regex, reason);
	}
	e = ct_store_list(a, root, &ids, &found);
	for (size_t i = 0; !rl_failed(e) && i < found; i++)
		if (regexec(&compiled, ids[i], 0, NULL, 0) == 0)
			ids[count++] = ids[i];
	regfree(&compiled);
	RL_TRY(e);
	*ret_ids = ids;
	*ret_count = count;
	return RL_OK;
}

rl_err ct_guest_processes(struct rl_arena *a, const char *root, const char *id, bool *ret_machine,
			  const struct ct_guest_process **ret, size_t *ret_count)
{
	struct ct_store CT_AUTO_STORE store = { 0 };
	struct ct_guest_process *rows;
	const struct hdl_agent_ps *found;
	struct oci_record record;
	struct hdl_agent_at at;
	size_t count;

	RL_TRY(ct_record_load(a, root, id, &store, &record));
	*ret_machine = hdl_makes_machine(record.handler);
	if (!*ret_machine)
		return RL_OK;
	RL_TRY(ct_agent_check(&store, &record, "ps"));
	at = ct_agent_at(&store);
	RL_TRY(hdl_agent_list(&at, a, &found, &count), "ps");
	RL_TRY(rl_new_array(a, count, &rows));
	for (size_t i = 0; i < count; i++)
		rows[i] = (struct ct_guest_process){ .pid = found[i].pid,
						     .ppid = found[i].ppid,
						     .uid = found[i].uid,
						     .state = found[i].state,
						     .cpu_ms = found[i].cpu_ms,
						     .rss_kib = found[i].rss_kib,
						     .command = found[i].command };
	*ret = rows;
	*ret_count = count;
	return RL_OK;
}

rl_err ct_pids(struct rl_arena *a, const char *root, const char *id, const pid_t **ret_pids,
	       size_t *ret_count)
{
	struct ct_store CT_AUTO_STORE store = { 0 };
	struct lx_cgroup RL_AUTO_CGROUP cg = { 0 };
	struct oci_record record;

	RL_TRY(ct_record_load(a, root, id, &store, &record));
	if (record.cgroup_count == 0)
		return rl_hint(rl_refuse(RL_E(ENOTSUP),
					 "container %s has no cgroup, which knows "
					 "its processes",
					 id),
			       "create it with a cgroup manager");
	RL_TRY(ct_record_cgroup(a, &record, &cg));
	return lx_cgroup_pids(a, &cg, ret_pids, ret_count);
}

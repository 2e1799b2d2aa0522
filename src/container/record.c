/* SPDX-License-Identifier: Apache-2.0 */
#include "container/record.h"

#include "base/io.h"
#include "base/log.h"
#include "base/proc.h"
#include "container/gate.h"
#include "handlers/handler.h"
#include "plan/ns.h"

#include <string.h>
#include <unistd.h>

#define RECORD_LIMIT ((size_t)4 << 20)

static rl_err copy_cgroup(struct rl_arena *a, const struct plan_cgroup *cg, struct oci_record *r)
{
	static const char *const managers[] = { [PLAN_CGROUPFS] = "cgroupfs",
						[PLAN_CGROUP_SYSTEMD] = "systemd",
						[PLAN_CGROUP_DISABLED] = "disabled" };
	struct oci_record_cgroup *dirs;

	r->cgroup_manager = managers[cg->manager];
	if (!cg->enabled)
		return RL_OK;
	r->cgroup_path = cg->path;
	if (cg->manager == PLAN_CGROUP_SYSTEMD) {
		r->systemd_unit = cg->unit.name;
		r->systemd_user = cg->unit.user;
	}
	RL_TRY(rl_new_array(a, cg->spec.dir_count, &dirs));
	for (size_t i = 0; i < cg->spec.dir_count; i++)
		dirs[i] = (struct oci_record_cgroup){
			.path = cg->spec.dirs[i].path,
			.controllers = cg->spec.dirs[i].controllers,
			.mount_len = (uint32_t)cg->spec.dirs[i].mount_len,
			.version = cg->spec.dirs[i].version,
		};
	r->cgroups = dirs;
	r->cgroup_count = cg->spec.dir_count;
	return RL_OK;
}

static uint64_t foreign_namespaces(const struct plan_namespaces *ns)
{
	uint64_t all = ns->create;

	for (int k = 0; k < PLAN_NS_KINDS; k++)
		if (ns->join[k] != NULL)
			all |= plan_ns_flag((enum plan_ns_kind)k);
	return all;
}

rl_err ct_record_make(struct rl_arena *a, const struct plan *plan, uid_t owner,
		      struct oci_record *ret)
{
	struct oci_key_value *annotations;
	char now[40];
	struct oci_record r = {
		.id = plan->id,
		.oci_version = plan->oci_version,
		.bundle = plan->bundle,
		.rootfs = plan->furnish.root_path,
		.handler = plan->handler,
		.machine_mib = plan->vm != NULL ? plan->vm->ram_mib : 0,
		.program = plan->has_process ? plan->process.args[0] : NULL,
		.owner = owner,
		.detached = plan->detach,
		.namespaces = foreign_namespaces(&plan->ns),
		.no_pivot = plan->furnish.root_change != PLAN_ROOT_PIVOT,
		.poststart_hooks = plan->hooks[PLAN_HOOK_POSTSTART].count > 0,
		.poststop_hooks = plan->hooks[PLAN_HOOK_POSTSTOP].count > 0,
		.bounding = plan->process.caps.bounding,
		.own_user_namespace = plan->has_user_namespace,
		.new_session_keyring = plan->new_session_keyring,
	};

	rl_time_now(now);
	RL_TRY(rl_arena_str(a, now, &r.created));
	RL_TRY(copy_cgroup(a, &plan->cgroup, &r));
	RL_TRY(rl_new_array(a, plan->annotation_count, &annotations));
	for (size_t i = 0; i < plan->annotation_count; i++)
		annotations[i] = (struct oci_key_value){ .key = plan->annotations[i].key,
							 .value = plan->annotations[i].value };
	r.annotations = annotations;
	r.annotation_count = plan->annotation_count;
	*ret = r;
	return RL_OK;
}

typedef rl_err write_file(int dir_fd, const char *name, const void *bytes, size_t len,
			  unsigned mode);

static rl_err write_record(const struct ct_store *s, const struct oci_record *record,
			   write_file *write_it)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const char *text;
	size_t len;

	RL_TRY(rl_json_begin(&w, false));
	RL_TRY(oci_record_write(&w, record));
	RL_TRY(rl_json_end(&w, &text, &len));
	return write_it(rl_fd_get(&s->dir), CT_STATUS, text, len, 0600);
}

/*
 * A reader that comes between creation and content sees an empty file, which it takes for the
 * half-made container that it is.
 */
rl_err ct_record_create(const struct ct_store *s, const struct oci_record *record)
{
	return write_record(s, record, rl_write_new);
}

rl_err ct_record_save(const struct ct_store *s, const struct oci_record *record)
{
	return write_record(s, record, rl_write_atomic);
}

rl_err ct_record_load(struct rl_arena *a, const char *root, const char *id,
		      struct ct_store *ret_store, struct oci_record *ret)
{
	struct ct_store CT_AUTO_STORE s = { 0 };
	const char *text;
	size_t len;
	rl_err e;

	RL_TRY(oci_id_check(id));
	RL_TRY(ct_store_open(root, id, &s));
	e = rl_read_file(a, rl_fd_get(&s.dir), CT_STATUS, RECORD_LIMIT, &text, &len);
	if (rl_is(e, RL_E(ENOENT)) || (!rl_failed(e) && len == 0)) {
		rl_drop(e);
		return rl_hint(
			rl_refuse(RL_E(EBADMSG), "container \"%s\" was not made completely", id),
			"remove it with `delete --force %s`", id);
	}
	RL_TRY(e, "container %s", id);
	RL_TRY(oci_record_read(a, CT_STATUS, text, len, ret), "container %s", id);
	*ret_store = s;
	s = (struct ct_store){ 0 };
	return RL_OK;
}

rl_err ct_record_forget_absent(struct rl_arena *a, const struct lx_cgroup *cg,
			       struct oci_record *record)
{
	struct oci_record_cgroup *dirs;
	size_t count = 0;

	for (size_t i = 0; i < cg->count; i++)
		count += !cg->slots[i].absent;
	if (count == cg->count)
		return RL_OK;
	RL_TRY(rl_new_array(a, count + 1, &dirs));
	count = 0;
	for (size_t i = 0; i < cg->count && i < record->cgroup_count; i++)
		if (!cg->slots[i].absent)
			dirs[count++] = record->cgroups[i];
	record->cgroups = dirs;
	record->cgroup_count = count;
	if (count == 0)
		record->cgroup_path = NULL;
	return RL_OK;
}

rl_err ct_record_cgroup_dirs(struct rl_arena *a, const struct oci_record *record,
			     struct lx_cgroup_dir **ret)
{
	struct lx_cgroup_dir *dirs;

	RL_TRY(rl_new_array(a, record->cgroup_count, &dirs));
	for (size_t i = 0; i < record->cgroup_count; i++)
		dirs[i] = (struct lx_cgroup_dir){ .path = record->cgroups[i].path,
						  .mount_len = record->cgroups[i].mount_len,
						  .controllers = record->cgroups[i].controllers,
						  .version = record->cgroups[i].version };
	*ret = dirs;
	return RL_OK;
}

rl_err ct_record_cgroup(struct rl_arena *a, const struct oci_record *record, struct lx_cgroup *ret)
{
	struct lx_cgroup_dir *dirs;

	RL_TRY(ct_record_cgroup_dirs(a, record, &dirs));
	return lx_cgroup_open(dirs, record->cgroup_count, ret);
}

rl_err ct_status(struct rl_arena *a, const struct ct_store *s, const struct oci_record *record,
		 enum oci_status *ret)
{
	struct lx_cgroup RL_AUTO_CGROUP cg = { 0 };
	bool frozen = false;

	if (record->pid == 0) {
		*ret = OCI_CREATING;
		return RL_OK;
	}
	if (!rl_proc_alive(record->pid, record->start_time)) {
		*ret = OCI_STOPPED;
		return RL_OK;
	}
	if (ct_gate_exists(rl_fd_get(&s->dir))) {
		*ret = OCI_CREATED;
		return RL_OK;
	}
	if (record->cgroup_count > 0) {
		RL_TRY(ct_record_cgroup(a, record, &cg));
		RL_TRY(hdl_makes_machine(record->handler)
			       ? lx_cgroup_is_frozen_machine(&cg, &frozen)
			       : lx_cgroup_is_frozen(&cg, &frozen),
		       "container %s", record->id);
	}
	*ret = frozen ? OCI_PAUSED : OCI_RUNNING;
	return RL_OK;
}

rl_err ct_open_init(const struct oci_record *record, struct rl_fd *ret_pidfd)
{
	struct rl_fd RL_AUTO_FD pidfd = { 0 };
	rl_err e = RL_OK;

	if (record->pid > 0)
		e = rl_pidfd_open(record->pid, &pidfd);
	/* The descriptor is taken first, then the start time: what it names cannot be replaced. */
	if (record->pid == 0 || rl_is(e, RL_E(ESRCH)) ||
	    (!rl_failed(e) && !rl_proc_alive(record->pid, record->start_time))) {
		rl_drop(e);
		return rl_refuse(RL_E(ESRCH), "container not running: %s", record->id);
	}
	RL_TRY(e);
	*ret_pidfd = rl_fd_own(rl_fd_take(&pidfd));
	return RL_OK;
}

rl_err ct_state_text(struct rl_arena *a, const struct oci_record *record, enum oci_status status,
		     pid_t pid, const char **ret, size_t *ret_len)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const char *text;
	size_t len;

	RL_TRY(rl_json_begin(&w, false));
	oci_state_put(&w, record, status, pid);
	RL_TRY(rl_json_end(&w, &text, &len));
	*ret_len = len;
	return rl_arena_strn(a, text, len, ret);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/container.h"
#include "container/record.h"
#include "handlers/handler.h"

static rl_err open_for(struct rl_arena *a, const char *root, const char *id, struct ct_store *store,
		       struct oci_record *record, struct lx_cgroup *cg, enum oci_status *ret_status)
{
	RL_TRY(ct_record_load(a, root, id, store, record));
	RL_TRY(ct_store_lock(store));
	RL_TRY(ct_status(a, store, record, ret_status));
	if (record->cgroup_count == 0)
		return rl_hint(rl_refuse(RL_E(ENOTSUP),
					 "container %s has no cgroup, which pause "
					 "and resume need",
					 id),
			       "create it with a cgroup manager");
	return ct_record_cgroup(a, record, cg);
}

rl_err ct_pause(struct rl_arena *a, const char *root, const char *id)
{
	struct ct_store CT_AUTO_STORE store = { 0 };
	struct lx_cgroup RL_AUTO_CGROUP cg = { 0 };
	struct oci_record record;
	enum oci_status status;

	RL_TRY(open_for(a, root, id, &store, &record, &cg, &status));
	if (status != OCI_RUNNING && status != OCI_CREATED)
		return rl_refuse(RL_E(EINVAL), "container not running: %s is %s", id,
				 oci_status_name(status));
	return hdl_makes_machine(record.handler) ? lx_cgroup_freeze_machine(&cg)
						 : lx_cgroup_freeze(&cg);
}

rl_err ct_resume(struct rl_arena *a, const char *root, const char *id)
{
	struct ct_store CT_AUTO_STORE store = { 0 };
	struct lx_cgroup RL_AUTO_CGROUP cg = { 0 };
	struct oci_record record;
	enum oci_status status;

	RL_TRY(open_for(a, root, id, &store, &record, &cg, &status));
	if (status != OCI_PAUSED)
		return rl_refuse(RL_E(EINVAL), "container not paused: %s is %s", id,
				 oci_status_name(status));
	return lx_cgroup_thaw(&cg);
}

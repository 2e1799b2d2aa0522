/* SPDX-License-Identifier: Apache-2.0 */
#include "container/container.h"
#include "container/undo.h"

/* Made by a runtime that was killed between the directory and its record: nothing else exists. */
static rl_err remove_unrecorded(const char *root, const char *id)
{
	struct ct_store CT_AUTO_STORE store = { 0 };

	RL_TRY(ct_store_open(root, id, &store));
	RL_TRY(ct_store_lock(&store));
	return ct_store_remove(&store, id);
}

static rl_err check_stopped(struct rl_arena *a, const struct ct_store *store,
			    const struct oci_record *record)
{
	enum oci_status status;

	RL_TRY(ct_status(a, store, record, &status));
	/* A created container has no program yet that could lose anything: runc and crun agree. */
	if (status == OCI_STOPPED || status == OCI_CREATED || status == OCI_CREATING)
		return RL_OK;
	return rl_hint(rl_refuse(RL_E(EBUSY),
				 "cannot delete container %s that is not stopped: it is still %s",
				 record->id, oci_status_name(status)),
		       "kill it first, or give --force");
}

rl_err ct_delete(struct rl_arena *a, const char *root, const char *id, bool force)
{
	struct ct_store CT_AUTO_STORE store = { 0 };
	struct oci_record record;
	struct ct_undo u = { .arena = a, .store = &store, .record = &record };
	rl_err e = ct_record_load(a, root, id, &store, &record);

	if (force && rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		return RL_OK;
	}
	if (force && rl_is(e, RL_E(EBADMSG))) {
		rl_drop(e);
		return remove_unrecorded(root, id);
	}
	RL_TRY(e);
	RL_TRY(ct_store_lock(&store));
	if (!force)
		RL_TRY(check_stopped(a, &store, &record));
	return ct_undo(&u);
}

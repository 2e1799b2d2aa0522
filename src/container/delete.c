/* SPDX-License-Identifier: Apache-2.0 */
#include "container/container.h"
#include "container/undo.h"

/*
 * Made by a runtime that was killed between the directory and its record: nothing else exists. Or
 * by one that is just at it: it holds the lock until there is a record, and then *ret_removed is
 * false.
 */
static rl_err remove_unrecorded(struct rl_arena *a, const char *root, const char *id,
				bool *ret_removed)
{
	struct ct_store CT_AUTO_STORE store = { 0 }, CT_AUTO_STORE again = { 0 };
	struct oci_record record;
	rl_err e;

	RL_TRY(ct_store_open(root, id, &store));
	RL_TRY(ct_store_lock(&store));
	e = ct_record_load(a, root, id, &again, &record);
	*ret_removed = rl_is(e, RL_E(EBADMSG));
	if (!*ret_removed)
		return e;
	rl_drop(e);
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

	if (force && rl_is(e, RL_E(EBADMSG))) {
		bool removed = false;

		rl_drop(e);
		e = remove_unrecorded(a, root, id, &removed);
		if (!rl_failed(e) && removed)
			return RL_OK;
		if (!rl_failed(e))
			e = ct_record_load(a, root, id, &store, &record);
	}
	if (force && rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e);
	RL_TRY(ct_store_lock(&store));
	if (!force)
		RL_TRY(check_stopped(a, &store, &record));
	return ct_undo(&u);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A container as later commands find it: record, liveness, cgroup. */
#pragma once

#include "container/store.h"
#include "linux/cgroup.h"
#include "oci/state.h"
#include "plan/plan.h"

/* The record that a plan makes; pid 0. Strings are the plan's. */
RL_MUST rl_err ct_record_make(struct rl_arena *a, const struct plan *plan, uid_t owner,
			      struct oci_record *ret);
/* Writes ROOT/ID/status, of a directory that has none yet. */
RL_MUST rl_err ct_record_create(const struct ct_store *s, const struct oci_record *record);
/* Replaces it. */
RL_MUST rl_err ct_record_save(const struct ct_store *s, const struct oci_record *record);

/* Opens ROOT/ID and reads its record. A directory without one is a half-made container: EBADMSG. */
RL_MUST rl_err ct_record_load(struct rl_arena *a, const char *root, const char *id,
			      struct ct_store *ret_store, struct oci_record *ret);

/*
 * Status by what is there: no pid: creating; its process gone: stopped; a gate: created; cgroup
 * frozen: paused; else running.
 */
RL_MUST rl_err ct_status(struct rl_arena *a, const struct ct_store *s,
			 const struct oci_record *record, enum oci_status *ret);

/*
 * A pidfd of init, proven by its start time to be the process of the record. ESRCH: "container not
 * running".
 */
RL_MUST rl_err ct_open_init(const struct oci_record *record, struct rl_fd *ret_pidfd);

/* Leaves out the cgroups that could not be made, which the plan had forgiven. */
RL_MUST rl_err ct_record_forget_absent(struct rl_arena *a, const struct lx_cgroup *cg,
				       struct oci_record *record);

/* The container's cgroup from its record; without one *ret has count 0. */
RL_MUST rl_err ct_record_cgroup(struct rl_arena *a, const struct oci_record *record,
				struct lx_cgroup *ret);

/* The same as directories, record->cgroup_count of them. */
RL_MUST rl_err ct_record_cgroup_dirs(struct rl_arena *a, const struct oci_record *record,
				     struct lx_cgroup_dir **ret);

/* The state as JSON text for hooks. */
RL_MUST rl_err ct_state_text(struct rl_arena *a, const struct oci_record *record,
			     enum oci_status status, pid_t pid, const char **ret, size_t *ret_len);

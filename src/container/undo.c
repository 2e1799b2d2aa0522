/* SPDX-License-Identifier: Apache-2.0 */
#include "container/undo.h"

#include "base/log.h"
#include "base/proc.h"
#include "container/hooks.h"
#include "container/load.h"
#include "container/rdt.h"
#include "container/scope.h"
#include "plan/hooks.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* A process in the kernel's hands (disk, NFS) may take long to die; more is not waited for. */
#define END_TIMEOUT_MS 10000

static rl_err end_child(pid_t pid)
{
	int status;

	(void)kill(pid, SIGKILL);
	return rl_wait_status(pid, &status);
}

/* Somebody else's child: it is gone when its pidfd says so. */
static rl_err end_foreign_init(const struct oci_record *record)
{
	struct rl_fd RL_AUTO_FD pidfd = { 0 };
	rl_err e = ct_open_init(record, &pidfd);

	if (rl_is(e, RL_E(ESRCH))) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e);
	e = rl_pidfd_signal(rl_fd_get(&pidfd), SIGKILL);
	if (rl_is(e, RL_E(ESRCH))) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e, "end init");
	return RL_OK;
}

static rl_err wait_for_foreign_init(const struct oci_record *record)
{
	struct rl_fd RL_AUTO_FD pidfd = { 0 };

	if (rl_drop_failed(ct_open_init(record, &pidfd)))
		return RL_OK;
	return rl_pidfd_wait(rl_fd_get(&pidfd), END_TIMEOUT_MS);
}

/* A frozen init dies only when the cgroup is thawed, which killing the cgroup does. */
static rl_err end_processes(const struct ct_undo *u, struct lx_cgroup *cg)
{
	rl_err e = RL_OK;

	if (u->init == CT_INIT_CHILD)
		e = end_child(u->init_pid);
	else if (u->init == CT_INIT_FOREIGN)
		e = end_foreign_init(u->record);
	/* Mostly nobody but init was in it. */
	if (lx_cgroup_try_remove(cg))
		lx_cgroup_close(cg);
	else
		e = rl_first(e, lx_cgroup_kill(cg, END_TIMEOUT_MS));
	if (u->init == CT_INIT_FOREIGN)
		e = rl_first(e, wait_for_foreign_init(u->record));
	return e;
}

static rl_err run_hooks(const struct ct_undo *u, const struct plan_hooks *hooks,
			const struct ct_hook_output *output)
{
	const char *text;
	size_t len;

	RL_TRY(ct_state_text(u->arena, u->record, OCI_STOPPED, 0, &text, &len));
	/* One after the other whatever happens: each may have something of its own to give back. */
	for (size_t i = 0; i < hooks->count; i++) {
		const struct plan_hooks one = { &hooks->items[i], 1 };
		rl_err e = ct_hooks_run(&one, PLAN_HOOK_POSTSTOP, text, len, output);

		if (rl_failed(e))
			rl_log(RL_LOG_WARNING, "%s", rl_text(e));
		rl_drop(e);
	}
	return RL_OK;
}

static rl_err run_stored_hooks(const struct ct_undo *u)
{
	struct ct_loaded CT_AUTO_LOADED l = { 0 };
	struct plan_hooks hooks[PLAN_HOOK_PHASES];
	struct ct_hook_output output;

	RL_TRY(ct_load_copy(rl_fd_get(&u->store->dir), &l));
	RL_TRY(plan_hooks_make(&l.arena, l.config, hooks));
	output = (struct ct_hook_output){
		oci_map_get(&l.config->annotations, "run.oci.hooks.stdout"),
		oci_map_get(&l.config->annotations, "run.oci.hooks.stderr"),
	};
	return run_hooks(u, &hooks[PLAN_HOOK_POSTSTOP], &output);
}

/* The specification: a failing poststop hook is a warning, and the removal goes on. */
static void run_poststop(const struct ct_undo *u)
{
	const struct plan *p = u->plan;
	rl_err e = RL_OK;

	if (p != NULL && p->hooks[PLAN_HOOK_POSTSTOP].count > 0)
		e = run_hooks(u, &p->hooks[PLAN_HOOK_POSTSTOP],
			      &(struct ct_hook_output){ p->hook_stdout, p->hook_stderr });
	else if (p == NULL && u->record->poststop_hooks)
		e = run_stored_hooks(u);
	if (rl_failed(e))
		rl_log(RL_LOG_WARNING, "%s", rl_text(e));
	rl_drop(e);
}

/*
 * The record names a cgroup before it is made. Until it was, one of that name may be another
 * container's (create refuses it then): nobody in it is touched, and what is empty and was made by
 * a runtime that died in between goes without a word.
 */
static rl_err open_cgroup(const struct ct_undo *u, struct lx_cgroup *cg, bool *ret_fenced)
{
	if (u->record->cgroup_count == 0)
		return RL_OK;
	RL_TRY(ct_record_cgroup(u->arena, u->record, cg));
	*ret_fenced = faccessat(rl_fd_get(&u->store->dir), CT_FENCED, F_OK, 0) == 0;
	if (*ret_fenced)
		return RL_OK;
	rl_drop(lx_cgroup_remove(cg, 0));
	lx_cgroup_close(cg);
	return RL_OK;
}

rl_err ct_undo(const struct ct_undo *u)
{
	struct lx_cgroup RL_AUTO_CGROUP cg = { 0 };
	bool fenced = false;
	rl_err e;

	RL_TRY(open_cgroup(u, &cg, &fenced));
	e = end_processes(u, &cg);
	if (rl_failed(e))
		return rl_hint(e, "the container is kept; try `delete --force %s` again later",
			       u->record->id);
	if (cg.count > 0)
		e = lx_cgroup_remove(&cg, END_TIMEOUT_MS);
	if (fenced && u->record->systemd_unit != NULL)
		e = rl_first(e, ct_scope_stop(u->arena, u->record->systemd_unit,
					      u->record->systemd_user));
	e = rl_first(e, ct_rdt_remove(u->record));
	run_poststop(u);
	return rl_first(e, ct_store_remove(u->store, u->record->id));
}

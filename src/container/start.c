/* SPDX-License-Identifier: Apache-2.0 */
/* `start`: opens the gate. */
#include "base/log.h"
#include "container/container.h"
#include "container/gate.h"
#include "container/hooks.h"
#include "container/load.h"
#include "container/program.h"
#include "container/sdnotify.h"
#include "container/talk.h"
#include "container/undo.h"
#include "plan/hooks.h"

static rl_err check_created(struct rl_arena *a, const struct ct_store *store,
			    const struct oci_record *record)
{
	enum oci_status status;

	RL_TRY(ct_status(a, store, record, &status));
	if (status == OCI_CREATED)
		return RL_OK;
	return rl_hint(rl_refuse(RL_E(EINVAL), "cannot start container %s: it is %s", record->id,
				 oci_status_name(status)),
		       "a container can be started once, after `create`");
}

/* The name of the gate goes first: whatever happens next, nobody can start it again. */
static rl_err let_in(const struct ct_store *store, const char *program)
{
	struct rl_fd RL_AUTO_FD talk = { 0 };

	RL_TRY(ct_gate_enter(rl_fd_get(&store->dir), &talk));
	RL_TRY(ct_gate_remove(rl_fd_get(&store->dir)));
	RL_TRY(ct_say(rl_fd_get(&talk), CT_START));
	return ct_program_report(rl_fd_get(&talk), program);
}

static rl_err run_poststart(struct rl_arena *a, const struct ct_store *store,
			    const struct oci_record *record)
{
	struct ct_loaded CT_AUTO_LOADED l = { 0 };
	struct plan_hooks hooks[PLAN_HOOK_PHASES];
	struct ct_hook_output output;
	const char *text;
	size_t len;

	RL_TRY(ct_load_copy(rl_fd_get(&store->dir), &l));
	RL_TRY(plan_hooks_make(&l.arena, l.config, hooks));
	output = (struct ct_hook_output){
		oci_map_get(&l.config->annotations, "run.oci.hooks.stdout"),
		oci_map_get(&l.config->annotations, "run.oci.hooks.stderr"),
	};
	RL_TRY(ct_state_text(a, record, OCI_RUNNING, record->pid, &text, &len));
	return ct_hooks_run(&hooks[PLAN_HOOK_POSTSTART], PLAN_HOOK_POSTSTART, text, len, &output);
}

/* The specification since 1.3: a failing poststart hook stops and destroys the container. */
static rl_err destroy(struct rl_arena *a, struct ct_store *store, const struct oci_record *record,
		      rl_err reason)
{
	const struct ct_undo u = { .arena = a, .store = store, .record = record };
	rl_err e = ct_undo(&u);

	if (rl_failed(e))
		rl_log(RL_LOG_WARNING, "undo: %s", rl_text(e));
	rl_drop(e);
	return reason;
}

/* With NOTIFY_SOCKET at create and at start: returns when the container says that it is ready. */
static rl_err wait_until_ready(int notify_fd, const char *notify_socket,
			       const struct oci_record *record)
{
	struct rl_fd RL_AUTO_FD init = { 0 };
	rl_err e = ct_open_init(record, &init);

	/* A program that has ended already is the caller's to notice. */
	if (rl_is(e, RL_E(ESRCH))) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e);
	return ct_sdnotify_wait(notify_fd, notify_socket, record->pid, rl_fd_get(&init));
}

rl_err ct_start(struct rl_arena *a, const char *root, const char *id, const char *notify_socket)
{
	struct ct_store CT_AUTO_STORE store = { 0 };
	struct rl_fd RL_AUTO_FD notify = { 0 };
	struct oci_record record;
	rl_err e;

	RL_TRY(ct_record_load(a, root, id, &store, &record));
	RL_TRY(ct_store_lock(&store));
	RL_TRY(check_created(a, &store, &record));
	if (record.program == NULL)
		return ct_program_none();
	if (notify_socket != NULL && ct_sdnotify_exists(rl_fd_get(&store.dir)))
		RL_TRY(ct_sdnotify_bind(rl_fd_get(&store.dir), &notify));
	RL_TRY(let_in(&store, record.program));
	if (record.poststart_hooks) {
		e = run_poststart(a, &store, &record);
		if (rl_failed(e))
			return destroy(a, &store, &record, e);
	}
	return rl_fd_has(&notify) ? wait_until_ready(rl_fd_get(&notify), notify_socket, &record)
				  : RL_OK;
}

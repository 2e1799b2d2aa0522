/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"
#include "container/agent.h"
#include "container/container.h"
#include "container/record.h"
#include "handlers/handler.h"

#include <sched.h>
#include <signal.h>

/* How long a booting guest is waited for. */
#define MACHINE_PATIENCE_MS 1000

static rl_err not_running(const struct oci_record *record, enum oci_status status)
{
	return rl_hint(rl_refuse(RL_E(ESRCH), "container not running: %s is %s", record->id,
				 oci_status_name(status)),
		       "only a created, running or paused container can be signalled");
}

/*
 * Without a pid namespace of its own the others outlive init: SIGKILL then means all of them, as
 * the kernel would do it for us in a namespace.
 */
static bool means_all(const struct oci_record *record, int signal, bool all)
{
	return all || (signal == SIGKILL && (record->namespaces & CLONE_NEWPID) == 0);
}

static rl_err kill_init(const struct oci_record *record, int signal)
{
	struct rl_fd RL_AUTO_FD pidfd = { 0 };

	RL_TRY(ct_open_init(record, &pidfd));
	return rl_pidfd_signal(rl_fd_get(&pidfd), signal);
}

/*
 * A `run` that sees init die removes the cgroup while we are still at it: what SIGKILL was for is
 * done then.
 */
static rl_err signal_all(struct lx_cgroup *cg, int signal)
{
	rl_err e = lx_cgroup_signal(cg, signal);

	if (signal != SIGKILL || !(rl_is(e, RL_E(ENOENT)) || rl_is(e, RL_E(ENODEV))))
		return e;
	rl_drop(e);
	return RL_OK;
}

/*
 * The program is in the guest, where only its agent reaches it. While the guest boots nobody is
 * there yet: what ends a container ends the machine then.
 */
static rl_err kill_in_machine(const struct ct_store *store, const struct oci_record *record,
			      int signal, bool all)
{
	struct hdl_agent_at at = ct_agent_at(store);
	rl_err e;

	RL_TRY(ct_agent_check(store, record, "kill"));
	at.wait_ms = MACHINE_PATIENCE_MS;
	e = all ? hdl_agent_signal_all(&at, signal) : hdl_agent_signal(&at, 0, signal);
	if (!rl_failed(e) || rl_is(e, RL_E(ESRCH)) || (signal != SIGTERM && signal != SIGINT))
		return e;
	rl_drop(e);
	return kill_init(record, SIGTERM);
}

/* The original's machine has no agent, and ends by SIGTERM (handlers/krun_enter.c). */
static bool is_guests(const struct ct_store *store, const struct oci_record *record, int signal)
{
	bool has_agent = !rl_drop_failed(ct_agent_check(store, record, ""));

	return hdl_makes_machine(record->handler) && signal != SIGKILL &&
	       (has_agent || signal != SIGTERM);
}

rl_err ct_kill(struct rl_arena *a, const char *root, const char *id, int signal, bool all)
{
	struct ct_store CT_AUTO_STORE store = { 0 };
	struct lx_cgroup RL_AUTO_CGROUP cg = { 0 };
	struct oci_record record;
	enum oci_status status;

	RL_TRY(ct_record_load(a, root, id, &store, &record));
	RL_TRY(ct_record_cgroup(a, &record, &cg));
	/* With --all a dead init does not matter: others may be there. */
	if (means_all(&record, signal, all) && cg.count > 0 &&
	    (!hdl_makes_machine(record.handler) || signal == SIGKILL))
		return signal_all(&cg, signal);
	RL_TRY(ct_status(a, &store, &record, &status));
	if (status == OCI_STOPPED || status == OCI_CREATING)
		return not_running(&record, status);
	if (status == OCI_RUNNING && is_guests(&store, &record, signal))
		return kill_in_machine(&store, &record, signal, all);
	RL_TRY(kill_init(&record, signal));
	/* The version 1 freezer keeps a killed task: it dies when it is thawed. */
	return signal == SIGKILL && status == OCI_PAUSED ? lx_cgroup_thaw(&cg) : RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"
#include "container/container.h"
#include "container/record.h"

#include <sched.h>
#include <signal.h>

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

rl_err ct_kill(struct rl_arena *a, const char *root, const char *id, int signal, bool all)
{
	struct ct_store CT_AUTO_STORE store = { 0 };
	struct lx_cgroup RL_AUTO_CGROUP cg = { 0 };
	struct oci_record record;
	enum oci_status status;

	RL_TRY(ct_record_load(a, root, id, &store, &record));
	RL_TRY(ct_record_cgroup(a, &record, &cg));
	/* With --all a dead init does not matter: others may be there. */
	if (means_all(&record, signal, all) && cg.count > 0)
		return signal_all(&cg, signal);
	RL_TRY(ct_status(a, &store, &record, &status));
	if (status == OCI_STOPPED || status == OCI_CREATING)
		return not_running(&record, status);
	RL_TRY(kill_init(&record, signal));
	/* The version 1 freezer keeps a killed task: it dies when it is thawed. */
	return signal == SIGKILL && status == OCI_PAUSED ? lx_cgroup_thaw(&cg) : RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/init.h"

#include "base/log.h"
#include "container/agent.h"
#include "container/attend.h"
#include "container/become.h"
#include "container/gate.h"
#include "container/hooks.h"
#include "container/record.h"
#include "container/talk.h"
#include "linux/ids.h"
#include "linux/net.h"
#include "linux/sys.h"
#include "linux/sysctl.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* What init has made so far. */
struct state {
	struct ct_init *in;
	struct ct_furnish furnish;
	struct rl_fd talk; /* to the runtime, behind the gate to `start` */
	struct rl_fd stub; /* comes with the word that lets us go on */
	enum ct_word go;   /* GO or RUN */
	pid_t pid;	   /* ours, as the runtime sees it */
	struct ct_notify notify;
	struct ct_becoming becoming;
};

/*
 * The runtime's death ends init: by the signal until READY, then by the end of file in ct_expect.
 * The signal is taken back there, as the runtime's normal end is none of init's business.
 */
static rl_err arrive(struct state *s)
{
	ct_attend_release(s->in->host->ignored_signals);
	(void)close(s->in->runtime_end);
	(void)close(s->in->lock_fd);
	s->talk = rl_fd_own(s->in->talk);
	RL_TRY(rl_sys(prctl(PR_SET_PDEATHSIG, SIGKILL), "tie init to the runtime"));
	RL_TRY(lx_cgroup_join_self(s->in->cgroup), "enter the cgroup");
	return ct_joins_enter(s->in->joins);
}

/*
 * In a new user namespace init is nobody until its maps are written; then it becomes the root of
 * its namespaces, which own everything made from here on.
 */
static rl_err become_root(const struct state *s)
{
	const struct plan *p = s->in->plan;

	if (!p->has_user_namespace)
		return RL_OK;
	if (p->ids.uid_lines == NULL || p->ids.root_gid != (gid_t)-1)
		RL_TRY(lx_ids_set_gid(0), "in the user namespace");
	if (p->ids.uid_lines == NULL || p->ids.root_uid != (uid_t)-1)
		RL_TRY(lx_ids_set_uid(0), "in the user namespace");
	/* The kernel takes the signal back whenever ids change. */
	return rl_sys(prctl(PR_SET_PDEATHSIG, SIGKILL), "tie init to the runtime");
}

static rl_err make_late_namespaces(const struct state *s)
{
	uint64_t late = s->in->plan->ns.late;

	if (late == 0)
		return RL_OK;
	return rl_sys(lx_sys_unshare((int)late), "make the cgroup namespace");
}

static rl_err run_hooks(struct state *s, enum plan_hook_phase phase, enum oci_status status)
{
	const struct plan *p = s->in->plan;
	const struct ct_hook_output output = { p->hook_stdout, p->hook_stderr };
	const char *text;
	size_t len;

	if (p->hooks[phase].count == 0)
		return RL_OK;
	RL_TRY(ct_state_text(s->in->arena, s->in->record, status, getpid(), &text, &len));
	return ct_hooks_run(&p->hooks[phase], phase, text, len, &output);
}

static rl_err set_names(const struct plan_namespaces *ns)
{
	if (ns->hostname != NULL)
		RL_TRY(rl_sys(sethostname(ns->hostname, strlen(ns->hostname)),
			      "set the hostname \"%s\"", ns->hostname));
	if (ns->domainname != NULL)
		RL_TRY(rl_sys(setdomainname(ns->domainname, strlen(ns->domainname)),
			      "set the domainname \"%s\"", ns->domainname));
	return RL_OK;
}

static rl_err set_parameters(const struct state *s)
{
	const struct plan *p = s->in->plan;

	for (size_t i = 0; i < p->sysctl_count; i++)
		RL_TRY(lx_sysctl_write(&s->furnish.proc, p->sysctls[i].path, p->sysctls[i].value),
		       "linux.sysctl");
	return RL_OK;
}

/* In a namespace without an interface there is nothing to be connected with. */
static rl_err connect_machine(const struct state *s)
{
	rl_err e = hdl_connect(s->in->handler);

	if (s->in->plan->vm->network_asked)
		return e;
	if (rl_failed(e))
		rl_log(RL_LOG_WARNING, "the virtual machine has no network: %s", rl_text(e));
	rl_drop(e);
	return RL_OK;
}

/* What could not be made beside is made here, or says why it cannot. */
static rl_err enter_network(void *context)
{
	struct state *s = context;
	struct rl_fd RL_AUTO_FD ns = { 0 };

	RL_TRY(ct_expect(rl_fd_get(&s->talk), CT_NETWORK, &ns));
	if (rl_fd_has(&ns))
		return rl_sys(lx_sys_setns(rl_fd_get(&ns), CLONE_NEWNET),
			      "enter the network namespace");
	RL_TRY(rl_hint(rl_sys(lx_sys_unshare(CLONE_NEWNET), "make the network namespace"),
		       "/proc/sys/user/max_net_namespaces may be reached"));
	return lx_net_loopback_up();
}

static rl_err build(struct state *s)
{
	const struct plan *p = s->in->plan;

	/* With a terminal the session is made together with it. */
	if (!p->has_process || !p->process.terminal)
		RL_TRY(rl_sys(setsid(), "make a session"));
	if (s->in->brings_loopback_up)
		RL_TRY(lx_net_loopback_up());
	RL_TRY(set_names(&p->ns));
	if (p->vm != NULL) {
		RL_TRY(ct_agent_prepare_in(s->in->agent_dir, s->in->handler));
		RL_TRY(connect_machine(s));
	}
	if (s->in->joins->network_comes) {
		s->furnish.enter_network = enter_network;
		s->furnish.network_context = s;
	}
	RL_TRY(ct_furnish_mounts(&p->furnish, s->in->served, &s->furnish));
	RL_TRY(set_parameters(s));
	RL_TRY(run_hooks(s, PLAN_HOOK_CREATE_CONTAINER, OCI_CREATING));
	return ct_furnish_enter(&p->furnish, &s->furnish);
}

static void set_out(struct state *s)
{
	const struct ct_init *in = s->in;

	s->becoming = (struct ct_becoming){
		.arena = in->arena,
		.process = &in->plan->process,
		.stub_fd = -1,
		.machine = in->plan->vm,
		.handler = in->handler,
		.confinement = {
			.process = &in->plan->process,
			.filter = in->filter,
			.notify = &s->notify,
			.proc = &s->furnish.proc,
			.last_capability = in->host->last_capability,
			.limited_outside = in->plan->has_user_namespace,
			.new_session_keyring = in->plan->new_session_keyring,
			.labels_now = in->handler != NULL,
		},
	};
}

/* The agent gets to know us as the host does. */
static rl_err prepare_notify(struct state *s)
{
	const struct ct_init *in = s->in;
	const char *text;
	size_t len;

	s->notify = (struct ct_notify){ .socket_fd = -1 };
	if (!in->filter->notify)
		return RL_OK;
	RL_TRY(ct_state_text(in->arena, in->record, OCI_CREATING, s->pid, &text, &len));
	RL_TRY(ct_notify_message(in->arena, in->plan->oci_version, s->pid,
				 in->plan->seccomp.listener_metadata, text, &s->notify));
	s->notify.socket_fd = in->agent_fd;
	return RL_OK;
}

/* What can be found wrong with the process is an error of create, not of start. */
static rl_err prepare(struct state *s)
{
	set_out(s);
	RL_TRY(prepare_notify(s));
	if (!s->in->plan->has_process)
		return RL_OK;
	RL_TRY(ct_become_prepare(&s->becoming, &s->furnish.tty));
	return ct_become_find(&s->becoming);
}

/* HOLD or START. A program that needs the stub does not start without it. */
static rl_err hear_decision(struct state *s, enum ct_word *ret_word)
{
	RL_TRY(ct_hear(rl_fd_get(&s->talk), ret_word, &s->stub));
	if (*ret_word == CT_END)
		return RL_OK;
	s->becoming.stub_fd = rl_fd_get(&s->stub);
	if (s->in->handler == NULL && s->in->plan->exe_defence == PLAN_EXE_STUB &&
	    !rl_fd_has(&s->stub))
		return rl_refuse(RL_E(EPROTO), "the runtime did not send the stub");
	return RL_OK;
}

/* The word START, which comes from the runtime (run) or, through the gate, from `start`. */
static rl_err hold(struct state *s)
{
	int talk = rl_fd_get(&s->talk);
	struct rl_fd connection = { 0 };
	enum ct_word word;

	RL_TRY(rl_sys(prctl(PR_SET_PDEATHSIG, 0), "let go of the runtime"));
	if (s->go != CT_RUN)
		RL_TRY(ct_say_fd(talk, CT_READY, rl_fd_get(&s->furnish.tty.master)));
	rl_fd_close(&s->furnish.tty.master);
	RL_TRY(hear_decision(s, &word));
	if (word == CT_START)
		return RL_OK;
	if (word != CT_HOLD || s->in->gate < 0)
		return rl_refuse(RL_E(EPIPE), "the runtime ended before the container was created");
	RL_TRY(ct_say(talk, CT_HELD));
	rl_fd_close(&s->talk);
	RL_TRY(ct_gate_wait(s->in->gate, &connection));
	s->talk = connection;
	return ct_expect(rl_fd_get(&s->talk), CT_START, NULL);
}

static rl_err hear_go(struct state *s)
{
	const bool *born_in_cgroup = s->in->born_in_cgroup;

	s->go = s->in->go;
	if (s->go != CT_END && (born_in_cgroup == NULL || *born_in_cgroup))
		return RL_OK;
	return ct_expect_go(rl_fd_get(&s->talk), &s->go, &s->pid);
}

static rl_err walk(struct state *s)
{
	RL_TRY(arrive(s));
	RL_TRY(hear_go(s));
	RL_TRY(become_root(s));
	RL_TRY(make_late_namespaces(s));
	RL_TRY(build(s));
	RL_TRY(prepare(s));
	RL_TRY(hold(s));
	RL_TRY(run_hooks(s, PLAN_HOOK_START_CONTAINER, OCI_CREATED));
	return ct_become(&s->becoming, rl_fd_get(&s->talk));
}

int ct_init_main(void *context)
{
	struct state s = { .in = context };
	rl_err e = walk(&s);

	/* Behind the gate it is `start` that listens. */
	ct_say_error(rl_fd_has(&s.talk) ? rl_fd_get(&s.talk) : s.in->talk, e);
	return 1;
}

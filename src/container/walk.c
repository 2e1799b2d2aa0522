/* SPDX-License-Identifier: Apache-2.0 */
/* Long, and one file on purpose: the runtime's column of the walk stands here in its order. */
#include "container/walk.h"

#include "base/io.h"
#include "base/log.h"
#include "container/again.h"
#include "container/agent.h"
#include "container/attend.h"
#include "container/confine.h"
#include "container/furnish.h"
#include "container/gate.h"
#include "container/hooks.h"
#include "container/init.h"
#include "container/program.h"
#include "container/publish.h"
#include "container/rdt.h"
#include "container/scope.h"
#include "container/sdnotify.h"
#include "container/talk.h"
#include "container/undo.h"
#include "linux/path.h"
#include "linux/sys.h"
#include "linux/uidmap.h"
#include "stub/stub.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void ct_walk_close(struct ct_walk *w)
{
	ct_net_devices_close(&w->net_devices);
	rl_fd_close(&w->notify);
	rl_fd_close(&w->master);
	rl_fd_close(&w->talk);
	rl_fd_close(&w->init.pidfd);
	lx_net_maker_close(&w->network);
	lx_cgroup_close(&w->cgroup);
	ct_store_close(&w->store);
	ct_loaded_free(&w->loaded);
}

/* ---- CLAIM, FENCE --------------------------------------------------------------------------- */

static bool has_hooks(const struct plan *p)
{
	for (size_t i = 0; i < PLAN_HOOK_PHASES; i++)
		if (p->hooks[i].count > 0)
			return true;
	return false;
}

/*
 * The record names what outlives us if we are killed: cgroups, and whatever hooks are for. With
 * neither there is nothing to name before init, whose record is written while it builds.
 */
static bool record_comes_first(const struct plan *p)
{
	return p->cgroup.enabled || has_hooks(p) || p->rdt.group != NULL;
}

/* With the configuration: what comes after us needs both. */
static rl_err write_record(const struct ct_walk *w)
{
	RL_TRY(ct_record_create(&w->store, &w->record));
	return rl_write_new(rl_fd_get(&w->store.dir), CT_CONFIG, w->loaded.text, w->loaded.len,
			    0600);
}

static rl_err claim(struct ct_walk *w)
{
	const struct plan *p = w->loaded.plan;

	RL_TRY(ct_record_make(w->arena, p, w->loaded.host.euid, &w->record));
	RL_TRY(ct_store_claim(w->request->state_root, p->id, &w->store));
	if (record_comes_first(p))
		RL_TRY(write_record(w));
	if (w->request->notify_socket != NULL)
		RL_TRY(ct_sdnotify_make_dir(rl_fd_get(&w->store.dir)));
	return RL_OK;
}

/*
 * A nested user namespace may not load device programs, and where there is version 1 alone a user
 * gets no cgroup of the devices controller; the plan says when that is forgiven.
 */
static rl_err fence_devices(struct ct_walk *w, const struct plan_cgroup *cg)
{
	rl_err e = lx_cgroup_set_devices(&w->cgroup, cg->devices, cg->device_count);

	if (!cg->devices_forgiven || (!rl_is(e, RL_E(EPERM)) && !rl_is(e, RL_E(EOPNOTSUPP))))
		return e;
	rl_log(RL_LOG_DEBUG, "device rules are not enforced: %s", rl_text(e));
	rl_drop(e);
	return RL_OK;
}

/* From here on whoever is in the cgroup is the container's (container/undo.c). */
static rl_err mark_fenced(struct ct_walk *w)
{
	return rl_sys(mknodat(rl_fd_get(&w->store.dir), CT_FENCED, S_IFREG | 0600, 0),
		      "make " CT_FENCED);
}

static rl_err fence(struct ct_walk *w)
{
	const struct plan_cgroup *cg = &w->loaded.plan->cgroup;

	if (!cg->enabled || cg->unit.name != NULL)
		return RL_OK;
	RL_TRY(lx_cgroup_create(&cg->spec, &w->cgroup));
	RL_TRY(mark_fenced(w));
	RL_TRY(lx_cgroup_apply(&w->cgroup, cg->writes, cg->write_count));
	return fence_devices(w, cg);
}

/*
 * systemd makes a scope around a process only, so this comes after the clone, while init waits: it
 * is put into the scope, moved on to the scope's child, and then the scope can hand controllers on.
 */
static rl_err fence_by_systemd(struct ct_walk *w)
{
	const struct plan_cgroup *cg = &w->loaded.plan->cgroup;

	if (cg->unit.name == NULL)
		return RL_OK;
	RL_TRY(ct_scope_start(w->arena, &cg->unit, w->init.pid));
	RL_TRY(mark_fenced(w));
	RL_TRY(lx_cgroup_create(&cg->spec, &w->cgroup));
	RL_TRY(lx_cgroup_join(&w->cgroup, w->init.pid));
	RL_TRY(lx_cgroup_enable(&cg->spec));
	RL_TRY(lx_cgroup_apply(&w->cgroup, cg->writes, cg->write_count));
	return fence_devices(w, cg);
}

/* ---- SPAWN ---------------------------------------------------------------------------------- */

/* What is opened for init before the clone, and given back after it. */
struct inheritance {
	struct ct_joins joins;
	struct ct_served served;
	struct ct_filter filter;
	struct rl_fd talk, gate;
	struct rl_fd agent; /* of seccomp's notifications */
};

static void inheritance_close(struct inheritance *i)
{
	ct_joins_close(&i->joins);
	ct_serve_close(&i->served);
	rl_fd_close(&i->talk);
	rl_fd_close(&i->gate);
	rl_fd_close(&i->agent);
}
#define AUTO_INHERITANCE __attribute__((cleanup(inheritance_close)))

static rl_err prepare(struct ct_walk *w, bool gate, struct inheritance *i)
{
	const struct plan *p = w->loaded.plan;

	RL_TRY(ct_filter_prepare(w->arena, &p->seccomp, w->request->state_root, &i->filter));
	if (i->filter.notify)
		RL_TRY(ct_notify_open(
			w->arena, &p->seccomp,
			&(struct ct_notify_for){ w->request->state_root, p->id, p->bundle },
			&i->agent));
	RL_TRY(ct_joins_open(&p->ns, &i->joins));
	RL_TRY(ct_serve_open(w->arena, &p->furnish, &i->served));
	RL_TRY(ct_talk_pair(&w->talk, &i->talk));
	if (gate)
		RL_TRY(ct_gate_open(rl_fd_get(&w->store.dir), &i->gate));
	if (p->vm != NULL)
		return ct_agent_prepare(&w->store, w->loaded.handler);
	return RL_OK;
}

/* It is being made since the configuration was read; the clone makes the others. */
static bool network_comes(const struct ct_walk *w)
{
	return w->network.started && (w->loaded.plan->ns.create & CLONE_NEWNET) != 0;
}

/* Whoever is told of init may look at its network namespace at once: then it shall be in it. */
static bool tells_of_init(const struct ct_walk *w)
{
	return w->options->pid_file != NULL || w->options->pidfd_socket != NULL ||
	       w->loaded.plan->pidfd_receiver != NULL;
}

/*
 * `run` need not look at a container that is built: START is said before it is. Not so where we
 * have to limit init first, or move it, or give its terminal away.
 */
static bool starts_by_itself(const struct ct_walk *w, enum ct_word word)
{
	const struct plan *p = w->loaded.plan;

	return word == CT_START && !p->has_user_namespace && !p->process.terminal &&
	       p->cgroup.child == NULL && !(network_comes(w) && tells_of_init(w));
}

static enum ct_word go_word(const struct ct_walk *w, enum ct_word word)
{
	return starts_by_itself(w, word) ? CT_RUN : CT_GO;
}

/*
 * Nothing is left to be done from outside before init builds, it need not know its pid, and it is
 * cloned by us: ct_spawn may send a helper for a pid namespace that is joined.
 */
static bool goes_by_itself(const struct plan *p, const struct ct_filter *filter)
{
	return !p->has_user_namespace && p->ns.join[PLAN_NS_PID] == NULL &&
	       p->cgroup.unit.name == NULL && !filter->notify && p->net_device_count == 0 &&
	       p->rdt.group == NULL && p->hooks[PLAN_HOOK_PRESTART].count == 0 &&
	       p->hooks[PLAN_HOOK_CREATE_RUNTIME].count == 0;
}

static rl_err clone_init(struct ct_walk *w, enum ct_word word, struct inheritance *i)
{
	const struct plan *p = w->loaded.plan;
	struct ct_init init = {
		.arena = w->arena,
		.plan = p,
		.host = &w->loaded.host,
		.record = &w->record,
		.joins = &i->joins,
		.served = &i->served,
		.cgroup = &w->cgroup,
		.filter = &i->filter,
		.lock_fd = rl_fd_get(&w->store.dir),
		.runtime_end = rl_fd_get(&w->talk),
		.talk = rl_fd_get(&i->talk),
		.gate = rl_fd_get(&i->gate),
		.agent_fd = rl_fd_get(&i->agent),
		.handler = w->loaded.handler,
	};
	bool in_cgroup = false;
	int into = -1;

	if (goes_by_itself(p, &i->filter))
		init.go = go_word(w, word);
	i->joins.network_comes = network_comes(w);
	init.brings_loopback_up = !i->joins.network_comes && (p->ns.create & CLONE_NEWNET) != 0;

	if (p->vm != NULL)
		RL_TRY(rl_arena_fmt(w->arena, &init.agent_dir, "%s/%s/" CT_VM,
				    w->request->state_root, p->id));
	if (p->cgroup.enabled) {
		RL_TRY(lx_cgroup_into(&w->cgroup, &into));
		RL_TRY(lx_cgroup_prepare_join(&w->cgroup, into >= 0));
	}
	if (into >= 0)
		init.born_in_cgroup = &in_cgroup;
	RL_TRY(ct_spawn(&p->ns, &i->joins, into, ct_init_main, &init, &w->init, &in_cgroup));
	w->init_fate = CT_INIT_CHILD;
	w->gone = init.go != CT_END && (into < 0 || in_cgroup);
	if (into >= 0 && !in_cgroup)
		RL_TRY(lx_cgroup_join(&w->cgroup, w->init.pid));
	return RL_OK;
}

static rl_err map_ids(struct ct_walk *w)
{
	const struct plan_id_map *ids = &w->loaded.plan->ids;
	struct lx_proc LX_AUTO_PROC proc = { 0 };
	const struct lx_uidmap map = {
		.uid_lines = ids->newuidmap == NULL ? ids->uid_lines : NULL,
		.gid_lines = ids->newgidmap == NULL ? ids->gid_lines : NULL,
		.deny_setgroups = ids->deny_setgroups,
	};

	if (ids->uid_lines == NULL)
		return RL_OK;
	RL_TRY(lx_proc_host(&proc));
	RL_TRY(lx_uidmap_write(&proc, w->init.pid, &map));
	if (ids->newuidmap != NULL)
		RL_TRY(lx_uidmap_helper("newuidmap", w->init.pid, ids->newuidmap));
	if (ids->newgidmap != NULL)
		RL_TRY(lx_uidmap_helper("newgidmap", w->init.pid, ids->newgidmap));
	return RL_OK;
}

static rl_err run_hooks(struct ct_walk *w, enum plan_hook_phase phase, enum oci_status status)
{
	const struct plan *p = w->loaded.plan;
	const struct ct_hook_output output = { p->hook_stdout, p->hook_stderr };
	const char *text;
	size_t len;

	if (p->hooks[phase].count == 0)
		return RL_OK;
	RL_TRY(ct_state_text(w->arena, &w->record, status, w->init.pid, &text, &len));
	return ct_hooks_run(&p->hooks[phase], phase, text, len, &output);
}

static rl_err spawn(struct ct_walk *w, enum ct_word word)
{
	struct inheritance AUTO_INHERITANCE i = { 0 };

	RL_TRY(prepare(w, word == CT_HOLD, &i));
	RL_TRY(clone_init(w, word, &i));
	RL_TRY(fence_by_systemd(w), "cgroup");
	RL_TRY(map_ids(w));
	RL_TRY(ct_rdt_make(&w->store, &w->record, &w->loaded.plan->rdt));
	RL_TRY(ct_rdt_join(&w->record, w->init.pid));
	RL_TRY(ct_net_devices_move(w->arena, w->loaded.plan, rl_fd_get(&i.joins.fd[PLAN_NS_NET]),
				   w->init.pid, &w->net_devices));
	RL_TRY(run_hooks(w, PLAN_HOOK_PRESTART, OCI_CREATING));
	RL_TRY(run_hooks(w, PLAN_HOOK_CREATE_RUNTIME, OCI_CREATING));
	if (w->gone)
		return RL_OK;
	return ct_say_go(rl_fd_get(&w->talk), go_word(w, word), w->init.pid);
}

/* ---- HOLD ----------------------------------------------------------------------------------- */

/*
 * A process in a user namespace of its own cannot raise its limits: the runtime does it. Elsewhere
 * init does it to itself, before it gives up its ids.
 */
static rl_err limit_init(struct ct_walk *w)
{
	struct lx_proc LX_AUTO_PROC proc = { 0 };

	if (!w->loaded.plan->has_process || !w->loaded.plan->has_user_namespace)
		return RL_OK;
	RL_TRY(lx_proc_host(&proc));
	return ct_limit(&w->loaded.plan->process, &proc, w->init.pid);
}

/* Where its cgroup namespace begins stays the container's own: that was made before. */
static rl_err delegate(struct ct_walk *w)
{
	const struct plan_cgroup *p = &w->loaded.plan->cgroup;

	return p->child == NULL ? RL_OK
				: lx_cgroup_join_child(&w->cgroup, p->child, &p->spec, w->init.pid);
}

static rl_err publish(struct ct_walk *w)
{
	char state;

	w->record.pid = w->init.pid;
	RL_TRY(rl_proc_start_time(w->init.pid, &w->record.start_time, &state));
	RL_TRY(ct_record_forget_absent(w->arena, &w->cgroup, &w->record));
	if (record_comes_first(w->loaded.plan))
		RL_TRY(ct_record_save(&w->store, &w->record));
	else
		RL_TRY(write_record(w));
	if (w->loaded.plan->pidfd_receiver != NULL)
		RL_TRY(ct_publish_pidfd(w->loaded.plan->pidfd_receiver, &w->init),
		       "run.oci.pidfd_receiver");
	return ct_publish(w->options, &w->init, rl_fd_get(&w->master));
}

/* An init that failed has said why before it ended: that is heard by the caller. */
static rl_err say(const struct ct_walk *w, enum ct_word word, const struct rl_fd *fd)
{
	rl_err e = ct_say_fd(rl_fd_get(&w->talk), word, rl_fd_get(fd));

	if (!rl_is(e, RL_E(EPIPE)) && !rl_is(e, RL_E(ECONNRESET)))
		return e;
	rl_drop(e);
	return RL_OK;
}

static rl_err give_network(struct ct_walk *w)
{
	struct rl_fd RL_AUTO_FD ns = { 0 };

	if (!network_comes(w))
		return RL_OK;
	lx_net_maker_take(&w->network, &ns);
	return say(w, CT_NETWORK, &ns);
}

/* HOLD or START. The stub is made here, while init builds. */
static rl_err decide(struct ct_walk *w, enum ct_word word)
{
	struct rl_fd RL_AUTO_FD stub = { 0 };

	if (w->loaded.plan->vm == NULL && w->loaded.plan->exe_defence == PLAN_EXE_STUB)
		RL_TRY(rl_sealed_memfd("runlet-stub", stub_image, stub_image_size, &stub));
	return say(w, word, &stub);
}

static rl_err hold(struct ct_walk *w, enum ct_word word)
{
	int talk = rl_fd_get(&w->talk);

	if (starts_by_itself(w, word)) {
		RL_TRY(publish(w));
		RL_TRY(give_network(w));
		return decide(w, word);
	}
	RL_TRY(give_network(w));
	RL_TRY(ct_expect(talk, CT_READY, &w->master));
	RL_TRY(limit_init(w));
	RL_TRY(delegate(w), "run.oci.delegate-cgroup");
	RL_TRY(publish(w));
	if (!w->request->detach)
		RL_TRY(ct_attend_terminal(rl_fd_get(&w->master)));
	RL_TRY(decide(w, word));
	return word == CT_HOLD ? ct_expect(talk, CT_HELD, NULL) : RL_OK;
}

/* ---- the walk ------------------------------------------------------------------------------- */

/* `network`: where one is begun that SPAWN takes. */
static rl_err read_and_plan(struct ct_walk *w, struct lx_net_maker *network)
{
	RL_TRY(oci_id_check(w->request->id));
	RL_TRY(ct_load(w->request, w->options->config_file, network, &w->loaded));
	if (w->loaded.plan->exe_defence == PLAN_EXE_SEALED)
		RL_TRY(ct_again_sealed());
	if (w->loaded.plan->vm == NULL)
		return RL_OK;
	return hdl_open(w->loaded.handler, w->loaded.plan->vm, w->loaded.text, w->loaded.len);
}

static rl_err bring_up(struct ct_walk *w, enum ct_word word)
{
	RL_TRY(fence(w), "cgroup");
	RL_TRY(spawn(w, word));
	return hold(w, word);
}

static rl_err start_now(struct ct_walk *w)
{
	if (!w->loaded.plan->has_process)
		return ct_program_none();
	if (w->request->notify_socket != NULL)
		RL_TRY(ct_sdnotify_bind(rl_fd_get(&w->store.dir), &w->notify));
	RL_TRY(bring_up(w, CT_START));
	RL_TRY(ct_program_report(rl_fd_get(&w->talk), w->loaded.plan->process.args[0]));
	return run_hooks(w, PLAN_HOOK_POSTSTART, OCI_RUNNING);
}

/* The reason of the failure stays the error; what goes wrong while undoing is logged. */
static rl_err undo(struct ct_walk *w, rl_err reason)
{
	struct ct_undo u = { .arena = w->arena,
			     .store = &w->store,
			     .record = &w->record,
			     .init = w->init_fate,
			     .init_pid = w->init.pid,
			     .plan = w->loaded.plan };
	rl_err e = RL_OK;

	/* While the namespace is there: with it the kernel would destroy what is virtual. */
	if (rl_failed(reason))
		e = ct_net_devices_return(&w->net_devices);
	/* Without a directory of its own nothing was made: the id may be another container's. */
	if (rl_fd_has(&w->store.dir))
		e = rl_first(e, ct_undo(&u));
	if (rl_failed(e))
		rl_log(RL_LOG_WARNING, "undo: %s", rl_text(e));
	rl_drop(e);
	return reason;
}

rl_err ct_create(struct rl_arena *a, const struct plan_request *request,
		 const struct ct_options *options)
{
	struct ct_walk CT_AUTO_WALK w = { .arena = a, .request = request, .options = options };
	rl_err e;

	RL_TRY(read_and_plan(&w, &w.network));
	e = claim(&w);
	if (!rl_failed(e))
		e = bring_up(&w, CT_HOLD);
	return rl_failed(e) ? undo(&w, e) : RL_OK;
}

#define AGENT_PATIENCE_MS 1000 /* a guest that boots */

/*
 * Other commands may change the container while its program runs, and one of them may remove it.
 * The lock is taken again for what is left to do.
 */
static rl_err attend(struct ct_walk *w, int *ret_status)
{
	struct hdl_agent_at at = ct_agent_at(&w->store);
	bool has_agent = w->loaded.plan->vm != NULL &&
			 !rl_drop_failed(ct_agent_check(&w->store, &w->record, "run"));
	const struct ct_attended attended = { .agent = has_agent ? &at : NULL,
					      .child = &w->init,
					      .master_fd = rl_fd_get(&w->master),
					      .notify_fd = rl_fd_get(&w->notify),
					      .notify_socket = w->request->notify_socket };
	rl_err e;

	/* We would keep its network namespace alive. */
	ct_net_devices_close(&w->net_devices);
	at.wait_ms = AGENT_PATIENCE_MS;
	ct_store_unlock(&w->store);
	e = ct_attend(&attended, ret_status);
	if (!rl_failed(e))
		w->init_fate = CT_INIT_ENDED;
	else
		(void)kill(w->init.pid, SIGKILL);
	return rl_first(e, ct_store_lock(&w->store));
}

/* Detached under sd_notify: whoever started us may believe that the service is up. */
static rl_err wait_until_ready(struct ct_walk *w)
{
	if (!rl_fd_has(&w->notify))
		return RL_OK;
	return ct_sdnotify_wait(rl_fd_get(&w->notify), w->request->notify_socket, w->init.pid,
				rl_fd_get(&w->init.pidfd));
}

/* In a pid namespace of the container's own, its init adopts. */
static bool adopts(const struct ct_walk *w)
{
	return !w->options->no_subreaper && (w->loaded.plan->ns.create & CLONE_NEWPID) == 0;
}

rl_err ct_run(struct rl_arena *a, const struct plan_request *request,
	      const struct ct_options *options, int *ret_status)
{
	struct ct_walk CT_AUTO_WALK w = { .arena = a, .request = request, .options = options };
	rl_err e;

	RL_TRY(read_and_plan(&w, &w.network));
	if (!request->detach)
		RL_TRY(ct_attend_prepare(adopts(&w)));
	e = claim(&w);
	if (!rl_failed(e))
		e = start_now(&w);
	if (rl_failed(e))
		return undo(&w, e);
	if (request->detach)
		return wait_until_ready(&w);
	e = attend(&w, ret_status);
	if (!ct_store_exists(&w.store) || (options->keep && !rl_failed(e)))
		return e;
	return undo(&w, e);
}

/* ---- for restore ----------------------------------------------------------------------------- */

rl_err ct_walk_scope(struct ct_walk *w)
{
	return fence_by_systemd(w);
}

rl_err ct_walk_hooks(struct ct_walk *w, enum plan_hook_phase phase, enum oci_status status)
{
	return run_hooks(w, phase, status);
}

rl_err ct_walk_around(struct ct_walk *w, ct_walk_make *make, void *context, int *ret_status)
{
	rl_err e;

	RL_TRY(read_and_plan(w, NULL));
	if (!w->request->detach)
		RL_TRY(ct_attend_prepare(adopts(w)));
	e = claim(w);
	if (!rl_failed(e))
		e = rl_wrap(fence(w), "cgroup");
	if (!rl_failed(e))
		e = make(w, context);
	if (!rl_failed(e))
		e = publish(w);
	if (rl_failed(e))
		return undo(w, e);
	if (w->request->detach)
		return RL_OK;
	e = attend(w, ret_status);
	return ct_store_exists(&w->store) ? undo(w, e) : e;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/make.h"

#include "plan/hooks.h"
#include "plan/ns.h"

#include <sched.h>
#include <string.h>

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

/* What the parts of the planning pass to each other. */
struct making {
	struct rl_arena *arena;
	const struct oci_config *config;
	const struct plan_request *request;
	const struct lx_host *host;
	const struct hdl_facts *facts; /* the handler's, or NULL */
	struct plan_warnings warnings;
	struct plan *plan;
	struct hdl_plan *vm; /* the plan's */
};

/* Host id of a container id by the map's entries, -1 if it is not mapped. */
static uint32_t to_host(const struct oci_id_mapping *items, size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (id >= items[i].container_id && id - items[i].container_id < items[i].size)
			return items[i].host_id + (id - items[i].container_id);
	return UINT32_MAX;
}

static rl_err make_cgroup(struct making *m)
{
	const struct oci_linux *l = &m->config->linux_;
	const struct oci_user *user =
		m->config->process != NULL ? &m->config->process->user : &(struct oci_user){ 0 };
	bool mapped = (m->plan->ns.create & CLONE_NEWUSER) != 0;
	struct plan_cgroup_input in = {
		.config = m->config,
		.request = m->request,
		.host = m->host,
		.owner = mapped ? to_host(l->uid_mappings, l->uid_mapping_count, user->uid)
				: user->uid,
		.group = mapped ? to_host(l->gid_mappings, l->gid_mapping_count, user->gid)
				: user->gid,
	};

	if (m->vm != NULL) {
		in.extra_devices = m->vm->rules;
		in.extra_device_count = m->vm->rule_count;
	}
	return plan_cgroup_make(m->arena, &in, &m->warnings, &m->plan->cgroup);
}

static rl_err make_furnish(struct making *m)
{
	const struct plan *p = m->plan;
	struct plan_furnish_input in = {
		.config = m->config,
		.request = m->request,
		.host = m->host,
		.cgroup = &p->cgroup,
		.has_user_namespace = p->has_user_namespace,
		.new_network_namespace = (p->ns.create & CLONE_NEWNET) != 0,
		.new_cgroup_namespace = (p->ns.create & CLONE_NEWCGROUP) != 0,
		.has_mount_namespace =
			(p->ns.create & CLONE_NEWNS) != 0 || p->ns.join[PLAN_NS_MOUNT] != NULL,
		.uid_lines = p->ids.uid_lines,
		.gid_lines = p->ids.gid_lines,
		.userns_path = p->ns.join[PLAN_NS_USER],
	};

	if (m->vm != NULL) {
		in.extra_devices = m->vm->devices;
		in.extra_device_count = m->vm->device_count;
	}
	return plan_furnish_make(m->arena, &in, &m->warnings, &m->plan->furnish);
}

/*
 * A terminal needs someone at its other end: without a console socket that is the runtime itself,
 * which a detached container outlives.
 */
static rl_err check_terminal(const struct making *m)
{
	bool terminal = m->plan->has_process && m->plan->process.terminal;

	if (terminal && m->request->detach && !m->request->console_socket)
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "process.terminal: a detached container needs a console "
					 "socket for its terminal"),
			       "give --console-socket, or set process.terminal to false");
	if (!terminal && m->request->console_socket)
		return rl_hint(rl_refuse(RL_E(EINVAL), "process.terminal: is false, but there is a "
						       "console socket"),
			       "leave --console-socket away, or set process.terminal to true");
	return RL_OK;
}

static rl_err make_process(struct making *m)
{
	struct plan *p = m->plan;

	p->has_process = m->config->process != NULL;
	if (!p->has_process)
		return RL_OK;
	RL_TRY(plan_process_make(m->arena, m->config->process, m->config, m->request, m->host,
				 &m->warnings, &p->process));
	return check_terminal(m);
}

/* Without a network namespace of the container's there is nowhere to move them to. */
static rl_err make_net_devices(struct making *m)
{
	const struct oci_linux *l = &m->config->linux_;
	struct plan_net_device *items;

	if (l->net_device_count == 0)
		return RL_OK;
	if ((m->plan->ns.create & CLONE_NEWNET) == 0 && m->plan->ns.join[PLAN_NS_NET] == NULL)
		return plan_warn(m->arena, &m->warnings,
				 "$.linux.netDevices: ignored: the container stays in the "
				 "runtime's network namespace");
	RL_TRY(rl_new_array(m->arena, l->net_device_count, &items));
	for (size_t i = 0; i < l->net_device_count; i++) {
		const struct oci_net_device *d = &l->net_devices[i];

		items[i].name = d->host_name;
		items[i].new_name = d->name != NULL && d->name[0] != '\0' ? d->name : d->host_name;
	}
	m->plan->net_devices = items;
	m->plan->net_device_count = l->net_device_count;
	return RL_OK;
}

/* A word of this family that nobody reads is a mistake of whoever wrote it. */
static rl_err warn_of_annotations(struct making *m, const struct oci_map *map)
{
	static const char *const known[] = {
		"run.oci.delegate-cgroup",
		"run.oci.handler",
		"run.oci.hooks.stderr",
		"run.oci.hooks.stdout",
		"run.oci.keep_original_groups",
		"run.oci.mount_context_type",
		"run.oci.pidfd_receiver",
		"run.oci.seccomp.plugins",
		"run.oci.seccomp.receiver",
		"run.oci.seccomp_bpf_data",
		"run.oci.seccomp_fail_unknown_syscall",
		"run.oci.systemd.force_cgroup_v1",
		"run.oci.systemd.subgroup",
	};

	const char *key;

	for (size_t i = 0; i < map->count; i++) {
		bool found;

		key = map->items[i].key;
		found = strncmp(key, "run.oci.", 8) != 0;

		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]) && !found; k++)
			found = strcmp(key, known[k]) == 0;
		if (!found)
			RL_TRY(plan_warn(m->arena, &m->warnings,
					 "$.annotations[\"%s\"]: ignored: not known", key));
	}
	key = oci_map_get(map, "module.wasm.image/variant");
	if (key != NULL && strcmp(key, "compat") != 0 && strcmp(key, "compat-smart") != 0)
		return plan_warn(m->arena, &m->warnings,
				 "$.annotations[\"module.wasm.image/variant\"]: ignored: \"%s\" is "
				 "not known",
				 key);
	return RL_OK;
}

static rl_err make_annotations(struct making *m)
{
	const struct oci_map *map = &m->config->annotations;
	struct plan_annotation *items;

	RL_TRY(rl_new_array(m->arena, map->count, &items));
	for (size_t i = 0; i < map->count; i++)
		items[i] = (struct plan_annotation){ map->items[i].key, map->items[i].value };
	m->plan->annotations = items;
	m->plan->annotation_count = map->count;
	RL_TRY(warn_of_annotations(m, map));
	m->plan->pidfd_receiver = oci_map_get(map, "run.oci.pidfd_receiver");
	m->plan->hook_stdout = oci_map_get(map, "run.oci.hooks.stdout");
	m->plan->hook_stderr = oci_map_get(map, "run.oci.hooks.stderr");
	return RL_OK;
}

/*
 * Whoever shares a pid namespace with us from our first moment may look at our executable
 * (/proc/PID/exe), and hooks in the container execute files of the image: there the whole runtime
 * runs from a sealed copy.
 */
static enum plan_exe_defence make_exe_defence(const struct plan *p)
{
	if (p->ns.join[PLAN_NS_PID] != NULL || p->hooks[PLAN_HOOK_START_CONTAINER].count > 0)
		return PLAN_EXE_SEALED;
	/* A machine executes nothing; a module can open /proc/self/exe, which is the runtime. */
	if (p->handler != NULL)
		return p->vm != NULL ? PLAN_EXE_STUB : PLAN_EXE_SEALED;
	return plan_exe_defence_for(&p->process, &p->seccomp);
}

/* Handlers replace the last step, and may need devices; so this comes first. */
static rl_err make_handler(struct making *m)
{
	RL_TRY(hdl_choose(m->config, m->request, &m->plan->handler));
	if (!hdl_makes_machine(m->plan->handler))
		return RL_OK;
	if (m->facts == NULL)
		return rl_fail(RL_E(EPROTO), "plan for a handler without its facts");
	RL_TRY(hdl_plan_make(m->arena, m->config, m->request, m->facts, &m->warnings, &m->vm));
	m->plan->vm = m->vm;
	return RL_OK;
}

/*
 * What init becomes with a handler is not the program: its identity and its system calls are those
 * of a machine. Program and profile are the guest's business.
 */
static rl_err make_confinement(struct making *m)
{
	struct plan *p = m->plan;

	if (p->vm == NULL)
		return plan_seccomp_make(m->arena, m->config, m->request->seccomp_receiver,
					 &m->warnings, &p->seccomp);
	if (p->has_process)
		RL_TRY(hdl_plan_process(m->arena, m->facts, &p->process, m->vm));
	return hdl_plan_seccomp(m->arena, &p->seccomp);
}

/* What the specification lets a runtime leave out, and this one does: never without a word. */
static rl_err warn_of_the_rest(struct making *m)
{
	if (m->config->vm == NULL || m->vm != NULL)
		return RL_OK;
	return plan_warn(m->arena, &m->warnings, "$.vm: ignored: this program does not have it");
}

static rl_err make_parts(struct making *m)
{
	struct plan *p = m->plan;

	RL_TRY(make_handler(m));
	RL_TRY(plan_namespaces_make(m->arena, m->config, m->host, &p->ns));
	p->has_user_namespace =
		(p->ns.create & CLONE_NEWUSER) != 0 || p->ns.join[PLAN_NS_USER] != NULL;
	RL_TRY(plan_ids_make(m->arena, m->config, m->host, &p->ns, &p->ids));
	RL_TRY(plan_sysctls_make(m->arena, m->config, &p->sysctls, &p->sysctl_count));
	RL_TRY(make_process(m));
	RL_TRY(make_confinement(m));
	RL_TRY(make_cgroup(m));
	/* What a cgroup namespace shows as its root is where its maker is at that moment. */
	if (p->cgroup.enabled)
		p->ns.late = p->ns.create & CLONE_NEWCGROUP;
	RL_TRY(make_furnish(m));
	RL_TRY(make_net_devices(m));
	RL_TRY(plan_rdt_make(m->arena, m->config, m->request, m->host, &p->rdt));
	RL_TRY(plan_hooks_make(m->arena, m->config, p->hooks));
	RL_TRY(make_annotations(m));
	return warn_of_the_rest(m);
}

rl_err plan_make(struct rl_arena *a, const struct oci_config *config,
		 const struct plan_request *request, const struct lx_host *host,
		 const struct hdl_facts *handler, const struct plan **ret)
{
	struct making m = {
		.arena = a, .config = config, .request = request, .host = host, .facts = handler
	};

	RL_TRY(rl_new(a, &m.plan));
	m.plan->id = request->id;
	m.plan->bundle = request->bundle;
	m.plan->oci_version = config->oci_version;
	m.plan->detach = request->detach;
	RL_TRY(make_parts(&m));
	m.plan->furnish.keep_proc = m.plan->sysctl_count > 0 ||
				    plan_process_writes_to_proc(&m.plan->process) ||
				    m.plan->has_user_namespace; /* where setgroups may be denied */
	m.plan->exe_defence = make_exe_defence(m.plan);
	m.plan->new_session_keyring = !request->no_new_keyring;
	m.plan->warnings = m.warnings.items;
	m.plan->warning_count = m.warnings.count;
	*ret = m.plan;
	return RL_OK;
}

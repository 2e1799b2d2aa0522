/* SPDX-License-Identifier: Apache-2.0 */
#include "container/load.h"

#include "base/io.h"
#include "base/log.h"
#include "container/again.h"
#include "container/container.h"
#include "container/store.h"
#include "oci/read.h"
#include "plan/make.h"
#include "plan/print.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Larger configurations are not by people; the arena has room for the text and all made of it. */
#define CONFIG_LIMIT ((size_t)16 << 20)
#define ARENA_LIMIT ((size_t)512 << 20)
/* What the configuration that engines write takes. */
#define ARENA_USUAL ((size_t)40 << 10)

void ct_loaded_free(struct ct_loaded *l)
{
	hdl_free(l->handler);
	rl_arena_free(&l->arena);
}

rl_err ct_load_full(const struct oci_config *config)
{
	if (config->linux_.seccomp == NULL ||
	    oci_map_get(&config->annotations, "run.oci.seccomp.plugins") == NULL)
		return RL_OK;
	return ct_again_full("run.oci.seccomp.plugins");
}

/* A native container, nearly every one, pays for a look at its annotations. */
static rl_err load_handler(struct ct_loaded *l, int bundle_fd, const struct plan_request *request)
{
	const char *name, *reason;

	RL_TRY(hdl_choose(l->config, request, &name));
	if (name == NULL)
		return RL_OK;
	RL_TRY(rl_arena_fmt(&l->arena, &reason, "handler \"%s\"", name));
	RL_TRY(ct_again_full(reason));
	return hdl_load(name, l->config, bundle_fd, &l->handler);
}

static rl_err read_config(struct ct_loaded *l, int dir_fd, const char *file)
{
	struct oci_problems problems;

	RL_TRY(rl_hint(rl_read_file(&l->arena, dir_fd, file, CONFIG_LIMIT, &l->text, &l->len),
		       "a bundle is a directory with a config.json; `runlet spec` makes one"));
	problems = oci_problems_in(&l->arena);
	RL_TRY(oci_config_read(&problems, file, l->text, l->len, &l->config));
	for (const struct oci_problem *p = problems.warnings.first; p != NULL; p = p->next)
		rl_log(RL_LOG_DEBUG, "%s: %s", file, oci_problem_text(&problems, p));
	return RL_OK;
}

static void print_warnings(const struct plan *plan)
{
	for (size_t i = 0; i < plan->warning_count; i++)
		rl_log(RL_LOG_WARNING, "%s", plan->warnings[i]);
}

static bool mounts_cgroups(const struct oci_config *c)
{
	for (size_t i = 0; i < c->mount_count; i++) {
		const char *type = c->mounts[i].type;

		if (type != NULL && strncmp(type, "cgroup", strlen("cgroup")) == 0)
			return true;
	}
	return false;
}

static bool has_labels(const struct oci_config *c)
{
	const struct oci_process *p = c->process;

	return c->linux_.mount_label != NULL ||
	       (p != NULL && (p->apparmor_profile != NULL || p->selinux_label != NULL));
}

static unsigned wanted_facts(const struct oci_config *c, const struct plan_request *request)
{
	unsigned wanted = 0;

	if (request->cgroup_manager != PLAN_CGROUP_DISABLED || mounts_cgroups(c))
		wanted |= LX_HOST_CGROUPS;
	if (has_labels(c))
		wanted |= LX_HOST_LABELS;
	if (oci_namespace_get(&c->linux_, OCI_NS_CGROUP) != NULL)
		wanted |= LX_HOST_CGROUP_NAMESPACES;
	if (oci_namespace_get(&c->linux_, OCI_NS_TIME) != NULL)
		wanted |= LX_HOST_TIME_NAMESPACES;
	if (c->linux_.intel_rdt != NULL)
		wanted |= LX_HOST_RESCTRL;
	return wanted;
}

/*
 * Not where the namespace belongs to a user namespace that is yet to be made or entered; nor where
 * somebody expects init to be in it before init builds: a handler, the runtime's hooks, devices
 * that are moved to it.
 */
static bool network_may_come(const struct ct_loaded *l)
{
	const struct oci_linux *lin = &l->config->linux_;
	const struct oci_namespace *ns = oci_namespace_get(lin, OCI_NS_NETWORK);

	return ns != NULL && ns->path == NULL && l->handler == NULL &&
	       oci_namespace_get(lin, OCI_NS_USER) == NULL &&
	       oci_namespace_get(lin, OCI_NS_TIME) == NULL && lin->net_device_count == 0 &&
	       l->config->hooks.prestart.count == 0 && l->config->hooks.create_runtime.count == 0;
}

rl_err ct_load(const struct plan_request *request, const char *config_file,
	       struct lx_net_maker *network, struct ct_loaded *ret)
{
	struct ct_loaded CT_AUTO_LOADED l = { 0 };
	struct rl_fd RL_AUTO_FD bundle = { 0 };

	RL_TRY(rl_arena_new(ARENA_LIMIT, &l.arena));
	rl_arena_warm(&l.arena, ARENA_USUAL);
	RL_TRY(rl_fd_from(openat(AT_FDCWD, request->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC),
			  &bundle, "open the bundle %s", request->bundle));
	RL_TRY(read_config(&l, rl_fd_get(&bundle), config_file != NULL ? config_file : CT_CONFIG));
	RL_TRY(ct_load_full(l.config));
	RL_TRY(load_handler(&l, rl_fd_get(&bundle), request));
	if (network != NULL && network_may_come(&l))
		lx_net_maker_start(network);
	RL_TRY(lx_host_read(&l.arena, wanted_facts(l.config, request), &l.host));
	RL_TRY(plan_make(&l.arena, l.config, request, &l.host, hdl_facts(l.handler), &l.plan));
	RL_TRY(rl_arena_seal(&l.arena));
	print_warnings(l.plan);
	*ret = l;
	l = (struct ct_loaded){ 0 };
	return RL_OK;
}

rl_err ct_load_copy(int store_dir_fd, struct ct_loaded *ret)
{
	struct ct_loaded CT_AUTO_LOADED l = { 0 };

	RL_TRY(rl_arena_new(ARENA_LIMIT, &l.arena));
	RL_TRY(read_config(&l, store_dir_fd, CT_CONFIG));
	/* Where the cgroup is says the record. */
	RL_TRY(lx_host_read(&l.arena, LX_HOST_LABELS, &l.host));
	*ret = l;
	l = (struct ct_loaded){ 0 };
	return RL_OK;
}

rl_err ct_print_plan(const struct plan_request *request, const char *config_file)
{
	struct ct_loaded CT_AUTO_LOADED l = { 0 };

	RL_TRY(ct_load(request, config_file, NULL, &l));
	plan_print(l.plan, stdout);
	return rl_sys(fflush(stdout), "write to standard output");
}

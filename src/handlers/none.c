/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handlers of a program that cannot load libraries. Nobody gets here: runlet-full takes over
 * before (container/again.h).
 */
#include "handlers/doctor.h"
#include "handlers/handler.h"
#include "handlers/plugins.h"

static rl_err none(void)
{
	return rl_refuse(RL_E(ENOTSUP), "this program cannot load libraries");
}

rl_err hdl_plan_make(struct rl_arena *a, const struct oci_config *config,
		     const struct plan_request *request, const struct hdl_facts *facts,
		     struct plan_warnings *warnings, struct hdl_plan **ret)
{
	(void)a, (void)config, (void)request, (void)facts, (void)warnings, (void)ret;
	return none();
}

rl_err hdl_plugins_start(const char *plugins, const struct hdl_plugin_conf *conf,
			 struct rl_fd *ret_agent)
{
	(void)plugins, (void)conf, (void)ret_agent;
	return none();
}

rl_err hdl_plan_process(struct rl_arena *a, const struct hdl_facts *facts, struct plan_process *p,
			struct hdl_plan *plan)
{
	(void)a, (void)facts, (void)p, (void)plan;
	return none();
}

rl_err hdl_plan_seccomp(struct rl_arena *a, struct plan_seccomp *ret)
{
	(void)a, (void)ret;
	return none();
}

rl_err hdl_load(const char *name, const struct oci_config *config, int bundle_fd,
		struct hdl_session **ret)
{
	(void)name, (void)config, (void)bundle_fd, (void)ret;
	return none();
}

void hdl_free(struct hdl_session *session)
{
	(void)session;
}

const struct hdl_facts *hdl_facts(const struct hdl_session *session)
{
	(void)session;
	return NULL;
}

rl_err hdl_open(struct hdl_session *session, const struct hdl_plan *plan, const char *config_text,
		size_t len)
{
	(void)session, (void)plan, (void)config_text, (void)len;
	return none();
}

void hdl_agent_dir(struct hdl_session *session, int dir_fd)
{
	(void)session, (void)dir_fd;
}

bool hdl_has_agent_dir(const struct hdl_session *session)
{
	(void)session;
	return true;
}

rl_err hdl_connect(struct hdl_session *session)
{
	(void)session;
	return none();
}

size_t hdl_keeps(const struct hdl_session *session, int keeps[static HDL_KEEPS_MAX])
{
	(void)session, (void)keeps;
	return 0;
}

rl_err hdl_enter(struct hdl_session *session, const struct hdl_entry *entry)
{
	(void)session, (void)entry;
	return none();
}

rl_err hdl_examine(struct rl_arena *a, struct hdl_diagnosis *ret)
{
	(void)a, (void)ret;
	return none();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One way in for the callers; behind it, what each kind of handler has loaded. */
#include "handlers/krun.h"
#include "handlers/wasm.h"

#include <stdlib.h>

/* One of the two. */
struct hdl_session {
	struct krun_session *krun;
	struct wasm_session *wasm;
};

void hdl_free(struct hdl_session *s)
{
	if (s == NULL)
		return;
	krun_free(s->krun);
	wasm_free(s->wasm);
	free(s);
}

static void free_session(struct hdl_session **s)
{
	hdl_free(*s);
}
#define AUTO_SESSION __attribute__((cleanup(free_session)))

rl_err hdl_load(const char *name, const struct oci_config *config, int bundle_fd,
		struct hdl_session **ret)
{
	struct hdl_session AUTO_SESSION *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return rl_nomem();
	RL_TRY(hdl_makes_machine(name) ? krun_load(config, bundle_fd, &s->krun)
				       : wasm_load(name, &s->wasm),
	       "handler \"%s\"", name);
	*ret = s;
	s = NULL;
	return RL_OK;
}

size_t hdl_keeps(const struct hdl_session *s, int keeps[static HDL_KEEPS_MAX])
{
	return s->krun != NULL ? krun_keeps(s->krun, keeps) : 0;
}

rl_err hdl_enter(struct hdl_session *s, const struct hdl_entry *entry)
{
	return s->krun != NULL ? krun_enter(s->krun, entry->home, entry->talk_fd)
			       : wasm_enter(s->wasm, entry);
}

/* ---- machines -------------------------------------------------------------------------------- */

const struct hdl_facts *hdl_facts(const struct hdl_session *s)
{
	return s != NULL && s->krun != NULL ? krun_facts(s->krun) : NULL;
}

rl_err hdl_open(struct hdl_session *s, const struct hdl_plan *plan, const char *text, size_t len)
{
	return krun_open(s->krun, plan, text, len);
}

void hdl_agent_dir(struct hdl_session *s, int dir_fd)
{
	krun_agent_dir(s->krun, dir_fd);
}

bool hdl_has_agent_dir(const struct hdl_session *s)
{
	return krun_has_agent_dir(s->krun);
}

rl_err hdl_connect(struct hdl_session *s)
{
	return krun_connect(s->krun);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/context.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slot {
	struct vmm_config *config; /* NULL once started or freed */
	bool live;		   /* not freed: last_error may be asked for */
	rl_err last;		   /* owned */
};

/* The API names contexts by number, for the whole process: so there has to be one table. */
static struct {
	pthread_mutex_t lock;
	struct slot *slot;
	uint32_t count;
	bool any_failed;
	struct rl_error any; /* a copy: the owner may be freed */
} contexts = { .lock = PTHREAD_MUTEX_INITIALIZER };

void vmm_contexts_lock(void)
{
	(void)pthread_mutex_lock(&contexts.lock);
}

void vmm_contexts_unlock(void)
{
	(void)pthread_mutex_unlock(&contexts.lock);
}

rl_err vmm_context_new(uint32_t *ret_id)
{
	struct vmm_config *config;
	struct slot *grown;

	if (contexts.count == INT32_MAX)
		return rl_refuse(RL_E(ENOSPC), "every context id was used");
	grown = reallocarray(contexts.slot, contexts.count + 1, sizeof(*grown));
	if (grown == NULL)
		return rl_nomem();
	contexts.slot = grown;
	RL_TRY(vmm_config_new(&config), "make a context");
	grown[contexts.count] = (struct slot){ .config = config, .live = true };
	*ret_id = contexts.count++;
	return RL_OK;
}

struct vmm_config *vmm_context_config(uint32_t id)
{
	return id < contexts.count ? contexts.slot[id].config : NULL;
}

struct vmm_config *vmm_context_take(uint32_t id)
{
	struct vmm_config *config = vmm_context_config(id);

	if (config)
		contexts.slot[id].config = NULL;
	return config;
}

rl_err vmm_context_free(uint32_t id)
{
	struct slot *s;

	if (id >= contexts.count || !contexts.slot[id].live)
		return rl_refuse(RL_E(ENOENT), "there is no such context");
	s = &contexts.slot[id];
	vmm_config_free(s->config);
	rl_drop(s->last);
	*s = (struct slot){ 0 };
	return RL_OK;
}

void vmm_context_remember(uint32_t id, rl_err e)
{
	if (!rl_failed(e))
		return;
	contexts.any = *e.p;
	contexts.any_failed = true;
	if (id >= contexts.count || !contexts.slot[id].live) {
		rl_drop(e);
		return;
	}
	rl_drop(contexts.slot[id].last);
	contexts.slot[id].last = e;
}

rl_err vmm_context_last_error(uint32_t id, bool any, char *buf, size_t size, size_t *ret_len)
{
	rl_err last = { contexts.any_failed ? &contexts.any : NULL };
	char text[RL_ERROR_TEXT + RL_ERROR_HINT + 4];
	int n;

	if (!any) {
		if (id >= contexts.count || !contexts.slot[id].live)
			return rl_refuse(RL_E(ENOENT), "there is no such context");
		last = contexts.slot[id].last;
	}
	n = snprintf(text, sizeof(text), *rl_hint_text(last) ? "%s (%s)" : "%s", rl_text(last),
		     rl_hint_text(last));
	if (size > 0) {
		size_t fits = (size_t)n < size ? (size_t)n : size - 1;

		memcpy(buf, text, fits);
		buf[fits] = '\0';
	}
	*ret_len = (size_t)n;
	return RL_OK;
}

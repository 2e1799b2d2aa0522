/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contexts of the API: ids 0, 1, 2 ... of which none is used twice, each with what was
 * configured and why the last call on it failed. One per process, under one lock, which
 * everything here but vmm_contexts_lock itself expects to be held.
 */
#pragma once

#include "vmm/config.h"

void vmm_contexts_lock(void);
void vmm_contexts_unlock(void);

RL_MUST rl_err vmm_context_new(uint32_t *ret_id);
/* NULL if there is no such context, or if it was started. */
struct vmm_config *vmm_context_config(uint32_t id);
/* Moves the configuration out; the context stays for its last error. NULL as above. */
struct vmm_config *vmm_context_take(uint32_t id);
/* ENOENT: no such context. */
RL_MUST rl_err vmm_context_free(uint32_t id);

/* Keeps the error (and owns it) as the last one of this context and of all. */
void vmm_context_remember(uint32_t id, rl_err e);
/*
 * The last error as text; like snprintf, *ret_len is the whole length. `any`: of whatever
 * context. ENOENT: no such context.
 */
RL_MUST rl_err vmm_context_last_error(uint32_t id, bool any, char *buf, size_t size,
				      size_t *ret_len);

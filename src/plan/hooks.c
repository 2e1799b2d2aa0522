/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/hooks.h"

#include <limits.h>

static const char *const phase_names[] = {
	[PLAN_HOOK_PRESTART] = "prestart",
	[PLAN_HOOK_CREATE_RUNTIME] = "createRuntime",
	[PLAN_HOOK_CREATE_CONTAINER] = "createContainer",
	[PLAN_HOOK_START_CONTAINER] = "startContainer",
	[PLAN_HOOK_POSTSTART] = "poststart",
	[PLAN_HOOK_POSTSTOP] = "poststop",
};

const char *plan_hook_phase_name(enum plan_hook_phase phase)
{
	return phase_names[phase];
}

static rl_err plan_hook(struct rl_arena *a, const struct oci_hook *hook, struct plan_hook *ret)
{
	const char **argv;

	*ret = (struct plan_hook){ .path = hook->path, .envp = hook->env.items };
	/* More seconds than poll(2) can count are as good as none. */
	if (hook->timeout.set && hook->timeout.value < INT_MAX / 1000)
		ret->timeout_seconds = (int)hook->timeout.value;
	if (hook->args.count > 0) {
		ret->argv = hook->args.items;
		return RL_OK;
	}
	RL_TRY(rl_new_array(a, 2, &argv));
	argv[0] = hook->path;
	ret->argv = argv;
	return RL_OK;
}

rl_err plan_hooks_make(struct rl_arena *a, const struct oci_config *config,
		       struct plan_hooks ret[PLAN_HOOK_PHASES])
{
	const struct oci_hook_list *lists[] = {
		[PLAN_HOOK_PRESTART] = &config->hooks.prestart,
		[PLAN_HOOK_CREATE_RUNTIME] = &config->hooks.create_runtime,
		[PLAN_HOOK_CREATE_CONTAINER] = &config->hooks.create_container,
		[PLAN_HOOK_START_CONTAINER] = &config->hooks.start_container,
		[PLAN_HOOK_POSTSTART] = &config->hooks.poststart,
		[PLAN_HOOK_POSTSTOP] = &config->hooks.poststop,
	};

	for (int phase = 0; phase < PLAN_HOOK_PHASES; phase++) {
		struct plan_hook *items;

		ret[phase] = (struct plan_hooks){ 0 };
		if (lists[phase]->count == 0)
			continue;
		RL_TRY(rl_new_array(a, lists[phase]->count, &items));
		for (size_t i = 0; i < lists[phase]->count; i++)
			RL_TRY(plan_hook(a, &lists[phase]->items[i], &items[i]));
		ret[phase] = (struct plan_hooks){ items, lists[phase]->count };
	}
	return RL_OK;
}

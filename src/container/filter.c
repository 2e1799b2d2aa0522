/* SPDX-License-Identifier: Apache-2.0 */
#include "container/filter.h"

#include "base/log.h"
#include "linux/abi.h"

#include <string.h>

static const enum lx_seccomp_compare compares[] = {
	[OCI_CMP_NE] = LX_CMP_NE,
	[OCI_CMP_LT] = LX_CMP_LT,
	[OCI_CMP_LE] = LX_CMP_LE,
	[OCI_CMP_EQ] = LX_CMP_EQ,
	[OCI_CMP_GE] = LX_CMP_GE,
	[OCI_CMP_GT] = LX_CMP_GT,
	[OCI_CMP_MASKED_EQ] = LX_CMP_MASKED_EQ,
};

/* An action or flag that is missing is an error here, with its name; nothing is loaded without. */
static rl_err check_kernel(const struct plan_seccomp *s)
{
	RL_TRY(lx_seccomp_check_flags(s->flags |
				      (s->notify ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0)));
	RL_TRY(lx_seccomp_check_action(s->default_action));
	for (size_t i = 0; i < s->rule_count; i++)
		RL_TRY(lx_seccomp_check_action(s->rules[i].action));
	return RL_OK;
}

static rl_err add_archs(struct lx_seccomp_builder *b, const struct plan_seccomp *s)
{
	for (size_t i = 0; i < s->arch_count; i++) {
		bool added;

		RL_TRY(lx_seccomp_arch(b, s->archs[i], &added));
		if (!added)
			rl_log(RL_LOG_DEBUG, "seccomp: no program of architecture %s can run here",
			       s->archs[i]);
	}
	return RL_OK;
}

static rl_err add_known(struct lx_seccomp_builder *b, const struct plan_seccomp *s)
{
	for (size_t i = 0; i < s->known_count; i++) {
		bool known;

		RL_TRY(lx_seccomp_known(b, s->known[i], &known));
		if (!known && s->refuse_unknown)
			return rl_refuse(RL_E(EINVAL),
					 "$.linux.seccomp.syscalls: unknown system call \"%s\"",
					 s->known[i]);
		if (!known)
			rl_log(RL_LOG_DEBUG, "seccomp: unknown system call %s passed over",
			       s->known[i]);
	}
	return RL_OK;
}

static rl_err add_rule(struct lx_seccomp_builder *b, const struct plan_seccomp_rule *rule)
{
	struct lx_seccomp_arg args[6];

	if (rule->arg_count > sizeof(args) / sizeof(args[0]))
		return rl_fail(RL_E(EINVAL), "a rule of %zu arguments", rule->arg_count);
	for (size_t i = 0; i < rule->arg_count; i++)
		args[i] = (struct lx_seccomp_arg){
			.index = rule->args[i].index,
			.op = compares[rule->args[i].op],
			.value = rule->args[i].value,
			.value_two = rule->args[i].value_two,
		};
	for (size_t i = 0; i < rule->name_count; i++)
		RL_TRY(lx_seccomp_rule(b, rule->names[i], rule->action, args, rule->arg_count));
	return RL_OK;
}

static rl_err compile(struct rl_arena *a, const struct plan_seccomp *s,
		      struct lx_seccomp_program *ret)
{
	struct lx_seccomp_builder LX_AUTO_SECCOMP *b = NULL;

	RL_TRY(lx_seccomp_begin(a, s->default_action, &b));
	RL_TRY(add_archs(b, s));
	RL_TRY(add_known(b, s));
	for (size_t i = 0; i < s->rule_count; i++)
		RL_TRY(add_rule(b, &s->rules[i]));
	return lx_seccomp_finish(b, a, ret);
}

static rl_err from_cache(struct rl_arena *a, const struct plan_seccomp *s, const char *state_root,
			 struct lx_seccomp_program *ret)
{
	struct rl_fd RL_AUTO_FD cache = { 0 };
	char key[PLAN_SECCOMP_KEY];

	if (state_root == NULL || rl_drop_failed(lx_seccomp_cache_open(state_root, &cache)))
		return compile(a, s, ret);
	plan_seccomp_key(s, lx_seccomp_compiler(), key);
	if (lx_seccomp_cache_get(a, rl_fd_get(&cache), key, ret))
		return RL_OK;
	RL_TRY(compile(a, s, ret));
	lx_seccomp_cache_put(rl_fd_get(&cache), key, ret);
	return RL_OK;
}

rl_err ct_filter_prepare(struct rl_arena *a, const struct plan_seccomp *s, const char *state_root,
			 struct ct_filter *ret)
{
	struct ct_filter f = { .enabled = s->enabled, .notify = s->notify, .flags = s->flags };

	if (!s->enabled) {
		*ret = f;
		return RL_OK;
	}
	RL_TRY(check_kernel(s), "linux.seccomp");
	if (s->program != NULL)
		f.program = (struct lx_seccomp_program){ s->program, s->program_size };
	else
		RL_TRY(from_cache(a, s, state_root, &f.program), "linux.seccomp");
	*ret = f;
	return RL_OK;
}

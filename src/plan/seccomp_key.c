/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a finished profile: does it let a call pass, what is its compiled form called. */
#include "plan/seccomp.h"

#include "base/sha256.h"
#include "linux/abi.h"

#include <string.h>

static bool passes(uint32_t action)
{
	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

static bool names(const struct plan_seccomp_rule *rule, const char *name)
{
	for (size_t i = 0; i < rule->name_count; i++)
		if (strcmp(rule->names[i], name) == 0)
			return true;
	return false;
}

bool plan_seccomp_allows(const struct plan_seccomp *s, const char *name)
{
	bool always = !s->enabled || passes(s->default_action);

	if (s->enabled && s->program != NULL)
		return false;
	for (size_t i = 0; s->enabled && i < s->rule_count; i++) {
		if (!names(&s->rules[i], name))
			continue;
		if (!passes(s->rules[i].action))
			return false;
		always = always || s->rules[i].arg_count == 0;
	}
	return always;
}

/* ---- the key -------------------------------------------------------------------------------- */

/*
 * Every number has eight bytes, every string and list its length in front: no two different
 * profiles have the same form.
 */
static void put_number(struct rl_sha256 *h, uint64_t value)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	rl_sha256_add(h, bytes, sizeof(bytes));
}

static void put_string(struct rl_sha256 *h, const char *s)
{
	size_t len = strlen(s);

	put_number(h, len);
	rl_sha256_add(h, s, len);
}

static void put_strings(struct rl_sha256 *h, const char *const *list, size_t count)
{
	put_number(h, count);
	for (size_t i = 0; i < count; i++)
		put_string(h, list[i]);
}

static void put_rule(struct rl_sha256 *h, const struct plan_seccomp_rule *rule)
{
	put_strings(h, rule->names, rule->name_count);
	put_number(h, rule->action);
	put_number(h, rule->arg_count);
	for (size_t i = 0; i < rule->arg_count; i++) {
		put_number(h, rule->args[i].index);
		put_number(h, (uint64_t)rule->args[i].op);
		put_number(h, rule->args[i].value);
		put_number(h, rule->args[i].value_two);
	}
}

void plan_seccomp_key(const struct plan_seccomp *s, const char *compiler,
		      char ret_key[static PLAN_SECCOMP_KEY])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t sum[RL_SHA256_SIZE];
	struct rl_sha256 h;

	rl_sha256_begin(&h);
	put_string(&h, "runlet seccomp profile, form 1");
	put_string(&h, compiler);
	put_number(&h, s->default_action);
	put_strings(&h, s->archs, s->arch_count);
	put_number(&h, s->flags);
	/* Shapes nothing, but a strict profile must not be satisfied by a lenient one's filter. */
	put_number(&h, s->refuse_unknown);
	put_strings(&h, s->known, s->known_count);
	put_number(&h, s->rule_count);
	for (size_t i = 0; i < s->rule_count; i++)
		put_rule(&h, &s->rules[i]);
	put_number(&h, s->program_size);
	rl_sha256_add(&h, s->program, s->program_size);
	rl_sha256_end(&h, sum);
	for (size_t i = 0; i < sizeof(sum); i++) {
		ret_key[2 * i] = digits[sum[i] >> 4];
		ret_key[2 * i + 1] = digits[sum[i] & 15];
	}
	ret_key[PLAN_SECCOMP_KEY - 1] = '\0';
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device rules.
 *
 * Without a rule everything is refused. The rules that every container has come last, so that no
 * configuration can take /dev/null away; mknod of any node is harmless as long as it cannot be
 * opened.
 *
 * Version 1 of the kernel stores no list of rules but a default and exceptions from it. An
 * exception can be removed by naming the same nodes only, so the list is worked out here; what
 * cannot be said that way ("all of major 8 but 8:3") is refused rather than bent.
 */
#include "plan/cgroup_parts.h"

#include <string.h>

#define ALL (-1)

static const struct lx_device_rule always[] = {
	{ true, 'c', LX_DEVICE_MKNOD, ALL, ALL }, { true, 'b', LX_DEVICE_MKNOD, ALL, ALL },
	{ true, 'c', LX_DEVICE_RWM, 1, 3 },	/* /dev/null */
	{ true, 'c', LX_DEVICE_RWM, 1, 5 },	/* /dev/zero */
	{ true, 'c', LX_DEVICE_RWM, 1, 7 },	/* /dev/full */
	{ true, 'c', LX_DEVICE_RWM, 1, 8 },	/* /dev/random */
	{ true, 'c', LX_DEVICE_RWM, 1, 9 },	/* /dev/urandom */
	{ true, 'c', LX_DEVICE_RWM, 5, 0 },	/* /dev/tty */
	{ true, 'c', LX_DEVICE_RWM, 5, 1 },	/* /dev/console */
	{ true, 'c', LX_DEVICE_RWM, 5, 2 },	/* /dev/ptmx */
	{ true, 'c', LX_DEVICE_RWM, 136, ALL }, /* /dev/pts */
	{ true, 'c', LX_DEVICE_RWM, 10, 200 },	/* /dev/net/tun */
};
#define ALWAYS (sizeof(always) / sizeof(*always))

static struct lx_device_rule from_config(const struct oci_device_rule *r)
{
	struct lx_device_rule rule = {
		.allow = r->allow,
		.type = r->type == OCI_DEVICE_BLOCK  ? 'b'
			: r->type == OCI_DEVICE_CHAR ? 'c'
						     : 'a',
		.major = r->major.set ? r->major.value : ALL,
		.minor = r->minor.set ? r->minor.value : ALL,
		.access = LX_DEVICE_RWM,
	};

	if (r->access != NULL && r->access[0] != '\0')
		rule.access = (strchr(r->access, 'r') ? LX_DEVICE_READ : 0u) |
			      (strchr(r->access, 'w') ? LX_DEVICE_WRITE : 0u) |
			      (strchr(r->access, 'm') ? LX_DEVICE_MKNOD : 0u);
	return rule;
}

/* ---- version 1: a default and exceptions ----------------------------------------------------- */

struct table {
	bool allow; /* the default */
	struct lx_device_rule *exceptions;
	size_t count;
};

static bool is_all(const struct lx_device_rule *r)
{
	return r->type == 'a' && r->major == ALL && r->minor == ALL && r->access == LX_DEVICE_RWM;
}

static bool covers(const struct lx_device_rule *wide, const struct lx_device_rule *narrow)
{
	return (wide->major == ALL || wide->major == narrow->major) &&
	       (wide->minor == ALL || wide->minor == narrow->minor);
}

static bool overlap(const struct lx_device_rule *a, const struct lx_device_rule *b)
{
	return (a->major == ALL || b->major == ALL || a->major == b->major) &&
	       (a->minor == ALL || b->minor == ALL || a->minor == b->minor);
}

static void add_exception(struct table *t, const struct lx_device_rule *r)
{
	for (size_t i = 0; i < t->count; i++) {
		struct lx_device_rule *e = &t->exceptions[i];

		if (e->type == r->type && e->major == r->major && e->minor == r->minor) {
			e->access |= r->access;
			return;
		}
	}
	t->exceptions[t->count++] = *r;
}

/* False: a part of an exception would have to stay, which cannot be stored. */
static bool remove_exceptions(struct table *t, const struct lx_device_rule *r)
{
	for (size_t i = 0; i < t->count; i++) {
		struct lx_device_rule *e = &t->exceptions[i];

		if (e->type != r->type || (e->access & r->access) == 0 || !overlap(e, r))
			continue;
		if (!covers(r, e))
			return false;
		e->access &= ~r->access;
	}
	return true;
}

static bool apply(struct table *t, const struct lx_device_rule *rule)
{
	static const char types[] = "bc";

	if (is_all(rule)) {
		t->allow = rule->allow;
		t->count = 0;
		return true;
	}
	for (int i = 0; i < 2; i++) {
		struct lx_device_rule r = *rule;

		if (rule->type != 'a' && rule->type != types[i])
			continue;
		r.type = types[i];
		if (r.allow != t->allow)
			add_exception(t, &r);
		else if (!remove_exceptions(t, &r))
			return false;
	}
	return true;
}

static rl_err cannot_store(const char *base, const struct lx_device_rule *r, size_t index,
			   size_t asked)
{
	const char *hint = "cgroup version 1 can only take back a rule as a whole: list what is "
			   "allowed instead of what is not";

	if (index >= asked)
		return rl_hint(rl_refuse(RL_E(EOPNOTSUPP),
					 "%s.devices: cgroup version 1 cannot store the rules that "
					 "every container needs (%c %lld:%lld) beside these",
					 base, r->type, (long long)r->major, (long long)r->minor),
			       "%s", hint);
	return rl_hint(rl_refuse(RL_E(EOPNOTSUPP),
				 "%s.devices[%zu]: cgroup version 1 cannot store this rule beside "
				 "the ones before it",
				 base, index),
		       "%s", hint);
}

/* The default first, as a rule about all devices, then the exceptions: a list of rules again. */
static rl_err normalise(struct rl_arena *a, const char *base, size_t asked,
			struct lx_device_rule *rules, size_t *count)
{
	struct table t = { 0 };
	size_t kept = 1;

	RL_TRY(rl_new_array(a, *count * 2 + 1, &t.exceptions));
	for (size_t i = 0; i < *count; i++)
		if (!apply(&t, &rules[i]))
			return cannot_store(base, &rules[i], i, asked);
	rules[0] = (struct lx_device_rule){ t.allow, 'a', LX_DEVICE_RWM, ALL, ALL };
	for (size_t i = 0; i < t.count; i++)
		if (t.exceptions[i].access != 0)
			rules[kept++] = t.exceptions[i];
	*count = kept;
	return RL_OK;
}

rl_err plan_cg_devices(struct rl_arena *a, const char *base, const struct oci_resources *r,
		       const struct lx_device_rule *extra, size_t extra_count, bool v1,
		       const struct lx_device_rule **ret, size_t *ret_count)
{
	size_t asked = r != NULL ? r->device_count : 0, count = 0;
	struct lx_device_rule *rules;

	/* A rule about both types may become two exceptions. */
	RL_TRY(rl_new_array(a, (asked + extra_count + ALWAYS) * 2 + 1, &rules));
	for (size_t i = 0; i < asked; i++)
		rules[count++] = from_config(&r->devices[i]);
	for (size_t i = 0; i < extra_count; i++)
		rules[count++] = extra[i];
	memcpy(&rules[count], always, sizeof(always));
	count += ALWAYS;
	if (v1)
		RL_TRY(normalise(a, base, asked, rules, &count));
	*ret = rules;
	*ret_count = count;
	return RL_OK;
}

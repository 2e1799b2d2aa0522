/* SPDX-License-Identifier: Apache-2.0 */
/* The list of writes that the parts of linux.resources add to. */
#include "plan/cgroup_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool plan_cg_word(const char *list, const char *word, const char *separators)
{
	size_t len = strlen(word);

	for (const char *at = list; *at != '\0'; at += strspn(at, separators)) {
		size_t n = strcspn(at, separators);

		if (n == len && strncmp(at, word, len) == 0)
			return true;
		at += n;
	}
	return false;
}

rl_err plan_cg_place(struct plan_cg *c, const char *controller, const char *property,
		     struct plan_cg_place *ret)
{
	for (unsigned i = 0; i < c->dir_count; i++) {
		if (c->dirs[i].version != 1 ||
		    !plan_cg_word(c->dirs[i].controllers, controller, ","))
			continue;
		*ret = (struct plan_cg_place){ .dir = i, .v1 = true };
		return RL_OK;
	}
	for (unsigned i = 0; i < c->dir_count; i++) {
		if (c->dirs[i].version != 2 ||
		    !plan_cg_word(c->host->cgroup2_controllers, controller, " "))
			continue;
		*ret = (struct plan_cg_place){ .dir = i };
		if (!plan_cg_word(c->require, controller, " "))
			RL_TRY(rl_arena_fmt(c->arena, &c->require, "%s%s%s", c->require,
					    c->require[0] != '\0' ? " " : "", controller));
		return RL_OK;
	}
	return rl_hint(rl_refuse(RL_E(EOPNOTSUPP),
				 "%s.%s: the cgroup controller %s is not available here", c->base,
				 property, controller),
		       "the kernel was built or booted without it, or its hierarchy is not mounted "
		       "(see /proc/cgroups)");
}

rl_err plan_cg_write(struct plan_cg *c, struct plan_cg_place at, unsigned flags, const char *file,
		     const char *property, const char *fmt, ...)
{
	struct lx_cgroup_write *w;
	char value[4096];
	va_list ap;
	int len;

	if (c->count == c->room) {
		size_t room = c->room ? c->room * 2 : 16;

		RL_TRY(rl_new_array(c->arena, room, &w));
		if (c->count > 0)
			memcpy(w, c->writes, c->count * sizeof(*w));
		c->writes = w;
		c->room = room;
	}
	va_start(ap, fmt);
	len = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(value))
		return rl_refuse(RL_E(E2BIG), "%s.%s: longer than %zu bytes", c->base, property,
				 sizeof(value) - 1);
	w = &c->writes[c->count];
	w->dir = at.dir;
	w->flags = flags;
	RL_TRY(rl_arena_str(c->arena, file, &w->file));
	RL_TRY(rl_arena_str(c->arena, value, &w->value));
	RL_TRY(rl_arena_fmt(c->arena, &w->origin, "%s.%s", c->base, property));
	c->count++;
	return RL_OK;
}

const char *plan_cg_number(struct plan_cg_place at, int64_t value, char text[static 24])
{
	if (value < 0)
		return at.v1 ? "-1" : "max";
	snprintf(text, 24, "%lld", (long long)value);
	return text;
}

rl_err plan_cg_only_v1(const struct plan_cg *c, const char *property, const char *hint)
{
	return rl_hint(rl_refuse(RL_E(EOPNOTSUPP), "%s.%s: cgroup version 2 does not have it",
				 c->base, property),
		       "%s", hint);
}

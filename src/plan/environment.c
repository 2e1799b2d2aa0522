/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/environment.h"

#include <string.h>

/* The length of NAME in "NAME=VALUE", or of the whole. */
static size_t name_length(const char *entry)
{
	return (size_t)(strchrnul(entry, '=') - entry);
}

/* A set of names, open-addressed, so that thousands of entries cost no square of thousands. */
struct names {
	const char **slots;
	size_t mask;
};

/* True if the name was not in the set before. */
static bool add_name(struct names *set, const char *entry)
{
	size_t len = name_length(entry);
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)entry[i]) * 16777619u;
	for (size_t at = hash & set->mask;; at = (at + 1) & set->mask) {
		const char *other = set->slots[at];

		if (other == NULL) {
			set->slots[at] = entry;
			return true;
		}
		if (strncmp(other, entry, len) == 0 && name_length(other) == len)
			return false;
	}
}

static rl_err additions(struct rl_arena *a, const struct plan_request *request,
			const char *ret_list[4], size_t *ret_count)
{
	size_t n = 0;

	if (request->listen_fds > 0) {
		RL_TRY(rl_arena_fmt(a, &ret_list[n++], "LISTEN_FDS=%u", request->listen_fds));
		if (request->listen_fd_names != NULL)
			RL_TRY(rl_arena_fmt(a, &ret_list[n++], "LISTEN_FDNAMES=%s",
					    request->listen_fd_names));
	}
	if (request->notify_socket != NULL)
		ret_list[n++] = "NOTIFY_SOCKET=" PLAN_NOTIFY_SOCKET;
	*ret_count = n;
	return RL_OK;
}

rl_err plan_environment_make(struct rl_arena *a, const struct oci_strings *env,
			     const struct plan_request *request, struct plan_process *p)
{
	struct names set = { .mask = 15 };
	const char *extra[4], **out, **kept;
	size_t extra_count = 0, total, at;

	RL_TRY(additions(a, request, extra, &extra_count));
	total = env->count + extra_count;
	while (set.mask < total * 2)
		set.mask = set.mask * 2 + 1;
	RL_TRY(rl_new_array(a, set.mask + 1, &set.slots));
	RL_TRY(rl_new_array(a, total + 1, &out));

	p->set_listen_pid = request->listen_fds > 0;
	if (p->set_listen_pid) {
		/* Ours, with a value that only the process knows. */
		add_name(&set, "LISTEN_PID=");
		add_name(&set, "LISTEN_FDNAMES=");
	}
	/* From the end: the last of a name counts, and keeps its place. */
	at = total;
	out[at] = NULL;
	for (size_t i = extra_count; i-- > 0;) {
		add_name(&set, extra[i]);
		out[--at] = extra[i];
	}
	p->find_home = true;
	for (size_t i = env->count; i-- > 0;) {
		if (!add_name(&set, env->items[i]))
			continue;
		if (strncmp(env->items[i], "HOME=", 5) == 0) {
			if (env->items[i][5] == '\0')
				continue;
			p->find_home = false;
		}
		out[--at] = env->items[i];
	}
	kept = out + at;
	p->env = kept;
	p->env_count = total - at;
	return RL_OK;
}

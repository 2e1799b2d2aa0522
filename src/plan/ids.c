/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/ns.h"

#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* The kernel takes at most this many lines (user_namespaces(7), Linux 4.15). */
#define MAP_LINES 340

struct map {
	const struct oci_id_mapping *items;
	size_t count;
	const char *property;
};

static rl_err map_text(struct rl_arena *a, const struct map *map, const char **ret)
{
	/* Three numbers of at most ten digits, two blanks, a newline. */
	size_t room = map->count * 34 + 1, at = 0;
	char *text;

	if (map->count > MAP_LINES)
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "$.linux.%s: %zu entries, the kernel takes "
					 "at most %d",
					 map->property, map->count, MAP_LINES),
			       "merge neighbouring ranges");
	RL_TRY(rl_arena_get(a, 1, room, &text));
	for (size_t i = 0; i < map->count; i++)
		at += (size_t)snprintf(text + at, room - at, "%u %u %u\n",
				       map->items[i].container_id, map->items[i].host_id,
				       map->items[i].size);
	*ret = text;
	return RL_OK;
}

static rl_err helper_args(struct rl_arena *a, const struct map *map, const char ***ret)
{
	const char **args;

	RL_TRY(rl_new_array(a, map->count * 3 + 1, &args));
	for (size_t i = 0; i < map->count; i++) {
		RL_TRY(rl_arena_fmt(a, &args[3 * i], "%u", map->items[i].container_id));
		RL_TRY(rl_arena_fmt(a, &args[3 * i + 1], "%u", map->items[i].host_id));
		RL_TRY(rl_arena_fmt(a, &args[3 * i + 2], "%u", map->items[i].size));
	}
	*ret = args;
	return RL_OK;
}

static uint32_t host_id_of_zero(const struct map *map)
{
	for (size_t i = 0; i < map->count; i++)
		if (map->items[i].container_id == 0 && map->items[i].size > 0)
			return map->items[i].host_id;
	return UINT32_MAX;
}

/* Without CAP_SETUID the kernel takes one line, which maps the caller itself. */
static bool maps_only(const struct map *map, uint32_t id)
{
	return map->count == 1 && map->items[0].size == 1 && map->items[0].host_id == id;
}

static bool has_capability(const struct lx_host *host, int capability)
{
	return (host->capabilities >> capability & 1) != 0;
}

rl_err plan_ids_make(struct rl_arena *a, const struct oci_config *config,
		     const struct lx_host *host, const struct plan_namespaces *ns,
		     struct plan_id_map *ret)
{
	const struct oci_linux *l = &config->linux_;
	const struct map uids = { l->uid_mappings, l->uid_mapping_count, "uidMappings" };
	const struct map gids = { l->gid_mappings, l->gid_mapping_count, "gidMappings" };
	struct plan_id_map ids = { .root_uid = (uid_t)-1, .root_gid = (gid_t)-1 };
	bool new_user = (ns->create & CLONE_NEWUSER) != 0;

	if (!new_user && (uids.count > 0 || gids.count > 0) && ns->join[PLAN_NS_USER] == NULL)
		return rl_hint(
			rl_refuse(RL_E(EINVAL), "$.linux.%s: needs a user namespace",
				  uids.count > 0 ? uids.property : gids.property),
			"add {\"type\": \"user\"} to linux.namespaces or remove the mappings");
	if (!new_user) {
		if (ns->join[PLAN_NS_USER] == NULL)
			ids.root_uid = ids.root_gid = 0;
		*ret = ids;
		return RL_OK;
	}
	if (uids.count == 0 || gids.count == 0)
		return rl_hint(rl_refuse(RL_E(EINVAL), "$.linux.%s: a new user namespace needs it",
					 uids.count == 0 ? uids.property : gids.property),
			       "without a mapping no id exists in the container");
	RL_TRY(map_text(a, &uids, &ids.uid_lines));
	RL_TRY(map_text(a, &gids, &ids.gid_lines));
	ids.root_uid = host_id_of_zero(&uids);
	ids.root_gid = host_id_of_zero(&gids);
	if (!has_capability(host, CAP_SETUID) && !maps_only(&uids, host->euid))
		RL_TRY(helper_args(a, &uids, &ids.newuidmap));
	if (!has_capability(host, CAP_SETGID)) {
		if (!maps_only(&gids, host->egid))
			RL_TRY(helper_args(a, &gids, &ids.newgidmap));
		else
			ids.deny_setgroups = true;
	}
	*ret = ids;
	return RL_OK;
}

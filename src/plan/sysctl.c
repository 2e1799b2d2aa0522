/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/sysctl.h"

#include <string.h>

/*
 * What belongs to a namespace, by the path beneath /proc/sys. A name that ends in a slash stands
 * for all beneath it.
 */
static const struct {
	const char *path;
	enum oci_namespace_type ns;
} namespaced[] = {
	{ "net/", OCI_NS_NETWORK },
	{ "fs/mqueue/", OCI_NS_IPC },
	{ "kernel/msgmax", OCI_NS_IPC },
	{ "kernel/msgmnb", OCI_NS_IPC },
	{ "kernel/msgmni", OCI_NS_IPC },
	{ "kernel/msg_next_id", OCI_NS_IPC },
	{ "kernel/auto_msgmni", OCI_NS_IPC },
	{ "kernel/sem", OCI_NS_IPC },
	{ "kernel/sem_next_id", OCI_NS_IPC },
	{ "kernel/shmall", OCI_NS_IPC },
	{ "kernel/shmmax", OCI_NS_IPC },
	{ "kernel/shmmni", OCI_NS_IPC },
	{ "kernel/shm_next_id", OCI_NS_IPC },
	{ "kernel/shm_rmid_forced", OCI_NS_IPC },
	{ "kernel/domainname", OCI_NS_UTS },
	{ "kernel/hostname", OCI_NS_UTS },
	{ "user/", OCI_NS_USER },
};

/*
 * "net.ipv4.conf.eth0/100.forwarding" has dots for separators, and its slash is a dot of a name;
 * "net/ipv4/conf/eth0.100/forwarding" is the path itself. The first of either kind decides.
 */
static rl_err make_path(struct rl_arena *a, const char *name, const char **ret)
{
	size_t len = strlen(name), first = strcspn(name, "./");
	bool swap = name[first] == '.';
	char *path;

	RL_TRY(rl_arena_get(a, len + 1, 1, &path));
	for (size_t i = 0; i < len; i++) {
		path[i] = name[i];
		if (swap && name[i] == '.')
			path[i] = '/';
		else if (swap && name[i] == '/')
			path[i] = '.';
	}
	*ret = path;
	return RL_OK;
}

/* No component may be empty, "." or "..": nothing but a plain way down. */
static bool plain(const char *path)
{
	for (const char *at = path;; at++) {
		size_t len = strcspn(at, "/");

		if (len == 0 || (len == 1 && at[0] == '.') ||
		    (len == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += len;
		if (*at == '\0')
			return true;
	}
}

static bool namespace_of(const char *path, enum oci_namespace_type *ret)
{
	for (size_t i = 0; i < sizeof(namespaced) / sizeof(namespaced[0]); i++) {
		const char *want = namespaced[i].path;
		size_t len = strlen(want);

		if (want[len - 1] == '/' ? strncmp(path, want, len) == 0
					 : strcmp(path, want) == 0) {
			*ret = namespaced[i].ns;
			return true;
		}
	}
	return false;
}

static rl_err make_sysctl(struct rl_arena *a, const struct oci_config *config,
			  const struct oci_key_value *in, struct plan_sysctl *ret)
{
	enum oci_namespace_type type;
	const char *path = NULL;

	RL_TRY(make_path(a, in->key, &path));
	if (!plain(path))
		return rl_refuse(RL_E(EINVAL), "$.linux.sysctl[\"%s\"]: is no kernel parameter",
				 in->key);
	if (!namespace_of(path, &type))
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "$.linux.sysctl[\"%s\"]: belongs to no namespace: the "
					 "whole machine would be changed",
					 in->key),
			       "set it on the host, by sysctl(8)");
	if (oci_namespace_get(&config->linux_, type) == NULL)
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "$.linux.sysctl[\"%s\"]: needs a %s namespace, the host's "
					 "would be changed",
					 in->key, oci_namespace_name(type)),
			       "add one to linux.namespaces");
	if (type == OCI_NS_UTS && strcmp(path, "kernel/hostname") == 0 && config->hostname != NULL)
		return rl_refuse(RL_E(EINVAL), "$.linux.sysctl[\"%s\"]: contradicts $.hostname",
				 in->key);
	ret->path = path;
	ret->value = in->value;
	return RL_OK;
}

rl_err plan_sysctls_make(struct rl_arena *a, const struct oci_config *config,
			 const struct plan_sysctl **ret_items, size_t *ret_count)
{
	const struct oci_map *map = &config->linux_.sysctl;
	struct plan_sysctl *items = NULL;

	if (map->count > 0)
		RL_TRY(rl_new_array(a, map->count, &items));
	for (size_t i = 0; i < map->count; i++)
		RL_TRY(make_sysctl(a, config, &map->items[i], &items[i]));
	*ret_items = items;
	*ret_count = map->count;
	return RL_OK;
}

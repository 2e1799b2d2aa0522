/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/mounts_live.h"

#include "plan/furnish_build.h"
#include "plan/ns.h"

#include <sched.h>
#include <string.h>

rl_err plan_mount_destination(struct rl_arena *a, const struct oci_mount *mounts, size_t index,
			      const char **ret)
{
	const char *destination = mounts[index].destination;

	if (destination == NULL || *destination == '\0')
		return rl_refuse(RL_E(EINVAL), "$[%zu].destination: missing", index);
	RL_TRY(plan_path_clean(a, destination, ret));
	if (strcmp(*ret, "/") == 0)
		return rl_refuse(RL_E(EINVAL),
				 "$[%zu].destination: the root of a container that is there "
				 "already stays as it is",
				 index);
	return RL_OK;
}

static rl_err refuse_kind(const struct oci_mount *m, size_t index)
{
	const char *type = m->type != NULL ? m->type : "";

	if (strncmp(type, "cgroup", 6) == 0)
		return rl_refuse(RL_E(ENOTSUP),
				 "$[%zu].type: %s cannot be mounted in a container that is there "
				 "already",
				 index, type);
	return RL_OK;
}

static rl_err refuse_op(const struct plan_op *op, size_t index)
{
	if (op->kind == PLAN_OP_REMOUNT)
		return rl_hint(
			rl_refuse(RL_E(ENOTSUP),
				  "$[%zu].options: they change a mount that is there, "
				  "which is not possible in a container that is there already",
				  index),
			"remove the mount and add it again");
	if (op->kind != PLAN_OP_BIND && op->kind != PLAN_OP_FILESYSTEM)
		return rl_fail(RL_E(EPROTO), "$[%zu]: %s", index, plan_op_name(op->kind));
	if (op->mount.copy_symlink)
		return rl_refuse(RL_E(ENOTSUP),
				 "$[%zu].options: copy-symlink is for a container that is made",
				 index);
	if (op->mount.label != NULL)
		return rl_refuse(RL_E(ENOTSUP),
				 "$[%zu].type: mqueue with a label cannot be mounted in a "
				 "container that is there already",
				 index);
	return RL_OK;
}

/* One entry is one operation in `early`, and perhaps a read-only one in `late`. */
static rl_err build_one(struct plan_builder *b, size_t index)
{
	const struct oci_mount *mounts = b->in->config->mounts;
	size_t before = b->early.count;
	const char *target;
	struct plan_op *op;

	RL_TRY(plan_mount_destination(b->arena, mounts, index, &target));
	RL_TRY(refuse_kind(&mounts[index], index));
	RL_TRY(plan_build_mount(b, index));
	if (b->early.count != before + 1)
		return rl_fail(RL_E(EPROTO), "$[%zu]: %zu operations", index,
			       b->early.count - before);
	op = &b->early.items[before];
	RL_TRY(refuse_op(op, index));
	op->origin = "$";
	if (op->kind == PLAN_OP_BIND && op->serve == PLAN_SERVE_NOTHING)
		plan_op_serve(b, op, PLAN_SERVE_TREE);
	return RL_OK;
}

static rl_err build_all(struct plan_builder *b, struct plan_mounts_live *live)
{
	size_t count = b->in->config->mount_count;
	uint64_t *late;

	for (size_t i = 0; i < count; i++)
		RL_TRY(build_one(b, i));
	RL_TRY(rl_new_array(b->arena, count, &late));
	for (size_t i = 0; i < b->late.count; i++)
		late[b->late.items[i].index] |= b->late.items[i].mount.set;
	*live = (struct plan_mounts_live){ b->early.items, b->early.count, late, b->served };
	return RL_OK;
}

rl_err plan_mounts_live_make(struct rl_arena *a, const struct oci_config *config,
			     const struct oci_mount *mounts, size_t count,
			     const struct plan_request *request, const struct lx_host *host,
			     struct plan_warnings *warnings, struct plan_mounts_live *ret)
{
	struct oci_config changed = *config;
	struct plan_namespaces ns;
	struct plan_id_map ids;
	struct plan_furnish_input in = { .config = &changed, .request = request, .host = host };
	struct plan_builder b = { .arena = a, .in = &in, .warnings = warnings };

	changed.mounts = mounts;
	changed.mount_count = count;
	RL_TRY(plan_namespaces_make(a, config, host, &ns));
	RL_TRY(plan_ids_make(a, config, host, &ns, &ids));
	in.has_user_namespace = (ns.create & CLONE_NEWUSER) != 0 || ns.join[PLAN_NS_USER] != NULL;
	in.new_network_namespace = (ns.create & CLONE_NEWNET) != 0;
	in.has_mount_namespace = (ns.create & CLONE_NEWNS) != 0 || ns.join[PLAN_NS_MOUNT] != NULL;
	in.uid_lines = ids.uid_lines;
	in.gid_lines = ids.gid_lines;
	in.userns_path = ns.join[PLAN_NS_USER];
	if (!in.has_mount_namespace)
		return rl_refuse(RL_E(EINVAL),
				 "the container has no mount namespace: its mounts are the host's");
	return build_all(&b, ret);
}

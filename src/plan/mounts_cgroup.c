/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mount of type cgroup, which means: the control groups as this machine has them. On version 2
 * that is one file system. On version 1, and on a hybrid machine, it is a tmpfs with one mount a
 * hierarchy and links for controllers that share one.
 *
 * With a cgroup namespace a new instance shows the container's own group as its root. Without one
 * it would show the host's whole tree, and to whoever may write in it, as a rootless user may in
 * his (CVE-2023-25809): there the container's own directory is bound instead.
 */
#include "plan/cgroup.h"
#include "plan/furnish_build.h"
#include "plan/mount_options.h"

#include <string.h>

static bool same_hierarchy(int version, const char *controllers,
			   const struct lx_cgroup_hierarchy *h)
{
	return version == h->version && (version == 2 || strcmp(controllers, h->controllers) == 0);
}

/* The container's own directory in that hierarchy, as a path of the host. */
static rl_err own_directory(struct plan_builder *b, const struct lx_cgroup_hierarchy *h,
			    const char **ret)
{
	const struct plan_cgroup *cgroup = b->in->cgroup;

	if (cgroup && cgroup->enabled)
		for (size_t i = 0; i < cgroup->spec.dir_count; i++) {
			const struct lx_cgroup_dir *d = &cgroup->spec.dirs[i];

			if (same_hierarchy(d->version, d->controllers, h)) {
				*ret = d->path;
				return RL_OK;
			}
		}
	return rl_arena_fmt(b->arena, ret, "%s%s", h->mount, strcmp(h->own, "/") ? h->own : "");
}

/* Options of a version 1 instance: its controllers, or "none" and a name. */
static rl_err add_controllers(struct rl_arena *a, struct plan_op_mount *m, const char *controllers)
{
	if (strncmp(controllers, "name=", 5) == 0)
		RL_TRY(plan_mount_add_option(a, m, "none", NULL));
	while (*controllers) {
		size_t len = strcspn(controllers, ",");
		const char *word;

		RL_TRY(rl_arena_strn(a, controllers, len, &word));
		if (strncmp(word, "name=", 5) == 0)
			RL_TRY(plan_mount_add_option(a, m, "name", word + 5));
		else
			RL_TRY(plan_mount_add_option(a, m, word, NULL));
		controllers += len + (controllers[len] == ',');
	}
	return RL_OK;
}

/* One hierarchy at `target`, with the attributes of the template. */
static rl_err add_hierarchy(struct plan_builder *b, const struct plan_op *template,
			    const struct lx_cgroup_hierarchy *h, const char *target, bool own_only)
{
	struct plan_op op = *template;
	const char *own;

	RL_TRY(own_directory(b, h, &own));
	op.target = target;
	op.mount.source = own;
	op.mount.options = NULL;
	op.mount.option_count = 0;
	op.mount.data = NULL;
	op.mount.sb_flags = 0;
	if (own_only) {
		op.kind = PLAN_OP_BIND;
		op.mount.type = NULL;
		return plan_op_add(b, &b->early, &op);
	}
	op.kind = PLAN_OP_FILESYSTEM;
	op.mount.type = h->version == 2 ? "cgroup2" : "cgroup";
	op.mount.cgroup_fallback = true;
	if (h->version == 1)
		RL_TRY(add_controllers(b->arena, &op.mount, h->controllers));
	return plan_op_add(b, &b->early, &op);
}

/* "cpu" -> "cpu,cpuacct" */
static rl_err add_links(struct plan_builder *b, const struct plan_op *template, const char *name,
			const char *controllers)
{
	while (*controllers) {
		size_t len = strcspn(controllers, ",");
		struct plan_op op = {
			.kind = PLAN_OP_SYMLINK,
			.origin = template->origin,
			.index = template->index,
			.link.content = name,
		};

		if (strncmp(controllers, "name=", 5) != 0 &&
		    (strlen(name) != len || strncmp(controllers, name, len) != 0)) {
			RL_TRY(rl_arena_fmt(b->arena, &op.target, "%s/%.*s", template->target,
					    (int)len, controllers));
			RL_TRY(plan_op_add(b, &b->early, &op));
		}
		controllers += len + (controllers[len] == ',');
	}
	return RL_OK;
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static rl_err build_many(struct plan_builder *b, const struct plan_op *template)
{
	const struct lx_host *host = b->in->host;
	struct plan_op tmpfs = *template;

	tmpfs.mount.type = "tmpfs";
	tmpfs.mount.source = "cgroup";
	tmpfs.mount.options = NULL;
	tmpfs.mount.option_count = 0;
	tmpfs.mount.data = NULL;
	RL_TRY(plan_mount_add_option(b->arena, &tmpfs.mount, "mode", "755"));
	RL_TRY(plan_build_filesystem(b, &tmpfs));
	for (size_t i = 0; i < host->hierarchy_count; i++) {
		const struct lx_cgroup_hierarchy *h = &host->hierarchies[i];
		const char *name = last_component(h->mount), *target;

		RL_TRY(rl_arena_fmt(b->arena, &target, "%s/%s", template->target, name));
		RL_TRY(add_hierarchy(b, template, h, target, !b->in->new_cgroup_namespace));
		RL_TRY(add_links(b, template, name, h->controllers));
	}
	return RL_OK;
}

static rl_err build_one(struct plan_builder *b, const struct plan_op *template)
{
	const struct plan_furnish_input *in = b->in;
	/* A machine without cgroups of version 2: the kernel decides what it mounts. */
	struct lx_cgroup_hierarchy h = {
		.mount = "/sys/fs/cgroup", .controllers = "", .own = "/", .version = 2
	};
	bool others_may_write = in->has_user_namespace || in->host->rootless;

	for (size_t i = 0; i < in->host->hierarchy_count; i++)
		if (in->host->hierarchies[i].version == 2)
			h = in->host->hierarchies[i];
	return add_hierarchy(b, template, &h, template->target,
			     !in->new_cgroup_namespace && others_may_write);
}

rl_err plan_build_cgroup(struct plan_builder *b, const struct plan_op *template)
{
	enum lx_cgroup_layout layout = b->in->host->cgroup_layout;
	bool many = layout == LX_CGROUP_V1 || layout == LX_CGROUP_HYBRID;

	if (many && strcmp(template->mount.type, "cgroup") == 0)
		return build_many(b, template);
	return build_one(b, template);
}

/* run.oci.systemd.force_cgroup_v1: systemd's named hierarchy for images too old for version 2. */
rl_err plan_build_cgroup_extras(struct plan_builder *b)
{
	const char *path = NULL;
	struct plan_op op = {
		.kind = PLAN_OP_FILESYSTEM,
		.origin = "$.annotations[\"run.oci.systemd.force_cgroup_v1\"]",
		.index = -1,
		.mount = {
			.type = "cgroup",
			.source = "cgroup",
			.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		},
	};

	for (size_t i = 0; i < b->in->config->annotations.count; i++)
		if (strcmp(b->in->config->annotations.items[i].key,
			   "run.oci.systemd.force_cgroup_v1") == 0)
			path = b->in->config->annotations.items[i].value;
	if (path == NULL || b->in->host->cgroup_layout != LX_CGROUP_V2)
		return RL_OK;
	RL_TRY(plan_path_clean(b->arena, path, &op.target));
	RL_TRY(add_controllers(b->arena, &op.mount, "name=systemd,xattr"));
	return plan_op_add(b, &b->early, &op);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mount of type cgroup, which means: the control groups as this machine has them. On version 2
 * that is one file system. On version 1, and on a hybrid machine, it is a tmpfs with one mount a
 * hierarchy and links for controllers that share one.
 *
 * Version 1 shows the container's own directory of each hierarchy, never the host's tree.
 * On version 2 with a cgroup namespace a new instance has that directory as its root. Without one
 * it shows the whole tree, and to whoever may write in it, as a rootless user may in his
 * (CVE-2023-25809): there the container's own directory is bound as well.
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

static void forget_options(struct plan_op_mount *m)
{
	m->options = NULL;
	m->option_count = 0;
	m->data = NULL;
	m->sb_flags = 0;
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

/* The container's own directory of a hierarchy at `target`. Attributes come for all at once. */
static rl_err bind_own(struct plan_builder *b, const struct plan_op *template,
		       const struct lx_cgroup_hierarchy *h, const char *target)
{
	const struct plan_cgroup *cgroup = b->in->cgroup;
	struct plan_op op = {
		.kind = PLAN_OP_BIND,
		.target = target,
		.origin = template->origin,
		.index = template->index,
		.mount.directory = true,
		/* One that the caller had no right to make is not there. */
		.mount.optional = cgroup && cgroup->enabled && cgroup->spec.forgive,
	};

	RL_TRY(own_directory(b, h, &op.mount.source));
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

/* In a user namespace as without one: a cgroup namespace shows a bind as it shows an instance. */
static rl_err build_many(struct plan_builder *b, const struct plan_op *template)
{
	const struct lx_host *host = b->in->host;
	struct plan_op tmpfs = *template;
	struct plan_op finish = {
		.kind = PLAN_OP_REMOUNT,
		.target = template->target,
		.origin = template->origin,
		.index = template->index,
		.mount.recursive_set = template->mount.set | template->mount.recursive_set,
		.mount.propagation = template->mount.propagation,
		.mount.propagation_count = template->mount.propagation_count,
		.mount.own_tree = true,
	};

	tmpfs.kind = PLAN_OP_FILESYSTEM;
	tmpfs.mount.type = "tmpfs";
	tmpfs.mount.source = "cgroup";
	tmpfs.mount.set = tmpfs.mount.recursive_set = tmpfs.mount.propagation_count = 0;
	forget_options(&tmpfs.mount);
	RL_TRY(plan_mount_add_option(b->arena, &tmpfs.mount, "mode", "755"));
	RL_TRY(plan_build_filesystem(b, &tmpfs));
	for (size_t i = 0; i < host->hierarchy_count; i++) {
		const struct lx_cgroup_hierarchy *h = &host->hierarchies[i];
		const char *name = last_component(h->mount), *target;

		RL_TRY(rl_arena_fmt(b->arena, &target, "%s/%s", template->target, name));
		RL_TRY(bind_own(b, template, h, target));
		RL_TRY(add_links(b, template, name, h->controllers));
	}
	return plan_op_add(b, &b->late, &finish);
}

static rl_err build_one(struct plan_builder *b, const struct plan_op *template)
{
	const struct plan_furnish_input *in = b->in;
	/* On a machine without cgroups of version 2 the kernel decides. */
	struct lx_cgroup_hierarchy h = {
		.mount = "/sys/fs/cgroup", .controllers = "", .own = "/", .version = 2
	};
	bool others_may_write = in->has_user_namespace || in->host->rootless;
	struct plan_op op = *template;

	for (size_t i = 0; i < in->host->hierarchy_count; i++)
		if (in->host->hierarchies[i].version == 2)
			h = in->host->hierarchies[i];
	RL_TRY(own_directory(b, &h, &op.mount.source));
	forget_options(&op.mount);
	if (!in->new_cgroup_namespace && others_may_write) {
		op.kind = PLAN_OP_BIND;
		op.mount.type = NULL;
		return plan_op_add(b, &b->early, &op);
	}
	op.kind = PLAN_OP_FILESYSTEM;
	op.mount.type = "cgroup2";
	op.mount.cgroup_fallback = true;
	return plan_op_add(b, &b->early, &op);
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
	const char *path =
		oci_map_get(&b->in->config->annotations, "run.oci.systemd.force_cgroup_v1");
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

	if (path == NULL || b->in->host->cgroup_layout != LX_CGROUP_V2)
		return RL_OK;
	RL_TRY(plan_path_clean(b->arena, path, &op.target));
	RL_TRY(add_controllers(b->arena, &op.mount, "name=systemd,xattr"));
	return plan_op_add(b, &b->early, &op);
}

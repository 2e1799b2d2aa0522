/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the container's cgroup is.
 *
 * linux.cgroupsPath may be absolute: then it counts from the mount point of every hierarchy. A
 * relative one, and none (then the container's id is taken), lies below the cgroup that the caller
 * is in itself, so that a container started inside a limited session or inside another container
 * stays within those limits. On version 2 it lies beside it instead, below its parent: a cgroup
 * with processes in it, such as the caller's, cannot hand controllers on to children (cgroups(7),
 * "no internal processes").
 *
 * With systemd it is where systemd puts the container's scope, or a child of that.
 */
#include "plan/cgroup.h"

#include "plan/cgroup_parts.h"
#include "plan/cgroup_unit.h"

#include <limits.h>
#include <string.h>

#define RESOURCES "$.linux.resources"
#define CGROUPS_PATH "$.linux.cgroupsPath"

/* ---- the path -------------------------------------------------------------------------------- */

static bool name_of_directory(const char *name)
{
	return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && strlen(name) <= NAME_MAX;
}

/* "a//b/./c/" -> "/a/b/c". "" when nothing is left. ".." is refused: it could only lead out. */
static rl_err normalise(struct rl_arena *a, const char *path, const char **ret)
{
	char *out;
	size_t len = 0;

	RL_TRY(rl_arena_get(a, 1, strlen(path) + 2, &out));
	for (const char *at = path; *at != '\0';) {
		size_t n = strcspn(at, "/");

		if (n == 2 && strncmp(at, "..", 2) == 0)
			return rl_hint(rl_refuse(RL_E(EINVAL),
						 CGROUPS_PATH ": \"%s\" contains \"..\"", path),
				       "an absolute path begins at the top of the cgroup tree");
		if (n > NAME_MAX)
			return rl_refuse(RL_E(ENAMETOOLONG),
					 CGROUPS_PATH ": a name in it is longer than %d bytes",
					 NAME_MAX);
		if (n > 0 && !(n == 1 && at[0] == '.')) {
			out[len++] = '/';
			memcpy(out + len, at, n);
			len += n;
		}
		at += n;
		at += strspn(at, "/");
	}
	if (len > PATH_MAX - 2 * NAME_MAX)
		return rl_refuse(RL_E(ENAMETOOLONG), CGROUPS_PATH ": longer than %d bytes",
				 PATH_MAX - 2 * NAME_MAX);
	*ret = out;
	return RL_OK;
}

/* Below what a relative path lies in this hierarchy, without a slash at its end. */
static rl_err place_of_caller(struct rl_arena *a, const struct lx_cgroup_hierarchy *h,
			      const char **ret)
{
	size_t len = strlen(h->own);

	/* Outside of our cgroup namespace, or removed while we are in it. */
	if (strncmp(h->own, "/..", 3) == 0 || strstr(h->own, " (deleted)") != NULL)
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "the caller's own cgroup, %s in %s, has no place for "
					 "children",
					 h->own, h->mount),
			       "give an absolute linux.cgroupsPath");
	if (h->version == 2)
		while (len > 0 && h->own[--len] != '/')
			;
	if (len == 1 && h->own[0] == '/')
		len = 0;
	return rl_arena_strn(a, h->own, len, ret);
}

static rl_err make_dirs(struct rl_arena *a, const struct lx_host *host, const char *path,
			bool absolute, struct lx_cgroup_spec *spec)
{
	struct lx_cgroup_dir *dirs;
	const char *below = "";

	RL_TRY(rl_new_array(a, host->hierarchy_count, &dirs));
	spec->into = -1;
	for (size_t i = 0; i < host->hierarchy_count; i++) {
		const struct lx_cgroup_hierarchy *h = &host->hierarchies[i];
		struct lx_cgroup_dir *d = &dirs[i];

		if (!absolute)
			RL_TRY(place_of_caller(a, h, &below));
		RL_TRY(rl_arena_fmt(a, &d->path, "%s%s%s", h->mount, below, path));
		if (strlen(d->path) >= PATH_MAX - NAME_MAX)
			return rl_refuse(RL_E(ENAMETOOLONG), CGROUPS_PATH ": %s is too long",
					 d->path);
		d->mount_len = strlen(h->mount);
		d->controllers = h->version == 2 ? "" : h->controllers;
		d->version = h->version;
		if (h->version == 2)
			spec->into = (int)i;
	}
	spec->dirs = dirs;
	spec->dir_count = host->hierarchy_count;
	return RL_OK;
}

static rl_err find_place(struct rl_arena *a, const struct plan_cgroup_input *in,
			 struct plan_cgroup *cg)
{
	const char *wanted = in->config->linux_.cgroups_path;
	bool absolute = wanted != NULL && wanted[0] == '/';
	const char *path = "", *below = "";

	RL_TRY(normalise(a, wanted != NULL && wanted[0] != '\0' ? wanted : in->request->id, &path));
	if (path[0] == '\0')
		return rl_hint(
			rl_refuse(RL_E(EINVAL),
				  CGROUPS_PATH ": \"%s\" is the root of the cgroup tree", wanted),
			"name a cgroup below it, for example \"/runlet/%s\"", in->request->id);
	RL_TRY(make_dirs(a, in->host, path, absolute, &cg->spec));
	/* Shown to people: as in the hierarchy that tells most. */
	if (!absolute)
		RL_TRY(place_of_caller(
			a, &in->host->hierarchies[cg->spec.into >= 0 ? cg->spec.into : 0], &below));
	return rl_arena_fmt(a, &cg->path, "%s%s", below, path);
}

/*
 * run.oci.systemd.subgroup. By default version 2 has one, because systemd keeps the scope's own
 * directory for itself while the container may do in the child what it likes.
 */
static rl_err find_subgroup(const struct plan_cgroup_input *in, const char **ret)
{
	static const char annotation[] = "run.oci.systemd.subgroup";
	const char *name = oci_map_get(&in->config->annotations, annotation);

	*ret = "";
	if (name == NULL)
		*ret = in->host->cgroup_layout == LX_CGROUP_V2 ? "container" : "";
	else if (!name_of_directory(name) && name[0] != '\0')
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "$.annotations[\"%s\"]: \"%s\" is no name of a directory",
					 annotation, name),
			       "it becomes a child of the container's scope");
	else if (in->host->cgroup_layout == LX_CGROUP_V2)
		*ret = name;
	return RL_OK;
}

static rl_err find_unit(struct rl_arena *a, const struct plan_cgroup_input *in,
			struct plan_cgroup *cg)
{
	const char *child;

	RL_TRY(plan_unit_place(a, in, &cg->unit));
	RL_TRY(find_subgroup(in, &child));
	RL_TRY(rl_arena_fmt(a, &cg->path, "%s%s%s", cg->unit.cgroup, child[0] ? "/" : "", child));
	RL_TRY(make_dirs(a, in->host, cg->path, true, &cg->spec));
	cg->spec.adopt = child[0] == '\0';
	cg->spec.enable_late = true;
	if (child[0] != '\0')
		cg->spec.enable_from = cg->spec.dirs[0].mount_len + strlen(cg->unit.cgroup);
	return RL_OK;
}

/* ---- resources ------------------------------------------------------------------------------- */

static rl_err write_resources(struct plan_cg *c, const struct oci_resources *r)
{
	if (r->memory != NULL)
		RL_TRY(plan_cg_memory(c, r->memory));
	if (r->cpu != NULL)
		RL_TRY(plan_cg_cpu(c, r->cpu));
	if (r->block_io != NULL)
		RL_TRY(plan_cg_block_io(c, r->block_io));
	return plan_cg_rest(c, r);
}

static bool asks_for_limits(const struct oci_resources *r)
{
	return r != NULL && (r->memory != NULL || r->cpu != NULL || r->pids != NULL ||
			     r->block_io != NULL || r->hugepage_limit_count > 0 ||
			     r->network != NULL || r->rdma_count > 0 || r->unified.count > 0);
}

static bool has_v1(const struct lx_cgroup_spec *spec, const char *controller)
{
	for (size_t i = 0; i < spec->dir_count; i++)
		if (spec->dirs[i].version == 1 &&
		    plan_cg_word(spec->dirs[i].controllers, controller, ","))
			return true;
	return false;
}

static rl_err make_devices(struct rl_arena *a, const struct plan_cgroup_input *in,
			   struct plan_warnings *warnings, struct plan_cgroup *cg)
{
	const struct oci_resources *r = in->config->linux_.resources;
	bool v1 = has_v1(&cg->spec, "devices");

	/* Nothing can be refused without the controller of version 1 and without version 2. */
	if (!v1 && cg->spec.into < 0) {
		if (r == NULL || r->device_count == 0)
			return RL_OK;
		return plan_warn(a, warnings,
				 RESOURCES ".devices: ignored, the cgroup controller devices is "
					   "not available here");
	}
	/*
	 * In a user namespace no device node can be made and a file system mounted there opens
	 * none: what is left are the nodes that the caller may open anyway.
	 */
	cg->devices_forgiven = in->host->rootless || cg->spec.forgive;
	return plan_cg_devices(a, RESOURCES, r, in->extra_devices, in->extra_device_count, v1,
			       &cg->devices, &cg->device_count);
}

/* systemd learns of every limit that it has a word for; what else there is stands in the cgroup. */
static rl_err make_properties(struct rl_arena *a, const struct plan_cgroup_input *in,
			      struct plan_cgroup *cg)
{
	RL_TRY(plan_unit_limits(a, &cg->spec, cg->writes, cg->write_count, &cg->unit.properties,
				&cg->unit.property_count));
	RL_TRY(plan_unit_annotations(a, &in->config->annotations, &cg->unit));
	/* Delegate=yes gave the scope's directory all controllers already. */
	if (cg->spec.adopt)
		cg->spec.enable = cg->spec.require = "";
	return RL_OK;
}

static rl_err make_limits(struct rl_arena *a, const struct plan_cgroup_input *in,
			  struct plan_warnings *warnings, struct plan_cgroup *cg)
{
	struct plan_cg c = {
		.arena = a,
		.warnings = warnings,
		.host = in->host,
		.dirs = cg->spec.dirs,
		.dir_count = cg->spec.dir_count,
		.base = RESOURCES,
		.require = "",
	};

	if (in->config->linux_.resources != NULL)
		RL_TRY(write_resources(&c, in->config->linux_.resources));
	cg->writes = c.writes;
	cg->write_count = c.count;
	cg->spec.require = c.require;
	/*
	 * On a machine of version 2 every controller is enabled, because what is not limited is
	 * still to be seen: engines read memory.current and the like. Beside version 1 they read
	 * there.
	 */
	cg->spec.enable =
		in->host->cgroup_layout == LX_CGROUP_V2 ? in->host->cgroup2_controllers : c.require;
	return RL_OK;
}

/* ---- delegation ------------------------------------------------------------------------------ */

static bool writable_cgroup_mount(const struct oci_config *config)
{
	for (size_t i = 0; i < config->mount_count; i++) {
		const struct oci_mount *m = &config->mounts[i];
		bool read_only = false;

		if (m->type == NULL || strncmp(m->type, "cgroup", 6) != 0)
			continue;
		for (size_t k = 0; k < m->options.count; k++)
			if (strcmp(m->options.items[k], "ro") == 0)
				read_only = true;
			else if (strcmp(m->options.items[k], "rw") == 0)
				read_only = false;
		if (!read_only)
			return true;
	}
	return false;
}

/*
 * config-linux.md, "Cgroup ownership": on version 2, with a cgroup namespace of its own and a
 * writable mount, the cgroup belongs to the container's user.
 */
static void make_delegation(const struct plan_cgroup_input *in, struct plan_cgroup *cg)
{
	const struct oci_namespace *ns = oci_namespace_get(&in->config->linux_, OCI_NS_CGROUP);

	if (in->host->cgroup_layout != LX_CGROUP_V2 || ns == NULL || ns->path != NULL ||
	    in->owner == (uid_t)-1 || in->group == (gid_t)-1 || !writable_cgroup_mount(in->config))
		return;
	/* What we make is ours already. */
	cg->spec.delegate = in->owner != in->host->euid || in->group != in->host->egid;
	cg->spec.owner = in->owner;
	cg->spec.group = in->group;
}

static rl_err make_child(struct rl_arena *a, const struct plan_cgroup_input *in,
			 struct plan_warnings *warnings, struct plan_cgroup *cg)
{
	static const char annotation[] = "run.oci.delegate-cgroup";
	const char *name = oci_map_get(&in->config->annotations, annotation);

	if (name == NULL || name[0] == '\0')
		return RL_OK;
	if (!name_of_directory(name))
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "$.annotations[\"%s\"]: \"%s\" is no name of a directory",
					 annotation, name),
			       "it becomes a child of the container's cgroup");
	if (in->host->cgroup_layout != LX_CGROUP_V2)
		return plan_warn(a, warnings,
				 "$.annotations[\"%s\"]: ignored, there is cgroup version 2 for it "
				 "only",
				 annotation);
	return rl_arena_str(a, name, &cg->child);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static rl_err make_without(struct rl_arena *a, const struct plan_cgroup_input *in,
			   struct plan_warnings *warnings)
{
	if (!asks_for_limits(in->config->linux_.resources))
		return RL_OK;
	if (in->request->cgroup_manager == PLAN_CGROUP_DISABLED)
		return plan_warn(a, warnings,
				 RESOURCES ": no limit is set, because the cgroup manager is "
					   "\"disabled\"");
	return rl_hint(rl_refuse(RL_E(EOPNOTSUPP),
				 RESOURCES ": no cgroup file system is mounted on this machine"),
		       "mount one, for example `mount -t cgroup2 none /sys/fs/cgroup`");
}

rl_err plan_cgroup_make(struct rl_arena *a, const struct plan_cgroup_input *in,
			struct plan_warnings *warnings, struct plan_cgroup *ret)
{
	int forgive = in->request->rootless_cgroups;
	struct plan_cgroup cg = {
		.manager = in->request->cgroup_manager,
		.spec = { .into = -1, .enable = "", .require = "" },
	};

	cg.enabled =
		cg.manager != PLAN_CGROUP_DISABLED && in->host->cgroup_layout != LX_CGROUP_NONE;
	if (!cg.enabled) {
		*ret = cg;
		return make_without(a, in, warnings);
	}
	cg.spec.forgive = forgive > 0 || (forgive < 0 && in->host->rootless);
	if (cg.manager == PLAN_CGROUP_SYSTEMD)
		RL_TRY(find_unit(a, in, &cg));
	else
		RL_TRY(find_place(a, in, &cg));
	RL_TRY(make_limits(a, in, warnings, &cg));
	if (cg.manager == PLAN_CGROUP_SYSTEMD)
		RL_TRY(make_properties(a, in, &cg));
	RL_TRY(make_devices(a, in, warnings, &cg));
	make_delegation(in, &cg);
	RL_TRY(make_child(a, in, warnings, &cg));
	*ret = cg;
	return RL_OK;
}

rl_err plan_cgroup_update_make(struct rl_arena *a, const struct oci_resources *r,
			       const struct lx_cgroup_spec *spec, const struct lx_host *host,
			       struct plan_warnings *warnings, struct plan_cgroup_update *ret)
{
	struct plan_cg c = {
		.arena = a,
		.warnings = warnings,
		.host = host,
		.dirs = spec->dirs,
		.dir_count = spec->dir_count,
		.base = "$",
		.update = true,
		.require = "",
	};
	struct plan_cgroup_update update = { 0 };

	RL_TRY(write_resources(&c, r));
	update.writes = c.writes;
	update.write_count = c.count;
	RL_TRY(plan_unit_limits(a, spec, c.writes, c.count, &update.properties,
				&update.property_count));
	if (r->device_count > 0)
		RL_TRY(plan_cg_devices(a, "$", r, NULL, 0, has_v1(spec, "devices"), &update.devices,
				       &update.device_count));
	*ret = update;
	return RL_OK;
}

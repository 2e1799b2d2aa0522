/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From config.json to the list of operations that builds the root file system: root, mounts,
 * masked and read-only paths here; options, cgroups and devices in the files beside.
 *
 *   early  mounts in the order of the configuration, then devices, links, terminal, working
 *          directory: with all this the createContainer hooks run
 *   late   memory file systems become read-only, then read-only paths, then masks
 */
#include "plan/furnish_build.h"
#include "plan/mount_options.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- the list ------------------------------------------------------------------------------- */

static const char *const op_names[] = {
	[PLAN_OP_FILESYSTEM] = "filesystem", [PLAN_OP_BIND] = "bind",
	[PLAN_OP_REMOUNT] = "remount",	     [PLAN_OP_DIRECTORY] = "directory",
	[PLAN_OP_SYMLINK] = "symlink",	     [PLAN_OP_DEVICE] = "device",
	[PLAN_OP_CONSOLE] = "console",	     [PLAN_OP_MASK] = "mask",
	[PLAN_OP_READONLY] = "readonly",
};

const char *plan_op_name(enum plan_op_kind kind)
{
	return (size_t)kind < COUNT(op_names) ? op_names[kind] : "?";
}

rl_err plan_op_add(struct plan_builder *b, struct plan_op_list *list, const struct plan_op *op)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 32;
		struct plan_op *items;

		RL_TRY(rl_new_array(b->arena, room, &items));
		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->room = room;
	}
	list->items[list->count++] = *op;
	return RL_OK;
}

/* ---- paths ---------------------------------------------------------------------------------- */

static bool is_clean(const char *path)
{
	if (path[0] != '/')
		return false;
	if (path[1] == '\0')
		return true;
	for (const char *at = path; *at;) {
		size_t len = strcspn(++at, "/");

		if (len == 0 || (len == 1 && at[0] == '.') ||
		    (len == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += len;
	}
	return true;
}

rl_err plan_path_clean(struct rl_arena *a, const char *path, const char **ret)
{
	size_t used = 0;
	char *clean;

	if (is_clean(path)) {
		*ret = path;
		return RL_OK;
	}
	RL_TRY(rl_arena_get(a, strlen(path) + 2, 1, &clean));
	for (const char *at = path; *at;) {
		size_t len = strcspn(at, "/");

		if (len == 2 && at[0] == '.' && at[1] == '.') {
			while (used > 0 && clean[--used] != '/')
				;
		} else if (len > 0 && !(len == 1 && at[0] == '.')) {
			clean[used++] = '/';
			memcpy(clean + used, at, len);
			used += len;
		}
		at += len;
		at += *at == '/';
	}
	if (used == 0)
		clean[used++] = '/';
	clean[used] = '\0';
	*ret = clean;
	return RL_OK;
}

bool plan_path_is_beneath(const char *path, const char *dir)
{
	size_t len = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static rl_err absolute(struct plan_builder *b, const char *path, const char **ret)
{
	if (path[0] == '/') {
		*ret = path;
		return RL_OK;
	}
	return rl_arena_fmt(b->arena, ret, "%s/%s", b->in->request->bundle, path);
}

/* ---- one mount ------------------------------------------------------------------------------ */

/* Everything known about mounts[index] while its operation is made. */
struct mount_work {
	const struct oci_mount *config;
	size_t index;
	struct plan_mount_words words;
	struct plan_op op;
};

static bool is_one_of(const char *type, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(type, *list) == 0)
			return true;
	return false;
}

/*
 * Files that virtualise what /proc tells (lxcfs and the like). Anything else mounted within /proc
 * could make a write to a kernel file arrive elsewhere (CVE-2019-16884).
 */
static const char *const may_be_covered[] = {
	"/proc/cpuinfo",
	"/proc/diskstats",
	"/proc/loadavg",
	"/proc/meminfo",
	"/proc/net/dev",
	"/proc/slabinfo",
	"/proc/stat",
	"/proc/swaps",
	"/proc/sys/crypto/fips_enabled",
	"/proc/sys/kernel/ns_last_pid",
	"/proc/uptime",
	NULL,
};

static rl_err check_proc(struct mount_work *w)
{
	const char *target = w->op.target;

	if (!plan_path_is_beneath(target, "/proc"))
		return RL_OK;
	if (strcmp(target, "/proc") == 0) {
		if (w->op.kind == PLAN_OP_BIND)
			w->op.mount.source_is_proc = true;
		else if (w->op.mount.type && strcmp(w->op.mount.type, "proc") != 0)
			return rl_refuse(RL_E(EINVAL),
					 "$.mounts[%zu].type: %s at /proc, where only a procfs "
					 "may be",
					 w->index, w->op.mount.type);
		return RL_OK;
	}
	if (!is_one_of(target, may_be_covered))
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "$.mounts[%zu].destination: %s is inside /proc", w->index,
					 target),
			       "only single files that tell about resources may be covered there: "
			       "cpuinfo, meminfo, stat, uptime, loadavg and their like");
	w->op.mount.may_cover_proc = true;
	return RL_OK;
}

static rl_err plan_idmap(struct plan_builder *b, struct mount_work *w)
{
	struct plan_idmap *idmap = &w->op.mount.idmap;
	const struct oci_mount *m = w->config;
	rl_err e;

	if (w->words.idmap_maps) {
		e = plan_mount_idmap_read(b->arena, w->words.idmap_maps, b->in->uid_lines,
					  b->in->gid_lines, idmap);
		return rl_wrap(e, "$.mounts[%zu].options[%zu]", w->index, w->words.idmap_option);
	}
	if (m->uid_mapping_count > 0 || m->gid_mapping_count > 0) {
		if (m->uid_mapping_count == 0 || m->gid_mapping_count == 0)
			return rl_refuse(RL_E(EINVAL),
					 "$.mounts[%zu]: uidMappings and gidMappings are needed "
					 "together",
					 w->index);
		idmap->wanted = true;
		RL_TRY(plan_mount_map_text(b->arena, m->uid_mappings, m->uid_mapping_count,
					   &idmap->uid_lines));
		return plan_mount_map_text(b->arena, m->gid_mappings, m->gid_mapping_count,
					   &idmap->gid_lines);
	}
	if (!idmap->wanted)
		return RL_OK;
	if (!b->in->has_user_namespace)
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "$.mounts[%zu].options: idmap without a mapping, and the "
					 "container has no user namespace",
					 w->index),
			       "give the mount uidMappings and gidMappings");
	idmap->ns_path = b->in->userns_path;
	idmap->uid_lines = b->in->uid_lines;
	idmap->gid_lines = b->in->gid_lines;
	return RL_OK;
}

static void serve(struct plan_builder *b, struct plan_op *op, enum plan_serve kind)
{
	op->serve = kind;
	op->served = b->served++;
}

/* ---- file systems --------------------------------------------------------------------------- */

/*
 * File systems of the kernel's own state: "ro" is meant for this mount of it. Another container
 * that shares the namespace shares the superblock as well, and may want to write.
 */
static const char *const mount_only_readonly[] = {
	"cgroup", "cgroup2", "devpts", "mqueue", "proc", "ramfs", "sysfs", "tmpfs", NULL,
};
static const char *const in_memory[] = { "ramfs", "tmpfs", NULL };
static const char *const never_labelled[] = { "cgroup", "cgroup2", "proc", "sysfs", NULL };

static rl_err set_label(struct plan_builder *b, struct plan_op *op)
{
	const char *label = b->in->config->linux_.mount_label;
	const char *kind = oci_map_get(&b->in->config->annotations, "run.oci.mount_context_type");
	static const char *const kinds[] = { "context", "defcontext", "fscontext", "rootcontext",
					     NULL };

	if (label == NULL || *label == '\0' || !b->in->host->selinux ||
	    is_one_of(op->mount.type, never_labelled))
		return RL_OK;
	if (strcmp(op->mount.type, "mqueue") == 0) {
		op->mount.label = label;
		return RL_OK;
	}
	if (kind == NULL)
		kind = kinds[0];
	if (!is_one_of(kind, kinds))
		return rl_refuse(RL_E(EINVAL),
				 "$.annotations[\"run.oci.mount_context_type\"]: \"%s\" is none of "
				 "context, fscontext, defcontext, rootcontext",
				 kind);
	for (size_t i = 0; i < op->mount.option_count; i++)
		if (is_one_of(op->mount.options[i].key, kinds))
			return RL_OK; /* the mount has its own */
	return plan_mount_add_quoted(b->arena, &op->mount, kind, label);
}

/* gid=5 is tty on every distribution; where it is not mapped the kernel would refuse it. */
static rl_err drop_unmapped_gid(struct plan_builder *b, struct plan_op_mount *m)
{
	if (!b->in->has_user_namespace || b->in->gid_lines == NULL)
		return RL_OK;
	for (size_t i = 0; i < m->option_count; i++) {
		const char *value = m->options[i].value;
		uint32_t host;

		if (strcmp(m->options[i].key, "gid") == 0 && value &&
		    !plan_map_id(b->in->gid_lines, (uint32_t)strtoul(value, NULL, 10), 1, &host))
			return plan_mount_drop_option(b->arena, m, "gid");
	}
	return RL_OK;
}

/* Other mounts, devices and links are still to be made in it: read-only comes at the end. */
static rl_err defer_readonly(struct plan_builder *b, struct plan_op *op)
{
	struct plan_op late = {
		.kind = PLAN_OP_REMOUNT,
		.target = op->target,
		.origin = op->origin,
		.index = op->index,
		.mount.set = MOUNT_ATTR_RDONLY,
	};

	op->mount.set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	return plan_op_add(b, &b->late, &late);
}

rl_err plan_build_filesystem(struct plan_builder *b, struct plan_op *op)
{
	struct plan_op_mount *m = &op->mount;

	/* A new file system has no mounts beneath it, and nothing to clear. */
	m->set |= m->recursive_set;
	m->clear = m->recursive_set = m->recursive_clear = 0;
	m->sb_clear = 0;
	m->recursive = false;
	if (is_one_of(m->type, mount_only_readonly))
		m->sb_flags &= ~(unsigned long)MS_RDONLY;
	if (m->set & MOUNT_ATTR_RDONLY && is_one_of(m->type, in_memory))
		RL_TRY(defer_readonly(b, op));
	return plan_op_add(b, &b->early, op);
}

static rl_err refuse_bind_words(const struct mount_work *w)
{
	const struct plan_op_mount *m = &w->op.mount;
	const char *word = m->source_nofollow ? "src-nofollow"
			   : m->copy_symlink  ? "copy-symlink"
					      : NULL;

	if (word)
		return rl_refuse(RL_E(EINVAL), "$.mounts[%zu].options: %s is for bind mounts",
				 w->index, word);
	if (m->copy_up && strcmp(m->type, "tmpfs") != 0)
		return rl_refuse(RL_E(EINVAL), "$.mounts[%zu].options: tmpcopyup is for tmpfs",
				 w->index);
	return RL_OK;
}

/* A user namespace owns no sysfs of a network namespace it did not make: the host's is shown. */
static rl_err build_sysfs(struct plan_builder *b, struct mount_work *w)
{
	struct plan_op *op = &w->op;

	op->mount.no_symlinks = true;
	if (!b->in->has_user_namespace || b->in->new_network_namespace)
		return plan_build_filesystem(b, op);
	op->kind = PLAN_OP_BIND;
	op->mount.type = NULL;
	op->mount.source = "/sys";
	op->mount.recursive = true;
	op->mount.options = NULL;
	op->mount.option_count = 0;
	op->mount.data = NULL;
	/* What is mounted beneath is as little to be written to as /sys itself. */
	op->mount.recursive_set |= op->mount.set;
	op->mount.set = op->mount.clear = 0;
	return plan_op_add(b, &b->early, op);
}

static rl_err build_filesystem(struct plan_builder *b, struct mount_work *w)
{
	struct plan_op *op = &w->op;
	const char *type = w->config->type;

	op->kind = PLAN_OP_FILESYSTEM;
	op->mount.type = type;
	op->mount.source = w->config->source;
	RL_TRY(refuse_bind_words(w));
	RL_TRY(check_proc(w));
	if (strcmp(type, "cgroup") == 0 || strcmp(type, "cgroup2") == 0)
		return plan_build_cgroup(b, op);
	if (strcmp(type, "sysfs") == 0)
		return build_sysfs(b, w);
	RL_TRY(plan_idmap(b, w));
	if (op->mount.idmap.wanted)
		serve(b, op, PLAN_SERVE_USERNS);
	if (strcmp(type, "proc") == 0)
		op->mount.no_symlinks = true;
	if (strcmp(type, "tmpfs") == 0)
		op->mount.inherit_mode = !w->words.has_mode;
	if (strcmp(type, "devpts") == 0)
		RL_TRY(drop_unmapped_gid(b, &op->mount));
	RL_TRY(set_label(b, op));
	return plan_build_filesystem(b, op);
}

/* ---- binds and changes ---------------------------------------------------------------------- */

static rl_err check_bind(struct plan_builder *b, const struct mount_work *w)
{
	const struct plan_mount_words *words = &w->words;
	const char *const *options = w->config->options.items;

	if (words->first_data != PLAN_NO_OPTION)
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "$.mounts[%zu].options[%zu]: \"%s\" is no option of a "
					 "bind mount",
					 w->index, words->first_data, options[words->first_data]),
			       "options of a file system would change it for the host as well");
	if (words->m.copy_up)
		return rl_refuse(RL_E(EINVAL), "$.mounts[%zu].options: tmpcopyup is for tmpfs",
				 w->index);
	if (words->first_sb != PLAN_NO_OPTION)
		return plan_warn(b->arena, b->warnings,
				 "$.mounts[%zu].options[%zu]: \"%s\" is a property of the file "
				 "system, a bind mount cannot change it",
				 w->index, words->first_sb, options[words->first_sb]);
	return RL_OK;
}

static rl_err build_bind(struct plan_builder *b, struct mount_work *w)
{
	struct plan_op *op = &w->op;

	op->kind = PLAN_OP_BIND;
	RL_TRY(check_bind(b, w));
	RL_TRY(check_proc(w));
	op->mount.sb_flags = op->mount.sb_clear = 0;
	if (w->config->source == NULL || *w->config->source == '\0')
		return rl_refuse(RL_E(EINVAL),
				 "$.mounts[%zu].source: missing, and it is a bind mount", w->index);
	RL_TRY(absolute(b, w->config->source, &op->mount.source));
	RL_TRY(plan_idmap(b, w));
	if (b->in->has_user_namespace || op->mount.idmap.wanted)
		serve(b, op, PLAN_SERVE_TREE);
	return plan_op_add(b, &b->early, op);
}

/* "remount", or attributes and propagation alone: for what is mounted there already. */
static rl_err build_change(struct plan_builder *b, struct mount_work *w)
{
	struct plan_op *op = &w->op;

	op->kind = PLAN_OP_REMOUNT;
	if (w->words.bind) {
		RL_TRY(check_bind(b, w));
		op->mount.sb_flags = op->mount.sb_clear = 0;
	}
	if (w->words.m.copy_up || w->words.m.idmap.wanted)
		return rl_refuse(RL_E(EINVAL),
				 "$.mounts[%zu].options: tmpcopyup and idmap are for new mounts",
				 w->index);
	if (w->config->type == NULL || is_one_of(w->config->type, mount_only_readonly)) {
		op->mount.sb_flags &= ~(unsigned long)MS_RDONLY;
		op->mount.sb_clear &= ~(unsigned long)MS_RDONLY;
	}
	op->mount.recursive = false;
	return plan_op_add(b, &b->early, op);
}

static rl_err read_destination(struct plan_builder *b, struct mount_work *w)
{
	const char *destination = w->config->destination;

	if (destination == NULL || *destination == '\0')
		return rl_refuse(RL_E(EINVAL), "$.mounts[%zu].destination: missing", w->index);
	if (destination[0] != '/')
		RL_TRY(plan_warn(
			b->arena, b->warnings,
			"$.mounts[%zu].destination: \"%s\" should be absolute; taken from /",
			w->index, destination));
	return plan_path_clean(b->arena, destination, &w->op.target);
}

static rl_err build_mount(struct plan_builder *b, size_t index)
{
	struct mount_work w = {
		.config = &b->in->config->mounts[index],
		.index = index,
		.op = { .origin = "$.mounts", .index = (int)index },
	};
	const char *type = w.config->type && *w.config->type ? w.config->type : NULL;
	bool no_type = type == NULL || strcmp(type, "none") == 0;

	RL_TRY(read_destination(b, &w));
	RL_TRY(plan_mount_words_read(b->arena, &w.config->options, index, &w.words));
	w.op.mount = w.words.m;
	if (w.words.remount)
		return build_change(b, &w);
	if (w.words.bind || (type && strcmp(type, "bind") == 0))
		return build_bind(b, &w);
	if (no_type && w.words.changes && w.config->source == NULL)
		return build_change(b, &w);
	if (no_type)
		return rl_refuse(RL_E(EINVAL),
				 "$.mounts[%zu].type: missing, and no option says bind or rbind",
				 index);
	return build_filesystem(b, &w);
}

/* ---- what comes besides --------------------------------------------------------------------- */

/* The relay of NOTIFY_SOCKET: the runtime made the directory, if it relays. */
static rl_err build_notify(struct plan_builder *b)
{
	const struct plan_request *r = b->in->request;
	struct plan_op op = {
		.kind = PLAN_OP_BIND,
		.target = "/run/notify",
		.origin = "NOTIFY_SOCKET",
		.index = -1,
		.mount.optional = true,
	};

	if (r->notify_socket == NULL || !b->in->has_mount_namespace)
		return RL_OK;
	RL_TRY(rl_arena_fmt(b->arena, &op.mount.source, "%s/%s/notify", r->state_root, r->id));
	if (b->in->has_user_namespace)
		serve(b, &op, PLAN_SERVE_TREE);
	return plan_op_add(b, &b->early, &op);
}

static rl_err build_process(struct plan_builder *b, struct plan_furnish *f)
{
	const struct oci_process *p = b->in->config->process;
	struct plan_op op = { .origin = "$.process.cwd", .index = -1 };

	if (p == NULL)
		return RL_OK;
	if (p->terminal) {
		f->terminal = true;
		f->tty_uid = p->user.uid;
		if (p->console_size) {
			f->rows = (unsigned short)p->console_size->height;
			f->columns = (unsigned short)p->console_size->width;
		}
		RL_TRY(plan_op_add(b, &b->early,
				   &(struct plan_op){
					   .kind = PLAN_OP_CONSOLE,
					   .target = "/dev/console",
					   .origin = "$.process.terminal",
					   .index = -1,
				   }));
	}
	if (p->cwd == NULL || strcmp(p->cwd, "/") == 0)
		return RL_OK;
	op.kind = PLAN_OP_DIRECTORY;
	op.node.mode = 0755;
	RL_TRY(plan_path_clean(b->arena, p->cwd, &op.target));
	return plan_op_add(b, &b->early, &op);
}

static rl_err build_paths(struct plan_builder *b, const struct oci_strings *paths,
			  enum plan_op_kind kind, const char *origin)
{
	for (size_t i = 0; i < paths->count; i++) {
		struct plan_op op = { .kind = kind, .origin = origin, .index = (int)i };

		if (paths->items[i][0] != '/')
			return rl_refuse(RL_E(EINVAL), "%s[%zu]: \"%s\" must be absolute", origin,
					 i, paths->items[i]);
		RL_TRY(plan_path_clean(b->arena, paths->items[i], &op.target));
		if (strcmp(op.target, "/") == 0)
			return rl_refuse(RL_E(EINVAL), "%s[%zu]: the root itself", origin, i);
		RL_TRY(plan_op_add(b, &b->late, &op));
	}
	return RL_OK;
}

/* ---- the root ------------------------------------------------------------------------------- */

/*
 * Before anything else all mounts of the new namespace become slaves of the host's, so that what is
 * mounted here stays here. Only "shared" keeps them peers. "unbindable" is for the container's
 * root alone: it could not be bound otherwise.
 */
static void plan_propagation(enum oci_propagation p, struct plan_furnish *f)
{
	f->host_propagation = MS_SLAVE | MS_REC;
	switch (p) {
	case OCI_PROPAGATION_ABSENT:
		break;
	case OCI_PROPAGATION_SHARED:
		f->host_propagation = f->root_propagation = MS_SHARED;
		break;
	case OCI_PROPAGATION_RSHARED:
		f->host_propagation = MS_SHARED | MS_REC;
		f->root_propagation = MS_SHARED;
		break;
	case OCI_PROPAGATION_SLAVE:
	case OCI_PROPAGATION_RSLAVE:
		f->root_propagation = MS_SLAVE;
		break;
	case OCI_PROPAGATION_PRIVATE:
	case OCI_PROPAGATION_RPRIVATE:
		f->host_propagation = MS_PRIVATE | MS_REC;
		f->root_propagation = MS_PRIVATE;
		break;
	case OCI_PROPAGATION_UNBINDABLE:
	case OCI_PROPAGATION_RUNBINDABLE:
		f->host_propagation = MS_PRIVATE | MS_REC;
		f->root_propagation = MS_UNBINDABLE;
		break;
	}
}

static rl_err plan_root(struct plan_builder *b, struct plan_furnish *f)
{
	const struct oci_config *c = b->in->config;

	if (c->root.path == NULL || *c->root.path == '\0')
		return rl_refuse(RL_E(EINVAL), "$.root.path: missing");
	RL_TRY(absolute(b, c->root.path, &f->root_path));
	f->root_readonly = c->root.readonly;
	f->root_change = !b->in->has_mount_namespace ? PLAN_ROOT_CHROOT
			 : b->in->request->no_pivot  ? PLAN_ROOT_MOVE
						     : PLAN_ROOT_PIVOT;
	plan_propagation(c->linux_.rootfs_propagation, f);
	if (b->in->has_user_namespace && b->in->has_mount_namespace) {
		f->serve_root = true;
		f->root_served = b->served++;
	}
	return RL_OK;
}

/* Mounts would be the host's own then. */
static rl_err refuse_without_namespace(const struct oci_config *c)
{
	const char *what = c->mount_count > 0			? "$.mounts"
			   : c->linux_.masked_paths.count > 0	? "$.linux.maskedPaths"
			   : c->linux_.readonly_paths.count > 0 ? "$.linux.readonlyPaths"
			   : c->root.readonly			? "$.root.readonly"
			   : c->linux_.rootfs_propagation	? "$.linux.rootfsPropagation"
								: NULL;

	if (what == NULL)
		return RL_OK;
	return rl_hint(rl_refuse(RL_E(EINVAL), "%s: needs a mount namespace", what),
		       "add {\"type\": \"mount\"} to linux.namespaces");
}

static rl_err build_all(struct plan_builder *b, struct plan_furnish *f)
{
	const struct oci_config *c = b->in->config;

	RL_TRY(plan_root(b, f));
	if (!b->in->has_mount_namespace)
		RL_TRY(refuse_without_namespace(c));
	for (size_t i = 0; i < c->mount_count; i++)
		RL_TRY(build_mount(b, i));
	RL_TRY(plan_build_cgroup_extras(b));
	RL_TRY(build_notify(b));
	RL_TRY(plan_build_devices(b));
	RL_TRY(build_process(b, f));
	RL_TRY(build_paths(b, &c->linux_.readonly_paths, PLAN_OP_READONLY,
			   "$.linux.readonlyPaths"));
	return build_paths(b, &c->linux_.masked_paths, PLAN_OP_MASK, "$.linux.maskedPaths");
}

rl_err plan_furnish_make(struct rl_arena *a, const struct plan_furnish_input *in,
			 struct plan_warnings *warnings, struct plan_furnish *ret)
{
	struct plan_builder b = { .arena = a, .in = in, .warnings = warnings };
	struct plan_furnish f = { 0 };
	struct plan_op *ops;

	RL_TRY(build_all(&b, &f));
	f.late = b.early.count;
	f.count = b.early.count + b.late.count;
	RL_TRY(rl_new_array(a, f.count + 1, &ops));
	if (b.early.count > 0)
		memcpy(ops, b.early.items, b.early.count * sizeof(*ops));
	if (b.late.count > 0)
		memcpy(ops + b.early.count, b.late.items, b.late.count * sizeof(*ops));
	f.ops = ops;
	f.served_count = b.served;
	*ret = f;
	return RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of $.mounts: what it is, whether it may be, and its operation. */
#include "plan/furnish_build.h"
#include "plan/mount_options.h"

#include <stdlib.h>
#include <string.h>

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
		plan_op_serve(b, op, PLAN_SERVE_USERNS);
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
	RL_TRY(plan_path_absolute(b, w->config->source, &op->mount.source));
	RL_TRY(plan_idmap(b, w));
	if (b->in->has_user_namespace || op->mount.idmap.wanted)
		plan_op_serve(b, op, PLAN_SERVE_TREE);
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

rl_err plan_build_mount(struct plan_builder *b, size_t index)
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

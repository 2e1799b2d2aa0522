/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From config.json to the list of operations that builds the root file system: root, order, masked
 * and read-only paths here; mounts, their options, cgroups and devices in the files beside.
 *
 *   early  mounts in the order of the configuration, then devices, links, terminal, working
 *          directory: with all this the createContainer hooks run
 *   late   memory file systems become read-only, then read-only paths, then masks
 */
#include "plan/furnish_build.h"

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

void plan_op_serve(struct plan_builder *b, struct plan_op *op, enum plan_serve kind)
{
	op->serve = kind;
	op->served = b->served++;
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

rl_err plan_path_absolute(struct plan_builder *b, const char *path, const char **ret)
{
	if (path[0] == '/') {
		*ret = path;
		return RL_OK;
	}
	return rl_arena_fmt(b->arena, ret, "%s/%s", b->in->request->bundle, path);
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
		plan_op_serve(b, &op, PLAN_SERVE_TREE);
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
	RL_TRY(plan_path_absolute(b, c->root.path, &f->root_path));
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
		RL_TRY(plan_build_mount(b, i));
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

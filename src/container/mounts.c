/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mounts add` and `mounts remove`: mounts of a container that is there already.
 *
 *   runtime   reads, plans, opens the host's trees and gives them their attributes
 *   child     enters the container's namespaces; makes new file systems, detached; then finds the
 *             targets beneath the root and attaches one after the other
 *
 * The container may run and is hostile. Everything that can fail is done while the mounts are
 * detached and nobody sees them; when attaching fails, what was attached before is taken away
 * again. /proc of the container is never used: what needs one goes through the host's, by
 * descriptor.
 */
#include "base/io.h"
#include "base/log.h"
#include "base/proc.h"
#include "container/again.h"
#include "container/container.h"
#include "container/furnish.h"
#include "container/load.h"
#include "container/place.h"
#include "container/record.h"
#include "container/spawn.h"
#include "container/talk.h"
#include "linux/copy.h"
#include "linux/ids.h"
#include "linux/mount.h"
#include "linux/sys.h"
#include "oci/read.h"
#include "plan/mounts_live.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_LIMIT ((size_t)16 << 20)

struct live {
	struct rl_arena *arena;
	const struct ct_mounts_options *options;
	const struct oci_mount *mounts;
	size_t count;
	struct ct_store store;
	struct oci_record record;
	struct ct_loaded loaded;
	struct plan_mounts_live plan;
	struct ct_served served;
	struct rl_fd *made; /* one an operation: detached, then attached */
	struct lx_proc proc;
	struct rl_fd init, root;
	struct rl_fd talk, their_talk;
	uint64_t types; /* CLONE_NEW* that the child enters */
	struct ct_child child;
};

static void live_close(struct live *l)
{
	for (size_t i = 0; l->made != NULL && i < l->plan.count; i++)
		rl_fd_close(&l->made[i]);
	rl_fd_close(&l->talk);
	rl_fd_close(&l->their_talk);
	rl_fd_close(&l->root);
	rl_fd_close(&l->init);
	rl_fd_close(&l->child.pidfd);
	lx_proc_close(&l->proc);
	ct_serve_close(&l->served);
	ct_loaded_free(&l->loaded);
	ct_store_close(&l->store);
}

/* ---- in the child: the mounts, seen by nobody ------------------------------------------------ */

static rl_err explain(rl_err e, const struct plan_op *op)
{
	return rl_wrap(e, "$[%d]: mount %s at %s", op->index,
		       op->kind == PLAN_OP_BIND ? op->mount.source : op->mount.type, op->target);
}

static rl_err make_filesystem(struct live *l, const struct plan_op *op, struct rl_fd *ret)
{
	const struct plan_op_mount *m = &op->mount;
	const struct lx_fs fs = {
		.type = m->type,
		.source = m->source,
		.sb_flags = m->sb_flags,
		.options = m->options,
		.option_count = m->option_count,
		.data = m->data,
	};

	RL_TRY(lx_fs_make(&fs, m->set, ret));
	if (!m->idmap.wanted)
		return RL_OK;
	return lx_mount_idmap(rl_fd_get(ret), rl_fd_get(&l->served.items[op->served]),
			      m->idmap.recursive);
}

static rl_err make_all(struct live *l)
{
	for (size_t i = 0; i < l->plan.count; i++) {
		const struct plan_op *op = &l->plan.ops[i];

		if (op->kind == PLAN_OP_FILESYSTEM)
			RL_TRY(explain(make_filesystem(l, op, &l->made[i]), op));
		for (size_t k = 0; k < op->mount.propagation_count; k++)
			RL_TRY(explain(lx_mount_propagate(rl_fd_get(&l->made[i]),
							  op->mount.propagation[k]),
				       op));
	}
	return RL_OK;
}

/* ---- attaching ------------------------------------------------------------------------------- */

/* What the directory beneath gives to a tmpfs: its content, or its mode. */
static rl_err inherit(const struct plan_op_mount *m, const struct ct_place *place, int mount_fd)
{
	struct stat st;

	if (!place->existed || (!m->copy_up && !m->inherit_mode))
		return RL_OK;
	if (m->copy_up)
		return rl_wrap(lx_copy_tree(place->fd, mount_fd), "copy what is there");
	RL_TRY(rl_sys(fstat(place->fd, &st), "stat the target"));
	return rl_sys(fchmodat(mount_fd, ".", st.st_mode & 07777, 0), "set the mode");
}

/* True if another one of the new mounts has its place in this one. */
static bool has_targets_beneath(const struct live *l, const struct plan_op *op)
{
	size_t len = strlen(op->target);

	for (size_t i = 0; i < l->plan.count; i++)
		if (strncmp(l->plan.ops[i].target, op->target, len) == 0 &&
		    l->plan.ops[i].target[len] == '/')
			return true;
	return false;
}

static rl_err check_kinds(int place_fd, int mount_fd)
{
	struct stat place, mount;

	RL_TRY(rl_sys(fstat(place_fd, &place), "stat the destination"));
	RL_TRY(rl_sys(fstat(mount_fd, &mount), "stat the source"));
	if (S_ISDIR(place.st_mode) == S_ISDIR(mount.st_mode))
		return RL_OK;
	return rl_refuse(RL_E(ENOTDIR),
			 "one of source and destination is a directory, the other is not");
}

static rl_err attach(struct live *l, struct ct_furnish *furnish, size_t index)
{
	const struct plan_op *op = &l->plan.ops[index];
	struct ct_place CT_AUTO_PLACE place = { 0 };
	int fd = rl_fd_get(&l->made[index]);
	uint64_t late = l->plan.late_set[index];

	RL_TRY(ct_place_find(furnish, op, op->kind == PLAN_OP_BIND ? fd : -1, &place));
	if (op->kind == PLAN_OP_FILESYSTEM)
		RL_TRY(inherit(&op->mount, &place, fd));
	if (late != 0 && !has_targets_beneath(l, op))
		RL_TRY(lx_mount_set(fd, late, 0, false));
	RL_TRY(check_kinds(place.fd, fd));
	return lx_mount_attach(fd, place.fd, place.name);
}

static rl_err attach_all(struct live *l, struct ct_furnish *furnish)
{
	rl_err e = RL_OK;
	size_t done = 0;

	for (; done < l->plan.count && !rl_failed(e); done += !rl_failed(e))
		e = explain(attach(l, furnish, done), &l->plan.ops[done]);
	for (size_t i = 0; i < l->plan.count && !rl_failed(e); i++)
		if (l->plan.late_set[i] != 0)
			e = explain(
				lx_mount_set(rl_fd_get(&l->made[i]), l->plan.late_set[i], 0, false),
				&l->plan.ops[i]);
	if (!rl_failed(e))
		return e;
	while (done-- > 0) {
		rl_err undo = lx_unmount(&l->proc, rl_fd_get(&l->made[done]));

		if (rl_failed(undo))
			e = rl_hint(e, "%s stays mounted: %s", l->plan.ops[done].target,
				    rl_text(undo));
		rl_drop(undo);
	}
	return e;
}

static rl_err add(struct live *l, int root_fd)
{
	struct ct_furnish CT_AUTO_FURNISH furnish = { 0 };

	RL_TRY(rl_fd_from(fcntl(root_fd, F_DUPFD_CLOEXEC, 0), &furnish.root, "copy a descriptor"));
	umask(0);
	RL_TRY(make_all(l));
	return attach_all(l, &furnish);
}

/* ---- taking away ----------------------------------------------------------------------------- */

/* A symlink on the way could lead to a mount that hides something from the container. */
static rl_err open_mount(const char *target, int root_fd, struct rl_fd *ret)
{
	bool is_mount;
	rl_err e = lx_path_open(root_fd, target, LX_PATH_NO_SYMLINKS, ret);

	if (rl_is(e, RL_E(ELOOP)))
		return rl_hint(e, "%s leads through a symlink: name the place itself", target);
	RL_TRY(e);
	RL_TRY(lx_mount_is_root(rl_fd_get(ret), &is_mount));
	return is_mount ? RL_OK : rl_refuse(RL_E(EINVAL), "nothing is mounted there");
}

/* All of them are looked at before the first one goes. */
static rl_err take_away(struct live *l, int root_fd)
{
	const char *target;

	for (size_t i = 0; i < l->count; i++) {
		struct rl_fd RL_AUTO_FD mount = { 0 };

		RL_TRY(plan_mount_destination(l->arena, l->mounts, i, &target));
		RL_TRY(open_mount(target, root_fd, &mount), "$[%zu]: %s", i, target);
	}
	for (size_t i = l->count; i-- > 0;) {
		struct rl_fd RL_AUTO_FD mount = { 0 };

		RL_TRY(plan_mount_destination(l->arena, l->mounts, i, &target));
		RL_TRY(open_mount(target, root_fd, &mount), "$[%zu]: %s", i, target);
		RL_TRY(lx_unmount(&l->proc, rl_fd_get(&mount)), "$[%zu]: %s", i, target);
	}
	return RL_OK;
}

/* ---- entering -------------------------------------------------------------------------------- */

static rl_err enter(struct live *l, struct rl_fd *ret_root)
{
	RL_TRY(rl_sys(prctl(PR_SET_PDEATHSIG, SIGKILL), "tie the child to the runtime"));
	if (l->types != 0)
		RL_TRY(rl_sys(lx_sys_setns(rl_fd_get(&l->init), (int)l->types),
			      "enter the container's namespaces"));
	if (l->types & CLONE_NEWUSER) {
		RL_TRY(lx_ids_set_gid(0), "in the user namespace");
		RL_TRY(lx_ids_set_uid(0), "in the user namespace");
	}
	if (rl_fd_has(&l->root))
		return rl_fd_from(rl_fd_take(&l->root), ret_root, "open the container's root");
	return rl_fd_from(openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC), ret_root,
			  "open the container's root");
}

static int child_main(void *context)
{
	struct rl_fd RL_AUTO_FD root = { 0 };
	struct live *l = context;
	rl_err e;

	rl_fd_close(&l->talk);
	e = enter(l, &root);
	if (!rl_failed(e))
		e = l->options->remove ? take_away(l, rl_fd_get(&root)) : add(l, rl_fd_get(&root));
	if (!rl_failed(e))
		e = ct_say(rl_fd_get(&l->their_talk), CT_READY);
	if (rl_failed(e))
		ct_say_error(rl_fd_get(&l->their_talk), e);
	return rl_failed(e);
}

/* ---- the runtime ----------------------------------------------------------------------------- */

static rl_err read_file(struct live *l)
{
	struct oci_problems problems = oci_problems_in(l->arena);
	const char *file = l->options->file, *text, *target;
	bool standard_input = strcmp(file, "-") == 0;
	size_t len;

	RL_TRY(standard_input ? rl_read_fd(l->arena, STDIN_FILENO, FILE_LIMIT, &text, &len)
			      : rl_read_file(l->arena, AT_FDCWD, file, FILE_LIMIT, &text, &len));
	if (standard_input)
		file = "standard input";
	RL_TRY(oci_mounts_read(&problems, file, text, len, &l->mounts, &l->count));
	for (size_t i = 0; i < l->count; i++)
		RL_TRY(plan_mount_destination(l->arena, l->mounts, i, &target), "%s", file);
	return RL_OK;
}

static rl_err make_plan(struct live *l)
{
	struct plan_warnings warnings = { 0 };
	const struct plan_request request = { .id = l->record.id, .bundle = l->record.bundle };
	rl_err e;

	RL_TRY(ct_load_copy(rl_fd_get(&l->store.dir), &l->loaded));
	if (l->options->remove)
		return RL_OK;
	e = plan_mounts_live_make(l->arena, l->loaded.config, l->mounts, l->count, &request,
				  &l->loaded.host, &warnings, &l->plan);
	for (size_t i = 0; i < warnings.count; i++)
		rl_log(RL_LOG_WARNING, "%s", warnings.items[i]);
	return rl_wrap(e, "%s", l->options->file);
}

/* The host's trees, with all that they shall be. */
static rl_err open_trees(struct live *l)
{
	const struct plan_furnish f = {
		.host_propagation = MS_SLAVE | MS_REC,
		.ops = l->plan.ops,
		.count = l->plan.count,
		.served_count = l->plan.served_count,
	};

	RL_TRY(rl_new_array(l->arena, l->plan.count, &l->made));
	RL_TRY(ct_serve_open(l->arena, &f, &l->served));
	for (size_t i = 0; i < l->plan.count; i++) {
		const struct plan_op *op = &l->plan.ops[i];
		const struct plan_op_mount *m = &op->mount;
		struct rl_fd *tree = &l->served.items[op->served];

		if (op->kind != PLAN_OP_BIND)
			continue;
		if (!rl_fd_has(tree))
			return explain(rl_fail(RL_E(EPERM), "copy the mount"), op);
		rl_fd_set(&l->made[i], rl_fd_take(tree));
		RL_TRY(explain(lx_mount_set(rl_fd_get(&l->made[i]), m->set, m->clear, false), op));
		if (m->recursive_set | m->recursive_clear)
			RL_TRY(explain(lx_mount_set(rl_fd_get(&l->made[i]), m->recursive_set,
						    m->recursive_clear, true),
				       op));
	}
	return RL_OK;
}

/*
 * Who is not root has the right to copy mounts only in a mount namespace that belongs to the
 * container's user namespace: a copy of the host's.
 */
static rl_err gain_rights(struct live *l)
{
	if (!(l->types & CLONE_NEWUSER) || !l->loaded.host.rootless)
		return RL_OK;
	RL_TRY(rl_sys(lx_sys_setns(rl_fd_get(&l->init), CLONE_NEWUSER),
		      "enter the container's user namespace"));
	RL_TRY(rl_sys(lx_sys_unshare(CLONE_NEWNS), "make a mount namespace"));
	l->types &= ~(uint64_t)CLONE_NEWUSER;
	return RL_OK;
}

static rl_err open_container(struct live *l)
{
	char path[40];

	RL_TRY(ct_open_init(&l->record, &l->init));
	RL_TRY(lx_proc_host(&l->proc));
	if (l->record.no_pivot) {
		snprintf(path, sizeof(path), "/proc/%d/root", (int)l->record.pid);
		RL_TRY(rl_fd_from(openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC),
				  &l->root, "open the container's root"));
	}
	l->types = l->record.namespaces & ~(uint64_t)CLONE_NEWPID;
	if ((l->types & CLONE_NEWNS) == 0)
		return rl_refuse(RL_E(EINVAL),
				 "the container has no mount namespace: its mounts are the host's");
	return gain_rights(l);
}

static rl_err run_child(struct live *l)
{
	bool in_cgroup;
	int status;
	rl_err e;

	RL_TRY(ct_talk_pair(&l->talk, &l->their_talk));
	/* A procfs shows the pid namespace of whoever mounts it. */
	if (l->record.namespaces & CLONE_NEWPID)
		RL_TRY(rl_sys(lx_sys_setns(rl_fd_get(&l->init), CLONE_NEWPID),
			      "enter the container's pid namespace"));
	RL_TRY(ct_clone_hidden(0, -1, child_main, l, &l->child, &in_cgroup));
	rl_fd_close(&l->their_talk);
	e = ct_expect(rl_fd_get(&l->talk), CT_READY, NULL);
	return rl_first(e, rl_wait_status(l->child.pid, &status));
}

static rl_err check_status(struct live *l)
{
	enum oci_status status;

	RL_TRY(ct_status(l->arena, &l->store, &l->record, &status));
	if (status == OCI_CREATED || status == OCI_RUNNING || status == OCI_PAUSED)
		return RL_OK;
	return rl_refuse(RL_E(ESRCH), "container not running: %s is %s", l->record.id,
			 oci_status_name(status));
}

rl_err ct_mounts(struct rl_arena *a, const char *root, const char *id,
		 const struct ct_mounts_options *options)
{
	struct live __attribute__((cleanup(live_close))) l = { .arena = a, .options = options };

	/* The child is seen by the container's processes. */
	RL_TRY(ct_again_sealed());
	RL_TRY(read_file(&l));
	RL_TRY(ct_record_load(a, root, id, &l.store, &l.record));
	RL_TRY(ct_store_lock(&l.store));
	RL_TRY(check_status(&l));
	RL_TRY(make_plan(&l));
	RL_TRY(lx_mount_can_detach());
	RL_TRY(open_container(&l));
	if (!options->remove)
		RL_TRY(open_trees(&l));
	return run_child(&l);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mounts of FURNISH: new file systems, binds, and changes of what is mounted.
 *
 * A bind is a tree that is copied detached and attached to a descriptor beneath the root. A new
 * file system is made by fsopen(2) in the same way where its root is needed (options that concern
 * it, mounts to be made in it); where it is not, mount(2) on the target's descriptor does the same
 * in one call instead of eight. Either stands in for the other when it fails: mount(2) on kernels
 * without the new calls, fsopen(2) without a /proc, or to say why the kernel refused.
 */
#include "container/furnish_work.h"

#include "linux/copy.h"
#include "linux/mount.h"

#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

static int served_fd(const struct ct_work *w, const struct plan_op *op, enum plan_serve kind)
{
	if (op->serve != kind || w->served == NULL || op->served >= w->served->count)
		return -1;
	return rl_fd_get(&w->served->items[op->served]);
}

/* ---- attributes ----------------------------------------------------------------------------- */

static rl_err set_propagation(const struct plan_op_mount *m, int mount_fd)
{
	for (size_t i = 0; i < m->propagation_count; i++)
		RL_TRY(lx_mount_propagate(mount_fd, m->propagation[i]));
	return RL_OK;
}

static rl_err set_attributes(const struct plan_op_mount *m, int mount_fd)
{
	if (m->set | m->clear)
		RL_TRY(lx_mount_set(mount_fd, m->set, m->clear, false));
	if (m->recursive_set | m->recursive_clear)
		RL_TRY(lx_mount_set(mount_fd, m->recursive_set, m->recursive_clear, true));
	return set_propagation(m, mount_fd);
}

rl_err ct_attach(struct ct_work *w, const struct plan_op *op, const struct ct_place *place,
		 int mount_fd)
{
	rl_err e = lx_mount_attach(mount_fd, place->fd, place->name);

	if (rl_is(e, RL_E(ENOTDIR)) || rl_is(e, RL_E(EISDIR)))
		return rl_hint(e, "one of source and destination is a directory, the other is not");
	RL_TRY(e);
	ct_place_covered(w->s, op->target);
	/* The mount covers the root itself: from now on it is the root. */
	if (strcmp(op->target, "/") == 0)
		return rl_fd_from(fcntl(mount_fd, F_DUPFD_CLOEXEC, 0), &w->s->root,
				  "copy a descriptor");
	return RL_OK;
}

rl_err ct_reopen(struct ct_work *w, const struct plan_op *op, dev_t expected_dev,
		 ino_t expected_ino, struct rl_fd *ret)
{
	unsigned flags = op->mount.target_nofollow ? LX_PATH_NOFOLLOW : 0;
	struct stat st;

	RL_TRY(lx_path_open(rl_fd_get(&w->s->root), op->target, flags, ret), "open the mount");
	RL_TRY(rl_sys(fstat(rl_fd_get(ret), &st), "stat the mount"));
	if (st.st_dev != expected_dev || st.st_ino != expected_ino)
		return rl_fail(RL_E(ESTALE), "somebody moved the target away");
	return RL_OK;
}

/* ---- file systems --------------------------------------------------------------------------- */

static struct lx_fs fs_of(const struct plan_op_mount *m)
{
	return (struct lx_fs){
		.type = m->type,
		.source = m->source,
		.sb_flags = m->sb_flags,
		.sb_clear = m->sb_clear,
		.options = m->options,
		.option_count = m->option_count,
		.data = m->data,
	};
}

static bool is_in_memory(const struct plan_op_mount *m)
{
	return strcmp(m->type, "tmpfs") == 0 || strcmp(m->type, "ramfs") == 0;
}

/* What the directory beneath gives to a tmpfs: its content, or only its mode. */
static rl_err inherit(const struct plan_op_mount *m, const struct ct_place *place, int mount_fd)
{
	struct stat st;

	if (!place->existed)
		return RL_OK;
	if (m->copy_up)
		return rl_wrap(lx_copy_tree(place->fd, mount_fd), "copy what is there");
	if (!m->inherit_mode)
		return RL_OK;
	RL_TRY(rl_sys(fstat(place->fd, &st), "stat the target"));
	return rl_sys(fchmodat(mount_fd, ".", st.st_mode & 07777, 0), "set the mode");
}

static rl_err set_label(const struct plan_op_mount *m, int mount_fd)
{
	char path[32];

	if (m->label == NULL)
		return RL_OK;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", mount_fd);
	return rl_sys(setxattr(path, "security.selinux", m->label, strlen(m->label), 0),
		      "set the label %s", m->label);
}

static bool has_targets_beneath(const struct ct_work *w, const struct plan_op *op)
{
	const struct plan_op *end = w->plan->ops + w->plan->late;
	size_t len = strlen(op->target);

	for (const struct plan_op *o = op + 1; o < end; o++)
		if (strncmp(o->target, op->target, len) == 0 && o->target[len] == '/')
			return true;
	return false;
}

/* True if nobody needs a descriptor of its root. */
static bool is_plain(const struct ct_work *w, const struct plan_op *op)
{
	const struct plan_op_mount *m = &op->mount;

	if (m->idmap.wanted || m->copy_up || m->inherit_mode || m->label != NULL ||
	    m->propagation_count > 0 || strcmp(op->target, "/") == 0)
		return false;
	/* mount(2) has one flag for a read-only mount and a read-only file system. */
	if (m->set & MOUNT_ATTR_RDONLY && !(m->sb_flags & MS_RDONLY))
		return false;
	return !is_in_memory(m) || !has_targets_beneath(w, op);
}

/* One call; whatever is wrong with it, the other way tells better. */
static bool mount_plain(struct ct_work *w, const struct plan_op *op, struct ct_place *place)
{
	struct lx_fs fs = fs_of(&op->mount);

	if (!is_plain(w, op) ||
	    rl_drop_failed(lx_fs_mount_at(&fs, op->mount.set, place->fd, place->name)))
		return false;
	ct_place_covered(w->s, op->target);
	return true;
}

/*
 * Kernels without fsopen(2). The mount has no descriptor: its name is looked up again, which must
 * lead to the root of another file system than before.
 */
static rl_err mount_by_mount2(struct ct_work *w, const struct plan_op *op, struct ct_place *place)
{
	const struct plan_op_mount *m = &op->mount;
	struct rl_fd RL_AUTO_FD mounted = { 0 };
	struct lx_fs fs = fs_of(m);
	struct stat before, st;

	if (m->idmap.wanted)
		return rl_fail(RL_E(ENOSYS), "id-mapped mounts");
	RL_TRY(ct_place_open(place));
	RL_TRY(lx_fs_mount_at(&fs, m->set, place->fd, ""));
	ct_place_covered(w->s, op->target);
	if (is_plain(w, op))
		return RL_OK;
	RL_TRY(lx_path_open(rl_fd_get(&w->s->root), op->target, 0, &mounted), "open the mount");
	RL_TRY(rl_sys(fstat(place->fd, &before), "stat the target"));
	RL_TRY(rl_sys(fstat(rl_fd_get(&mounted), &st), "stat the mount"));
	if (st.st_dev == before.st_dev)
		return rl_fail(RL_E(ESTALE), "somebody moved the target away");
	RL_TRY(inherit(m, place, rl_fd_get(&mounted)));
	RL_TRY(set_label(m, rl_fd_get(&mounted)));
	return set_propagation(m, rl_fd_get(&mounted));
}

static rl_err attach_filesystem(struct ct_work *w, const struct plan_op *op,
				const struct ct_place *place, struct rl_fd *mounted)
{
	const struct plan_op_mount *m = &op->mount;
	int fd = rl_fd_get(mounted);

	if (m->idmap.wanted)
		RL_TRY(lx_mount_idmap(fd, served_fd(w, op, PLAN_SERVE_USERNS), m->idmap.recursive));
	RL_TRY(inherit(m, place, fd));
	RL_TRY(ct_attach(w, op, place, fd));
	RL_TRY(set_label(m, fd));
	RL_TRY(set_propagation(m, fd));
	if (is_in_memory(m))
		ct_place_fresh(w->s, op->target, fd);
	ct_close_later(w->s, mounted);
	return RL_OK;
}

rl_err ct_do_filesystem(struct ct_work *w, const struct plan_op *op)
{
	const struct plan_op_mount *m = &op->mount;
	struct ct_place CT_AUTO_PLACE place = { 0 };
	struct rl_fd RL_AUTO_FD mounted = { 0 };
	struct lx_fs fs = fs_of(m);
	rl_err e;

	RL_TRY(ct_place_find(w->s, op, -1, &place));
	if (mount_plain(w, op, &place)) {
		ct_close_later(w->s, &place.own);
		return RL_OK;
	}
	e = lx_fs_make(&fs, m->set, &mounted);
	if (m->cgroup_fallback && (rl_is(e, RL_E(EPERM)) || rl_is(e, RL_E(EBUSY)))) {
		rl_drop(e);
		return ct_do_bind(w, op);
	}
	if (rl_is(e, RL_E(ENOSYS))) {
		rl_drop(e);
		return mount_by_mount2(w, op, &place);
	}
	RL_TRY(e);
	RL_TRY(attach_filesystem(w, op, &place, &mounted));
	ct_close_later(w->s, &place.own);
	return RL_OK;
}

/* ---- binds ---------------------------------------------------------------------------------- */

static rl_err check_source(const struct plan_op *op, int source_fd)
{
	struct statfs fs;

	if (!op->mount.source_is_proc)
		return RL_OK;
	RL_TRY(rl_sys(fstatfs(source_fd, &fs), "statfs the source"));
	if (fs.f_type == PROC_SUPER_MAGIC)
		return RL_OK;
	return rl_refuse(RL_E(EINVAL), "%s is no procfs, and only that may be at /proc",
			 op->mount.source);
}

/* Kernels without open_tree(2): the source is found by its path in this namespace. */
static rl_err bind_by_mount2(struct ct_work *w, const struct plan_op *op)
{
	const struct plan_op_mount *m = &op->mount;
	struct rl_fd RL_AUTO_FD source = { 0 }, mounted = { 0 };
	struct ct_place CT_AUTO_PLACE place = { 0 };
	struct stat st;

	RL_TRY(rl_fd_from(openat(AT_FDCWD, m->source,
				 O_PATH | O_CLOEXEC | (m->source_nofollow ? O_NOFOLLOW : 0)),
			  &source, "%s", m->source));
	RL_TRY(check_source(op, rl_fd_get(&source)));
	RL_TRY(rl_sys(fstat(rl_fd_get(&source), &st), "stat %s", m->source));
	RL_TRY(ct_place_find(w->s, op, rl_fd_get(&source), &place));
	RL_TRY(ct_place_open(&place));
	RL_TRY(lx_bind_at(rl_fd_get(&source), place.fd, m->recursive));
	ct_place_covered(w->s, op->target);
	RL_TRY(ct_reopen(w, op, st.st_dev, st.st_ino, &mounted));
	return set_attributes(m, rl_fd_get(&mounted));
}

/* Takes the tree that was served, or copies it here. */
static rl_err take_tree(struct ct_work *w, const struct plan_op *op, struct rl_fd *ret)
{
	const struct plan_op_mount *m = &op->mount;

	if (served_fd(w, op, PLAN_SERVE_TREE) >= 0) {
		rl_fd_set(ret, rl_fd_take(&w->served->items[op->served]));
		return RL_OK;
	}
	return lx_tree_clone(AT_FDCWD, m->source,
			     (m->recursive ? LX_TREE_RECURSIVE : 0) |
				     (m->source_nofollow ? LX_TREE_NOFOLLOW : 0),
			     ret);
}

static rl_err bind_tree(struct ct_work *w, const struct plan_op *op)
{
	struct ct_place CT_AUTO_PLACE place = { 0 };
	struct rl_fd RL_AUTO_FD tree = { 0 };

	RL_TRY(take_tree(w, op, &tree));
	RL_TRY(check_source(op, rl_fd_get(&tree)));
	RL_TRY(ct_place_find(w->s, op, rl_fd_get(&tree), &place));
	RL_TRY(ct_attach(w, op, &place, rl_fd_get(&tree)));
	RL_TRY(set_attributes(&op->mount, rl_fd_get(&tree)));
	ct_close_later(w->s, &tree);
	ct_close_later(w->s, &place.own);
	return RL_OK;
}

/* copy-symlink: true if the source was one, and is one at the target now. */
static rl_err copy_symlink(struct ct_work *w, const struct plan_op *op, bool *ret)
{
	char content[PATH_MAX];
	ssize_t len = readlink(op->mount.source, content, sizeof(content) - 1);

	*ret = len >= 0;
	if (len < 0 && errno == EINVAL)
		return RL_OK;
	RL_TRY(rl_sys(len, "%s", op->mount.source));
	content[len] = '\0';
	return ct_make_link(w, op->target, content, false);
}

rl_err ct_do_bind(struct ct_work *w, const struct plan_op *op)
{
	rl_err e;

	if (op->mount.copy_symlink) {
		bool done;

		RL_TRY(copy_symlink(w, op, &done));
		if (done)
			return RL_OK;
	}
	e = bind_tree(w, op);
	if (rl_is(e, RL_E(ENOSYS)) && !op->mount.idmap.wanted) {
		rl_drop(e);
		e = bind_by_mount2(w, op);
	}
	if (rl_is(e, RL_E(ENOSYS)))
		return rl_hint(e, "id-mapped mounts need mount_setattr(2), which is of Linux 5.12");
	if (op->mount.optional && rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		return RL_OK;
	}
	return e;
}

/* ---- changes -------------------------------------------------------------------------------- */

/* Without mount_setattr(2), for mounts that this list made itself: one after the other. */
static rl_err set_each_beneath(struct ct_work *w, const struct plan_op *op)
{
	const struct plan_op_mount *m = &op->mount;
	size_t len = strlen(op->target);

	for (size_t i = 0; i < w->plan->late; i++) {
		const struct plan_op *o = &w->plan->ops[i];
		struct rl_fd RL_AUTO_FD mounted = { 0 };

		if ((o->kind != PLAN_OP_BIND && o->kind != PLAN_OP_FILESYSTEM) ||
		    strncmp(o->target, op->target, len) != 0 ||
		    (o->target[len] != '/' && o->target[len] != '\0'))
			continue;
		RL_TRY(lx_path_open(rl_fd_get(&w->s->root), o->target, 0, &mounted));
		RL_TRY(lx_mount_set(rl_fd_get(&mounted), m->recursive_set, m->recursive_clear,
				    false),
		       "%s", o->target);
	}
	return RL_OK;
}

rl_err ct_do_remount(struct ct_work *w, const struct plan_op *op)
{
	const struct plan_op_mount *m = &op->mount;
	struct rl_fd RL_AUTO_FD mounted = { 0 };
	struct lx_fs fs = fs_of(m);
	rl_err e;

	RL_TRY(lx_path_open(rl_fd_get(&w->s->root), op->target, 0, &mounted));
	if (m->sb_flags | m->sb_clear || m->option_count > 0)
		RL_TRY(lx_fs_change(rl_fd_get(&mounted), &fs));
	e = set_attributes(m, rl_fd_get(&mounted));
	ct_close_later(w->s, &mounted);
	if (rl_is(e, RL_E(ENOSYS)) && m->own_tree) {
		rl_drop(e);
		return set_each_beneath(w, op);
	}
	return rl_hint(e, "a remount needs a mount at exactly that destination");
}

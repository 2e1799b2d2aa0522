/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FURNISH in init: one function for each kind of operation, and the order of the whole below.
 *
 * Every mount is made detached and then attached to a descriptor that was opened beneath the root;
 * attributes follow on the attached mount. Where the kernel lacks the calls for that, mount(2) does
 * both at once through /proc/self/fd of the host, and the mount is opened again and compared.
 *
 * Nothing is closed or unmounted on the way: closing a mount that is attached is cheap, and all
 * are closed together at the end; a detached tree, which is expensive to give up, never remains.
 */
#include "container/furnish.h"

#include "container/place.h"
#include "linux/copy.h"
#include "linux/dev.h"
#include "linux/mount.h"
#include "linux/root.h"

#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

struct work {
	const struct plan_furnish *plan;
	struct ct_served *served;
	struct ct_furnish *s;
	struct rl_fd null; /* what masks files */
	int empty_fd;	   /* what masks directories: the first one's mount, -1 before it */
};

static void work_close(struct work *w)
{
	rl_fd_close(&w->null);
}

void ct_furnish_close(struct ct_furnish *s)
{
	ct_close_all(s);
	rl_fd_close(&s->root);
	lx_proc_close(&s->proc);
	lx_tty_close(&s->tty);
}

static int served_fd(const struct work *w, const struct plan_op *op, enum plan_serve kind)
{
	if (op->serve != kind || w->served == NULL || op->served >= w->served->count)
		return -1;
	return rl_fd_get(&w->served->items[op->served]);
}

/* ---- attributes
 * ---------------------------------------------------------------------------------- */

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

/*
 * After mount(2), which gives no descriptor: what the target's name means now must be what was
 * mounted, not what somebody put there in between.
 */
static rl_err reopen(struct work *w, const struct plan_op *op, const struct stat *expected,
		     struct rl_fd *ret)
{
	struct stat st;

	RL_TRY(lx_path_open(rl_fd_get(&w->s->root), op->target,
			    op->mount.target_nofollow ? LX_PATH_NOFOLLOW : 0, ret),
	       "open the mount");
	RL_TRY(rl_sys(fstat(rl_fd_get(ret), &st), "stat the mount"));
	if (expected && (st.st_dev != expected->st_dev || st.st_ino != expected->st_ino))
		return rl_fail(RL_E(ESTALE), "somebody moved the target away");
	return RL_OK;
}

/* ---- file systems
 * -------------------------------------------------------------------------------- */

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

/* Kernels without fsopen(2): mount(2) at the target, the rest afterwards. */
static rl_err mount_filesystem_at(struct work *w, const struct plan_op *op, struct ct_place *place)
{
	const struct plan_op_mount *m = &op->mount;
	struct rl_fd RL_AUTO_FD mounted = { 0 };
	struct lx_fs fs = fs_of(m);

	if (m->idmap.wanted)
		return rl_fail(RL_E(ENOSYS), "id-mapped mounts");
	RL_TRY(ct_place_open(place));
	RL_TRY(lx_fs_mount_at(&fs, m->set, place->fd));
	ct_place_covered(w->s, op->target);
	RL_TRY(reopen(w, op, NULL, &mounted));
	RL_TRY(inherit(m, place, rl_fd_get(&mounted)));
	RL_TRY(set_label(m, rl_fd_get(&mounted)));
	return set_propagation(m, rl_fd_get(&mounted));
}

static rl_err attach(struct work *w, const struct plan_op *op, const struct ct_place *place,
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

static rl_err bind(struct work *w, const struct plan_op *op);

static rl_err mount_filesystem(struct work *w, const struct plan_op *op)
{
	const struct plan_op_mount *m = &op->mount;
	struct ct_place CT_AUTO_PLACE place = { 0 };
	struct rl_fd RL_AUTO_FD mounted = { 0 };
	struct lx_fs fs = fs_of(m);
	rl_err e;

	RL_TRY(ct_place_find(w->s, op, -1, &place));
	e = lx_fs_make(&fs, m->set, &mounted);
	if (m->cgroup_fallback && (rl_is(e, RL_E(EPERM)) || rl_is(e, RL_E(EBUSY)))) {
		rl_drop(e);
		return bind(w, op);
	}
	if (rl_is(e, RL_E(ENOSYS))) {
		rl_drop(e);
		return mount_filesystem_at(w, op, &place);
	}
	RL_TRY(e);
	if (m->idmap.wanted)
		RL_TRY(lx_mount_idmap(rl_fd_get(&mounted), served_fd(w, op, PLAN_SERVE_USERNS),
				      m->idmap.recursive));
	RL_TRY(inherit(m, &place, rl_fd_get(&mounted)));
	RL_TRY(attach(w, op, &place, rl_fd_get(&mounted)));
	RL_TRY(set_label(m, rl_fd_get(&mounted)));
	RL_TRY(set_propagation(m, rl_fd_get(&mounted)));
	if (is_in_memory(m))
		ct_place_fresh(w->s, op->target, rl_fd_get(&mounted));
	ct_close_later(w->s, &mounted);
	return RL_OK;
}

/* ---- binds
 * ------------------------------------------------------------------------------------------ */

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

static rl_err bind_at(struct work *w, const struct plan_op *op)
{
	const struct plan_op_mount *m = &op->mount;
	struct rl_fd RL_AUTO_FD source = { 0 }, mounted = { 0 };
	struct ct_place CT_AUTO_PLACE place = { 0 };
	struct stat st;

	if (m->idmap.wanted)
		return rl_fail(RL_E(ENOSYS), "id-mapped mounts");
	RL_TRY(rl_fd_from(
		open(m->source, O_PATH | O_CLOEXEC | (m->source_nofollow ? O_NOFOLLOW : 0)),
		&source, "%s", m->source));
	RL_TRY(check_source(op, rl_fd_get(&source)));
	RL_TRY(rl_sys(fstat(rl_fd_get(&source), &st), "stat %s", m->source));
	RL_TRY(ct_place_find(w->s, op, rl_fd_get(&source), &place));
	RL_TRY(ct_place_open(&place));
	RL_TRY(lx_bind_at(rl_fd_get(&source), place.fd, m->recursive));
	ct_place_covered(w->s, op->target);
	RL_TRY(reopen(w, op, &st, &mounted));
	return set_attributes(m, rl_fd_get(&mounted));
}

/* Takes the tree that was served, or copies it here. */
static rl_err take_tree(struct work *w, const struct plan_op *op, struct rl_fd *ret)
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

static rl_err bind_tree(struct work *w, const struct plan_op *op)
{
	struct ct_place CT_AUTO_PLACE place = { 0 };
	struct rl_fd RL_AUTO_FD tree = { 0 };

	RL_TRY(take_tree(w, op, &tree));
	RL_TRY(check_source(op, rl_fd_get(&tree)));
	RL_TRY(ct_place_find(w->s, op, rl_fd_get(&tree), &place));
	RL_TRY(attach(w, op, &place, rl_fd_get(&tree)));
	RL_TRY(set_attributes(&op->mount, rl_fd_get(&tree)));
	ct_close_later(w->s, &tree);
	return RL_OK;
}

static rl_err make_link(struct work *w, const char *target, const char *content, bool replace);

/* copy-symlink: true if the source was one, and is one at the target now. */
static rl_err copy_symlink(struct work *w, const struct plan_op *op, bool *ret)
{
	char content[PATH_MAX];
	ssize_t len = readlink(op->mount.source, content, sizeof(content) - 1);

	*ret = len >= 0;
	if (len < 0 && errno == EINVAL)
		return RL_OK;
	RL_TRY(rl_sys(len, "%s", op->mount.source));
	content[len] = '\0';
	return make_link(w, op->target, content, false);
}

static rl_err bind(struct work *w, const struct plan_op *op)
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
		e = bind_at(w, op);
	}
	if (op->mount.optional && rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		return RL_OK;
	}
	return e;
}

static rl_err remount(struct work *w, const struct plan_op *op)
{
	const struct plan_op_mount *m = &op->mount;
	struct rl_fd RL_AUTO_FD mounted = { 0 };
	struct lx_fs fs = fs_of(m);

	RL_TRY(lx_path_open(rl_fd_get(&w->s->root), op->target, 0, &mounted));
	if (m->sb_flags | m->sb_clear || m->option_count > 0)
		RL_TRY(lx_fs_change(rl_fd_get(&mounted), &fs));
	return rl_hint(set_attributes(m, rl_fd_get(&mounted)),
		       "a remount needs a mount at exactly that destination");
}

/* ---- nodes and links
 * --------------------------------------------------------------------------------- */

static rl_err make_directory(struct work *w, const struct plan_op *op)
{
	struct rl_fd RL_AUTO_FD dir = { 0 };

	return lx_path_make_dir(rl_fd_get(&w->s->root), op->target, op->node.mode, &dir);
}

static rl_err make_link(struct work *w, const char *target, const char *content, bool replace)
{
	struct ct_place CT_AUTO_PLACE at = { 0 };
	rl_err e;

	RL_TRY(ct_place_parent(w->s, target, &at));
	e = rl_sys(symlinkat(content, at.fd, at.name), "link to %s", content);
	if (!rl_is(e, RL_E(EEXIST)))
		return e;
	rl_drop(e);
	if (!replace)
		return RL_OK;
	RL_TRY(rl_sys(unlinkat(at.fd, at.name, 0), "remove what is there"));
	return rl_sys(symlinkat(content, at.fd, at.name), "link to %s", content);
}

static rl_err symlink_op(struct work *w, const struct plan_op *op)
{
	struct rl_fd RL_AUTO_FD needed = { 0 };

	if (op->link.needs &&
	    rl_drop_failed(lx_path_open(rl_fd_get(&w->s->root), op->link.needs, 0, &needed)))
		return RL_OK;
	return make_link(w, op->target, op->link.content, op->link.replace);
}

/* Covers `target`, a file that is made if missing, by what source_fd is. */
static rl_err cover_file(struct work *w, const struct plan_op *op, int source_fd)
{
	struct rl_fd RL_AUTO_FD tree = { 0 };
	struct ct_place CT_AUTO_PLACE place = { 0 };
	rl_err e;

	RL_TRY(ct_place_find(w->s, op, source_fd, &place));
	e = lx_tree_clone(source_fd, "", 0, &tree);
	if (rl_is(e, RL_E(ENOSYS))) {
		rl_drop(e);
		RL_TRY(ct_place_open(&place));
		return lx_bind_at(source_fd, place.fd, false);
	}
	RL_TRY(e);
	RL_TRY(attach(w, op, &place, rl_fd_get(&tree)));
	ct_close_later(w->s, &tree);
	return RL_OK;
}

static struct lx_dev dev_of(const struct plan_op_node *n)
{
	return (struct lx_dev){
		.mode = n->mode,
		.major = n->major,
		.minor = n->minor,
		.uid = n->uid,
		.gid = n->gid,
	};
}

/* The host's node of that name, or else of that number. */
static rl_err open_host_node(const struct plan_op_node *n, struct rl_fd *ret)
{
	struct lx_dev dev = dev_of(n);
	char path[64];
	rl_err e = rl_fd_from(open(n->path, O_PATH | O_CLOEXEC), ret, "%s", n->path);

	if (!rl_failed(e))
		e = lx_dev_check(rl_fd_get(ret), &dev);
	if (!rl_failed(e))
		return e;
	snprintf(path, sizeof(path), "/dev/%s/%u:%u", S_ISBLK(n->mode) ? "block" : "char", n->major,
		 n->minor);
	if (rl_drop_failed(rl_fd_from(open(path, O_PATH | O_CLOEXEC), ret, "%s", path)))
		return rl_hint(
			rl_wrap(e, "device of the host"),
			"a user namespace may not make devices; the host's own is bound, and "
			"must exist");
	rl_drop(e);
	return rl_wrap(lx_dev_check(rl_fd_get(ret), &dev), "%s", path);
}

static rl_err device(struct work *w, const struct plan_op *op)
{
	struct lx_dev dev = dev_of(&op->node);
	struct rl_fd RL_AUTO_FD node = { 0 };

	if (!op->node.bind) {
		struct ct_place CT_AUTO_PLACE at = { 0 };
		rl_err e;

		RL_TRY(ct_place_parent(w->s, op->target, &at));
		e = lx_dev_make(at.fd, at.name, &dev);
		if (!rl_is(e, RL_E(EPERM)) || w->plan->root_change == PLAN_ROOT_CHROOT)
			return e;
		rl_drop(e);
	}
	RL_TRY(open_host_node(&op->node, &node));
	return cover_file(w, op, rl_fd_get(&node));
}

static rl_err console(struct work *w, const struct plan_op *op)
{
	const struct plan_furnish *f = w->plan;
	struct lx_tty *tty = &w->s->tty;

	RL_TRY(lx_tty_open(rl_fd_get(&w->s->root), f->rows, f->columns, tty));
	if (f->tty_uid != 0)
		RL_TRY(rl_sys(fchown(rl_fd_get(&tty->slave), f->tty_uid, (gid_t)-1),
			      "give the terminal to user %u", f->tty_uid));
	if (f->root_change == PLAN_ROOT_CHROOT)
		return RL_OK;
	return cover_file(w, op, rl_fd_get(&tty->slave));
}

/* ---- masks and read-only paths
 * ------------------------------------------------------------------------ */

/* What is not there needs no protection. */
static bool is_absent(rl_err e)
{
	return rl_is(e, RL_E(ENOENT)) || rl_is(e, RL_E(ENOTDIR));
}

static rl_err mask_file(struct work *w, int target_fd)
{
	struct rl_fd RL_AUTO_FD tree = { 0 };
	rl_err e;

	if (!rl_fd_has(&w->null))
		RL_TRY(lx_dev_null(&w->null));
	e = lx_tree_clone(rl_fd_get(&w->null), "", 0, &tree);
	if (rl_is(e, RL_E(ENOSYS))) {
		rl_drop(e);
		return lx_bind_at(rl_fd_get(&w->null), target_fd, false);
	}
	RL_TRY(e);
	RL_TRY(lx_mount_attach(rl_fd_get(&tree), target_fd, ""));
	ct_close_later(w->s, &tree);
	return RL_OK;
}

#define EMPTY_ATTRIBUTES \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* All directories are masked by one empty file system: made once, the others are copies of it. */
static rl_err mask_directory(struct work *w, int target_fd)
{
	static const struct lx_fs empty = { .type = "tmpfs", .source = "tmpfs" };
	struct rl_fd RL_AUTO_FD tree = { 0 };
	rl_err e;

	e = w->empty_fd < 0 ? lx_fs_make(&empty, EMPTY_ATTRIBUTES, &tree)
			    : lx_tree_clone(w->empty_fd, "", 0, &tree);
	if (rl_is(e, RL_E(ENOSYS))) {
		rl_drop(e);
		return lx_fs_mount_at(&empty, EMPTY_ATTRIBUTES, target_fd);
	}
	RL_TRY(e);
	RL_TRY(lx_mount_attach(rl_fd_get(&tree), target_fd, ""));
	if (w->empty_fd < 0 && w->s->closing_count < sizeof(w->s->closing) / sizeof(int))
		w->empty_fd = rl_fd_get(&tree);
	ct_close_later(w->s, &tree);
	return RL_OK;
}

static rl_err mask(struct work *w, const struct plan_op *op)
{
	struct rl_fd RL_AUTO_FD target = { 0 };
	struct stat st;
	rl_err e = lx_path_open(rl_fd_get(&w->s->root), op->target, 0, &target);

	if (is_absent(e)) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e);
	RL_TRY(rl_sys(fstat(rl_fd_get(&target), &st), "stat"));
	return S_ISDIR(st.st_mode) ? mask_directory(w, rl_fd_get(&target))
				   : mask_file(w, rl_fd_get(&target));
}

static rl_err set_readonly(int mount_fd)
{
	rl_err e = lx_mount_set(mount_fd, MOUNT_ATTR_RDONLY, 0, true);

	if (!rl_is(e, RL_E(ENOSYS)))
		return e;
	rl_drop(e);
	return lx_mount_set(mount_fd, MOUNT_ATTR_RDONLY, 0, false);
}

static rl_err readonly_at(struct work *w, const struct plan_op *op, int target_fd)
{
	struct rl_fd RL_AUTO_FD mounted = { 0 };
	struct stat st;

	RL_TRY(rl_sys(fstat(target_fd, &st), "stat"));
	RL_TRY(lx_bind_at(target_fd, target_fd, true));
	RL_TRY(reopen(w, op, &st, &mounted));
	return set_readonly(rl_fd_get(&mounted));
}

static rl_err readonly(struct work *w, const struct plan_op *op)
{
	struct rl_fd RL_AUTO_FD target = { 0 }, tree = { 0 };
	rl_err e = lx_path_open(rl_fd_get(&w->s->root), op->target, 0, &target);

	if (is_absent(e)) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e);
	e = lx_tree_clone(rl_fd_get(&target), "", LX_TREE_RECURSIVE, &tree);
	if (rl_is(e, RL_E(ENOSYS))) {
		rl_drop(e);
		return readonly_at(w, op, rl_fd_get(&target));
	}
	RL_TRY(e);
	RL_TRY(lx_mount_attach(rl_fd_get(&tree), rl_fd_get(&target), ""));
	RL_TRY(set_readonly(rl_fd_get(&tree)));
	ct_close_later(w->s, &tree);
	return RL_OK;
}

/* ---- the order
 * ------------------------------------------------------------------------------------------ */

static rl_err execute(struct work *w, const struct plan_op *op)
{
	switch (op->kind) {
	case PLAN_OP_FILESYSTEM:
		return mount_filesystem(w, op);
	case PLAN_OP_BIND:
		return bind(w, op);
	case PLAN_OP_REMOUNT:
		return remount(w, op);
	case PLAN_OP_DIRECTORY:
		return make_directory(w, op);
	case PLAN_OP_SYMLINK:
		return symlink_op(w, op);
	case PLAN_OP_DEVICE:
		return device(w, op);
	case PLAN_OP_CONSOLE:
		return console(w, op);
	case PLAN_OP_MASK:
		return mask(w, op);
	case PLAN_OP_READONLY:
		return readonly(w, op);
	}
	return rl_fail(RL_E(EPROTO), "operation %d", (int)op->kind);
}

/* "$.mounts[3]: mount proc at /proc: ..." */
static rl_err explain(rl_err e, const struct plan_op *op)
{
	bool is_mount = op->kind == PLAN_OP_FILESYSTEM || op->kind == PLAN_OP_BIND;
	const char *what = op->kind == PLAN_OP_FILESYSTEM ? op->mount.type
			   : op->kind == PLAN_OP_BIND	  ? op->mount.source
							  : plan_op_name(op->kind);

	e = rl_wrap(e, "%s%s %s %s", is_mount ? "mount " : "", what, is_mount ? "at" : "of",
		    op->target);
	if (op->index < 0)
		return rl_wrap(e, "%s", op->origin);
	return rl_wrap(e, "%s[%d]", op->origin, op->index);
}

static rl_err execute_range(struct work *w, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		rl_err e = execute(w, &w->plan->ops[i]);

		if (rl_failed(e))
			return explain(e, &w->plan->ops[i]);
	}
	return RL_OK;
}

static rl_err make_root(struct work *w)
{
	const struct plan_furnish *f = w->plan;
	struct rl_fd *served = f->serve_root && w->served && f->root_served < w->served->count
				       ? &w->served->items[f->root_served]
				       : NULL;

	if (f->root_change == PLAN_ROOT_CHROOT)
		return lx_root_open(f->root_path, &w->s->root);
	RL_TRY(lx_root_isolate(f->host_propagation, f->root_path));
	if (served == NULL || !rl_fd_has(served))
		return lx_root_bind(f->root_path, &w->s->root);
	RL_TRY(lx_root_attach(rl_fd_get(served), f->root_path));
	rl_fd_set(&w->s->root, rl_fd_take(served));
	return RL_OK;
}

rl_err ct_furnish_mounts(const struct plan_furnish *f, struct ct_served *served,
			 struct ct_furnish *ret)
{
	struct work __attribute__((cleanup(work_close))) w = {
		.plan = f,
		.served = served,
		.s = ret,
		.empty_fd = -1,
	};
	mode_t umask_before = umask(0);

	RL_TRY(lx_proc_host(&ret->proc));
	RL_TRY(make_root(&w), "$.root.path");
	RL_TRY(execute_range(&w, 0, f->late));
	ct_close_all(ret);
	umask(umask_before);
	return RL_OK;
}

static rl_err change_root(const struct plan_furnish *f, int root_fd)
{
	switch (f->root_change) {
	case PLAN_ROOT_PIVOT:
		return lx_root_pivot(root_fd, f->host_propagation & MS_SHARED);
	case PLAN_ROOT_MOVE:
		return lx_root_move(root_fd);
	case PLAN_ROOT_CHROOT:
		return lx_root_chroot(root_fd);
	}
	return rl_fail(RL_E(EPROTO), "root change %d", (int)f->root_change);
}

rl_err ct_furnish_enter(const struct plan_furnish *f, struct ct_furnish *state)
{
	struct work __attribute__((cleanup(work_close))) w = {
		.plan = f,
		.s = state,
		.empty_fd = -1,
	};

	RL_TRY(execute_range(&w, f->late, f->count));
	if (f->root_readonly)
		RL_TRY(lx_mount_set(rl_fd_get(&state->root), MOUNT_ATTR_RDONLY, 0, false),
		       "$.root.readonly");
	RL_TRY(change_root(f, rl_fd_get(&state->root)), "enter the root file system");
	ct_close_all(state);
	if (f->root_propagation)
		return rl_wrap(lx_root_propagate(f->root_propagation), "$.linux.rootfsPropagation");
	return RL_OK;
}

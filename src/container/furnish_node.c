/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of FURNISH: directories, links, devices, the terminal. */
#include "container/furnish_work.h"

#include "linux/dev.h"
#include "linux/mount.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

rl_err ct_do_directory(struct ct_work *w, const struct plan_op *op)
{
	struct rl_fd RL_AUTO_FD dir = { 0 };

	return lx_path_make_dir(rl_fd_get(&w->s->root), op->target, op->node.mode, &dir);
}

rl_err ct_make_link(struct ct_work *w, const char *target, const char *content, bool replace)
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

rl_err ct_do_symlink(struct ct_work *w, const struct plan_op *op)
{
	struct rl_fd RL_AUTO_FD needed = { 0 };

	if (op->link.needs &&
	    rl_drop_failed(lx_path_open(rl_fd_get(&w->s->root), op->link.needs, 0, &needed)))
		return RL_OK;
	return ct_make_link(w, op->target, op->link.content, op->link.replace);
}

/* Covers `target`, a file that is made if missing, by what source_fd is. */
static rl_err cover_file(struct ct_work *w, const struct plan_op *op, int source_fd)
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
	RL_TRY(ct_attach(w, op, &place, rl_fd_get(&tree)));
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
	rl_err e = rl_fd_from(openat(AT_FDCWD, n->path, O_PATH | O_CLOEXEC), ret, "%s", n->path);

	if (!rl_failed(e))
		e = lx_dev_check(rl_fd_get(ret), &dev);
	if (!rl_failed(e))
		return e;
	snprintf(path, sizeof(path), "/dev/%s/%u:%u", S_ISBLK(n->mode) ? "block" : "char", n->major,
		 n->minor);
	if (rl_drop_failed(rl_fd_from(openat(AT_FDCWD, path, O_PATH | O_CLOEXEC), ret, "%s", path)))
		return rl_hint(
			rl_wrap(e, "device of the host"),
			"a user namespace may not make devices; the host's own is bound, and "
			"must exist");
	rl_drop(e);
	return rl_wrap(lx_dev_check(rl_fd_get(ret), &dev), "%s", path);
}

rl_err ct_do_device(struct ct_work *w, const struct plan_op *op)
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

rl_err ct_do_console(struct ct_work *w, const struct plan_op *op)
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

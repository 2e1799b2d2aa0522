/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FURNISH in init: the order of things. What a single operation does is in furnish_mount.c,
 * furnish_node.c and furnish_mask.c.
 *
 * Nothing is closed or unmounted on the way: what stays open refers to attached mounts, which are
 * cheap to close, all together at the end; a detached tree, which is expensive to give up, never
 * remains.
 */
#include "container/furnish_work.h"

#include "linux/mount.h"
#include "linux/root.h"

#include <string.h>
#include <sys/stat.h>

static void work_close(struct ct_work *w)
{
	rl_fd_close(&w->null);
}
#define AUTO_WORK __attribute__((cleanup(work_close)))

void ct_furnish_close(struct ct_furnish *s)
{
	ct_close_all(s);
	rl_fd_close(&s->root);
	lx_proc_close(&s->proc);
	lx_tty_close(&s->tty);
}

static rl_err enter_network(struct ct_furnish *s)
{
	rl_err (*enter)(void *context) = s->enter_network;

	s->enter_network = NULL;
	return enter != NULL ? enter(s->network_context) : RL_OK;
}

/* A file system belongs to the network namespace of whoever mounts it, if it has to do with one. */
static bool shows_no_network(const char *type)
{
	static const char *const types[] = { "cgroup", "cgroup2", "devpts", "mqueue",
					     "proc",   "ramfs",	  "tmpfs" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

static rl_err do_filesystem(struct ct_work *w, const struct plan_op *op)
{
	if (!shows_no_network(op->mount.type))
		RL_TRY(enter_network(w->s));
	return ct_do_filesystem(w, op);
}

static rl_err execute(struct ct_work *w, const struct plan_op *op)
{
	switch (op->kind) {
	case PLAN_OP_FILESYSTEM:
		return do_filesystem(w, op);
	case PLAN_OP_BIND:
		return ct_do_bind(w, op);
	case PLAN_OP_REMOUNT:
		return ct_do_remount(w, op);
	case PLAN_OP_DIRECTORY:
		return ct_do_directory(w, op);
	case PLAN_OP_SYMLINK:
		return ct_do_symlink(w, op);
	case PLAN_OP_DEVICE:
		return ct_do_device(w, op);
	case PLAN_OP_CONSOLE:
		return ct_do_console(w, op);
	case PLAN_OP_MASK:
		return ct_do_mask(w, op);
	case PLAN_OP_READONLY:
		return ct_do_readonly(w, op);
	}
	return rl_fail(RL_E(EPROTO), "operation %d", (int)op->kind);
}

/* "$.mounts[3]: mount proc at /proc: ..." */
static rl_err explain(rl_err e, const struct plan_op *op)
{
	if (op->kind == PLAN_OP_FILESYSTEM || op->kind == PLAN_OP_BIND)
		e = rl_wrap(e, "mount %s at %s",
			    op->kind == PLAN_OP_BIND ? op->mount.source : op->mount.type,
			    op->target);
	else
		e = rl_wrap(e, "%s %s", plan_op_name(op->kind), op->target);
	if (op->index < 0)
		return rl_wrap(e, "%s", op->origin);
	return rl_wrap(e, "%s[%d]", op->origin, op->index);
}

static rl_err execute_range(struct ct_work *w, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		rl_err e = execute(w, &w->plan->ops[i]);

		if (rl_failed(e))
			return explain(e, &w->plan->ops[i]);
	}
	return RL_OK;
}

static rl_err make_root(struct ct_work *w)
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
	struct ct_work AUTO_WORK w = { .plan = f, .served = served, .s = ret, .empty_fd = -1 };
	mode_t umask_before = umask(0);

	if (f->keep_proc)
		RL_TRY(lx_proc_host(&ret->proc));
	RL_TRY(make_root(&w), "$.root.path");
	RL_TRY(execute_range(&w, 0, f->late));
	RL_TRY(enter_network(ret));
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
	struct ct_work AUTO_WORK w = { .plan = f, .s = state, .empty_fd = -1 };

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

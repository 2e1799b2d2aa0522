/* SPDX-License-Identifier: Apache-2.0 */
/* What FURNISH hides from the container, and what it makes read-only. */
#include "container/furnish_work.h"

#include "linux/dev.h"
#include "linux/mount.h"

#include <sys/stat.h>

static rl_err mask_file(struct ct_work *w, int target_fd)
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
static rl_err mask_directory(struct ct_work *w, int target_fd)
{
	static const struct lx_fs empty = { .type = "tmpfs" };
	struct rl_fd RL_AUTO_FD tree = { 0 };
	rl_err e;

	e = w->empty_fd < 0 ? lx_fs_make(&empty, EMPTY_ATTRIBUTES, &tree)
			    : lx_tree_clone(w->empty_fd, "", 0, &tree);
	if (rl_is(e, RL_E(ENOSYS))) {
		rl_drop(e);
		return lx_fs_mount_at(&empty, EMPTY_ATTRIBUTES, target_fd, "");
	}
	RL_TRY(e);
	RL_TRY(lx_mount_attach(rl_fd_get(&tree), target_fd, ""));
	if (w->empty_fd < 0 && w->s->closing_count < sizeof(w->s->closing) / sizeof(int))
		w->empty_fd = rl_fd_get(&tree);
	ct_close_later(w->s, &tree);
	return RL_OK;
}

rl_err ct_do_mask(struct ct_work *w, const struct plan_op *op)
{
	struct rl_fd RL_AUTO_FD target = { 0 };
	struct stat st;
	rl_err e;

	/* What is not there needs no protection. */
	RL_TRY(lx_path_open(rl_fd_get(&w->s->root), op->target, LX_PATH_OPTIONAL, &target));
	if (!rl_fd_has(&target))
		return RL_OK;
	RL_TRY(rl_sys(fstat(rl_fd_get(&target), &st), "stat"));
	e = S_ISDIR(st.st_mode) ? mask_directory(w, rl_fd_get(&target))
				: mask_file(w, rl_fd_get(&target));
	ct_close_later(w->s, &target);
	return e;
}

static rl_err set_readonly(int mount_fd)
{
	rl_err e = lx_mount_set(mount_fd, MOUNT_ATTR_RDONLY, 0, true);

	if (!rl_is(e, RL_E(ENOSYS)))
		return e;
	rl_drop(e);
	return lx_mount_set(mount_fd, MOUNT_ATTR_RDONLY, 0, false);
}

static rl_err readonly_by_mount2(struct ct_work *w, const struct plan_op *op, int target_fd)
{
	struct rl_fd RL_AUTO_FD mounted = { 0 };
	struct stat st;

	RL_TRY(rl_sys(fstat(target_fd, &st), "stat"));
	RL_TRY(lx_bind_at(target_fd, target_fd, true));
	RL_TRY(ct_reopen(w, op, st.st_dev, st.st_ino, &mounted));
	return set_readonly(rl_fd_get(&mounted));
}

rl_err ct_do_readonly(struct ct_work *w, const struct plan_op *op)
{
	struct rl_fd RL_AUTO_FD target = { 0 }, tree = { 0 };
	rl_err e;

	/* What is not there needs no protection. */
	RL_TRY(lx_path_open(rl_fd_get(&w->s->root), op->target, LX_PATH_OPTIONAL, &target));
	if (!rl_fd_has(&target))
		return RL_OK;
	e = lx_tree_clone(rl_fd_get(&target), "", LX_TREE_RECURSIVE, &tree);
	if (rl_is(e, RL_E(ENOSYS))) {
		rl_drop(e);
		return readonly_by_mount2(w, op, rl_fd_get(&target));
	}
	RL_TRY(e);
	RL_TRY(lx_mount_attach(rl_fd_get(&tree), rl_fd_get(&target), ""));
	RL_TRY(set_readonly(rl_fd_get(&tree)));
	ct_close_later(w->s, &target);
	ct_close_later(w->s, &tree);
	return RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of FURNISH share while the list is executed in init. */
#pragma once

#include "container/furnish.h"
#include "container/place.h"

struct ct_work {
	const struct plan_furnish *plan;
	struct ct_served *served;
	struct ct_furnish *s;
	struct rl_fd null; /* what masks files; opened when the first one comes */
	int empty_fd;	   /* what masks directories: the first one's mount, -1 before it */
};

/* One function for each kind of operation. */
RL_MUST rl_err ct_do_filesystem(struct ct_work *w, const struct plan_op *op);
RL_MUST rl_err ct_do_bind(struct ct_work *w, const struct plan_op *op);
RL_MUST rl_err ct_do_remount(struct ct_work *w, const struct plan_op *op);
RL_MUST rl_err ct_do_directory(struct ct_work *w, const struct plan_op *op);
RL_MUST rl_err ct_do_symlink(struct ct_work *w, const struct plan_op *op);
RL_MUST rl_err ct_do_device(struct ct_work *w, const struct plan_op *op);
RL_MUST rl_err ct_do_console(struct ct_work *w, const struct plan_op *op);
RL_MUST rl_err ct_do_mask(struct ct_work *w, const struct plan_op *op);
RL_MUST rl_err ct_do_readonly(struct ct_work *w, const struct plan_op *op);

/* Attaches a detached mount, and notes what that means for what is known of the tree. */
RL_MUST rl_err ct_attach(struct ct_work *w, const struct plan_op *op, const struct ct_place *place,
			 int mount_fd);

/*
 * After mount(2), which gives no descriptor: opens the target again. What its name means now must
 * be `expected`, not what somebody put there in between (ESTALE).
 */
RL_MUST rl_err ct_reopen(struct ct_work *w, const struct plan_op *op, dev_t expected_dev,
			 ino_t expected_ino, struct rl_fd *ret);

/* A symlink; one that is there already is kept, or replaced. */
RL_MUST rl_err ct_make_link(struct ct_work *w, const char *target, const char *content,
			    bool replace);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FURNISH: executes the list of operations of plan/furnish.h.
 *
 *   runtime   ct_serve_open()      before the clone: what only the runtime can reach or prepare
 *   init      ct_furnish_mounts()  mounts, devices, links, terminal
 *                                  (createContainer hooks run here: host root, container mounts)
 *             ct_furnish_enter()   masks, read-only paths and root; then "/" is the container's
 *
 * Init is single-threaded and alone in its mount namespace. Until ct_furnish_enter() its "/" is
 * the host's. When one of these functions fails init must end: the namespace dies with it, which
 * is the undo.
 */
#pragma once

#include "base/arena.h"
#include "base/fd.h"
#include "linux/path.h"
#include "linux/tty.h"
#include "plan/furnish.h"

/* Descriptors that the plan asks for, by their index there. The clone inherits them. */
struct ct_served {
	struct rl_fd *items; /* in the arena */
	size_t count;
};

/*
 * Opens them. What may not be done without privilege (a detached copy of a mount) is left out, and
 * init opens it by itself. Nothing of it is visible in any mount namespace; closing undoes it.
 */
RL_MUST rl_err ct_serve_open(struct rl_arena *a, const struct plan_furnish *f,
			     struct ct_served *ret);
void ct_serve_close(struct ct_served *s);
#define CT_AUTO_SERVED __attribute__((cleanup(ct_serve_close)))

/* What is open while the root is built, and what the later steps need of it. */
struct ct_furnish {
	struct rl_fd root;   /* the container's root, O_PATH */
	struct lx_proc proc; /* for lx_proc_write() in CONFINE: trusted, whatever the image holds */
	struct lx_tty tty;   /* if the plan wants a terminal */

	/*
	 * Enters the container's network namespace, NULL: init is in it. Called once, before the
	 * first file system that may show it (sysfs), else when all is mounted.
	 */
	rl_err (*enter_network)(void *context);
	void *network_context;

	int closing[128]; /* descriptors of attached mounts: closed together, it is cheaper */
	size_t closing_count;
	/* File systems in memory that we made and nobody else reaches yet: names in their roots are
	 * ours, so what is mounted there needs no opening. */
	struct {
		const char *path;
		int fd; /* one of `closing` */
	} fresh[8];
	size_t fresh_count;
};

void ct_furnish_close(struct ct_furnish *state);
#define CT_AUTO_FURNISH __attribute__((cleanup(ct_furnish_close)))

RL_MUST rl_err ct_furnish_mounts(const struct plan_furnish *f, struct ct_served *served,
				 struct ct_furnish *ret);

/* Ends with "/" and the working directory at the container's root. */
RL_MUST rl_err ct_furnish_enter(const struct plan_furnish *f, struct ct_furnish *state);

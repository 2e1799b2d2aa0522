/* SPDX-License-Identifier: Apache-2.0 */
/* Where in the container's root something is mounted or made. */
#pragma once

#include "container/furnish.h"

/* A directory and a name in it, or what is opened itself when the name is "". */
struct ct_place {
	struct rl_fd own; /* what fd is, if it is ours to close */
	int fd;
	const char *name;
	bool existed; /* and `fd` is the thing itself */
};

void ct_place_close(struct ct_place *p);
#define CT_AUTO_PLACE __attribute__((cleanup(ct_place_close)))

/*
 * Finds the target of a mount, or makes it: a directory, or a file if `source_fd` (-1: none) is
 * none. The flags of op->mount decide about symlinks and about what may lie over procfs.
 */
RL_MUST rl_err ct_place_find(struct ct_furnish *s, const struct plan_op *op, int source_fd,
			     struct ct_place *ret);

/* The same with a descriptor of the thing itself: for calls that cannot take a name. */
RL_MUST rl_err ct_place_open(struct ct_place *p);

/* The directory that a node or link is made in, and its name there. */
RL_MUST rl_err ct_place_parent(struct ct_furnish *s, const char *target, struct ct_place *ret);

/* Keeps a descriptor open until ct_furnish_close_all(); takes it over. */
void ct_close_later(struct ct_furnish *s, struct rl_fd *fd);
void ct_close_all(struct ct_furnish *s);

/* Something was mounted at `target`: what is known beneath it no longer counts. */
void ct_place_covered(struct ct_furnish *s, const char *target);
/* ... and it is a file system in memory of our own, with this root. Before ct_close_later(). */
void ct_place_fresh(struct ct_furnish *s, const char *target, int root_fd);

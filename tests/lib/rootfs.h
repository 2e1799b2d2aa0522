/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's root file system built for a test: config.json -> plan -> mounts -> pivot, in a
 * child in namespaces of its own, and a look at the result from inside.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* Kernels that a test pretends to run on. */
enum rootfs_kernel {
	ROOTFS_THIS,	   /* the one that is there */
	ROOTFS_NO_OPENAT2, /* before 5.6 */
	ROOTFS_NO_SETATTR, /* before 5.12 */
	ROOTFS_NO_NEW,	   /* before 5.2: mount(2) only */
	ROOTFS_KERNELS,
};

struct rootfs {
	const char *dir;    /* the bundle; the root file system is dir/rootfs */
	const char *config; /* the JSON text */
	enum rootfs_kernel kernel;
	bool user_namespace; /* with 0..65535 of the container at 100000 of the host */
	bool shared_host;    /* the mounts around are shared, as systemd makes them */
	bool no_pivot;
	/* Runs in the runtime's mount namespace before anything else. */
	rl_err (*prepare)(const char *bundle);
	/* Runs inside, at the end; also right before the hooks if `before_hooks` is given. */
	rl_err (*inside)(void);
	rl_err (*before_hooks)(const char *root);
};

/* True if this process may do all that. */
bool rootfs_possible(void);

/* A new empty bundle in $TMPDIR with rootfs/; removed with all in it at exit. */
const char *rootfs_bundle(void);

/*
 * Builds and looks. Failures inside come back with their text. EUCLEAN: something that was mounted
 * inside showed outside.
 */
RL_MUST rl_err rootfs_run(const struct rootfs *r);

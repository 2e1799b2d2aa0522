/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind linux/cgroup.h share. Nobody else includes this. */
#pragma once

#include "linux/cgroup.h"

/* ---- directories (cgroup.c) ------------------------------------------------------------------ */

/* True if the word is in the list of controllers. */
bool lx_cg_has(const struct lx_cgroup_dir *dir, const char *controller);
/* Index of the hierarchy of version 1 with this controller; -1: none, or it could not be made. */
int lx_cg_v1(const struct lx_cgroup *cg, const char *controller);
/* Index of the version 2 directory, -1. */
int lx_cg_v2(const struct lx_cgroup *cg);
/* The directory, opened when first asked for. ENOENT: it is gone. */
RL_MUST rl_err lx_cg_dir(struct lx_cgroup *cg, size_t index, int *ret_fd);
/* The directory in which every process of the container can be found. */
size_t lx_cg_main(const struct lx_cgroup *cg);

/* ---- time ------------------------------------------------------------------------------------ */

/* A moment on CLOCK_MONOTONIC in milliseconds, `timeout_ms` from now. */
int64_t lx_cg_deadline(int timeout_ms);
/* Milliseconds left, never negative. */
int lx_cg_left(int64_t deadline);
void lx_cg_pause(unsigned microseconds);

/* ---- the tree below (cgroup_tree.c) ---------------------------------------------------------- */

struct lx_cg_visitor {
	/* On every directory, the first included, before those below it. */
	rl_err (*enter)(void *context, int dir_fd);
	/* On every directory but the first, after those below it. */
	rl_err (*leave)(void *context, int parent_fd, const char *name);
	void *context;
};

/* However deep the tree is, one descriptor is open at a time and the stack does not grow. What
 * disappears meanwhile is passed over. */
RL_MUST rl_err lx_cg_walk(int dir_fd, const struct lx_cg_visitor *visitor);
/* As lx_cgroup_pids(), in one hierarchy. */
RL_MUST rl_err lx_cg_pids_in(struct rl_arena *a, struct lx_cgroup *cg, size_t index,
			     const pid_t **ret_pids, size_t *ret_count);
/* Waits until no process is left in one hierarchy. ETIMEDOUT names one. */
RL_MUST rl_err lx_cg_wait_empty(struct lx_cgroup *cg, size_t index, int64_t deadline);

/* ---- version 1 (cgroup_v1.c) ----------------------------------------------------------------- */

/* A new cpuset is empty and takes no process: gives it what the parent has. */
RL_MUST rl_err lx_cg_v1_inherit_cpuset(const char *path);
/* FROZEN or THAWED into freezer.state, until the kernel says that it is so. */
RL_MUST rl_err lx_cg_v1_freeze(struct lx_cgroup *cg, size_t index, bool frozen, int64_t deadline);
RL_MUST rl_err lx_cg_v1_is_frozen(struct lx_cgroup *cg, size_t index, bool *ret);
RL_MUST rl_err lx_cg_v1_set_devices(struct lx_cgroup *cg, size_t index,
				    const struct lx_device_rule *rules, size_t count);

/* ---- version 2 (cgroup_v2.c) ----------------------------------------------------------------- */

/* In every directory from path[0..from) down to the parent. */
RL_MUST rl_err lx_cg_v2_enable(const struct lx_cgroup_dir *dir, size_t from, const char *enable,
			       const char *require);
/* `path` is what messages call the directory. */
RL_MUST rl_err lx_cg_v2_delegate(int dir_fd, const char *path, uid_t owner, gid_t group);
/* A key of cgroup.events: "populated", "frozen". */
RL_MUST rl_err lx_cg_v2_event(struct lx_cgroup *cg, size_t index, const char *key, bool *ret);
/* Sleeps in poll(2) until the key has this value. */
RL_MUST rl_err lx_cg_v2_wait_event(struct lx_cgroup *cg, size_t index, const char *key, bool value,
				   int64_t deadline);
RL_MUST rl_err lx_cg_v2_freeze(struct lx_cgroup *cg, size_t index, bool frozen, int64_t deadline);
/* cgroup.kill, Linux 5.14. *ret_done is false when the kernel lacks it. */
RL_MUST rl_err lx_cg_v2_kill(struct lx_cgroup *cg, size_t index, bool *ret_done);

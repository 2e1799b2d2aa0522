/* SPDX-License-Identifier: Apache-2.0 */
/* The list of operations while it is being made: shared by mounts.c, devices.c and the like. */
#pragma once

#include "plan/furnish.h"

struct plan_op_list {
	struct plan_op *items;
	size_t count, room;
};

struct plan_builder {
	struct rl_arena *arena;
	const struct plan_furnish_input *in;
	struct plan_warnings *warnings;
	struct plan_op_list early; /* before the createContainer hooks */
	struct plan_op_list late;  /* after them */
	unsigned served;
};

/* A new zeroed operation at the end of the list; valid until the next one is added. */
RL_MUST rl_err plan_op_add(struct plan_builder *b, struct plan_op_list *list,
			   const struct plan_op *op);

/*
 * Lexically clean and absolute: "/a/./b//../c" is "/a/c", "a" is "/a", ".." at the top is nothing.
 * The same string when it is clean already.
 */
RL_MUST rl_err plan_path_clean(struct rl_arena *a, const char *path, const char **ret);
/* True for `dir` itself too. Both clean. */
bool plan_path_is_beneath(const char *path, const char *dir);

/* $.mounts[index] (mounts_one.c). */
RL_MUST rl_err plan_build_mount(struct plan_builder *b, size_t index);

/* mounts of type cgroup, with the words of the options decoded (mounts_cgroup.c). */
RL_MUST rl_err plan_build_cgroup(struct plan_builder *b, const struct plan_op *template);
RL_MUST rl_err plan_build_cgroup_extras(struct plan_builder *b);

/* A file system at its place; read-only memory is made so at the end (mounts_one.c). */
RL_MUST rl_err plan_build_filesystem(struct plan_builder *b, struct plan_op *op);

/* A path of config.json that is relative to the bundle. */
RL_MUST rl_err plan_path_absolute(struct plan_builder *b, const char *path, const char **ret);
/* The runtime opens something for this operation. */
void plan_op_serve(struct plan_builder *b, struct plan_op *op, enum plan_serve kind);

/* linux.devices, the devices and links that are always there (devices.c). */
RL_MUST rl_err plan_build_devices(struct plan_builder *b);

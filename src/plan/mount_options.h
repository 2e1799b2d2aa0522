/* SPDX-License-Identifier: Apache-2.0 */
/* The words of mounts[].options (runtime-spec config.md, "Linux mount options") as numbers. */
#pragma once

#include "plan/furnish.h"

struct plan_mount_words {
	struct plan_op_mount m; /* all that the words decide; the rest is zero */
	bool bind;		/* bind, rbind */
	bool remount;
	bool has_mode;		/* mode=: tmpfs does not inherit one */
	bool changes;		/* an attribute or a propagation was named */
	const char *idmap_maps; /* what follows "idmap=", NULL if nothing does */
	size_t idmap_option;	/* index of that option */
	size_t first_data;	/* index of the first option that is left to the file system */
	size_t first_sb;	/* index of the first that changes the superblock's flags */
};

/* No such option. */
#define PLAN_NO_OPTION SIZE_MAX

/*
 * Reads the options in order; of two that contradict each other the later one counts. What is no
 * word of the list is left to the file system, as key=value or flag. `mount` is the index in
 * $.mounts, for errors.
 */
RL_MUST rl_err plan_mount_words_read(struct rl_arena *a, const struct oci_strings *options,
				     size_t mount, struct plan_mount_words *ret);

/* Adds an option for the file system behind those that are there. */
RL_MUST rl_err plan_mount_add_option(struct rl_arena *a, struct plan_op_mount *m, const char *key,
				     const char *value);

/* Adds a value that has commas (an SELinux context): only mount(2) needs quotes around it. */
RL_MUST rl_err plan_mount_add_quoted(struct rl_arena *a, struct plan_op_mount *m, const char *key,
				     const char *value);
/* Takes away all options of that key. */
RL_MUST rl_err plan_mount_drop_option(struct rl_arena *a, struct plan_op_mount *m, const char *key);

/* The text of an id map for /proc/PID/uid_map. */
RL_MUST rl_err plan_mount_map_text(struct rl_arena *a, const struct oci_id_mapping *maps,
				   size_t count, const char **ret);

/* An id of the container as one of the host, by the lines of its map. False: not mapped, or not the
 * whole of the `size` ids from there on. */
bool plan_map_id(const char *lines, uint32_t id, uint32_t size, uint32_t *ret);

/*
 * The maps of "idmap=uids=0-1000-10#10-2000-5;gids=0-1000-10": container id, id on disk's side,
 * size. With "@" in front of a range the second id is one of the container's user namespace, whose
 * maps are `uid_lines` and `gid_lines`.
 */
RL_MUST rl_err plan_mount_idmap_read(struct rl_arena *a, const char *maps, const char *uid_lines,
				     const char *gid_lines, struct plan_idmap *ret);

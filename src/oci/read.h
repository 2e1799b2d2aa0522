/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From JSON text to the structs of oci/config.h. Every function here reads and checks in one: what
 * it returns keeps every rule of the specification that can be known without a machine.
 *
 * `name` is what messages call the document. All problems are found, not only the first: the error
 * lists them, `problems` keeps them one by one, with the warnings. The result lives in the arena
 * that `problems` was made with, and refers to the parsed document, not to `text`.
 *
 * Errors: EINVAL for what is wrong with the document, ENOMEM when the arena is too small.
 */
#pragma once

#include "oci/config.h"
#include "oci/problems.h"

/* config.json, of a bundle. */
RL_MUST rl_err oci_config_read(struct oci_problems *problems, const char *name, const char *text,
			       size_t len, const struct oci_config **ret);

/* A `process` object by itself: `exec --process FILE`. */
RL_MUST rl_err oci_process_read(struct oci_problems *problems, const char *name, const char *text,
				size_t len, const struct oci_process **ret);

/*
 * A `linux.resources` object by itself: `update --resources FILE`. What it leaves out stays as it
 * is, so rules between two properties hold only where both are given.
 */
RL_MUST rl_err oci_resources_read(struct oci_problems *problems, const char *name, const char *text,
				  size_t len, const struct oci_resources **ret);

/* An array of `mounts` entries: `mounts add|remove ID FILE`. */
RL_MUST rl_err oci_mounts_read(struct oci_problems *problems, const char *name, const char *text,
			       size_t len, const struct oci_mount **ret_mounts, size_t *ret_count);

/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts for a container that is there already: `mounts add`. */
#pragma once

#include "plan/furnish.h"

struct plan_mounts_live {
	const struct plan_op *ops; /* FILESYSTEM and BIND, one an entry, in order */
	size_t count;
	/* The container's processes see a mount from its first moment: what it is to be in the end
	 * it must be before. So a REMOUNT of the end is here, not in the list; 0: none. */
	const uint64_t *late_set; /* MOUNT_ATTR_*, one an operation */
	unsigned served_count;	  /* every BIND is served: the host's paths are not to be reached */
};

/*
 * Pure. `config` is what the container was created from. Refused: what changes an existing mount,
 * cgroup file systems, copies of symlinks.
 */
RL_MUST rl_err plan_mounts_live_make(struct rl_arena *a, const struct oci_config *config,
				     const struct oci_mount *mounts, size_t count,
				     const struct plan_request *request, const struct lx_host *host,
				     struct plan_warnings *warnings, struct plan_mounts_live *ret);

/* The lexically clean, absolute path of mounts[index].destination; EINVAL for "/" and none. */
RL_MUST rl_err plan_mount_destination(struct rl_arena *a, const struct oci_mount *mounts,
				      size_t index, const char **ret);

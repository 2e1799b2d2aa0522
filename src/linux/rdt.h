/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel RDT and its like by the resctrl file system (Documentation/arch/x86/resctrl.rst): classes
 * of service are directories, their limits the lines of `schemata`, their members the pids in
 * `tasks`. A process belongs to one class, and within it to at most one monitoring group; what it
 * forks does too.
 */
#pragma once

#include "base/arena.h"

#include <sys/types.h>

/* Where resctrl is mounted, by a mountinfo file; *ret is NULL when it is nowhere. */
RL_MUST rl_err lx_rdt_find(struct rl_arena *a, const char *mountinfo, const char **ret);

struct lx_rdt_spec {
	const char *group; /* absolute directory: the class */
	bool must_exist;   /* the class is never made */
	const char *const *lines;
	size_t line_count; /* 0: schemata is left alone */
};

/*
 * Makes the class with these limits, or finds one that has them: an existing class with others is
 * refused (EEXIST), a class that must exist and does not is ENOENT. `making` is called before the
 * class is made.
 */
RL_MUST rl_err lx_rdt_make(const struct lx_rdt_spec *spec, rl_err (*making)(void *context),
			   void *context);
/* Makes a monitoring group; EEXIST: it is there. */
RL_MUST rl_err lx_rdt_monitor(const char *dir);

/* Writes lines one after the other: the limits in them change, the rest stay. */
RL_MUST rl_err lx_rdt_write(const char *group, const char *const *lines, size_t count);
/* The whole of `schemata`. */
RL_MUST rl_err lx_rdt_read(struct rl_arena *a, const char *group, const char **ret);

/* Moves a process; `monitor` is the directory of a monitoring group, NULL: none. */
RL_MUST rl_err lx_rdt_join(const char *group, const char *monitor, pid_t pid);

/* Removes one directory that was made; being gone is success. */
RL_MUST rl_err lx_rdt_remove(const char *dir);

/* ---- numbers --------------------------------------------------------------------------------- */

struct lx_rdt_domain {
	uint64_t occupancy, total_bytes, local_bytes;
};

struct lx_rdt_stats {
	/* Texts of info/L3 and info/MB and of schemata; NULL when they are not there. */
	const char *cbm_mask;
	uint64_t min_cbm_bits, l3_closids;
	bool has_bandwidth;
	uint64_t bandwidth_gran, delay_linear, min_bandwidth, mb_closids;
	const char *l3_root, *l3, *mb_root, *mb; /* lines without "L3:" cut off */
	const struct lx_rdt_domain *domains;	 /* one a cache */
	size_t domain_count;
	bool has_occupancy, has_bytes;
};

/* `root`: the mount. What is not there is left out. */
RL_MUST rl_err lx_rdt_stats(struct rl_arena *a, const char *root, const char *group,
			    const char *monitor, struct lx_rdt_stats *ret);

/* SPDX-License-Identifier: Apache-2.0 */
/* linux.intelRdt (config-linux.md, "IntelRdt"): which class of resctrl, and its limits. */
#pragma once

#include "linux/host.h"
#include "oci/config.h"
#include "plan/request.h"

struct plan_rdt {
	const char *group;   /* absolute directory; NULL: intelRdt is not asked for */
	const char *monitor; /* absolute directory; NULL: none */
	bool must_exist;     /* the class has to be there before */
	const char *const *lines;
	size_t line_count;
};

/* Pure. ENOTSUP when resctrl is not mounted. */
RL_MUST rl_err plan_rdt_make(struct rl_arena *a, const struct oci_config *config,
			     const struct plan_request *request, const struct lx_host *host,
			     struct plan_rdt *ret);

/*
 * l3CacheSchema less its lines for memory bandwidth, memBwSchema, then `more`, a line an item:
 * the order that the specification wants. NULL and none are left out.
 */
RL_MUST rl_err plan_rdt_lines(struct rl_arena *a, const char *l3, const char *bandwidth,
			      const struct oci_strings *more, const char *const **ret,
			      size_t *ret_count);

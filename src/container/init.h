/* SPDX-License-Identifier: Apache-2.0 */
/* The right column of the walk: what the container's first process does until it is the program. */
#pragma once

#include "base/arena.h"
#include "container/filter.h"
#include "container/furnish.h"
#include "container/spawn.h"
#include "container/talk.h"
#include "handlers/handler.h"
#include "linux/cgroup.h"
#include "linux/host.h"
#include "oci/state.h"
#include "plan/plan.h"

/* All that init needs; it has it by fork. Descriptors are the runtime's until the clone. */
struct ct_init {
	struct rl_arena *arena; /* scratch */
	const struct plan *plan;
	const struct lx_host *host;
	const struct oci_record *record; /* for the hooks that run in the container */
	struct ct_joins *joins;
	struct ct_served *served;
	struct lx_cgroup *cgroup;
	const struct ct_filter *filter;
	int lock_fd;	 /* the state directory: its lock must not live on in init */
	int runtime_end; /* the runtime's end of the talk: closed at once in init */
	int talk;
	int gate;		 /* listener, -1: no gate (run) */
	bool brings_loopback_up; /* of a network namespace that it was born with */
	int agent_fd;		 /* connected to the agent of seccomp's notifications, or -1 */
	/*
	 * GO or RUN if the runtime has nothing to do for init before it builds; END: to be heard,
	 * and so if init was to be born in its cgroup (else NULL) and was not.
	 */
	enum ct_word go;
	const bool *born_in_cgroup;
	const char *agent_dir;	     /* of the handler, on the host */
	struct hdl_session *handler; /* instead of the program; NULL: native */
};

/* For ct_spawn. Returns only when init failed; the reason has been said. */
int ct_init_main(void *context);

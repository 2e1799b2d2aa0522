/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a container away: after a failed create, after run, and by `delete`, with or without the
 * runtime that made it. Works from the record, backwards: processes, cgroup, poststop hooks, state
 * directory. What is gone already is no error.
 */
#pragma once

#include "container/record.h"

enum ct_init_fate {
	CT_INIT_FOREIGN, /* the record's, if it has one: not our child */
	CT_INIT_CHILD,	 /* our child: to be ended and reaped */
	CT_INIT_ENDED,	 /* it has ended and is reaped */
};

struct ct_undo {
	struct rl_arena *arena;
	struct ct_store *store;
	const struct oci_record *record;
	enum ct_init_fate init;
	pid_t init_pid; /* of a child */
	const struct plan
		*plan; /* with poststop hooks; NULL: as the stored configuration has them */
};

/* Goes through to the end; the first error is returned. The directory stays when processes do. */
RL_MUST rl_err ct_undo(const struct ct_undo *u);

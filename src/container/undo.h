/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a container away: after a failed create, after run, and by `delete`, with or without the
 * runtime that made it. Works from the record, backwards: processes, cgroup, poststop hooks, state
 * directory. What is gone already is no error.
 */
#pragma once

#include "container/record.h"

struct ct_undo {
	struct rl_arena *arena;
	struct ct_store *store;
	const struct oci_record *record;
	pid_t init_pid; /* a child of ours that must be ended and reaped; 0: init is not ours */
	const struct plan_hooks *hooks; /* poststop; NULL: as the stored configuration has them */
};

/* Goes through to the end; the first error is returned. The directory stays when processes do. */
RL_MUST rl_err ct_undo(const struct ct_undo *u);

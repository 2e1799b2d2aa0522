/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the specification lets us pass over, collected while planning: a capability this kernel
 * does not know, a personality flag. Nothing is passed over silently; whoever runs the plan prints
 * the list once. Each text begins with the JSON path of the property it is about.
 */
#pragma once

#include "base/arena.h"

struct plan_warnings {
	const char **items; /* in the order of discovery; texts and list live in the arena */
	size_t count;
	size_t room;
};

/* Adds one text. Fails only when the arena is full. */
RL_MUST RL_PRINTF(3, 4) rl_err
	plan_warn(struct rl_arena *a, struct plan_warnings *w, const char *fmt, ...);

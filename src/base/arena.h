/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One arena a request: memory that is given back as a whole. It is one reserved mapping of which
 * pages become real when they are used, so a small request costs a small process, and the whole
 * can be sealed read-only when a plan is done.
 *
 * Memory from an arena is zeroed and aligned for any type.
 */
#pragma once

#include "base/error.h"

struct rl_arena {
	uint8_t *base;
	size_t used;
	size_t size;
	bool sealed;
};

/* Reserves `limit` bytes of address space; no memory is used yet. */
RL_MUST rl_err rl_arena_new(size_t limit, struct rl_arena *ret);
/* The first `bytes` become memory at once: one call instead of a page fault a page. Best effort. */
void rl_arena_warm(struct rl_arena *a, size_t bytes);
void rl_arena_free(struct rl_arena *a);
/* From now on a write into the arena is a fault, an allocation an error (mprotect PROT_READ). */
RL_MUST rl_err rl_arena_seal(struct rl_arena *a);

#define RL_AUTO_ARENA __attribute__((cleanup(rl_arena_free)))

/* `count` items of `size` bytes. ENOMEM when the arena's limit is reached. */
RL_MUST rl_err rl_arena_get(struct rl_arena *a, size_t count, size_t size, void *ret_pointer);

/* One zeroed object, or n of them, of the type that *pp points to. */
#define rl_new(arena, pp) rl_arena_get((arena), 1, sizeof(**(pp)), (pp))
#define rl_new_array(arena, n, pp) rl_arena_get((arena), (n), sizeof(**(pp)), (pp))

/* Copies of strings and formatted strings; the result is NUL-terminated. */
RL_MUST rl_err rl_arena_str(struct rl_arena *a, const char *s, const char **ret);
RL_MUST rl_err rl_arena_strn(struct rl_arena *a, const char *s, size_t len, const char **ret);
RL_MUST RL_PRINTF(3, 4) rl_err
	rl_arena_fmt(struct rl_arena *a, const char **ret, const char *fmt, ...);

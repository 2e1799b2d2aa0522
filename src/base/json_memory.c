/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_memory.h"

#include <string.h>

/* A block knows its size, which realloc needs. */
struct block {
	_Alignas(16) size_t size;
	char bytes[];
};

static void *arena_malloc(void *ctx, size_t size)
{
	struct block *b;

	if (rl_drop_failed(rl_arena_get(ctx, 1, sizeof(*b) + size, &b)))
		return NULL;
	b->size = size;
	return b->bytes;
}

static void *arena_realloc(void *ctx, void *old, size_t size)
{
	void *larger = arena_malloc(ctx, size);
	const struct block *b;

	if (old == NULL || larger == NULL)
		return larger;
	b = (const void *)((const char *)old - offsetof(struct block, bytes));
	memcpy(larger, old, b->size < size ? b->size : size);
	return larger;
}

static void arena_free(void *ctx, void *old)
{
	(void)ctx;
	(void)old;
}

yajl_alloc_funcs rl_json_in_arena(struct rl_arena *a)
{
	return (yajl_alloc_funcs){
		.malloc = arena_malloc, .realloc = arena_realloc, .free = arena_free, .ctx = a
	};
}

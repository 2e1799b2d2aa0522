/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects by number. A number is an index with a generation above it, so that a number which the
 * guest kept after the object is gone finds nothing, whoever has the place now.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fs_slot {
	void *object;	     /* NULL: free */
	uint32_t generation; /* of the present or next object */
	uint32_t next_free;
};

struct fs_slots {
	struct fs_slot *slot;
	uint32_t size, used; /* places, and places that were ever used */
	uint32_t free;	     /* first free one, FS_SLOT_NONE if none */
};

#define FS_SLOT_NONE UINT32_MAX

/* Numbers start at `first`, so that 0 (and FUSE's root id) can be kept for others. */
void fs_slots_init(struct fs_slots *s, uint32_t first);
void fs_slots_free(struct fs_slots *s);
/* False: out of memory. */
bool fs_slots_add(struct fs_slots *s, void *object, uint64_t *ret_id);
/* NULL: nothing has this number (any more). */
void *fs_slots_get(const struct fs_slots *s, uint64_t id);
void fs_slots_remove(struct fs_slots *s, uint64_t id);

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/slots.h"

#include <stdlib.h>

void fs_slots_init(struct fs_slots *s, uint32_t first)
{
	*s = (struct fs_slots){ .used = first, .free = FS_SLOT_NONE };
}

void fs_slots_free(struct fs_slots *s)
{
	free(s->slot);
	*s = (struct fs_slots){ .free = FS_SLOT_NONE };
}

static bool grow(struct fs_slots *s)
{
	uint32_t size = s->size ? s->size * 2 : 64;
	struct fs_slot *slot;

	if (size <= s->size || size > 1u << 30)
		return false;
	slot = reallocarray(s->slot, size, sizeof(*slot));
	if (slot == NULL)
		return false;
	for (uint32_t i = s->size; i < size; i++)
		slot[i] = (struct fs_slot){ .generation = 0 };
	s->slot = slot;
	s->size = size;
	return true;
}

bool fs_slots_add(struct fs_slots *s, void *object, uint64_t *ret_id)
{
	uint32_t index = s->free;

	if (index != FS_SLOT_NONE) {
		s->free = s->slot[index].next_free;
	} else {
		if (s->used >= s->size && !grow(s))
			return false;
		index = s->used++;
	}
	s->slot[index].object = object;
	*ret_id = (uint64_t)s->slot[index].generation << 32 | index;
	return true;
}

void *fs_slots_get(const struct fs_slots *s, uint64_t id)
{
	uint32_t index = (uint32_t)id;

	if (index >= s->size || s->slot[index].generation != id >> 32)
		return NULL;
	return s->slot[index].object;
}

void fs_slots_remove(struct fs_slots *s, uint64_t id)
{
	uint32_t index = (uint32_t)id;

	if (fs_slots_get(s, id) == NULL)
		return;
	s->slot[index].object = NULL;
	s->slot[index].generation++;
	s->slot[index].next_free = s->free;
	s->free = index;
}

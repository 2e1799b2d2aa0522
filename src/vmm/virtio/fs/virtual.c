/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/core.h"

#include <stdlib.h>
#include <string.h>

/*
 * Virtual files are few (an init, a configuration), so they are found by walking the list.
 */

bool fs_virtual_is_dir(const struct fs_virtual *v)
{
	return v->entry == NULL || S_ISDIR(v->entry->mode);
}

/* The directory that the first `len` bytes of a path name; NULL if it was not added before. */
static const struct fs_virtual *parent_of(const struct fs_server *s, const char *path, size_t len)
{
	if (len == 0)
		return &s->virt[0];
	for (size_t i = 1; i < s->virt_count; i++) {
		const char *other = s->virt[i].entry->path;

		if (strlen(other) == len && memcmp(other, path, len) == 0)
			return &s->virt[i];
	}
	return NULL;
}

rl_err fs_virtual_init(struct fs_server *s, const struct vmm_fs_config *config)
{
	s->virt = calloc(config->entry_count + 1, sizeof(s->virt[0]));
	if (s->virt == NULL)
		return rl_nomem();
	s->virt[0] = (struct fs_virtual){ .name = "", .ino = 1 };
	s->virt_count = 1;
	for (size_t i = 0; i < config->entry_count; i++) {
		const struct vmm_fs_entry *e = &config->entry[i];
		const char *slash = strrchr(e->path, '/');
		size_t len = slash ? (size_t)(slash - e->path) : 0;
		const struct fs_virtual *parent = parent_of(s, e->path, len);

		if (parent == NULL)
			return rl_refuse(RL_E(ENOENT), "overlay %s: its directory does not exist",
					 e->path);
		if (!fs_virtual_is_dir(parent))
			return rl_refuse(RL_E(ENOTDIR), "overlay %s: its parent is a file",
					 e->path);
		s->virt[s->virt_count] = (struct fs_virtual){
			.parent = parent,
			.entry = e,
			.name = slash ? slash + 1 : e->path,
			.ino = s->virt_count + 1,
		};
		s->virt_count++;
	}
	return RL_OK;
}

struct fs_virtual *fs_virtual_find(struct fs_server *s, const struct fs_node *dir, const char *name)
{
	const struct fs_virtual *parent = dir->virt;

	if (dir->id == FUSE_ROOT_ID)
		parent = &s->virt[0];
	if (parent == NULL)
		return NULL;
	/* The last one added wins, so an entry can replace an earlier one. */
	for (size_t i = s->virt_count - 1; i > 0; i--) {
		struct fs_virtual *v = &s->virt[i];

		if (v->parent == parent && !v->gone && strcmp(v->name, name) == 0)
			return v;
	}
	return NULL;
}

const struct fs_virtual *fs_virtual_child(struct fs_server *s, const struct fs_virtual *dir,
					  uint64_t n)
{
	for (size_t i = 1; i < s->virt_count; i++) {
		const struct fs_virtual *v = &s->virt[i];

		if (v->parent == dir && !v->gone && n-- == 0)
			return v;
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/boot/bundle.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

/* Where the package of this library puts a bundle of its own. */
#ifndef VMM_BUNDLE_DIR
#define VMM_BUNDLE_DIR "/usr/lib/runlet"
#endif

static const char *const places[] = { "libkrunfw.so.5", VMM_BUNDLE_DIR "/libkrunfw.so.5" };
#define PLACES (sizeof(places) / sizeof(places[0]))

/* Like the contexts a matter of the process: the handle stays open for its life. */
static struct {
	bool looked;
	void *library;
	const char *name;
} found;

void vmm_bundle_look(void)
{
	if (found.looked)
		return;
	found.looked = true;
	for (size_t i = 0; i < PLACES && found.library == NULL; i++) {
		found.library = dlopen(places[i], RTLD_NOW | RTLD_LOCAL);
		found.name = places[i];
	}
}

bool vmm_bundle_there(void)
{
	return found.library != NULL;
}

/* Which file, and which offset in it, is mapped at `address`. */
struct origin {
	uintptr_t address;
	const char *path;
	uint64_t offset;
};

static int find_origin(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct origin *o = arg;

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type != PT_LOAD || o->address < start ||
		    o->address - start >= ph->p_filesz)
			continue;
		o->path = info->dlpi_name;
		o->offset = ph->p_offset + (o->address - start);
		return 1;
	}
	return 0;
}

/* The file itself, so that it can be mapped a second time, into the guest. */
static void attach_file(struct vmm_image *image)
{
	struct origin o = { .address = (uintptr_t)image->bytes };
	int fd;

	if (!dl_iterate_phdr(find_origin, &o) || o.path == NULL || *o.path == '\0')
		return; /* it will be copied */
	fd = open(o.path, O_RDONLY | O_CLOEXEC);
	image->fd = rl_fd_own(fd);
	image->fd_offset = o.offset;
}

rl_err vmm_bundle_get(struct vmm_bundle *ret)
{
	char *(*get_kernel)(size_t *, size_t *, size_t *);
	size_t load = 0, entry = 0, size = 0;
	void *symbol;
	char *bytes;

	vmm_bundle_look();
	if (found.library == NULL)
		return rl_refuse(RL_E(ENOENT), "no %s and no %s", places[0], places[1]);
	symbol = dlsym(found.library, "krunfw_get_kernel");
	if (symbol == NULL)
		return rl_refuse(RL_E(ENOTSUP), "%s has no krunfw_get_kernel", found.name);
	memcpy(&get_kernel, &symbol, sizeof(get_kernel));
	bytes = get_kernel(&load, &entry, &size);
	if (bytes == NULL || size == 0)
		return rl_refuse(RL_E(ENOTSUP), "%s holds no kernel", found.name);
	*ret = (struct vmm_bundle){ .image = { .bytes = (const uint8_t *)bytes, .size = size },
				    .load = load,
				    .entry = entry,
				    .name = found.name };
	attach_file(&ret->image);
	return RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/boot/initramfs.h"

#include "base/io.h"
#include "guest/proto.h"
#include "vmm/boot/cache.h"
#include "vmm/boot/decompress.h"
#include "vmm/init_blob.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULES_MAX 64
#define LIST_LIMIT ((size_t)8 << 20)	/* modules.dep */
#define MODULE_LIMIT ((size_t)64 << 20) /* one module, decompressed */
#define ARENA_LIMIT ((size_t)32 << 20)

/* ---- Which modules ---- */

struct choice {
	struct rl_arena arena;
	const char *dep, *builtin; /* the files modules.dep and modules.builtin */
	const char *path[MODULES_MAX];
	unsigned count;
};

static void choice_free(struct choice *c)
{
	rl_arena_free(&c->arena);
}

/* "kernel/fs/fuse/virtiofs.ko.xz" is module "virtiofs"; - and _ are the same in names. */
static bool is_module(const char *path, size_t len, const char *name)
{
	const char *base = memrchr(path, '/', len);
	size_t n = strlen(name);

	base = base ? base + 1 : path;
	if ((size_t)(path + len - base) < n + 3 || memcmp(base + n, ".ko", 3) != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((base[i] == '-' ? '_' : base[i]) != name[i])
			return false;
	}
	return true;
}

/* The line of modules.dep (or .builtin) whose first word is the module; NULL if none. */
static const char *find_line(const char *text, const char *name)
{
	while (*text) {
		size_t word = strcspn(text, ":\n");

		if (is_module(text, word, name))
			return text;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return NULL;
}

static rl_err choose_path(struct choice *c, const char *path, size_t len)
{
	for (unsigned i = 0; i < c->count; i++) {
		if (strlen(c->path[i]) == len && memcmp(c->path[i], path, len) == 0)
			return RL_OK;
	}
	if (c->count == MODULES_MAX)
		return rl_refuse(RL_E(E2BIG), "more than %d modules are needed", MODULES_MAX);
	return rl_arena_strn(&c->arena, path, len, &c->path[c->count++]);
}

/* "a.ko: b.ko c.ko" means: c first, then b, then a. */
static rl_err choose_line(struct choice *c, const char *line)
{
	size_t name = strcspn(line, ":"), end = strcspn(line, "\n");

	while (end > name + 1) {
		size_t start = end;

		while (start > name + 1 && line[start - 1] != ' ')
			start--;
		if (start < end)
			RL_TRY(choose_path(c, line + start, end - start));
		end = start;
		while (end > name + 1 && line[end - 1] == ' ')
			end--;
	}
	return choose_path(c, line, name);
}

static rl_err choose(struct choice *c, const char *module, const char *version)
{
	const char *line = find_line(c->dep, module);

	if (line)
		return choose_line(c, line);
	if (find_line(c->builtin, module))
		return RL_OK;
	return rl_hint(rl_refuse(RL_E(ENOENT), "kernel %s has no module %s", version, module),
		       "another kernel package has it, or the modules are in an extra package");
}

static rl_err choose_all(struct choice *c, const struct vmm_initramfs_wish *wish)
{
	RL_TRY(choose(c, "virtio_mmio", wish->version));
	RL_TRY(choose(c, "virtio_console", wish->version));
	if (wish->fs)
		RL_TRY(choose(c, "virtiofs", wish->version));
	if (wish->blk)
		RL_TRY(choose(c, "virtio_blk", wish->version));
	if (wish->net)
		RL_TRY(choose(c, "virtio_net", wish->version));
	if (wish->vsock)
		RL_TRY(choose(c, "vmw_vsock_virtio_transport", wish->version));
	/* Good to have; a kernel without it has other sources of entropy. */
	if (find_line(c->dep, "virtio_rng"))
		RL_TRY(choose(c, "virtio_rng", wish->version));
	return RL_OK;
}

static rl_err read_lists(struct choice *c, int dir_fd)
{
	size_t len;

	RL_TRY(rl_arena_new(ARENA_LIMIT, &c->arena));
	RL_TRY(rl_read_file(&c->arena, dir_fd, "modules.dep", LIST_LIMIT, &c->dep, &len));
	return rl_read_file(&c->arena, dir_fd, "modules.builtin", LIST_LIMIT, &c->builtin, &len);
}

/* ---- The archive (cpio "newc", Documentation/driver-api/early-userspace/buffer-format) ---- */

struct archive {
	FILE *out;
	char *bytes;
	size_t size;
	unsigned inode;
};

static void archive_free(struct archive *a)
{
	if (a->out)
		(void)fclose(a->out);
	free(a->bytes);
}

static void pad(struct archive *a)
{
	while (ftell(a->out) % 4 != 0)
		(void)fputc(0, a->out);
}

/* Errors stick to the stream; finish() sees them. */
static void add(struct archive *a, const char *name, unsigned mode, const void *bytes, size_t size)
{
	(void)fprintf(a->out, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X",
		      ++a->inode, mode, 0u, 0u, 1u, 0u, size, 0u, 0u, 0u, 0u, strlen(name) + 1, 0u);
	(void)fwrite(name, 1, strlen(name) + 1, a->out);
	pad(a);
	(void)fwrite(bytes, 1, size, a->out);
	pad(a);
}

static rl_err add_module(struct archive *a, const char *path, int dir_fd, const char **ret_name)
{
	VMM_AUTO_IMAGE struct vmm_image file = { 0 };
	VMM_AUTO_BYTES struct vmm_bytes unpacked = { 0 };
	const char *base = strrchr(path, '/');
	char name[300];
	enum vmm_codec codec;

	base = base ? base + 1 : path;
	RL_TRY(vmm_image_open(dir_fd, path, &file));
	codec = vmm_codec_detect(file.bytes, file.size);
	if (codec != VMM_CODEC_NONE)
		RL_TRY(vmm_decompress(codec, &file, 0, MODULE_LIMIT, &unpacked), "module %s", path);
	(void)snprintf(name, sizeof(name), "modules/%.*s", (int)(strstr(base, ".ko") + 3 - base),
		       base);
	add(a, name, 0100644, codec ? unpacked.bytes : file.bytes,
	    codec ? unpacked.size : file.size);
	*ret_name = base;
	return RL_OK;
}

static rl_err add_modules(struct archive *a, const struct choice *c, int dir_fd)
{
	char list[MODULES_MAX * 128];
	size_t used = 0;

	add(a, "modules", 0040755, "", 0);
	for (unsigned i = 0; i < c->count; i++) {
		const char *name = NULL;

		RL_TRY(add_module(a, c->path[i], dir_fd, &name));
		used += (size_t)snprintf(list + used, sizeof(list) - used, "modules/%.*s\n",
					 (int)(strstr(name, ".ko") + 3 - name), name);
		if (used >= sizeof(list))
			return rl_refuse(RL_E(E2BIG), "the list of modules is too long");
	}
	add(a, &GST_MODULE_LIST[1], 0100644, list, used);
	return RL_OK;
}

static rl_err finish(struct archive *a)
{
	bool failed;

	add(a, "TRAILER!!!", 0, "", 0);
	failed = ferror(a->out) != 0;
	failed |= fclose(a->out) != 0;
	a->out = NULL;
	return failed ? rl_nomem() : RL_OK;
}

static rl_err make(const struct vmm_initramfs_wish *wish, struct archive *a)
{
	__attribute__((cleanup(choice_free))) struct choice c = { 0 };

	a->out = open_memstream(&a->bytes, &a->size);
	if (a->out == NULL)
		return rl_nomem();
	RL_TRY(read_lists(&c, wish->modules_fd));
	RL_TRY(choose_all(&c, wish));
	add(a, "init", 0100755, vmm_init_blob(), vmm_init_blob_size());
	RL_TRY(add_modules(a, &c, wish->modules_fd));
	return finish(a);
}

rl_err vmm_initramfs_make(const struct vmm_initramfs_wish *wish, struct vmm_image *ret)
{
	__attribute__((cleanup(archive_free))) struct archive a = { 0 };
	struct vmm_cache_key key = vmm_cache_key("initramfs 2");
	uint8_t devices[] = { wish->fs, wish->blk, wish->net, wish->vsock };
	struct stat st;
	bool found;

	if (vmm_init_blob_size() == 0)
		return rl_refuse(RL_E(ENOTSUP), "the library was built without an init");
	RL_TRY(rl_sys(fstatat(wish->modules_fd, "modules.dep", &st, 0), "modules.dep of kernel %s",
		      wish->version));
	vmm_cache_add_file(&key, &st);
	vmm_cache_add(&key, wish->version, strlen(wish->version));
	vmm_cache_add(&key, devices, sizeof(devices));
	vmm_cache_add(&key, vmm_init_blob(), vmm_init_blob_size());
	RL_TRY(vmm_cache_find("initramfs", key, ret, &found));
	if (found)
		return RL_OK;
	RL_TRY(make(wish, &a), "make an initramfs for kernel %s", wish->version);
	return vmm_cache_keep("initramfs", key, a.bytes, a.size, ret);
}

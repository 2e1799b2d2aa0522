/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/boot/cache.h"

#include "base/io.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAME_MAX_LEN 64

/* FNV-1a: names files that we made ourselves; nothing rests on its strength. */
struct vmm_cache_key vmm_cache_key(const char *what)
{
	struct vmm_cache_key key = { 0xcbf29ce484222325ull };

	vmm_cache_add(&key, what, strlen(what) + 1);
	return key;
}

void vmm_cache_add(struct vmm_cache_key *key, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len-- > 0)
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): loses count */
		key->hash = (key->hash ^ *p++) * 0x100000001b3ull;
}

void vmm_cache_add_file(struct vmm_cache_key *key, const struct stat *st)
{
	uint64_t identity[] = { st->st_dev, st->st_ino, (uint64_t)st->st_size,
				(uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec };

	vmm_cache_add(key, identity, sizeof(identity));
}

/* A matter of the process, like the kernels that it is for. */
static struct {
	bool looked;
	struct rl_fd dir;
	uid_t owner;
} cache;

static bool ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == cache.owner && (st.st_mode & 022) == 0;
}

static rl_err cache_path(char *path, size_t size)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n;

	if (xdg && *xdg == '/')
		n = snprintf(path, size, "%s/runlet", xdg);
	else if (geteuid() == 0)
		n = snprintf(path, size, "/var/cache/runlet");
	else if (home && *home == '/')
		n = snprintf(path, size, "%s/.cache/runlet", home);
	else
		return rl_refuse(RL_E(ENOENT), "there is no cache directory");
	return n < 0 || (size_t)n >= size ? rl_fail(RL_E(ENAMETOOLONG), "cache directory") : RL_OK;
}

static rl_err open_cache(struct rl_fd *ret)
{
	char path[4096];

	RL_TRY(cache_path(path, sizeof(path)));
	RL_TRY(rl_make_dirs(path, 0755));
	RL_TRY(rl_fd_from(open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC), ret, "open %s", path));
	if (!ours(rl_fd_get(ret))) {
		rl_fd_close(ret);
		return rl_refuse(RL_E(EPERM), "%s can be written by others", path);
	}
	return RL_OK;
}

void vmm_cache_look(void)
{
	if (cache.looked)
		return;
	cache.looked = true;
	cache.owner = geteuid();
	/* Read-only or not there: then without a cache. */
	rl_drop(open_cache(&cache.dir));
}

void vmm_cache_forget(void)
{
	rl_fd_close(&cache.dir);
}

static void file_name(const char *kind, struct vmm_cache_key key, char name[static NAME_MAX_LEN])
{
	snprintf(name, NAME_MAX_LEN, "%s-%016" PRIx64, kind, key.hash);
}

rl_err vmm_cache_find(const char *kind, struct vmm_cache_key key, struct vmm_image *ret,
		      bool *ret_found)
{
	struct rl_fd RL_AUTO_FD file = { 0 };
	char name[NAME_MAX_LEN];

	*ret_found = false;
	vmm_cache_look();
	if (!rl_fd_has(&cache.dir))
		return RL_OK;
	file_name(kind, key, name);
	rl_fd_set(&file, openat(rl_fd_get(&cache.dir), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
	if (!rl_fd_has(&file) || !ours(rl_fd_get(&file)))
		return RL_OK;
	RL_TRY(vmm_image_from_fd(rl_fd_take(&file), name, ret));
	*ret_found = true;
	return RL_OK;
}

static rl_err keep_in_memory(const char *kind, const void *bytes, size_t size,
			     struct vmm_image *ret)
{
	struct rl_fd RL_AUTO_FD memory = { 0 };

	RL_TRY(rl_fd_from(memfd_create(kind, MFD_CLOEXEC), &memory, "make memory for the %s",
			  kind));
	RL_TRY(rl_write_all(rl_fd_get(&memory), bytes, size));
	return vmm_image_from_fd(rl_fd_take(&memory), kind, ret);
}

rl_err vmm_cache_keep(const char *kind, struct vmm_cache_key key, const void *bytes, size_t size,
		      struct vmm_image *ret)
{
	char name[NAME_MAX_LEN];
	bool found = false;

	file_name(kind, key, name);
	vmm_cache_look();
	/* Full, or not ours to write: then in memory. */
	if (rl_fd_has(&cache.dir) &&
	    !rl_drop_failed(rl_write_atomic(rl_fd_get(&cache.dir), name, bytes, size, 0644)))
		RL_TRY(vmm_cache_find(kind, key, ret, &found));
	return found ? RL_OK : keep_in_memory(kind, bytes, size, ret);
}

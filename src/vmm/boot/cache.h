/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are made from other files and are worth keeping: decompressed kernels, initramfs
 * images. $XDG_CACHE_HOME/runlet, $HOME/.cache/runlet, or /var/cache/runlet for root. Where
 * nothing can be written the file lives in memory for this machine only, so a cache is never a
 * reason to fail.
 *
 * A name carries a hash of everything its content was made from; nothing is ever updated. Nothing
 * in it is secret, so everybody may read it; only a directory and files that belong to who opened
 * the directory, and that nobody else can write, are trusted.
 */
#pragma once

#include "vmm/boot/image.h"

#include <sys/stat.h>

/*
 * Makes and opens the directory now, while the caller has the file system and the rights that it
 * belongs to: later the same path may lead into a container's root. Idempotent, not thread-safe.
 */
void vmm_cache_look(void);

/* Closes the directory; from now on there is no cache. */
void vmm_cache_forget(void);

struct vmm_cache_key {
	uint64_t hash;
};

struct vmm_cache_key vmm_cache_key(const char *what);
void vmm_cache_add(struct vmm_cache_key *key, const void *bytes, size_t len);
/* Identity of a file: device, inode, size, time of change. */
void vmm_cache_add_file(struct vmm_cache_key *key, const struct stat *st);

/* *ret_found false: not there (or not to be trusted). */
RL_MUST rl_err vmm_cache_find(const char *kind, struct vmm_cache_key key, struct vmm_image *ret,
			      bool *ret_found);
/* Keeps the bytes and gives them back as a file. */
RL_MUST rl_err vmm_cache_keep(const char *kind, struct vmm_cache_key key, const void *bytes,
			      size_t size, struct vmm_image *ret);

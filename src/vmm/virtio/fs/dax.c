/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files mapped into the guest's address space: the DAX window. What is not mapped is inaccessible;
 * a guest that touches it stops itself, as it does by touching a mapping behind the end of a file.
 */
#include "vmm/virtio/fs/core.h"

#include <sys/mman.h>

#define PAGE 4096u

static struct fs_status check_range(const struct fs_server *s, uint64_t at, uint64_t len)
{
	if (s->window.host == NULL)
		return fs_fail(ENOSYS);
	if (len == 0 || at % PAGE || len % PAGE || at > s->window.size || len > s->window.size - at)
		return fs_fail(EINVAL);
	return FS_OK;
}

static struct fs_status unmap(const struct fs_server *s, uint64_t at, uint64_t len)
{
	void *p = mmap(s->window.host + at, len, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	return p == MAP_FAILED ? fs_fail(errno) : FS_OK;
}

void fs_server_window(struct fs_server *s, const struct vmm_shm *window)
{
	if (s->window.host != NULL)
		(void)unmap(s, 0, s->window.size);
	s->window = window != NULL ? *window : (struct vmm_shm){ 0 };
}

struct fs_status fs_op_setupmapping(struct fs_request *r)
{
	struct fs_server *s = r->server;
	struct fuse_setupmapping_in in;
	int fd, protection = PROT_READ;
	void *p;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(check_range(s, in.moffset, in.len));
	if (in.foffset % PAGE || in.foffset > INT64_MAX)
		return fs_fail(EINVAL);
	if (in.flags & FUSE_SETUPMAPPING_FLAG_WRITE) {
		if (s->read_only)
			return fs_fail(EROFS);
		protection |= PROT_WRITE;
	}
	FS_TRY(fs_file(s, in.fh, &fd));
	p = mmap(s->window.host + in.moffset, in.len, protection, MAP_SHARED | MAP_FIXED, fd,
		 (off_t)in.foffset);
	return p == MAP_FAILED ? fs_fail(errno) : FS_OK;
}

struct fs_status fs_op_removemapping(struct fs_request *r)
{
	struct fuse_removemapping_in in;
	struct fuse_removemapping_one one;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	for (uint32_t i = 0; i < in.count; i++) {
		FS_TRY(fs_take(r, &one, sizeof(one)));
		FS_TRY(check_range(r->server, one.moffset, one.len));
		FS_TRY(unmap(r->server, one.moffset, one.len));
	}
	return FS_OK;
}

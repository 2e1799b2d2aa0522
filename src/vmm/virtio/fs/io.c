/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/core.h"

#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * May the guest keep what it has cached of this file? Yes if the file is as it was when the guest
 * opened it last: close-to-open consistency with writers on the host, and a header that a
 * compiler opens a thousand times is transferred once.
 */
static struct fs_status judge_cache(struct fs_node *node, int fd, struct fuse_open_out *ret)
{
	struct statx stx;

	FS_TRY(fs_stat(fd, &stx));
	if (node->seen_mtime[0] == stx.stx_mtime.tv_sec &&
	    node->seen_mtime[1] == stx.stx_mtime.tv_nsec && node->seen_size == stx.stx_size)
		ret->open_flags |= FOPEN_KEEP_CACHE;
	node->seen_mtime[0] = stx.stx_mtime.tv_sec;
	node->seen_mtime[1] = stx.stx_mtime.tv_nsec;
	node->seen_size = stx.stx_size;
	return FS_OK;
}

static struct fs_status put_handle(struct fs_request *r, struct fs_node *node, struct rl_fd *fd,
				   struct fuse_open_out *out)
{
	struct fs_handle *handle;
	struct fs_status status;

	FS_TRY(fs_handle_add(r->server, node, FS_HANDLE_FILE, fd, &handle));
	out->fh = handle->id;
	status = fs_put(r, out, sizeof(*out));
	if (status.code != 0)
		fs_handle_close(r->server, out->fh, FS_HANDLE_FILE);
	return status;
}

struct fs_status fs_op_open(struct fs_request *r)
{
	struct fs_server *s = r->server;
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct fuse_open_out out = { 0 };
	struct fuse_open_in in;
	struct fs_node *node;
	bool writes;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_node(s, r->head.nodeid, &node));
	writes = (in.flags & O_ACCMODE) != O_RDONLY || in.flags & O_TRUNC;
	if (writes && (s->read_only || node->virt != NULL))
		return fs_fail(EROFS);
	if (S_ISDIR(node->mode))
		return fs_fail(EISDIR);
	if (node->virt != NULL) {
		out.open_flags = FOPEN_KEEP_CACHE;
		return put_handle(r, node, &fd, &out);
	}
	/*
	 * O_DIRECT is left out: the guest's buffers are where they are. O_NOATIME wants ownership,
	 * O_NONBLOCK means nothing for regular files.
	 */
	FS_TRY(fs_reopen(s, node,
			 (int)in.flags & (O_ACCMODE | O_APPEND | O_DSYNC | O_SYNC | O_TRUNC), &fd));
	if (in.flags & O_TRUNC && in.open_flags & FUSE_OPEN_KILL_SUIDGID)
		FS_TRY(fs_kill_suid(s, node));
	FS_TRY(judge_cache(node, rl_fd_get(&fd), &out));
	return put_handle(r, node, &fd, &out);
}

struct fs_status fs_op_release(struct fs_request *r)
{
	struct fuse_release_in in;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	return fs_handle_close(r->server, in.fh, FS_HANDLE_FILE);
}

static struct fs_status read_virtual(struct fs_request *r, const struct vmm_fs_entry *e,
				     const struct fuse_read_in *in)
{
	size_t len = in->size;

	if (in->offset >= e->size)
		return FS_OK;
	if (len > e->size - in->offset)
		len = e->size - in->offset;
	if (len > r->out.left)
		len = r->out.left;
	return fs_put(r, e->data + in->offset, len);
}

/* One system call: the host's kernel writes into the guest's memory. */
struct fs_status fs_op_read(struct fs_request *r)
{
	struct iovec to[VMM_CHAIN_SEGMENTS];
	struct fuse_read_in in;
	struct fs_handle *h;
	size_t count, room;
	ssize_t n;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_handle(r->server, in.fh, FS_HANDLE_FILE, &h));
	if (h->virt != NULL)
		return read_virtual(r, h->virt->entry, &in);
	if (in.offset > INT64_MAX)
		return fs_fail(EINVAL);
	count = vmm_cursor_take(&r->out, in.size, to, VMM_CHAIN_SEGMENTS, &room);
	if (count == 0)
		return FS_OK;
	n = preadv(rl_fd_get(&h->fd), to, (int)count, (off_t)in.offset);
	FS_TRY(fs_sys(n));
	r->replied += (size_t)n;
	return FS_OK;
}

/* One system call too, unless set-user-ID has to go. */
struct fs_status fs_op_write(struct fs_request *r)
{
	struct iovec from[VMM_CHAIN_SEGMENTS];
	struct fuse_write_out out = { 0 };
	struct fuse_write_in in;
	struct fs_handle *h;
	size_t count, given;
	ssize_t n = 0;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_handle(r->server, in.fh, FS_HANDLE_FILE, &h));
	if (h->virt != NULL)
		return fs_fail(EROFS);
	/* What cannot be answered is not done. */
	if (in.offset > INT64_MAX || r->out.left < sizeof(out))
		return fs_fail(EINVAL);
	count = vmm_cursor_take(&r->in, in.size, from, VMM_CHAIN_SEGMENTS, &given);
	if (given != in.size)
		return fs_fail(EINVAL);
	if (in.write_flags & FUSE_WRITE_KILL_SUIDGID) {
		struct fs_node *node = fs_slots_get(&r->server->nodes, h->node);

		if (node != NULL)
			FS_TRY(fs_kill_suid(r->server, node));
	}
	if (count > 0)
		n = pwritev(rl_fd_get(&h->fd), from, (int)count, (off_t)in.offset);
	FS_TRY(fs_sys(n));
	out.size = (uint32_t)n;
	return fs_put(r, &out, sizeof(out));
}

struct fs_status fs_op_fsync(struct fs_request *r)
{
	struct fuse_fsync_in in;
	int fd;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_file(r->server, in.fh, &fd));
	return fs_sys(in.fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(fd) : fsync(fd));
}

struct fs_status fs_op_fallocate(struct fs_request *r)
{
	struct fuse_fallocate_in in;
	int fd;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_file(r->server, in.fh, &fd));
	if (in.offset > INT64_MAX || in.length > INT64_MAX)
		return fs_fail(EFBIG);
	return fs_sys(fallocate(fd, (int)in.mode, (off_t)in.offset, (off_t)in.length));
}

struct fs_status fs_op_lseek(struct fs_request *r)
{
	struct fuse_lseek_out out;
	struct fuse_lseek_in in;
	off_t at;
	int fd;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_file(r->server, in.fh, &fd));
	/* Holes and data are all the guest's kernel cannot find out itself. */
	if (in.whence != SEEK_DATA && in.whence != SEEK_HOLE)
		return fs_fail(EINVAL);
	if (in.offset > INT64_MAX)
		return fs_fail(ENXIO);
	at = lseek(fd, (off_t)in.offset, (int)in.whence);
	FS_TRY(fs_sys(at));
	out.offset = (uint64_t)at;
	return fs_put(r, &out, sizeof(out));
}

struct fs_status fs_op_copy_file_range(struct fs_request *r)
{
	struct fuse_copy_file_range_in in;
	struct fuse_write_out out = { 0 };
	off_t from, to;
	int in_fd, out_fd;
	ssize_t n;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_file(r->server, in.fh_in, &in_fd));
	FS_TRY(fs_file(r->server, in.fh_out, &out_fd));
	if (in.off_in > INT64_MAX || in.off_out > INT64_MAX || in.flags != 0)
		return fs_fail(EINVAL);
	from = (off_t)in.off_in;
	to = (off_t)in.off_out;
	/* The reply has 32 bits. A round number below keeps whole blocks together. */
	n = copy_file_range(in_fd, &from, out_fd, &to, in.len < 1u << 30 ? in.len : 1u << 30, 0);
	FS_TRY(fs_sys(n));
	out.size = (uint32_t)n;
	return fs_put(r, &out, sizeof(out));
}

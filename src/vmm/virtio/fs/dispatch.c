/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/core.h"

#include <string.h>

enum rule {
	WRITES = 1 << 0,   /* refused where the file system is read-only */
	NO_REPLY = 1 << 1, /* the guest does not wait for one */
	EARLY = 1 << 2,	   /* allowed before INIT */
};

/*
 * Not there, so ENOSYS, and the guest's kernel does the work or never asks again: FLUSH (there is
 * nothing to flush at close), ACCESS (the guest checks permissions itself), GETLK, SETLK, SETLKW
 * (locks are the guest's own), BMAP, POLL, INTERRUPT (no request waits).
 */
static const struct {
	fs_operation *operation;
	unsigned rules;
} table[] = {
	[FUSE_LOOKUP] = { fs_op_lookup, 0 },
	[FUSE_FORGET] = { fs_op_forget, NO_REPLY },
	[FUSE_GETATTR] = { fs_op_getattr, 0 },
	[FUSE_SETATTR] = { fs_op_setattr, WRITES },
	[FUSE_READLINK] = { fs_op_readlink, 0 },
	[FUSE_SYMLINK] = { fs_op_symlink, WRITES },
	[FUSE_MKNOD] = { fs_op_mknod, WRITES },
	[FUSE_MKDIR] = { fs_op_mkdir, WRITES },
	[FUSE_UNLINK] = { fs_op_unlink, WRITES },
	[FUSE_RMDIR] = { fs_op_rmdir, WRITES },
	[FUSE_RENAME] = { fs_op_rename, WRITES },
	[FUSE_LINK] = { fs_op_link, WRITES },
	[FUSE_OPEN] = { fs_op_open, 0 },
	[FUSE_READ] = { fs_op_read, 0 },
	[FUSE_WRITE] = { fs_op_write, WRITES },
	[FUSE_STATFS] = { fs_op_statfs, 0 },
	[FUSE_RELEASE] = { fs_op_release, 0 },
	[FUSE_FSYNC] = { fs_op_fsync, 0 },
	[FUSE_SETXATTR] = { fs_op_setxattr, WRITES },
	[FUSE_GETXATTR] = { fs_op_getxattr, 0 },
	[FUSE_LISTXATTR] = { fs_op_listxattr, 0 },
	[FUSE_REMOVEXATTR] = { fs_op_removexattr, WRITES },
	[FUSE_INIT] = { fs_op_init, EARLY },
	[FUSE_OPENDIR] = { fs_op_opendir, 0 },
	[FUSE_READDIR] = { fs_op_readdir, 0 },
	[FUSE_RELEASEDIR] = { fs_op_releasedir, 0 },
	[FUSE_FSYNCDIR] = { fs_op_fsyncdir, 0 },
	[FUSE_CREATE] = { fs_op_create, WRITES },
	[FUSE_DESTROY] = { fs_op_destroy, EARLY },
	[FUSE_IOCTL] = { fs_op_ioctl, 0 },
	[FUSE_BATCH_FORGET] = { fs_op_batch_forget, NO_REPLY },
	[FUSE_FALLOCATE] = { fs_op_fallocate, WRITES },
	[FUSE_READDIRPLUS] = { fs_op_readdirplus, 0 },
	[FUSE_RENAME2] = { fs_op_rename2, WRITES },
	[FUSE_LSEEK] = { fs_op_lseek, 0 },
	[FUSE_COPY_FILE_RANGE] = { fs_op_copy_file_range, WRITES },
	[FUSE_SETUPMAPPING] = { fs_op_setupmapping, 0 },
	[FUSE_REMOVEMAPPING] = { fs_op_removemapping, 0 },
	[FUSE_SYNCFS] = { fs_op_syncfs, 0 },
	[FUSE_TMPFILE] = { fs_op_tmpfile, WRITES },
};

struct fs_status fs_take(struct fs_request *r, void *buf, size_t len)
{
	return vmm_cursor_read(&r->in, buf, len) ? FS_OK : fs_fail(EINVAL);
}

struct fs_status fs_put(struct fs_request *r, const void *buf, size_t len)
{
	if (!vmm_cursor_write(&r->out, buf, len))
		return fs_fail(ERANGE);
	r->replied += len;
	return FS_OK;
}

/* Serves what the header says. */
static struct fs_status serve(struct fs_request *r, unsigned *ret_rules)
{
	uint32_t op = r->head.opcode;

	*ret_rules = 0;
	/* The length in the header must be that of the buffers: both bound what is read. */
	if (r->head.len < sizeof(r->head) || r->head.len - sizeof(r->head) > r->in.left)
		return fs_fail(EINVAL);
	r->in.left = r->head.len - sizeof(r->head);
	if (op >= sizeof(table) / sizeof(table[0]) || table[op].operation == NULL)
		return fs_fail(ENOSYS);
	*ret_rules = table[op].rules;
	if (!r->server->ready && !(table[op].rules & EARLY))
		return fs_fail(EIO);
	if (r->server->read_only && table[op].rules & WRITES)
		return fs_fail(EROFS);
	return table[op].operation(r);
}

size_t fs_server_request(struct fs_server *server, const struct iovec *out, size_t out_count,
			 const struct iovec *in, size_t in_count)
{
	struct fs_request r = {
		.server = server,
		.in = vmm_cursor_at(out, out_count),
		.out = vmm_cursor_at(in, in_count),
	};
	struct vmm_cursor reply = r.out;
	struct fuse_out_header head = { 0 };
	struct fs_status status;
	unsigned rules;

	if (!vmm_cursor_read(&r.in, &r.head, sizeof(r.head)))
		return 0;
	/*
	 * Without room for the header nothing can be answered, so nothing is done, except what is
	 * never answered.
	 */
	if (!vmm_cursor_skip(&r.out, sizeof(head)) && r.head.opcode != FUSE_FORGET &&
	    r.head.opcode != FUSE_BATCH_FORGET)
		return 0;
	status = serve(&r, &rules);
	if (rules & NO_REPLY)
		return 0;
	if (status.code != 0)
		r.replied = 0;
	head.len = (uint32_t)(sizeof(head) + r.replied);
	head.error = -status.code; /* the protocol's convention, made here and nowhere else */
	head.unique = r.head.unique;
	return vmm_cursor_write(&reply, &head, sizeof(head)) ? head.len : 0;
}

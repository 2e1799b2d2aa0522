/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/core.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* A directory and a name in it that is real: virtual ones cannot be removed or replaced. */
static struct fs_status real_name(struct fs_server *s, uint64_t id, const char *name,
				  struct fs_node **ret_dir)
{
	FS_TRY(fs_real_dir(s, id, ret_dir));
	return fs_virtual_find(s, *ret_dir, name) ? fs_fail(EROFS) : FS_OK;
}

static struct fs_status remove_name(struct fs_request *r, int flags)
{
	struct fs_name name;
	struct fs_node *dir;

	FS_TRY(fs_take_name(r, &name));
	FS_TRY(real_name(r->server, r->head.nodeid, name.text, &dir));
	return fs_sys(unlinkat(rl_fd_get(&dir->fd), name.text, flags));
}

struct fs_status fs_op_unlink(struct fs_request *r)
{
	return remove_name(r, 0);
}

struct fs_status fs_op_rmdir(struct fs_request *r)
{
	return remove_name(r, AT_REMOVEDIR);
}

static struct fs_status rename_names(struct fs_request *r, uint64_t new_id, uint32_t flags)
{
	struct fs_name old_name, new_name;
	struct fs_node *old_dir, *new_dir;

	if (flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return fs_fail(EINVAL);
	FS_TRY(fs_take_name(r, &old_name));
	FS_TRY(fs_take_name(r, &new_name));
	FS_TRY(real_name(r->server, r->head.nodeid, old_name.text, &old_dir));
	FS_TRY(real_name(r->server, new_id, new_name.text, &new_dir));
	return fs_sys(renameat2(rl_fd_get(&old_dir->fd), old_name.text, rl_fd_get(&new_dir->fd),
				new_name.text, flags));
}

struct fs_status fs_op_rename(struct fs_request *r)
{
	struct fuse_rename_in in;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	return rename_names(r, in.newdir, 0);
}

struct fs_status fs_op_rename2(struct fs_request *r)
{
	struct fuse_rename2_in in;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	return rename_names(r, in.newdir, in.flags);
}

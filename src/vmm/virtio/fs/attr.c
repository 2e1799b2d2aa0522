/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/core.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define WANTED (STATX_BASIC_STATS | STATX_MNT_ID)

struct fs_status fs_stat(int fd, struct statx *ret)
{
	return fs_sys(statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_STATX_SYNC_AS_STAT,
			    WANTED, ret));
}

struct fs_status fs_stat_at(int dir_fd, const char *name, struct statx *ret)
{
	return fs_sys(statx(dir_fd, name,
			    AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_SYNC_AS_STAT, WANTED,
			    ret));
}

/* Device numbers as the protocol carries them: the kernel's "new" encoding in 32 bits. */
static uint32_t encode_dev(unsigned major, unsigned minor)
{
	return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

void fs_fill_attr(struct fs_server *s, const struct statx *stx, struct fuse_attr *ret)
{
	*ret = (struct fuse_attr){
		.ino = stx->stx_ino,
		.size = stx->stx_size,
		.blocks = stx->stx_blocks,
		.atime = (uint64_t)stx->stx_atime.tv_sec,
		.mtime = (uint64_t)stx->stx_mtime.tv_sec,
		.ctime = (uint64_t)stx->stx_ctime.tv_sec,
		.atimensec = stx->stx_atime.tv_nsec,
		.mtimensec = stx->stx_mtime.tv_nsec,
		.ctimensec = stx->stx_ctime.tv_nsec,
		.mode = stx->stx_mode,
		.nlink = stx->stx_nlink,
		.uid = fs_to_guest(&s->uid_map, stx->stx_uid),
		.gid = fs_to_guest(&s->gid_map, stx->stx_gid),
		.rdev = encode_dev(stx->stx_rdev_major, stx->stx_rdev_minor),
		.blksize = stx->stx_blksize,
	};
}

void fs_fill_virtual_attr(const struct fs_virtual *v, struct fuse_attr *ret)
{
	*ret = (struct fuse_attr){
		.ino = v->ino,
		.size = v->entry ? v->entry->size : 0,
		.blocks = v->entry ? (v->entry->size + 511) / 512 : 0,
		.mode = v->entry ? v->entry->mode : S_IFDIR | 0755,
		.nlink = 1,
		.blksize = 4096,
	};
}

static struct fs_status put_attr(struct fs_request *r, const struct fs_node *node, int fd)
{
	struct fuse_attr_out out = { .attr_valid = FS_VALID };
	struct statx stx;

	if (node->virt != NULL) {
		fs_fill_virtual_attr(node->virt, &out.attr);
	} else {
		FS_TRY(fs_stat(fd, &stx));
		fs_fill_attr(r->server, &stx, &out.attr);
	}
	return fs_put(r, &out, sizeof(out));
}

struct fs_status fs_op_getattr(struct fs_request *r)
{
	struct fuse_getattr_in in;
	struct fs_node *node;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_node(r->server, r->head.nodeid, &node));
	/* The node's own descriptor says the same as the handle's would. */
	return put_attr(r, node, rl_fd_get(&node->fd));
}

static struct fs_status change_mode(struct fs_server *s, struct fs_node *node, uint32_t mode)
{
	/* fchmod(2) refuses O_PATH descriptors. For a symbolic link the kernel says EOPNOTSUPP. */
	FS_TRY(fs_sys(fchmodat(rl_fd_get(&s->proc_fd), fs_proc_name(node).text, mode & 07777, 0)));
	node->mode = (node->mode & S_IFMT) | (mode & 07777);
	return FS_OK;
}

struct fs_status fs_kill_suid(struct fs_server *s, struct fs_node *node)
{
	uint32_t mode = node->mode;

	if (!S_ISREG(mode) || !(mode & (S_ISUID | S_ISGID)))
		return FS_OK;
	mode &= ~(uint32_t)S_ISUID;
	if (mode & S_IXGRP) /* without it the bit once meant mandatory locks */
		mode &= ~(uint32_t)S_ISGID;
	return mode == node->mode ? FS_OK : change_mode(s, node, mode);
}

static struct fs_status change_owner(struct fs_server *s, struct fs_node *node,
				     const struct fuse_setattr_in *in)
{
	uint32_t uid = (uint32_t)-1, gid = (uint32_t)-1;

	if (in->valid & FATTR_UID)
		FS_TRY(fs_to_host(s, &s->uid_map, in->uid, &uid));
	if (in->valid & FATTR_GID)
		FS_TRY(fs_to_host(s, &s->gid_map, in->gid, &gid));
	FS_TRY(fs_sys(
		fchownat(rl_fd_get(&node->fd), "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)));
	/* chown(2) clears the bits on the host; put_attr tells the guest, this is for us. */
	if (S_ISREG(node->mode))
		node->mode &= ~(uint32_t)(node->mode & S_IXGRP ? S_ISUID | S_ISGID : S_ISUID);
	return FS_OK;
}

static struct fs_status change_size(struct fs_server *s, struct fs_node *node,
				    const struct fuse_setattr_in *in)
{
	struct rl_fd RL_AUTO_FD opened = { 0 };
	int fd;

	if (in->size > INT64_MAX)
		return fs_fail(EINVAL);
	if (in->valid & FATTR_FH) {
		FS_TRY(fs_file(s, in->fh, &fd));
	} else {
		if (!S_ISREG(node->mode))
			return fs_fail(EINVAL);
		FS_TRY(fs_reopen(s, node, O_WRONLY, &opened));
		fd = rl_fd_get(&opened);
	}
	FS_TRY(fs_sys(ftruncate(fd, (off_t)in->size)));
	return in->valid & FATTR_KILL_SUIDGID ? fs_kill_suid(s, node) : FS_OK;
}

static struct timespec time_of(uint32_t valid, uint32_t set, uint32_t now, uint64_t sec,
			       uint32_t nsec)
{
	if (!(valid & set))
		return (struct timespec){ .tv_nsec = UTIME_OMIT };
	if (valid & now)
		return (struct timespec){ .tv_nsec = UTIME_NOW };
	return (struct timespec){ .tv_sec = (time_t)sec, .tv_nsec = nsec };
}

static struct fs_status change_times(struct fs_server *s, struct fs_node *node,
				     const struct fuse_setattr_in *in)
{
	struct timespec times[2] = {
		time_of(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
		time_of(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec),
	};

	return fs_sys(utimensat(rl_fd_get(&s->proc_fd), fs_proc_name(node).text, times, 0));
}

struct fs_status fs_op_setattr(struct fs_request *r)
{
	struct fs_server *s = r->server;
	struct fuse_setattr_in in;
	struct fs_node *node;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_real_node(s, r->head.nodeid, &node));
	/* The mode last: a change of owner or contents would clear its bits. */
	if (in.valid & (FATTR_UID | FATTR_GID))
		FS_TRY(change_owner(s, node, &in));
	if (in.valid & FATTR_SIZE)
		FS_TRY(change_size(s, node, &in));
	if (in.valid & FATTR_MODE)
		FS_TRY(change_mode(s, node, in.mode));
	if (in.valid & (FATTR_ATIME | FATTR_MTIME))
		FS_TRY(change_times(s, node, &in));
	return put_attr(r, node, rl_fd_get(&node->fd));
}

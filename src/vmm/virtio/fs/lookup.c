/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/core.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

static struct fs_status lookup_virtual(struct fs_server *s, struct fs_virtual *v,
				       struct fuse_entry_out *ret)
{
	struct fs_node *node;

	FS_TRY(fs_node_add_virtual(s, v, &node));
	*ret = (struct fuse_entry_out){
		.nodeid = node->id,
		.attr_valid = FS_VALID,
		.entry_valid = v->entry->one_shot ? 0 : FS_VALID,
	};
	fs_fill_virtual_attr(v, &ret->attr);
	v->gone = v->entry->one_shot;
	return FS_OK;
}

static void fill_entry(struct fs_server *s, const struct fs_node *dir, const struct fs_node *node,
		       const struct statx *stx, struct fuse_entry_out *ret)
{
	*ret = (struct fuse_entry_out){
		.nodeid = node->id,
		.entry_valid = FS_VALID,
		.attr_valid = FS_VALID,
	};
	fs_fill_attr(s, stx, &ret->attr);
	/* Another mount begins: the guest makes one too, so that inode numbers stay unique. */
	if (S_ISDIR(stx->stx_mode) && (node->identity.mount != dir->identity.mount ||
				       node->identity.dev != dir->identity.dev))
		ret->attr.flags |= FUSE_ATTR_SUBMOUNT;
}

struct fs_status fs_entry_of(struct fs_server *s, struct fs_node *dir, struct rl_fd *fd,
			     struct fuse_entry_out *ret, struct fs_node **ret_node)
{
	struct rl_fd RL_AUTO_FD own = *fd;
	struct fs_node *node;
	struct statx stx;

	*fd = (struct rl_fd){ 0 };
	FS_TRY(fs_stat(rl_fd_get(&own), &stx));
	FS_TRY(fs_node_add(s, &own, &stx, &node));
	fill_entry(s, dir, node, &stx, ret);
	if (ret_node != NULL)
		*ret_node = node;
	return FS_OK;
}

/* Was this looked up not long ago? The answer is a guess; a wrong one costs a system call. */
static uint32_t *guess(struct fs_server *s, const struct fs_node *dir, const char *name,
		       uint32_t *ret_hash)
{
	uint64_t hash = dir->id * 0x9e3779b97f4a7c15ull; /* FNV-1a, and a start of our own */

	for (const char *c = name; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 0x100000001b3ull;
	*ret_hash = (uint32_t)(hash >> 32) | 1; /* 0 is an empty place */
	return &s->guess[(uint32_t)hash % FS_GUESSES];
}

/*
 * A name that leads to a node the guest has: its attributes are all that is wanted, and one call
 * tells whether it still does. The same component, not followed, as if it were opened.
 */
static struct fs_status lookup_known(struct fs_server *s, struct fs_node *dir, const char *name,
				     struct fuse_entry_out *ret, bool *ret_known)
{
	struct fs_node *node;
	struct statx stx;

	*ret_known = false;
	FS_TRY(fs_stat_at(rl_fd_get(&dir->fd), name, &stx));
	node = fs_node_known(s, &stx);
	if (node == NULL)
		return FS_OK;
	fill_entry(s, dir, node, &stx, ret);
	*ret_known = true;
	return FS_OK;
}

struct fs_status fs_lookup(struct fs_server *s, struct fs_node *dir, const char *name,
			   struct fuse_entry_out *ret)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct fs_virtual *v = fs_virtual_find(s, dir, name);
	uint32_t hash, *place;
	bool known;

	if (v != NULL)
		return lookup_virtual(s, v, ret);
	if (!S_ISDIR(dir->mode))
		return fs_fail(ENOTDIR);
	if (dir->virt != NULL)
		return fs_fail(ENOENT);
	place = guess(s, dir, name, &hash);
	if (*place == hash) {
		FS_TRY(lookup_known(s, dir, name, ret, &known));
		if (known)
			return FS_OK;
	}
	/* One component, checked, not followed: it cannot lead out of the directory. */
	fd = rl_fd_own(openat(rl_fd_get(&dir->fd), name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
	if (!rl_fd_has(&fd))
		return fs_no_descriptor(s, errno);
	FS_TRY(fs_entry_of(s, dir, &fd, ret, NULL));
	*place = hash;
	return FS_OK;
}

struct fs_status fs_op_lookup(struct fs_request *r)
{
	struct fuse_entry_out out;
	struct fs_status status;
	struct fs_name name;
	struct fs_node *dir;

	FS_TRY(fs_take_name(r, &name));
	FS_TRY(fs_node(r->server, r->head.nodeid, &dir));
	status = fs_lookup(r->server, dir, name.text, &out);
	if (status.code == ENOENT) {
		/* Node 0: the guest may remember for a while that there is no such name. */
		out = (struct fuse_entry_out){ .entry_valid = FS_VALID_NEGATIVE };
		return fs_put(r, &out, sizeof(out));
	}
	FS_TRY(status);
	status = fs_put(r, &out, sizeof(out));
	if (status.code != 0) /* the guest never learns of it */
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): fs_lookup wrote it */
		fs_node_forget(r->server, out.nodeid, 1);
	return status;
}

struct fs_status fs_op_forget(struct fs_request *r)
{
	struct fuse_forget_in in;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	fs_node_forget(r->server, r->head.nodeid, in.nlookup);
	return FS_OK;
}

struct fs_status fs_op_batch_forget(struct fs_request *r)
{
	struct fuse_batch_forget_in in;
	struct fuse_forget_one one;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	/* `count` is a claim; the request's own length is what bounds this loop. */
	for (uint32_t i = 0; i < in.count; i++) {
		FS_TRY(fs_take(r, &one, sizeof(one)));
		fs_node_forget(r->server, one.nodeid, one.nlookup);
	}
	return FS_OK;
}

struct fs_status fs_op_readlink(struct fs_request *r)
{
	char target[PATH_MAX];
	struct fs_node *node;
	ssize_t len;

	FS_TRY(fs_node(r->server, r->head.nodeid, &node));
	if (!S_ISLNK(node->mode))
		return fs_fail(EINVAL);
	len = readlinkat(rl_fd_get(&node->fd), "", target, sizeof(target));
	FS_TRY(fs_sys(len));
	return fs_put(r, target, (size_t)len);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/core.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/* ---- Nodes by identity --------------------------------------------------------------------------
 */

static uint32_t hash(const struct fs_identity *i)
{
	/* Fibonacci hashing; the guest cannot choose inode numbers of the host. */
	return (uint32_t)(((i->ino ^ i->dev << 40 ^ i->mount << 52) * 0x9e3779b97f4a7c15ull) >> 32);
}

static struct fs_node **bucket_of(struct fs_server *s, const struct fs_identity *i)
{
	return &s->bucket[hash(i) & (s->bucket_count - 1)];
}

static bool same(const struct fs_identity *a, const struct fs_identity *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->mount == b->mount;
}

static struct fs_node *find(struct fs_server *s, const struct fs_identity *i)
{
	for (struct fs_node *n = *bucket_of(s, i); n != NULL; n = n->next) {
		if (same(&n->identity, i))
			return n;
	}
	return NULL;
}

/* Twice the buckets. Out of memory only makes the table slower. */
static void rehash(struct fs_server *s)
{
	uint32_t old_count = s->bucket_count;
	struct fs_node **old = s->bucket;
	struct fs_node **new = calloc(2 * (size_t)old_count, sizeof(*new));

	if (new == NULL)
		return;
	s->bucket = new;
	s->bucket_count = 2 * old_count;
	for (uint32_t i = 0; i < old_count; i++) {
		struct fs_node *n = old[i];

		while (n != NULL) {
			struct fs_node *next = n->next;
			struct fs_node **bucket = bucket_of(s, &n->identity);

			n->next = *bucket;
			*bucket = n;
			n = next;
		}
	}
	free(old);
}

static void unlink_node(struct fs_server *s, struct fs_node *node)
{
	struct fs_node **at = bucket_of(s, &node->identity);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	s->node_count--;
}

/* Virtual nodes have an identity no real file has: mount 0. */
static struct fs_identity identity_of(const struct statx *stx)
{
	return (struct fs_identity){
		.dev = makedev(stx->stx_dev_major, stx->stx_dev_minor),
		.ino = stx->stx_ino,
		.mount = stx->stx_mask & STATX_MNT_ID ? stx->stx_mnt_id : UINT64_MAX,
	};
}

static struct fs_status make_node(struct fs_server *s, const struct fs_identity *identity,
				  struct fs_node **ret)
{
	struct fs_node *node = calloc(1, sizeof(*node));

	if (node == NULL || !fs_slots_add(&s->nodes, node, &node->id)) {
		free(node);
		return fs_fail(ENOMEM);
	}
	if (s->node_count >= s->bucket_count)
		rehash(s);

	struct fs_node **bucket = bucket_of(s, identity);

	node->identity = *identity;
	node->next = *bucket;
	*bucket = node;
	s->node_count++;
	*ret = node;
	return FS_OK;
}

struct fs_status fs_node_add(struct fs_server *s, struct rl_fd *fd, const struct statx *stx,
			     struct fs_node **ret)
{
	struct rl_fd RL_AUTO_FD own = *fd;
	struct fs_identity identity = identity_of(stx);
	struct fs_node *node = find(s, &identity);

	*fd = (struct rl_fd){ 0 };
	/*
	 * A known node keeps its descriptor, so its file exists as long as the guest knows it and
	 * its inode number cannot belong to another file.
	 */
	if (node == NULL) {
		FS_TRY(make_node(s, &identity, &node));
		node->fd = rl_fd_own(rl_fd_take(&own));
	}
	node->mode = stx->stx_mode;
	node->lookups++;
	*ret = node;
	return FS_OK;
}

struct fs_node *fs_node_known(struct fs_server *s, const struct statx *stx)
{
	struct fs_identity identity = identity_of(stx);
	struct fs_node *node = find(s, &identity);

	if (node != NULL) {
		node->mode = stx->stx_mode;
		node->lookups++;
	}
	return node;
}

struct fs_status fs_node_add_virtual(struct fs_server *s, const struct fs_virtual *v,
				     struct fs_node **ret)
{
	struct fs_identity identity = { .ino = v->ino };
	struct fs_node *node = find(s, &identity);

	if (node == NULL)
		FS_TRY(make_node(s, &identity, &node));
	node->virt = v;
	node->mode = v->entry ? v->entry->mode : S_IFDIR | 0755;
	node->lookups++;
	*ret = node;
	return FS_OK;
}

static void drop_node(struct fs_server *s, struct fs_node *node)
{
	unlink_node(s, node);
	fs_slots_remove(&s->nodes, node->id);
	rl_fd_close(&node->fd);
	free(node);
}

void fs_node_forget(struct fs_server *s, uint64_t id, uint64_t count)
{
	struct fs_node *node = fs_slots_get(&s->nodes, id);

	if (node == NULL || id == FUSE_ROOT_ID)
		return;
	if (count < node->lookups)
		node->lookups -= count;
	else
		drop_node(s, node);
}

struct fs_status fs_make_root(struct fs_server *s)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct fs_node *node;
	struct statx stx;

	if (s->is_empty)
		return fs_node_add_virtual(s, &s->virt[0], &node);
	fd = rl_fd_own(openat(rl_fd_get(&s->root_fd), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
	if (!rl_fd_has(&fd))
		return fs_fail(errno);
	FS_TRY(fs_stat(rl_fd_get(&fd), &stx));
	return fs_node_add(s, &fd, &stx, &node);
}

static void close_handle(struct fs_server *s, struct fs_handle *h)
{
	fs_slots_remove(&s->handles, h->id);
	fs_dents_free(h->dents);
	rl_fd_close(&h->fd);
	free(h);
}

void fs_forget_all(struct fs_server *s)
{
	for (uint32_t i = 0; i < s->handles.size; i++) {
		if (s->handles.slot[i].object != NULL)
			close_handle(s, s->handles.slot[i].object);
	}
	for (uint32_t i = 0; i < s->nodes.size; i++) {
		if (s->nodes.slot[i].object != NULL)
			drop_node(s, s->nodes.slot[i].object);
	}
	/* The root's number is its index, without a generation. */
	fs_slots_free(&s->nodes);
	fs_slots_init(&s->nodes, FUSE_ROOT_ID);
}

struct fs_status fs_node(struct fs_server *s, uint64_t id, struct fs_node **ret)
{
	*ret = fs_slots_get(&s->nodes, id);
	return *ret != NULL ? FS_OK : fs_fail(ESTALE);
}

struct fs_status fs_real_node(struct fs_server *s, uint64_t id, struct fs_node **ret)
{
	FS_TRY(fs_node(s, id, ret));
	return (*ret)->virt == NULL ? FS_OK : fs_fail(EROFS);
}

struct fs_status fs_real_dir(struct fs_server *s, uint64_t id, struct fs_node **ret)
{
	FS_TRY(fs_real_node(s, id, ret));
	return S_ISDIR((*ret)->mode) ? FS_OK : fs_fail(ENOTDIR);
}

/* ---- Handles ------------------------------------------------------------------------------------
 */

struct fs_status fs_handle_add(struct fs_server *s, struct fs_node *node, enum fs_handle_kind kind,
			       struct rl_fd *fd, struct fs_handle **ret)
{
	struct rl_fd RL_AUTO_FD own = *fd;
	struct fs_handle *h = calloc(1, sizeof(*h));

	*fd = (struct rl_fd){ 0 };
	if (h == NULL || !fs_slots_add(&s->handles, h, &h->id)) {
		free(h);
		return fs_fail(ENOMEM);
	}
	h->kind = kind;
	h->node = node->id;
	h->virt = node->virt;
	h->fd = rl_fd_own(rl_fd_take(&own));
	*ret = h;
	return FS_OK;
}

struct fs_status fs_handle(struct fs_server *s, uint64_t id, enum fs_handle_kind kind,
			   struct fs_handle **ret)
{
	struct fs_handle *h = fs_slots_get(&s->handles, id);

	if (h == NULL || h->kind != kind)
		return fs_fail(EBADF);
	*ret = h;
	return FS_OK;
}

struct fs_status fs_file(struct fs_server *s, uint64_t id, int *ret_fd)
{
	struct fs_handle *h;

	FS_TRY(fs_handle(s, id, FS_HANDLE_FILE, &h));
	if (!rl_fd_has(&h->fd))
		return fs_fail(EROFS);
	*ret_fd = rl_fd_get(&h->fd);
	return FS_OK;
}

struct fs_status fs_handle_close(struct fs_server *s, uint64_t id, enum fs_handle_kind kind)
{
	struct fs_handle *h;

	FS_TRY(fs_handle(s, id, kind, &h));
	close_handle(s, h);
	return FS_OK;
}

/* ---- Descriptors --------------------------------------------------------------------------------
 */

struct fs_status fs_no_descriptor(struct fs_server *s, int errnum)
{
	if (errnum != EMFILE && errnum != ENFILE)
		return fs_fail(errnum);
	if (!s->warned_fd)
		vmm_log(VMM_LOG_ERROR, s->name,
			"no file descriptor left for the guest's files (%u known to it): the guest "
			"sees ENFILE; raise RLIMIT_NOFILE",
			s->node_count);
	s->warned_fd = true;
	return fs_fail(ENFILE);
}

struct fs_proc_name fs_proc_name(const struct fs_node *node)
{
	struct fs_proc_name name;

	snprintf(name.text, sizeof(name.text), "%d", rl_fd_get(&node->fd));
	return name;
}

struct fs_status fs_reopen(struct fs_server *s, const struct fs_node *node, int flags,
			   struct rl_fd *ret)
{
	int fd;

	flags |= O_CLOEXEC | O_NOCTTY;
	if (S_ISDIR(node->mode))
		fd = openat(rl_fd_get(&node->fd), ".", flags | O_DIRECTORY);
	else if (S_ISREG(node->mode))
		/* A link of procfs leads to the file itself, wherever its name went. */
		fd = openat(rl_fd_get(&s->proc_fd), fs_proc_name(node).text, flags);
	else
		return fs_fail(EACCES);
	if (fd < 0)
		return fs_no_descriptor(s, errno);
	*ret = rl_fd_own(fd);
	return FS_OK;
}

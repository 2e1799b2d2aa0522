/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's kernel as the file server sees it: requests as bytes, replies as bytes. The buffers
 * are cut into odd segments, as a hostile or merely unlucky guest has them.
 */
#pragma once

#include "vmm/virtio/fs/server.h"

#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

struct fuse_client {
	struct fs_server *server;
	uint32_t uid, gid;
	uint8_t request[1 << 17];
	size_t request_len;
	uint8_t reply[1 << 17];
	size_t reply_len;  /* of the payload */
	size_t reply_room; /* of the payload, for the next request; 0: all */
};

static inline void fuse_begin(struct fuse_client *c, uint32_t op, uint64_t node)
{
	struct fuse_in_header h = {
		.opcode = op, .unique = 42, .nodeid = node, .uid = c->uid, .gid = c->gid
	};

	memcpy(c->request, &h, sizeof(h));
	c->request_len = sizeof(h);
}

static inline void fuse_add(struct fuse_client *c, const void *bytes, size_t len)
{
	memcpy(c->request + c->request_len, bytes, len);
	c->request_len += len;
}

static inline void fuse_add_name(struct fuse_client *c, const char *name)
{
	fuse_add(c, name, strlen(name) + 1);
}

/* Cuts a buffer: 1 byte, then 7, then the rest. */
static inline size_t fuse_cut(uint8_t *at, size_t len, struct iovec ret[3])
{
	size_t first = len < 1 ? len : 1, second = len - first < 7 ? len - first : 7;

	ret[0] = (struct iovec){ at, first };
	ret[1] = (struct iovec){ at + first, second };
	ret[2] = (struct iovec){ at + first + second, len - first - second };
	return 3;
}

/* Sends what was built: the positive errno of the reply, 0, or -1 if there was none. */
static inline int fuse_send(struct fuse_client *c)
{
	struct fuse_out_header head;
	struct iovec out[3], in[3];
	uint32_t len = (uint32_t)c->request_len;
	size_t room = c->reply_room ? c->reply_room + sizeof(head) : sizeof(c->reply);
	size_t n;

	memcpy(c->request, &len, sizeof(len));
	memset(c->reply, 0xaa, sizeof(c->reply));
	n = fs_server_request(c->server, out, fuse_cut(c->request, len, out), in,
			      fuse_cut(c->reply, room, in));
	c->reply_room = 0;
	if (n == 0)
		return -1;
	memcpy(&head, c->reply, sizeof(head));
	if (head.len != n || head.unique != 42 || head.error > 0)
		abort();
	c->reply_len = n - sizeof(head);
	memmove(c->reply, c->reply + sizeof(head), sizeof(c->reply) - sizeof(head));
	return -head.error;
}

#define fuse_reply(c, type) (*(const type *)(const void *)(c)->reply)

static inline int fuse_init(struct fuse_client *c)
{
	struct fuse_init_in in = {
		.major = 7, .minor = 38, .max_readahead = 131072, .flags = 0x7fffffff
	};

	fuse_begin(c, FUSE_INIT, 0);
	fuse_add(c, &in, sizeof(in));
	return fuse_send(c);
}

/* 0 and the node, or an errno; a negative entry is ENOENT. */
static inline int fuse_lookup(struct fuse_client *c, uint64_t dir, const char *name,
			      uint64_t *ret_node)
{
	int e;

	fuse_begin(c, FUSE_LOOKUP, dir);
	fuse_add_name(c, name);
	e = fuse_send(c);
	if (e != 0)
		return e;
	*ret_node = fuse_reply(c, struct fuse_entry_out).nodeid;
	return *ret_node != 0 ? 0 : ENOENT;
}

static inline int fuse_open(struct fuse_client *c, uint32_t op, uint64_t node, uint32_t flags,
			    uint64_t *ret_fh)
{
	struct fuse_open_in in = { .flags = flags };
	int e;

	fuse_begin(c, op, node);
	fuse_add(c, &in, sizeof(in));
	e = fuse_send(c);
	if (e == 0)
		*ret_fh = fuse_reply(c, struct fuse_open_out).fh;
	return e;
}

static inline int fuse_read(struct fuse_client *c, uint32_t op, uint64_t node, uint64_t fh,
			    uint64_t offset, uint32_t size)
{
	struct fuse_read_in in = { .fh = fh, .offset = offset, .size = size };

	fuse_begin(c, op, node);
	fuse_add(c, &in, sizeof(in));
	return fuse_send(c);
}

static inline int fuse_write(struct fuse_client *c, uint64_t node, uint64_t fh, uint64_t offset,
			     const void *bytes, uint32_t size, uint32_t flags)
{
	struct fuse_write_in in = {
		.fh = fh, .offset = offset, .size = size, .write_flags = flags
	};

	fuse_begin(c, FUSE_WRITE, node);
	fuse_add(c, &in, sizeof(in));
	fuse_add(c, bytes, size);
	return fuse_send(c);
}

static inline int fuse_create(struct fuse_client *c, uint64_t dir, const char *name, uint32_t flags,
			      uint32_t mode, uint64_t *ret_node, uint64_t *ret_fh)
{
	struct fuse_create_in in = { .flags = flags, .mode = mode };
	int e;

	fuse_begin(c, FUSE_CREATE, dir);
	fuse_add(c, &in, sizeof(in));
	fuse_add_name(c, name);
	e = fuse_send(c);
	if (e == 0) {
		*ret_node = fuse_reply(c, struct fuse_entry_out).nodeid;
		*ret_fh = ((const struct fuse_open_out
				    *)(const void *)(c->reply + sizeof(struct fuse_entry_out)))
				  ->fh;
	}
	return e;
}

static inline int fuse_setattr(struct fuse_client *c, uint64_t node, struct fuse_setattr_in in)
{
	fuse_begin(c, FUSE_SETATTR, node);
	fuse_add(c, &in, sizeof(in));
	return fuse_send(c);
}

static inline int fuse_release(struct fuse_client *c, uint32_t op, uint64_t fh)
{
	struct fuse_release_in in = { .fh = fh };

	fuse_begin(c, op, 0);
	fuse_add(c, &in, sizeof(in));
	return fuse_send(c);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/core.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Entries of a directory as getdents64(2) gave them. The kernel's offsets are the protocol's too:
 * the guest continues at the offset of the last entry it got, which usually is where we are.
 */
struct fs_dents {
	int64_t next; /* offset that continues at `at` */
	size_t at, len;
	uint8_t bytes[16384];
};

struct kernel_dirent {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

void fs_dents_free(struct fs_dents *d)
{
	free(d);
}

struct fs_status fs_op_opendir(struct fs_request *r)
{
	struct fs_server *s = r->server;
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct fuse_open_out out = { 0 };
	struct fuse_open_in in;
	struct fs_handle *handle;
	struct fs_status status;
	struct fs_node *node;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_node(s, r->head.nodeid, &node));
	if (!S_ISDIR(node->mode))
		return fs_fail(ENOTDIR);
	if (node->virt == NULL)
		FS_TRY(fs_reopen(s, node, O_RDONLY, &fd));
	FS_TRY(fs_handle_add(s, node, FS_HANDLE_DIR, &fd, &handle));
	out.fh = handle->id;
	status = fs_put(r, &out, sizeof(out));
	if (status.code != 0)
		fs_handle_close(s, out.fh, FS_HANDLE_DIR);
	return status;
}

struct fs_status fs_op_releasedir(struct fs_request *r)
{
	struct fuse_release_in in;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	return fs_handle_close(r->server, in.fh, FS_HANDLE_DIR);
}

struct fs_status fs_op_fsyncdir(struct fs_request *r)
{
	struct fuse_fsync_in in;
	struct fs_handle *h;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_handle(r->server, in.fh, FS_HANDLE_DIR, &h));
	return rl_fd_has(&h->fd) ? fs_sys(fsync(rl_fd_get(&h->fd))) : FS_OK;
}

/*
 * The next entry at `offset`, NULL at the end. It is not consumed: the caller says with
 * dents_consume that it went out.
 */
static struct fs_status dents_peek(struct fs_handle *h, int64_t offset,
				   const struct kernel_dirent **ret)
{
	struct fs_dents *d = h->dents;
	int fd = rl_fd_get(&h->fd);

	if (d == NULL) {
		d = h->dents = calloc(1, sizeof(*d));
		if (d == NULL)
			return fs_fail(ENOMEM);
	}
	if (d->next != offset) {
		/* The guest chose any number; the file system judges it. */
		FS_TRY(fs_sys(lseek(fd, offset, SEEK_SET)));
		d->at = d->len = 0;
		d->next = offset;
	}
	if (d->at == d->len) {
		long n = syscall(SYS_getdents64, fd, d->bytes, sizeof(d->bytes));

		FS_TRY(fs_sys(n));
		d->at = 0;
		d->len = (size_t)n;
	}
	*ret = d->at < d->len ? (const struct kernel_dirent *)(d->bytes + d->at) : NULL;
	return FS_OK;
}

static void dents_consume(struct fs_handle *h, const struct kernel_dirent *e)
{
	h->dents->next = e->off;
	h->dents->at += e->reclen;
}

static bool is_dot(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* What one entry of the reply is made of. */
struct item {
	struct fuse_entry_out entry; /* READDIRPLUS; node 0: no attributes */
	const char *name;
	uint64_t ino, off;
	uint32_t type, namelen;
};

/* Writes an entry if it fits whole; the cursor does not move otherwise. */
static bool put_item(struct fs_request *r, const struct item *i, bool plus)
{
	static const uint8_t zeroes[8];
	const struct fuse_dirent head = {
		.ino = i->ino, .off = i->off, .namelen = i->namelen, .type = i->type
	};
	size_t len = (plus ? sizeof(i->entry) : 0) + FUSE_NAME_OFFSET + i->namelen;
	size_t padded = FUSE_DIRENT_ALIGN(len);

	if (r->out.left < padded)
		return false;
	if (plus)
		(void)fs_put(r, &i->entry, sizeof(i->entry));
	(void)fs_put(r, &head, FUSE_NAME_OFFSET);
	(void)fs_put(r, i->name, i->namelen);
	(void)fs_put(r, zeroes, padded - len);
	return true;
}

/*
 * Attributes for READDIRPLUS. An entry that cannot be looked up is shown without them: the guest
 * finds out when it asks. "." and ".." have none, so nobody learns what is above the root.
 */
static void fill_entry(struct fs_request *r, struct fs_node *dir, struct item *i)
{
	if (!is_dot(i->name) && fs_lookup(r->server, dir, i->name, &i->entry).code != 0)
		i->entry = (struct fuse_entry_out){ 0 };
}

static struct fs_status read_real(struct fs_request *r, struct fs_handle *h, int64_t offset,
				  bool plus)
{
	const struct kernel_dirent *e;
	struct fs_node *dir;

	FS_TRY(fs_real_dir(r->server, h->node, &dir));
	for (;;) {
		struct fs_status status = dents_peek(h, offset, &e);

		if (status.code != 0)
			return r->replied > 0 ? FS_OK : status;
		if (e == NULL)
			return FS_OK;
		offset = e->off;
		/* An entry of the real tree that a virtual one hides is not shown twice. */
		struct item i = {
			.ino = e->ino,
			.off = (uint64_t)e->off,
			.type = e->type,
			.namelen = (uint32_t)strlen(e->name),
			.name = e->name,
		};

		if (dir->id == FUSE_ROOT_ID && strcmp(e->name, "..") == 0)
			i.ino = dir->identity.ino;
		if (plus && r->out.left >= FUSE_DIRENT_ALIGN(sizeof(i.entry) + FUSE_NAME_OFFSET +
							     i.namelen))
			fill_entry(r, dir, &i);
		if (!put_item(r, &i, plus))
			return FS_OK;
		dents_consume(h, e);
	}
}

static struct fs_status read_virtual(struct fs_request *r, struct fs_handle *h, uint64_t offset,
				     bool plus)
{
	for (;; offset++) {
		const struct fs_virtual *v = h->virt;
		struct item i = { .name = offset == 0 ? "." : ".." };

		if (offset >= 2) {
			v = fs_virtual_child(r->server, h->virt, offset - 2);
			if (v == NULL)
				return FS_OK;
			i.name = v->name;
		}
		i.ino = v->ino;
		i.off = offset + 1;
		i.type = fs_virtual_is_dir(v) ? DT_DIR : DT_REG;
		i.namelen = (uint32_t)strlen(i.name);
		/* No attributes: a lookup would use up what can be looked up once. */
		if (!put_item(r, &i, plus))
			return FS_OK;
	}
}

static struct fs_status read_dir(struct fs_request *r, bool plus)
{
	struct fuse_read_in in;
	struct fs_handle *h;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_handle(r->server, in.fh, FS_HANDLE_DIR, &h));
	if (r->out.left > in.size)
		r->out.left = in.size;
	if (h->virt != NULL)
		return read_virtual(r, h, in.offset, plus);
	return read_real(r, h, (int64_t)in.offset, plus);
}

struct fs_status fs_op_readdir(struct fs_request *r)
{
	return read_dir(r, false);
}

struct fs_status fs_op_readdirplus(struct fs_request *r)
{
	return read_dir(r, true);
}

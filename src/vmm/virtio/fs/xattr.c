/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls that take a descriptor refuse O_PATH, so the file is named by its number in
 * /proc/self/fd, which is the working directory of this thread (fs_server_enter). Such a name is
 * followed to the file itself; a symbolic link is not followed further.
 */
#include "vmm/virtio/fs/core.h"

#include <limits.h>
#include <string.h>
#include <sys/xattr.h>

/* trusted.* steers overlayfs on the host, system.* are access lists that nobody here enforces. */
static bool passes(const char *name)
{
	return strncmp(name, "user.", 5) == 0 || strncmp(name, "security.", 9) == 0;
}

static struct fs_status take_xattr_name(struct fs_request *r, char name[XATTR_NAME_MAX + 1])
{
	FS_TRY(fs_take_string(r, name, XATTR_NAME_MAX + 1));
	return passes(name) ? FS_OK : fs_fail(EOPNOTSUPP);
}

struct fs_status fs_op_setxattr(struct fs_request *r)
{
	struct fs_server *s = r->server;
	char name[XATTR_NAME_MAX + 1];
	/* Without FUSE_SETXATTR_EXT, which is not negotiated, the structure ends here. */
	struct {
		uint32_t size, flags;
	} in;
	struct fs_node *node;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(take_xattr_name(r, name));
	FS_TRY(fs_real_node(s, r->head.nodeid, &node));
	if (in.size > FS_BUFFER)
		return fs_fail(E2BIG);
	FS_TRY(fs_take(r, s->buffer, in.size));
	return fs_sys(setxattr(fs_proc_name(node).text, name, s->buffer, in.size, (int)in.flags));
}

/* Both replies are a size if the guest asked for it (size 0), else the bytes. */
static struct fs_status put_value(struct fs_request *r, const void *value, size_t len,
				  uint32_t size)
{
	struct fuse_getxattr_out out = { .size = (uint32_t)len };

	if (size == 0)
		return fs_put(r, &out, sizeof(out));
	return len <= size ? fs_put(r, value, len) : fs_fail(ERANGE);
}

struct fs_status fs_op_getxattr(struct fs_request *r)
{
	struct fs_server *s = r->server;
	char name[XATTR_NAME_MAX + 1];
	struct fuse_getxattr_in in;
	struct fs_node *node;
	ssize_t n;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(take_xattr_name(r, name));
	FS_TRY(fs_node(s, r->head.nodeid, &node));
	if (node->virt != NULL)
		return fs_fail(ENODATA);
	n = getxattr(fs_proc_name(node).text, name, s->buffer, FS_BUFFER);
	FS_TRY(fs_sys(n));
	return put_value(r, s->buffer, (size_t)n, in.size);
}

/* Leaves out of a list what does not pass. Returns its new length. */
static size_t filter(char *list, size_t len)
{
	size_t kept = 0;

	for (size_t at = 0; at < len;) {
		size_t n = strnlen(list + at, len - at) + 1;

		if (at + n <= len && passes(list + at)) {
			memmove(list + kept, list + at, n);
			kept += n;
		}
		at += n;
	}
	return kept;
}

struct fs_status fs_op_listxattr(struct fs_request *r)
{
	struct fs_server *s = r->server;
	struct fuse_getxattr_in in;
	struct fs_node *node;
	ssize_t n;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_node(s, r->head.nodeid, &node));
	if (node->virt != NULL)
		return put_value(r, "", 0, in.size);
	n = listxattr(fs_proc_name(node).text, (char *)s->buffer, FS_BUFFER);
	FS_TRY(fs_sys(n));
	return put_value(r, s->buffer, filter((char *)s->buffer, (size_t)n), in.size);
}

struct fs_status fs_op_removexattr(struct fs_request *r)
{
	char name[XATTR_NAME_MAX + 1];
	struct fs_node *node;

	FS_TRY(take_xattr_name(r, name));
	FS_TRY(fs_real_node(r->server, r->head.nodeid, &node));
	return fs_sys(removexattr(fs_proc_name(node).text, name));
}

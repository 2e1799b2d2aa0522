/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations that make a name. Each makes the file as this process, takes an O_PATH descriptor of
 * it, and gives it to the guest's user; if that fails the file is removed again, so that a failed
 * request leaves nothing behind.
 */
#include "vmm/virtio/fs/core.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The directory of the request and a name in it that may be made. */
static struct fs_status take_place(struct fs_request *r, struct fs_node **ret_dir,
				   struct fs_name *ret_name)
{
	FS_TRY(fs_take_name(r, ret_name));
	FS_TRY(fs_real_dir(r->server, r->head.nodeid, ret_dir));
	return fs_virtual_find(r->server, *ret_dir, ret_name->text) ? fs_fail(EEXIST) : FS_OK;
}

/* Takes the new file over, and answers the request with its entry. */
static struct fs_status finish(struct fs_request *r, struct fs_node *dir, const char *name)
{
	struct fuse_entry_out out;
	struct fs_status status;
	struct rl_fd RL_AUTO_FD fd =
		rl_fd_own(openat(rl_fd_get(&dir->fd), name, O_PATH | O_NOFOLLOW | O_CLOEXEC));

	if (!rl_fd_has(&fd))
		return fs_no_descriptor(r->server, errno);
	FS_TRY(fs_give(r, dir, rl_fd_get(&fd)));
	FS_TRY(fs_entry_of(r->server, dir, &fd, &out, NULL));
	status = fs_put(r, &out, sizeof(out));
	if (status.code != 0)
		fs_node_forget(r->server, out.nodeid, 1);
	return status;
}

static struct fs_status finish_or_remove(struct fs_request *r, struct fs_node *dir,
					 const char *name, int remove_flags)
{
	struct fs_status status = finish(r, dir, name);

	if (status.code != 0)
		unlinkat(rl_fd_get(&dir->fd), name, remove_flags);
	return status;
}

/*
 * What a guest may make: files, FIFOs, sockets, and the 0:0 character device by which overlayfs
 * marks a removed name. A device node of the host is no business of a guest.
 */
static bool may_make(uint32_t mode, uint32_t rdev)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	case S_IFCHR:
		return rdev == 0;
	default:
		return false;
	}
}

struct fs_status fs_op_mknod(struct fs_request *r)
{
	struct fuse_mknod_in in;
	struct fs_name name;
	struct fs_node *dir;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(take_place(r, &dir, &name));
	if (!may_make(in.mode, in.rdev))
		return fs_fail(EPERM);
	FS_TRY(fs_sys(mknodat(rl_fd_get(&dir->fd), name.text, in.mode & (S_IFMT | 07777), 0)));
	return finish_or_remove(r, dir, name.text, 0);
}

struct fs_status fs_op_mkdir(struct fs_request *r)
{
	struct fuse_mkdir_in in;
	struct fs_name name;
	struct fs_node *dir;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(take_place(r, &dir, &name));
	FS_TRY(fs_sys(mkdirat(rl_fd_get(&dir->fd), name.text, in.mode & 07777)));
	return finish_or_remove(r, dir, name.text, AT_REMOVEDIR);
}

struct fs_status fs_op_symlink(struct fs_request *r)
{
	char target[PATH_MAX];
	struct fs_name name;
	struct fs_node *dir;

	FS_TRY(take_place(r, &dir, &name));
	FS_TRY(fs_take_string(r, target, sizeof(target)));
	/* Any text: it is the guest that follows it, the host never does. */
	FS_TRY(fs_sys(symlinkat(target, rl_fd_get(&dir->fd), name.text)));
	return finish_or_remove(r, dir, name.text, 0);
}

struct fs_status fs_op_link(struct fs_request *r)
{
	struct fs_server *s = r->server;
	struct fs_node *node, *dir;
	struct fuse_link_in in;
	struct fs_name name;
	struct fuse_entry_out out;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(take_place(r, &dir, &name));
	FS_TRY(fs_real_node(s, in.oldnodeid, &node));
	/* linkat(2) with AT_EMPTY_PATH wants CAP_DAC_READ_SEARCH; the link of procfs does not. */
	FS_TRY(fs_sys(linkat(rl_fd_get(&s->proc_fd), fs_proc_name(node).text, rl_fd_get(&dir->fd),
			     name.text, AT_SYMLINK_FOLLOW)));
	FS_TRY(fs_lookup(s, dir, name.text, &out));
	return fs_put(r, &out, sizeof(out));
}

/* ---- CREATE and TMPFILE -------------------------------------------------------------------------
 */

/* The guest's open flags, as far as they mean something here. */
static int open_flags(uint32_t flags)
{
	return (int)flags & (O_ACCMODE | O_APPEND | O_DSYNC | O_SYNC);
}

/* The answer to both: an entry and a handle. Takes `file` over. */
static struct fs_status finish_open(struct fs_request *r, struct fs_node *dir, struct rl_fd *file)
{
	struct fs_server *s = r->server;
	struct rl_fd RL_AUTO_FD own = *file, path = { 0 };
	struct fuse_open_out opened = { 0 };
	struct fuse_entry_out entry;
	struct fs_handle *handle;
	struct fs_node *node;
	char name[12];

	*file = (struct rl_fd){ 0 };
	FS_TRY(fs_give(r, dir, rl_fd_get(&own)));
	/* The descriptor of the node comes from the file, not from its name. */
	snprintf(name, sizeof(name), "%d", rl_fd_get(&own));
	path = rl_fd_own(openat(rl_fd_get(&s->proc_fd), name, O_PATH | O_CLOEXEC));
	if (!rl_fd_has(&path))
		return fs_no_descriptor(s, errno);
	FS_TRY(fs_entry_of(s, dir, &path, &entry, &node));

	struct fs_status status = fs_handle_add(s, node, FS_HANDLE_FILE, &own, &handle);

	if (status.code == 0) {
		opened.fh = handle->id;
		status = r->out.left < sizeof(entry) + sizeof(opened) ? fs_fail(ERANGE) : FS_OK;
		if (status.code != 0)
			fs_handle_close(s, opened.fh, FS_HANDLE_FILE);
	}
	if (status.code != 0) {
		fs_node_forget(s, entry.nodeid, 1);
		return status;
	}
	FS_TRY(fs_put(r, &entry, sizeof(entry)));
	return fs_put(r, &opened, sizeof(opened));
}

/* Somebody made the name between the guest's lookup and its create: then it is an open. */
static struct fs_status open_existing(struct fs_request *r, struct fs_node *dir, const char *name,
				      uint32_t flags)
{
	struct fs_server *s = r->server;
	struct fuse_open_out opened = { 0 };
	struct rl_fd RL_AUTO_FD file = { 0 };
	struct fuse_entry_out entry;
	struct fs_handle *handle;
	struct fs_status status;
	struct fs_node *node;

	if (r->out.left < sizeof(entry) + sizeof(opened))
		return fs_fail(ERANGE);
	FS_TRY(fs_lookup(s, dir, name, &entry));
	status = fs_node(s, entry.nodeid, &node);
	if (status.code == 0)
		status = S_ISREG(node->mode)
				 ? fs_reopen(s, node, open_flags(flags) | (int)(flags & O_TRUNC),
					     &file)
				 : fs_fail(EEXIST);
	if (status.code == 0)
		status = fs_handle_add(s, node, FS_HANDLE_FILE, &file, &handle);
	if (status.code != 0) {
		fs_node_forget(s, entry.nodeid, 1);
		return status;
	}
	opened.fh = handle->id;
	FS_TRY(fs_put(r, &entry, sizeof(entry)));
	return fs_put(r, &opened, sizeof(opened));
}

struct fs_status fs_op_create(struct fs_request *r)
{
	struct rl_fd RL_AUTO_FD file = { 0 };
	struct fuse_create_in in;
	struct fs_status status;
	struct fs_name name;
	struct fs_node *dir;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(take_place(r, &dir, &name));
	file = rl_fd_own(
		openat(rl_fd_get(&dir->fd), name.text,
		       open_flags(in.flags) | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC,
		       in.mode & 07777));
	if (!rl_fd_has(&file)) {
		if (errno == EEXIST && !(in.flags & O_EXCL))
			return open_existing(r, dir, name.text, in.flags);
		return fs_no_descriptor(r->server, errno);
	}
	status = finish_open(r, dir, &file);
	if (status.code != 0)
		unlinkat(rl_fd_get(&dir->fd), name.text, 0);
	return status;
}

struct fs_status fs_op_tmpfile(struct fs_request *r)
{
	struct rl_fd RL_AUTO_FD file = { 0 };
	struct fuse_create_in in;
	struct fs_node *dir;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	FS_TRY(fs_real_dir(r->server, r->head.nodeid, &dir));
	file = rl_fd_own(openat(rl_fd_get(&dir->fd), ".",
				open_flags(in.flags) | O_TMPFILE | O_CLOEXEC, in.mode & 07777));
	if (!rl_fd_has(&file))
		return fs_no_descriptor(r->server, errno);
	return finish_open(r, dir, &file);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The setters of file systems, disks and consoles. */
#include "vmm/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- File systems ---- */

static struct vmm_fs *find_fs(const struct vmm_config *c, const char *tag)
{
	for (struct vmm_fs *fs = c->fs; fs; fs = fs->next) {
		if (strcmp(fs->tag, tag) == 0)
			return fs;
	}
	return NULL;
}

rl_err vmm_config_fs(struct vmm_config *c, const char *tag, const char *path, uint64_t shm_size,
		     bool read_only, bool may_be_empty)
{
	struct vmm_fs *fs;

	RL_TRY(vmm_config_text("tag of the file system", tag));
	if (path || !may_be_empty)
		RL_TRY(vmm_config_text("path of the file system", path));
	if (*tag == '\0')
		return rl_refuse(RL_E(EINVAL), "the tag of a file system is empty");
	if (strlen(tag) > VMM_TAG_MAX)
		return rl_refuse(RL_E(ENAMETOOLONG),
				 "file system tag \"%s\" has more than %d bytes", tag, VMM_TAG_MAX);
	RL_TRY(vmm_config_exists(c));
	RL_TRY(rl_new(&c->arena, &fs));
	RL_TRY(vmm_config_copy(c, tag, &fs->tag));
	RL_TRY(vmm_config_copy(c, path, &fs->path));
	fs->shm_size = shm_size;
	fs->read_only = read_only;
	fs->with_init = strcmp(tag, VMM_ROOT_TAG) == 0 && !c->no_implicit_init;
	fs->overlay_end = &fs->overlay;
	*c->fs_end = fs;
	c->fs_end = &fs->next;
	return RL_OK;
}

rl_err vmm_config_root(struct vmm_config *c, const char *path)
{
	RL_TRY(vmm_config_text("path of the root directory", path));
	return vmm_config_fs(c, VMM_ROOT_TAG, path, VMM_ROOT_SHM, false, false);
}

rl_err vmm_config_no_init(struct vmm_config *c)
{
	RL_TRY(vmm_config_exists(c));
	c->no_implicit_init = true;
	return RL_OK;
}

static const struct vmm_overlay *find_overlay(const struct vmm_fs *fs, const char *path, size_t len)
{
	for (const struct vmm_overlay *o = fs->overlay; o; o = o->next) {
		if (strlen(o->path) == len && memcmp(o->path, path, len) == 0)
			return o;
	}
	return NULL;
}

static rl_err check_overlay_path(const char *path)
{
	RL_TRY(vmm_config_text("path of the overlay", path));
	for (const char *p = path;; p++) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && *p == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return rl_refuse(RL_E(EINVAL),
					 "overlay path \"%s\" has an empty, \".\" or \"..\" part",
					 path);
		p += n;
		if (*p == '\0')
			return RL_OK;
	}
}

/* Every parent was made before and is a directory. */
static rl_err check_parents(const struct vmm_fs *fs, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		const struct vmm_overlay *parent = find_overlay(fs, path, (size_t)(slash - path));

		if (parent == NULL)
			return rl_refuse(RL_E(ENOENT), "overlay %s: \"%.*s\" was not added before",
					 path, (int)(slash - path), path);
		if (!S_ISDIR(parent->mode))
			return rl_refuse(RL_E(ENOTDIR), "overlay %s: \"%.*s\" is a file", path,
					 (int)(slash - path), path);
	}
	return RL_OK;
}

static rl_err add_overlay(struct vmm_config *c, const char *tag, const char *path,
			  struct vmm_overlay entry)
{
	struct vmm_overlay *o;
	struct vmm_fs *fs;

	RL_TRY(vmm_config_exists(c));
	fs = find_fs(c, tag);
	if (fs == NULL)
		return rl_refuse(RL_E(ENOENT), "there is no file system with the tag \"%s\"", tag);
	RL_TRY(check_parents(fs, path));
	RL_TRY(rl_new(&c->arena, &o));
	*o = entry;
	RL_TRY(vmm_config_copy(c, path, &o->path));
	*fs->overlay_end = o;
	fs->overlay_end = &o->next;
	return RL_OK;
}

/* The leading slash that some callers write means nothing here. */
static const char *relative(const char *path)
{
	return path && path[0] == '/' && path[1] != '/' ? path + 1 : path;
}

rl_err vmm_config_overlay_file(struct vmm_config *c, const char *tag, const char *path,
			       const uint8_t *data, size_t size, uint32_t mode, bool one_shot)
{
	RL_TRY(vmm_config_text("tag of the file system", tag));
	path = relative(path);
	RL_TRY(check_overlay_path(path));
	if (data == NULL && size > 0)
		return rl_refuse(RL_E(EINVAL), "overlay %s: the data pointer is NULL", path);
	return add_overlay(c, tag, path,
			   (struct vmm_overlay){ .data = data,
						 .size = size,
						 .mode = S_IFREG | (mode & 07777),
						 .one_shot = one_shot });
}

rl_err vmm_config_overlay_dir(struct vmm_config *c, const char *tag, const char *path,
			      uint32_t mode)
{
	RL_TRY(vmm_config_text("tag of the file system", tag));
	path = relative(path);
	RL_TRY(check_overlay_path(path));
	return add_overlay(c, tag, path, (struct vmm_overlay){ .mode = S_IFDIR | (mode & 07777) });
}

/* ---- Disks ---- */

enum { DISK_RAW, DISK_QCOW2, DISK_VMDK };

rl_err vmm_config_disk(struct vmm_config *c, const char *id, const char *path, uint32_t format,
		       bool read_only, bool direct_io, uint32_t sync)
{
	struct vmm_disk *disk;

	RL_TRY(vmm_config_text("id of the disk", id));
	RL_TRY(vmm_config_text("path of the disk", path));
	if (format > DISK_VMDK)
		return rl_refuse(RL_E(EINVAL), "disk %s: format %u is unknown", id, format);
	if (sync > VMM_SYNC_FULL)
		return rl_refuse(RL_E(EINVAL), "disk %s: sync mode %u is unknown", id, sync);
	RL_TRY(vmm_config_exists(c));
	if (format != DISK_RAW)
		return rl_hint(rl_refuse(RL_E(ENOTSUP), "disk %s: %s images are not built in", id,
					 format == DISK_QCOW2 ? "qcow2" : "vmdk"),
			       "convert it: qemu-img convert -O raw");
	RL_TRY(rl_new(&c->arena, &disk));
	RL_TRY(vmm_config_copy(c, id, &disk->id));
	RL_TRY(vmm_config_copy(c, path, &disk->path));
	disk->read_only = read_only;
	disk->direct_io = direct_io;
	disk->sync = (enum vmm_sync)sync;
	*c->disk_end = disk;
	c->disk_end = &disk->next;
	return RL_OK;
}

rl_err vmm_config_root_disk(struct vmm_config *c, const char *path)
{
	RL_TRY(vmm_config_text("path of the disk", path));
	RL_TRY(vmm_config_exists(c));
	return vmm_config_copy(c, path, &c->root_disk);
}

rl_err vmm_config_data_disk(struct vmm_config *c, const char *path)
{
	RL_TRY(vmm_config_text("path of the disk", path));
	RL_TRY(vmm_config_exists(c));
	return vmm_config_copy(c, path, &c->data_disk);
}

/* Where init mounts things while it looks for its real root. */
static const char *const remount_dirs[] = { "dev", "proc", "sys", "newroot" };

rl_err vmm_config_remount(struct vmm_config *c, const char *device, const char *fstype,
			  const char *options)
{
	RL_TRY(vmm_config_text("root device", device));
	if (fstype)
		RL_TRY(vmm_config_text("file-system type", fstype));
	if (options)
		RL_TRY(vmm_config_text("mount options", options));
	RL_TRY(vmm_config_exists(c));
	if (find_fs(c, VMM_ROOT_TAG))
		return rl_refuse(RL_E(EINVAL), "the machine has a root directory already");
	if (c->disk == NULL)
		return rl_refuse(RL_E(EINVAL), "root device %s: no disk was added before", device);
	RL_TRY(vmm_config_fs(c, VMM_ROOT_TAG, NULL, VMM_ROOT_SHM, false, true));
	for (size_t i = 0; i < sizeof(remount_dirs) / sizeof(remount_dirs[0]); i++)
		RL_TRY(vmm_config_overlay_dir(c, VMM_ROOT_TAG, remount_dirs[i], 0755));
	RL_TRY(vmm_config_copy(c, device, &c->remount_device));
	RL_TRY(vmm_config_copy(c, fstype, &c->remount_fstype));
	return vmm_config_copy(c, options, &c->remount_options);
}

/* ---- Consoles ---- */

/* -1 is no stream; anything else must be open now, since it is the caller's mistake if not. */
static rl_err check_fd(const char *what, int fd)
{
	if (fd == -1)
		return RL_OK;
	if (fd < 0)
		return rl_fail(RL_E(EBADF), "%s %d", what, fd);
	return rl_sys(fcntl(fd, F_GETFD), "%s %d", what, fd);
}

rl_err vmm_config_no_console(struct vmm_config *c)
{
	RL_TRY(vmm_config_exists(c));
	c->no_implicit_console = true;
	return RL_OK;
}

rl_err vmm_config_console_output(struct vmm_config *c, const char *path)
{
	RL_TRY(vmm_config_text("console output", path));
	RL_TRY(vmm_config_exists(c));
	if (c->console_output)
		return rl_refuse(RL_E(EINVAL), "the console writes to %s already",
				 c->console_output);
	return vmm_config_copy(c, path, &c->console_output);
}

static rl_err add_console(struct vmm_config *c, struct vmm_console console, uint32_t *ret_id)
{
	struct vmm_console *new;

	RL_TRY(rl_new(&c->arena, &new));
	*new = console;
	new->port_end = &new->port;
	*c->console_end = new;
	c->console_end = &new->next;
	*ret_id = c->console_count++;
	return RL_OK;
}

rl_err vmm_config_console(struct vmm_config *c, int in_fd, int out_fd, int err_fd)
{
	uint32_t id;

	RL_TRY(check_fd("console input", in_fd));
	RL_TRY(check_fd("console output", out_fd));
	RL_TRY(check_fd("console errors", err_fd));
	RL_TRY(vmm_config_exists(c));
	return add_console(
		c,
		(struct vmm_console){
			.automatic = true, .in_fd = in_fd, .out_fd = out_fd, .err_fd = err_fd },
		&id);
}

rl_err vmm_config_serial(struct vmm_config *c, int in_fd, int out_fd)
{
	RL_TRY(check_fd("serial input", in_fd));
	RL_TRY(check_fd("serial output", out_fd));
	RL_TRY(vmm_config_exists(c));
	if (c->serial_count == VMM_SERIALS_MAX)
		return rl_refuse(RL_E(ENOSPC), "a machine has at most %d serial ports",
				 VMM_SERIALS_MAX);
	c->serial[c->serial_count++] = (struct vmm_serial){ in_fd, out_fd };
	return RL_OK;
}

rl_err vmm_config_multiport(struct vmm_config *c, uint32_t *ret_id)
{
	RL_TRY(vmm_config_exists(c));
	return add_console(c, (struct vmm_console){ .in_fd = -1, .out_fd = -1, .err_fd = -1 },
			   ret_id);
}

static rl_err add_port(struct vmm_config *c, uint32_t console, const char *name,
		       struct vmm_port port)
{
	struct vmm_console *con = c->console;
	struct vmm_port *new;

	for (uint32_t i = 0; con && i < console; i++)
		con = con->next;
	if (con == NULL || con->automatic)
		return rl_refuse(RL_E(EINVAL), "there is no multi-port console %u", console);
	RL_TRY(rl_new(&c->arena, &new));
	*new = port;
	RL_TRY(vmm_config_copy(c, name ? name : "", &new->name));
	*con->port_end = new;
	con->port_end = &new->next;
	return RL_OK;
}

rl_err vmm_config_port_tty(struct vmm_config *c, uint32_t console, const char *name, int tty_fd)
{
	if (name)
		RL_TRY(vmm_config_text("name of the port", name));
	if (tty_fd < 0)
		return rl_refuse(RL_E(EINVAL), "terminal descriptor %d is negative", tty_fd);
	/* isatty() answers 0 with the reason in errno. */
	if (!isatty(tty_fd))
		return rl_fail(errno == EBADF ? RL_E(EBADF) : RL_E(ENOTTY),
			       "terminal descriptor %d", tty_fd);
	RL_TRY(vmm_config_exists(c));
	return add_port(
		c, console, name,
		(struct vmm_port){ .kind = VMM_PORT_TTY, .in_fd = tty_fd, .out_fd = tty_fd });
}

rl_err vmm_config_port_data(struct vmm_config *c, uint32_t console, const char *name, int in_fd,
			    int out_fd)
{
	if (name)
		RL_TRY(vmm_config_text("name of the port", name));
	RL_TRY(check_fd("input of the port", in_fd));
	RL_TRY(check_fd("output of the port", out_fd));
	RL_TRY(vmm_config_exists(c));
	return add_port(
		c, console, name,
		(struct vmm_port){ .kind = VMM_PORT_DATA, .in_fd = in_fd, .out_fd = out_fd });
}

rl_err vmm_config_kernel_console(struct vmm_config *c, const char *name)
{
	RL_TRY(vmm_config_text("kernel console", name));
	for (const char *p = name; *p; p++) {
		if (*p <= ' ' || *p > '~')
			return rl_refuse(RL_E(EINVAL), "kernel console \"%s\" is not one word",
					 name);
	}
	RL_TRY(vmm_config_exists(c));
	return vmm_config_copy(c, name, &c->kernel_console);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/mount.h"

#include "linux/sys.h"

#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* statfs(2); glibc has it under another name, musl not at all. */
#ifndef ST_NOSYMFOLLOW
#define ST_NOSYMFOLLOW 8192
#endif
#ifndef ST_RELATIME
#define ST_RELATIME 4096
#endif

#define FSCONFIG_VALUE_MAX 255

/* The name of a descriptor for calls that take paths; the host's /proc is there until the pivot. */
struct fd_path {
	char text[32];
};

static struct fd_path fd_path(int fd)
{
	struct fd_path p;

	snprintf(p.text, sizeof(p.text), "/proc/self/fd/%d", fd);
	return p;
}

/* ---- attributes as mount(2) has them -------------------------------------------------------- */

static const struct {
	uint64_t attribute;
	unsigned long flag;
	unsigned long statfs_flag;
} attribute_flags[] = {
	{ MOUNT_ATTR_RDONLY, MS_RDONLY, ST_RDONLY },
	{ MOUNT_ATTR_NOSUID, MS_NOSUID, ST_NOSUID },
	{ MOUNT_ATTR_NODEV, MS_NODEV, 4 /* ST_NODEV */ },
	{ MOUNT_ATTR_NOEXEC, MS_NOEXEC, 8 /* ST_NOEXEC */ },
	{ MOUNT_ATTR_NODIRATIME, MS_NODIRATIME, 2048 /* ST_NODIRATIME */ },
	{ MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW, ST_NOSYMFOLLOW },
};

#define ATTRIBUTES (sizeof(attribute_flags) / sizeof(attribute_flags[0]))

static unsigned long flags_of(uint64_t attributes)
{
	unsigned long flags = 0;

	for (size_t i = 0; i < ATTRIBUTES; i++)
		if (attributes & attribute_flags[i].attribute)
			flags |= attribute_flags[i].flag;
	switch (attributes & MOUNT_ATTR__ATIME) {
	case MOUNT_ATTR_NOATIME:
		return flags | MS_NOATIME;
	case MOUNT_ATTR_STRICTATIME:
		return flags | MS_STRICTATIME;
	default:
		return flags | MS_RELATIME;
	}
}

static uint64_t attributes_of(const struct statfs *fs)
{
	unsigned long have = (unsigned long)fs->f_flags;
	uint64_t attributes = 0;

	for (size_t i = 0; i < ATTRIBUTES; i++)
		if (have & attribute_flags[i].statfs_flag)
			attributes |= attribute_flags[i].attribute;
	if (have & 1024 /* ST_NOATIME */)
		return attributes | MOUNT_ATTR_NOATIME;
	return attributes | (have & ST_RELATIME ? MOUNT_ATTR_RELATIME : MOUNT_ATTR_STRICTATIME);
}

/* ---- making file systems -------------------------------------------------------------------- */

static const struct {
	unsigned long flag;
	const char *set, *clear;
} sb_flag_names[] = {
	{ MS_RDONLY, "ro", "rw" },	   { MS_SYNCHRONOUS, "sync", "async" },
	{ MS_DIRSYNC, "dirsync", NULL },   { MS_LAZYTIME, "lazytime", "nolazytime" },
	{ MS_MANDLOCK, "mand", "nomand" },
};

#define SB_FLAGS (sizeof(sb_flag_names) / sizeof(sb_flag_names[0]))

/*
 * Appends what the kernel wrote into the context: one line a read, "e proc: Unknown parameter",
 * severity first. The call's own errno stays the code.
 */
static rl_err with_log(rl_err e, int context_fd)
{
	char line[256];
	ssize_t n;

	if (rl_is(e, RL_E(ENOSYS)))
		return e;
	n = read(context_fd, line, sizeof(line) - 1);
	if (n <= 2)
		return e;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return rl_wrap(e, "%s", line + 2);
}

static rl_err configure(int context_fd, unsigned command, const char *key, const char *value)
{
	rl_err e = rl_sys(lx_sys_fsconfig(context_fd, command, key, value, 0), "%s%s%s",
			  key ? key : "superblock", value ? "=" : "", value ? value : "");

	return rl_failed(e) ? with_log(e, context_fd) : e;
}

static rl_err configure_all(int context_fd, const struct lx_fs *fs)
{
	for (size_t i = 0; i < SB_FLAGS; i++) {
		if (fs->sb_flags & sb_flag_names[i].flag)
			RL_TRY(configure(context_fd, FSCONFIG_SET_FLAG, sb_flag_names[i].set,
					 NULL));
		else if (fs->sb_clear & sb_flag_names[i].flag && sb_flag_names[i].clear)
			RL_TRY(configure(context_fd, FSCONFIG_SET_FLAG, sb_flag_names[i].clear,
					 NULL));
	}
	for (size_t i = 0; i < fs->option_count; i++)
		RL_TRY(configure(context_fd,
				 fs->options[i].value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
				 fs->options[i].key, fs->options[i].value));
	return RL_OK;
}

/* fsconfig(2) takes values of at most 255 bytes, and has no word for iversion. */
static bool fits_fsconfig(const struct lx_fs *fs)
{
	if (fs->sb_flags & MS_I_VERSION)
		return false;
	for (size_t i = 0; i < fs->option_count; i++)
		if (fs->options[i].value && strlen(fs->options[i].value) > FSCONFIG_VALUE_MAX)
			return false;
	return true;
}

rl_err lx_fs_make(const struct lx_fs *fs, uint64_t attributes, struct rl_fd *ret_mount)
{
	struct rl_fd RL_AUTO_FD context = { 0 };
	rl_err e;
	int fd;

	if (!fits_fsconfig(fs))
		return rl_fail(RL_E(ENOSYS), "fsconfig");
	RL_TRY(rl_fd_from(lx_sys_fsopen(fs->type, FSOPEN_CLOEXEC), &context, "open"));
	fd = rl_fd_get(&context);
	if (fs->source)
		RL_TRY(configure(fd, FSCONFIG_SET_STRING, "source", fs->source));
	RL_TRY(configure_all(fd, fs));
	RL_TRY(configure(fd, FSCONFIG_CMD_CREATE, NULL, NULL));
	e = rl_fd_from(lx_sys_fsmount(fd, FSMOUNT_CLOEXEC, (unsigned)attributes), ret_mount,
		       "make the mount");
	return rl_failed(e) ? with_log(e, fd) : e;
}

rl_err lx_fs_mount_at(const struct lx_fs *fs, uint64_t attributes, int dir_fd, const char *name)
{
	unsigned long flags = flags_of(attributes) | fs->sb_flags;
	char target[sizeof(struct fd_path) + NAME_MAX + 1];

	snprintf(target, sizeof(target), "%s%s%s", fd_path(dir_fd).text, *name ? "/" : "", name);
	return rl_sys(mount(fs->source ? fs->source : "none", target, fs->type, flags, fs->data),
		      "mount(2), data \"%s\"", fs->data ? fs->data : "");
}

static rl_err change_by_mount(int mount_fd, const struct lx_fs *fs)
{
	unsigned long flags;
	struct statfs st;

	RL_TRY(rl_sys(fstatfs(mount_fd, &st), "read the mount's flags"));
	flags = flags_of(attributes_of(&st)) & ~(unsigned long)MS_RDONLY;
	if (st.f_flags & ST_RDONLY && !(fs->sb_clear & MS_RDONLY))
		flags |= MS_RDONLY;
	return rl_sys(mount(NULL, fd_path(mount_fd).text, NULL, MS_REMOUNT | flags | fs->sb_flags,
			    fs->data),
		      "remount");
}

static rl_err change_by_context(int mount_fd, const struct lx_fs *fs)
{
	struct rl_fd RL_AUTO_FD context = { 0 };

	RL_TRY(rl_fd_from(lx_sys_fspick(mount_fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH), &context,
			  "fspick"));
	RL_TRY(configure_all(rl_fd_get(&context), fs));
	return configure(rl_fd_get(&context), FSCONFIG_CMD_RECONFIGURE, NULL, NULL);
}

rl_err lx_fs_change(int mount_fd, const struct lx_fs *fs)
{
	rl_err e;

	if (!fits_fsconfig(fs))
		return change_by_mount(mount_fd, fs);
	e = change_by_context(mount_fd, fs);
	if (!rl_is(e, RL_E(ENOSYS)))
		return e;
	rl_drop(e);
	return change_by_mount(mount_fd, fs);
}

/* ---- trees ---------------------------------------------------------------------------------- */

rl_err lx_tree_clone(int dir_fd, const char *path, unsigned flags, struct rl_fd *ret_mount)
{
	unsigned f = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;

	if (*path == '\0')
		f |= AT_EMPTY_PATH;
	if (flags & LX_TREE_RECURSIVE)
		f |= AT_RECURSIVE;
	if (flags & LX_TREE_NOFOLLOW)
		f |= AT_SYMLINK_NOFOLLOW;
	return rl_fd_from(lx_sys_open_tree(dir_fd, path, f), ret_mount, "copy the mount of %s",
			  *path ? path : "it");
}

rl_err lx_mount_attach(int mount_fd, int dir_fd, const char *name)
{
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (*name ? 0 : MOVE_MOUNT_T_EMPTY_PATH);

	return rl_sys(lx_sys_move_mount(mount_fd, "", dir_fd, name, flags), "attach");
}

rl_err lx_bind_at(int source_fd, int target_fd, bool recursive)
{
	return rl_sys(mount(fd_path(source_fd).text, fd_path(target_fd).text, NULL,
			    MS_BIND | (recursive ? MS_REC : 0), NULL),
		      "bind");
}

/* ---- attributes ----------------------------------------------------------------------------- */

/* A mount whose flags a user namespace further out has locked keeps them unless named in clear. */
static rl_err set_by_remount(int mount_fd, uint64_t set, uint64_t clear)
{
	uint64_t attributes;
	struct statfs fs;

	RL_TRY(rl_sys(fstatfs(mount_fd, &fs), "read the mount's flags"));
	attributes = (attributes_of(&fs) & ~clear) | set;
	return rl_sys(mount(NULL, fd_path(mount_fd).text, NULL,
			    MS_REMOUNT | MS_BIND | flags_of(attributes), NULL),
		      "remount");
}

static rl_err explain_locked(rl_err e, uint64_t clear)
{
	if (!rl_is(e, RL_E(EPERM)) || clear == 0)
		return e;
	return rl_hint(e,
		       "the host mounted it with ro, nosuid, nodev, noexec or an atime option, and "
		       "that cannot be taken back inside a user namespace");
}

rl_err lx_mount_set(int mount_fd, uint64_t set, uint64_t clear, bool recursive)
{
	struct lx_mount_attr attr = { .attr_set = set, .attr_clr = clear };
	rl_err e;

	if ((set | clear) & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	e = rl_sys(lx_sys_mount_setattr(mount_fd, "",
					AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr),
		   "set the mount's attributes");
	if (rl_is(e, RL_E(ENOSYS)) && !recursive) {
		rl_drop(e);
		e = set_by_remount(mount_fd, set, attr.attr_clr);
	}
	if (rl_is(e, RL_E(ENOSYS)))
		return rl_hint(e, "recursive attributes (rro, rnoexec ...) need mount_setattr(2), "
				  "which is of Linux 5.12");
	return explain_locked(e, clear);
}

rl_err lx_mount_propagate(int mount_fd, uint32_t propagation)
{
	struct lx_mount_attr attr = { .propagation = propagation & ~(uint32_t)MS_REC };
	unsigned flags = AT_EMPTY_PATH | (propagation & MS_REC ? AT_RECURSIVE : 0);
	rl_err e = rl_sys(lx_sys_mount_setattr(mount_fd, "", flags, &attr),
			  "set the mount's propagation");

	if (!rl_is(e, RL_E(ENOSYS)))
		return e;
	rl_drop(e);
	return rl_sys(mount(NULL, fd_path(mount_fd).text, NULL, propagation, NULL),
		      "set the mount's propagation");
}

rl_err lx_mount_idmap(int mount_fd, int userns_fd, bool recursive)
{
	struct lx_mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)userns_fd,
	};
	rl_err e =
		rl_sys(lx_sys_mount_setattr(mount_fd, "",
					    AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr),
		       "map the ids of the mount");

	if (rl_is(e, RL_E(ENOSYS)))
		return rl_hint(e, "id-mapped mounts need mount_setattr(2), which is of Linux 5.12");
	if (rl_is(e, RL_E(EINVAL)))
		return rl_hint(e, "the file system does not support id-mapped mounts on this "
				  "kernel, or the mount is mapped already");
	return e;
}

/* ---- where /proc is not to be trusted -------------------------------------------------------- */

rl_err lx_mount_can_detach(void)
{
	struct lx_mount_attr attr = { 0 };

	if (lx_sys_mount_setattr(-1, "", AT_EMPTY_PATH, &attr) == 0 || errno != ENOSYS)
		return RL_OK;
	return rl_hint(rl_fail(RL_E(ENOSYS), "mount_setattr"), "this needs Linux 5.12");
}

rl_err lx_mount_is_root(int fd, bool *ret)
{
	struct lx_statx st;

	RL_TRY(rl_sys(lx_sys_statx(fd, "", AT_EMPTY_PATH, &st), "statx"));
	if (!(st.attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return rl_hint(rl_fail(RL_E(EOPNOTSUPP), "tell whether this is a mount"),
			       "this needs Linux 5.8");
	*ret = (st.attributes & STATX_ATTR_MOUNT_ROOT) != 0;
	return RL_OK;
}

/* No call takes a descriptor, and "/proc/self/fd" may be the container's idea of it. */
rl_err lx_unmount(const struct lx_proc *proc, int mount_fd)
{
	struct statfs fs;
	char path[32];

	RL_TRY(rl_sys(fstatfs(rl_fd_get(&proc->root), &fs), "look at the host's /proc"));
	if (fs.f_type != PROC_SUPER_MAGIC)
		return rl_fail(RL_E(EOPNOTSUPP), "the host's /proc is no procfs");
	RL_TRY(rl_sys(fchdir(rl_fd_get(&proc->root)), "enter the host's /proc"));
	snprintf(path, sizeof(path), "self/fd/%d", mount_fd);
	return rl_sys(umount2(path, MNT_DETACH), "unmount");
}

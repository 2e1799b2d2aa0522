/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/root.h"

#include "base/arena.h"
#include "base/io.h"
#include "linux/mount.h"
#include "linux/sys.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Of a host with very many mounts; only read for lx_root_move(). */
#define MOUNTINFO_MAX (64u << 20)

rl_err lx_root_propagate(uint32_t propagation)
{
	struct lx_mount_attr attr = { .propagation = propagation & ~(uint32_t)MS_REC };
	unsigned flags = propagation & MS_REC ? AT_RECURSIVE : 0;
	rl_err e = rl_sys(lx_sys_mount_setattr(AT_FDCWD, "/", flags, &attr),
			  "set the propagation of /");

	if (!rl_is(e, RL_E(ENOSYS)))
		return e;
	rl_drop(e);
	return rl_sys(mount(NULL, "/", NULL, propagation, NULL), "set the propagation of /");
}

/* Upwards from `path` to the first directory that is a mount point. */
static rl_err make_parent_private(const char *path)
{
	char at[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(at))
		return rl_fail(RL_E(ENAMETOOLONG), "%.64s...", path);
	memcpy(at, path, len + 1);
	for (;;) {
		char *slash;

		if (mount(NULL, at[0] ? at : "/", NULL, MS_PRIVATE, NULL) == 0)
			return RL_OK;
		if (errno != EINVAL || at[0] == '\0')
			return rl_sys(-1, "make the mount of %s private", path);
		slash = strrchr(at, '/');
		if (slash == NULL)
			return rl_fail(RL_E(EINVAL), "%s is not absolute", path);
		*slash = '\0';
	}
}

rl_err lx_root_isolate(uint32_t propagation, const char *root_path)
{
	RL_TRY(lx_root_propagate(propagation));
	return propagation & MS_SHARED ? make_parent_private(root_path) : RL_OK;
}

rl_err lx_root_open(const char *path, struct rl_fd *ret)
{
	rl_err e = rl_fd_from(openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
			      ret, "%s", path);

	if (rl_is(e, RL_E(ENOTDIR)))
		return rl_hint(e,
			       "the root file system must be a directory, and no symlink to one");
	return e;
}

rl_err lx_root_bind(const char *path, struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD dir = { 0 };
	rl_err e;

	RL_TRY(lx_root_open(path, &dir));
	e = lx_tree_clone(rl_fd_get(&dir), "", LX_TREE_RECURSIVE, ret);
	if (rl_is(e, RL_E(ENOSYS))) {
		rl_drop(e);
		RL_TRY(lx_bind_at(rl_fd_get(&dir), rl_fd_get(&dir), true), "%s", path);
		/* The directory is the host's own, so its path still means what it meant. */
		return lx_root_open(path, ret);
	}
	RL_TRY(e, "%s", path);
	return rl_wrap(lx_mount_attach(rl_fd_get(ret), rl_fd_get(&dir), ""), "%s", path);
}

rl_err lx_root_attach(int tree_fd, const char *path)
{
	struct rl_fd RL_AUTO_FD dir = { 0 };
	rl_err e = lx_root_open(path, &dir);

	if (rl_is(e, RL_E(EACCES))) {
		rl_drop(e);
		RL_TRY(rl_fd_from(openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC), &dir,
				  "/"));
		e = RL_OK;
	}
	RL_TRY(e);
	return rl_wrap(lx_mount_attach(tree_fd, rl_fd_get(&dir), ""), "%s", path);
}

/*
 * pivot_root(".", ".") puts the old root on top of the new one, at the same place; so no directory
 * for it is needed inside the image, and umount2(".") means the old root (pivot_root(2), NOTES).
 */
rl_err lx_root_pivot(int root_fd, bool shared)
{
	struct rl_fd RL_AUTO_FD old = { 0 };

	if (shared)
		RL_TRY(rl_fd_from(openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC), &old,
				  "/"));
	RL_TRY(rl_sys(fchdir(root_fd), "change to the new root"));
	RL_TRY(rl_hint(rl_sys(lx_sys_pivot_root(".", "."), "pivot_root"),
		       "a host that runs from initramfs needs --no-pivot"));
	if (shared)
		RL_TRY(lx_mount_propagate(rl_fd_get(&old), MS_SLAVE | MS_REC));
	return rl_sys(umount2(".", MNT_DETACH), "unmount the old root");
}

/* ---- without pivot_root --------------------------------------------------------------------- */

/* mountinfo writes blank, tab, newline and backslash as \ooo. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to = *s;
		}
	}
	*to = '\0';
}

/* True for a whole procfs or sysfs; *ret_path is its mount point, within `line`. */
static bool is_kernel_fs(char *line, char **ret_path)
{
	char *save = NULL, *fields[5], *type = strstr(line, " - ");

	if (type == NULL ||
	    (strncmp(type + 3, "proc ", 5) != 0 && strncmp(type + 3, "sysfs ", 6) != 0))
		return false;
	for (size_t i = 0; i < 5; i++) {
		fields[i] = strtok_r(i == 0 ? line : NULL, " ", &save);
		if (fields[i] == NULL)
			return false;
	}
	if (strcmp(fields[3], "/") != 0)
		return false;
	unescape(fields[4]);
	*ret_path = fields[4];
	return true;
}

static rl_err unmount_or_cover(const char *path)
{
	if (umount2(path, MNT_DETACH) == 0 || errno == ENOENT)
		return RL_OK;
	/* Locked by an outer user namespace, or in use by us: then nothing shall show through. */
	if (errno == EINVAL || errno == EPERM || errno == EBUSY)
		return rl_sys(mount("none", path, "tmpfs", MS_RDONLY, "size=0"), "cover %s", path);
	return rl_sys(-1, "unmount %s", path);
}

static bool is_beneath(const char *path, const char *root)
{
	size_t len = strlen(root);

	return strncmp(path, root, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static rl_err hide_kernel_fs(const char *root)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	const char *text;
	char *line, *save = NULL;
	size_t len;

	RL_TRY(rl_arena_new(2 * MOUNTINFO_MAX, &a));
	RL_TRY(rl_read_file(&a, AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, &len));
	for (line = strtok_r((char *)text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *path;

		if (is_kernel_fs(line, &path) && !is_beneath(path, root))
			RL_TRY(unmount_or_cover(path));
	}
	return RL_OK;
}

rl_err lx_root_move(int root_fd)
{
	char root[PATH_MAX];

	RL_TRY(rl_sys(fchdir(root_fd), "change to the new root"));
	RL_TRY(rl_sys(getcwd(root, sizeof(root)) ? 0 : -1, "read the path of the new root"));
	RL_TRY(hide_kernel_fs(root));
	RL_TRY(rl_sys(mount(".", "/", NULL, MS_MOVE, NULL), "move the new root to /"));
	RL_TRY(rl_sys(chroot("."), "chroot"));
	return rl_sys(chdir("/"), "change to /");
}

rl_err lx_root_chroot(int root_fd)
{
	RL_TRY(rl_sys(fchdir(root_fd), "change to the new root"));
	RL_TRY(rl_sys(chroot("."), "chroot"));
	return rl_sys(chdir("/"), "change to /");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/path.h"

#include "base/io.h"
#include "linux/sys.h"

#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* A rename anywhere makes ".." of RESOLVE_IN_ROOT uncertain, and the kernel says EAGAIN. */
#define EAGAIN_TRIES 128
#define LINKS_MAX 40 /* as the kernel has it (MAXSYMLINKS) */
#define DEPTH_MAX 128

#define PROC_ROOT_INODE 1

/* ---- the walk: what openat2 does, in user space --------------------------------------------- */

enum make { MAKE_NOTHING, MAKE_DIR, MAKE_FILE };

struct walk {
	int root_fd;
	unsigned flags; /* LX_PATH_* */
	int open_flags; /* for the last component */
	enum make make;
	mode_t mode;

	struct rl_fd dirs[DEPTH_MAX]; /* the directories passed, root excluded: ".." is a pop */
	unsigned depth;
	unsigned links;
	char rest[PATH_MAX]; /* what is still to be resolved */
};

static void walk_close(struct walk *w)
{
	while (w->depth > 0)
		rl_fd_close(&w->dirs[--w->depth]);
}

static int walk_here(const struct walk *w)
{
	return w->depth > 0 ? rl_fd_get(&w->dirs[w->depth - 1]) : w->root_fd;
}

/* Takes the next component off the rest. False at the end. "." and empty ones are skipped. */
static bool walk_next(struct walk *w, char name[NAME_MAX + 1], bool *ret_too_long)
{
	*ret_too_long = false;
	for (;;) {
		size_t skip = strspn(w->rest, "/"), len = strcspn(w->rest + skip, "/");
		const char *from = w->rest + skip;

		if (len == 0)
			return false;
		if (len > NAME_MAX) {
			*ret_too_long = true;
			return false;
		}
		memcpy(name, from, len);
		name[len] = '\0';
		memmove(w->rest, from + len, strlen(from + len) + 1);
		if (strcmp(name, ".") != 0)
			return true;
	}
}

static bool walk_at_end(const struct walk *w)
{
	return w->rest[strspn(w->rest, "/")] == '\0';
}

/* A link in the root of a procfs ("self", "mounts") is text; any deeper one may be magic. */
static rl_err refuse_magic_link(int dir_fd, int link_fd, const char *name)
{
	struct statfs fs;
	struct stat st;

	RL_TRY(rl_sys(fstatfs(link_fd, &fs), "%s", name));
	if (fs.f_type != PROC_SUPER_MAGIC)
		return RL_OK;
	RL_TRY(rl_sys(fstat(dir_fd, &st), "%s", name));
	if (st.st_ino == PROC_ROOT_INODE)
		return RL_OK;
	return rl_fail(RL_E(ELOOP), "%s is a link of procfs", name);
}

/* Puts the link's content in front of the rest. */
static rl_err walk_link(struct walk *w, int link_fd, const char *name)
{
	char content[PATH_MAX], joined[PATH_MAX];
	ssize_t len;
	int n;

	if (w->flags & LX_PATH_NO_SYMLINKS || ++w->links > LINKS_MAX)
		return rl_fail(RL_E(ELOOP), "%s is a symlink", name);
	RL_TRY(refuse_magic_link(walk_here(w), link_fd, name));
	len = readlinkat(link_fd, "", content, sizeof(content) - 1);
	RL_TRY(rl_sys(len, "read the link %s", name));
	content[len] = '\0';
	if (content[0] == '/')
		walk_close(w);
	n = snprintf(joined, sizeof(joined), "%s/%s", content, w->rest);
	if (n < 0 || (size_t)n >= sizeof(joined))
		return rl_fail(RL_E(ENAMETOOLONG), "%s", name);
	memcpy(w->rest, joined, (size_t)n + 1);
	return RL_OK;
}

static rl_err walk_push(struct walk *w, struct rl_fd *dir, const char *name)
{
	if (w->depth == DEPTH_MAX)
		return rl_fail(RL_E(ENAMETOOLONG), "%s: more than %d directories deep", name,
			       DEPTH_MAX);
	w->dirs[w->depth++] = rl_fd_own(rl_fd_take(dir));
	return RL_OK;
}

/* The component does not exist: makes it. EEXIST means that somebody else just did. */
static rl_err walk_make(struct walk *w, const char *name, bool last, struct rl_fd *ret)
{
	int here = walk_here(w);

	if (last && w->make == MAKE_FILE)
		return rl_fd_from(openat(here, name,
					 O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
					 w->mode),
				  ret, "make the file %s", name);
	RL_TRY(rl_sys(mkdirat(here, name, w->make == MAKE_FILE ? 0755 : w->mode),
		      "make the directory %s", name));
	return rl_fd_from(openat(here, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), ret,
			  "open the new directory %s", name);
}

/* Opens one component without following it; ENOENT is answered by making it, if wanted. */
static rl_err walk_open(struct walk *w, const char *name, bool last, struct rl_fd *ret)
{
	for (int tries = 0;; tries++) {
		rl_err e = rl_fd_from(openat(walk_here(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC),
				      ret, "%s", name);

		if (w->make == MAKE_NOTHING || !rl_is(e, RL_E(ENOENT)))
			return e;
		rl_drop(e);
		e = walk_make(w, name, last, ret);
		if (!rl_is(e, RL_E(EEXIST)) || tries == EAGAIN_TRIES)
			return e;
		rl_drop(e);
	}
}

/* The last component, found to be no symlink that is to be followed. */
static rl_err walk_finish(struct walk *w, const char *name, struct rl_fd *found, mode_t type,
			  struct rl_fd *ret)
{
	if ((w->open_flags & O_DIRECTORY || w->make == MAKE_DIR) && !S_ISDIR(type))
		return rl_fail(RL_E(ENOTDIR), "%s", name);
	if (w->open_flags & O_PATH) {
		rl_fd_set(ret, rl_fd_take(found));
		return RL_OK;
	}
	return rl_fd_from(openat(walk_here(w), name, w->open_flags | O_NOFOLLOW | O_CLOEXEC), ret,
			  "%s", name);
}

static rl_err walk_run(struct walk *w, struct rl_fd *ret)
{
	char name[NAME_MAX + 1];
	bool too_long;

	while (walk_next(w, name, &too_long)) {
		struct rl_fd RL_AUTO_FD found = { 0 };
		bool last = walk_at_end(w);
		struct stat st;

		if (strcmp(name, "..") == 0) {
			if (w->depth > 0)
				rl_fd_close(&w->dirs[--w->depth]);
			continue;
		}
		RL_TRY(walk_open(w, name, last, &found));
		RL_TRY(rl_sys(fstat(rl_fd_get(&found), &st), "%s", name));
		if (S_ISLNK(st.st_mode) && !(last && w->flags & LX_PATH_NOFOLLOW))
			RL_TRY(walk_link(w, rl_fd_get(&found), name));
		else if (last)
			return walk_finish(w, name, &found, st.st_mode, ret);
		else if (!S_ISDIR(st.st_mode))
			return rl_fail(RL_E(ENOTDIR), "%s", name);
		else
			RL_TRY(walk_push(w, &found, name));
	}
	if (too_long)
		return rl_fail(RL_E(ENAMETOOLONG), "path component");
	/* The path ended in ".." or was empty: the directory where we stand. */
	return rl_fd_from(openat(walk_here(w), ".", w->open_flags | O_CLOEXEC), ret, ".");
}

static rl_err walk(int root_fd, const char *path, unsigned flags, int open_flags, enum make make,
		   mode_t mode, struct rl_fd *ret)
{
	struct walk __attribute__((cleanup(walk_close))) w;

	if (strlen(path) >= sizeof(w.rest))
		return rl_fail(RL_E(ENAMETOOLONG), "%.64s...", path);
	w.root_fd = root_fd;
	w.flags = flags;
	w.open_flags = open_flags;
	w.make = make;
	w.mode = mode;
	w.depth = 0;
	w.links = 0;
	strcpy(w.rest, path);
	return walk_run(&w, ret);
}

/* ---- opening -------------------------------------------------------------------------------- */

static bool kernel_lacks_it(int errnum)
{
	/* Filters of older container managers answer EPERM for calls they do not know. */
	return errnum == ENOSYS || errnum == EPERM;
}

static long openat2_retrying(int dir_fd, const char *path, const struct lx_open_how *how)
{
	long fd = -1;

	for (int tries = 0; tries < EAGAIN_TRIES; tries++) {
		fd = lx_sys_openat2(dir_fd, path, how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

/* A file where a directory would have to be: what is sought cannot be there either. */
static bool is_absence(int errnum)
{
	return errnum == ENOENT || errnum == ENOTDIR;
}

static rl_err forgive_absence(rl_err e)
{
	if (!is_absence(rl_errno(e)))
		return e;
	rl_drop(e);
	return RL_OK;
}

static rl_err open_beneath(int root_fd, const char *path, unsigned flags, int open_flags,
			   struct rl_fd *ret)
{
	struct lx_open_how how = {
		.flags = (uint64_t)(open_flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	path += strspn(path, "/");
	if (*path == '\0')
		path = ".";
	if (flags & LX_PATH_NO_SYMLINKS)
		how.resolve |= RESOLVE_NO_SYMLINKS;
	if (flags & LX_PATH_NOFOLLOW)
		how.flags |= O_NOFOLLOW;
	fd = openat2_retrying(root_fd, path, &how);
	if (fd < 0 && (kernel_lacks_it(errno) || errno == EAGAIN)) {
		rl_err e = walk(root_fd, path, flags, open_flags, MAKE_NOTHING, 0, ret);

		return flags & LX_PATH_OPTIONAL ? forgive_absence(e) : e;
	}
	if (fd < 0 && flags & LX_PATH_OPTIONAL && is_absence(errno))
		return RL_OK;
	return rl_fd_from(fd, ret, "/%s", path);
}

rl_err lx_path_open(int root_fd, const char *path, unsigned flags, struct rl_fd *ret)
{
	return open_beneath(root_fd, path, flags, O_PATH, ret);
}

rl_err lx_path_open_for(int root_fd, const char *path, int open_flags, struct rl_fd *ret)
{
	return open_beneath(root_fd, path, 0, open_flags, ret);
}

rl_err lx_path_find_for(int root_fd, const char *path, int open_flags, struct rl_fd *ret)
{
	return open_beneath(root_fd, path, LX_PATH_OPTIONAL, open_flags, ret);
}

/* ---- making --------------------------------------------------------------------------------- */

static rl_err make_beneath(int root_fd, const char *path, int open_flags, enum make make,
			   mode_t mode, struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD found = { 0 };

	/* With O_DIRECTORY a file at the end is absence too; the walk then says what it is. */
	RL_TRY(open_beneath(root_fd, path, LX_PATH_OPTIONAL, open_flags, &found));
	if (!rl_fd_has(&found))
		return walk(root_fd, path, 0, open_flags, make, mode, ret);
	rl_fd_set(ret, rl_fd_take(&found));
	return RL_OK;
}

rl_err lx_path_make_dir(int root_fd, const char *path, mode_t mode, struct rl_fd *ret)
{
	return make_beneath(root_fd, path, O_PATH | O_DIRECTORY, MAKE_DIR, mode, ret);
}

rl_err lx_path_make_file(int root_fd, const char *path, mode_t mode, struct rl_fd *ret)
{
	return make_beneath(root_fd, path, O_PATH, MAKE_FILE, mode, ret);
}

rl_err lx_path_parent(int root_fd, const char *path, struct rl_fd *ret_dir, const char **ret_name)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = (size_t)(name - path);
	char parent[PATH_MAX];

	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return rl_fail(RL_E(EINVAL), "%s has no last component", path);
	if (len >= sizeof(parent))
		return rl_fail(RL_E(ENAMETOOLONG), "%.64s...", path);
	memcpy(parent, path, len);
	parent[len] = '\0';
	RL_TRY(lx_path_make_dir(root_fd, parent, 0755, ret_dir));
	*ret_name = name;
	return RL_OK;
}

/* ---- procfs that cannot be forged ----------------------------------------------------------- */

rl_err lx_proc_host(struct lx_proc *ret)
{
	rl_err e = rl_fd_from(openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC),
			      &ret->root, "/proc");

	if (rl_is(e, RL_E(ENOENT)) || rl_is(e, RL_E(EACCES))) {
		rl_drop(e);
		return RL_OK;
	}
	return e;
}

void lx_proc_close(struct lx_proc *p)
{
	rl_fd_close(&p->root);
}

/* True if the descriptor is the root directory of a procfs, and no other directory of one. */
static bool is_proc_root(int fd)
{
	struct statfs fs;
	struct stat st;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC && fstat(fd, &st) == 0 &&
	       st.st_ino == PROC_ROOT_INODE;
}

/* Mounted nowhere, so nothing can be mounted over it (fsmount(2), Linux 5.2). */
static rl_err make_own_proc(struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD context = { 0 };

	RL_TRY(rl_fd_from(lx_sys_fsopen("proc", FSOPEN_CLOEXEC), &context, "fsopen proc"));
	RL_TRY(rl_sys(lx_sys_fsconfig(rl_fd_get(&context), FSCONFIG_CMD_CREATE, NULL, NULL, 0),
		      "create a procfs"));
	return rl_fd_from(lx_sys_fsmount(rl_fd_get(&context), FSMOUNT_CLOEXEC,
					 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
			  ret, "fsmount a procfs");
}

/* Kernels without openat2 cannot prove that no mount was crossed; type and device are what is left.
 */
static rl_err open_in_proc_walking(int root_fd, const char *path, int open_flags, struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD file = { 0 };
	struct stat root_st, st;
	struct statfs fs;

	RL_TRY(walk(root_fd, path, 0, open_flags, MAKE_NOTHING, 0, &file));
	RL_TRY(rl_sys(fstatfs(rl_fd_get(&file), &fs), "%s", path));
	RL_TRY(rl_sys(fstat(root_fd, &root_st), "%s", path));
	RL_TRY(rl_sys(fstat(rl_fd_get(&file), &st), "%s", path));
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_dev != root_st.st_dev)
		return rl_fail(RL_E(EXDEV), "%s is not of this procfs", path);
	rl_fd_set(ret, rl_fd_take(&file));
	return RL_OK;
}

static rl_err open_in_proc(int root_fd, const char *path, int open_flags, struct rl_fd *ret)
{
	struct lx_open_how how = {
		.flags = (uint64_t)(open_flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	long fd = openat2_retrying(root_fd, path, &how);

	if (fd < 0 && kernel_lacks_it(errno))
		return open_in_proc_walking(root_fd, path, open_flags, ret);
	return rl_fd_from(fd, ret, "/proc/%s", path);
}

rl_err lx_proc_open(const struct lx_proc *p, const char *path, int open_flags, struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD own = { 0 };
	rl_err e;

	if (path[0] == '/' || strstr(path, "..") != NULL)
		return rl_fail(RL_E(EINVAL), "path beneath /proc: %s", path);
	if (is_proc_root(rl_fd_get(&p->root)))
		e = open_in_proc(rl_fd_get(&p->root), path, open_flags, ret);
	else
		e = rl_fail(RL_E(EXDEV), "/proc is not a procfs");
	/* The reason why an instance of our own was needed says more than why there is none. */
	if (!rl_is(e, RL_E(EXDEV)) || rl_drop_failed(make_own_proc(&own)))
		return e;
	rl_drop(e);
	return open_in_proc(rl_fd_get(&own), path, open_flags, ret);
}

rl_err lx_proc_write(const struct lx_proc *p, const char *path, const char *value)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };

	RL_TRY(lx_proc_open(p, path, O_WRONLY, &fd));
	return rl_wrap(rl_write_all(rl_fd_get(&fd), value, strlen(value)),
		       "write \"%s\" to /proc/%s", value, path);
}

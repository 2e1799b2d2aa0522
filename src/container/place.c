/* SPDX-License-Identifier: Apache-2.0 */
#include "container/place.h"

#include "linux/sys.h"

#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void ct_place_close(struct ct_place *p)
{
	rl_fd_close(&p->own);
}

/* ---- descriptors that wait ------------------------------------------------------------------ */

void ct_close_later(struct ct_furnish *s, struct rl_fd *fd)
{
	if (rl_fd_has(fd) && s->closing_count < COUNT(s->closing))
		s->closing[s->closing_count++] = rl_fd_take(fd);
	else
		rl_fd_close(fd);
}

static void close_range_or_each(int first, int last)
{
	if (first < last && lx_sys_close_range((unsigned)first, (unsigned)last, 0) == 0)
		return;
	for (int fd = first; fd <= last; fd++)
		(void)close(fd);
}

static int compare_fd(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* They were opened one after the other, so they are a few runs of numbers: one call a run. */
void ct_close_all(struct ct_furnish *s)
{
	qsort(s->closing, s->closing_count, sizeof(s->closing[0]), compare_fd);
	for (size_t i = 0; i < s->closing_count;) {
		size_t run = 1;

		while (i + run < s->closing_count &&
		       s->closing[i + run] == s->closing[i] + (int)run)
			run++;
		close_range_or_each(s->closing[i], s->closing[i + run - 1]);
		i += run;
	}
	s->closing_count = 0;
	s->fresh_count = 0;
}

/* ---- what is known of the tree -------------------------------------------------------------- */

static bool is_beneath(const char *path, const char *dir)
{
	size_t len = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

void ct_place_covered(struct ct_furnish *s, const char *target)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->fresh_count; i++)
		if (!is_beneath(s->fresh[i].path, target))
			s->fresh[kept++] = s->fresh[i];
	s->fresh_count = kept;
}

void ct_place_fresh(struct ct_furnish *s, const char *target, int root_fd)
{
	if (s->fresh_count == COUNT(s->fresh) || s->closing_count == COUNT(s->closing))
		return;
	s->fresh[s->fresh_count].path = target;
	s->fresh[s->fresh_count++].fd = root_fd;
}

/* The root of a fresh file system if `target` is a name right in it, -1 otherwise. */
static int fresh_parent(const struct ct_furnish *s, const char *target, const char **ret_name)
{
	const char *name = strrchr(target, '/') + 1;
	size_t len = (size_t)(name - target) - 1;

	for (size_t i = 0; i < s->fresh_count; i++)
		if (strlen(s->fresh[i].path) == len &&
		    strncmp(s->fresh[i].path, target, len) == 0) {
			*ret_name = name;
			return s->fresh[i].fd;
		}
	return -1;
}

/* ---- targets of mounts ---------------------------------------------------------------------- */

/* By the plan, or by what the source is. */
static rl_err is_directory(const struct plan_op *op, int fd, bool *ret)
{
	struct stat st;

	*ret = true;
	if (fd < 0 || op->mount.directory)
		return RL_OK;
	RL_TRY(rl_sys(fstat(fd, &st), "stat the source"));
	*ret = S_ISDIR(st.st_mode);
	return RL_OK;
}

static rl_err make_in_fresh(int dir_fd, const char *name, bool directory)
{
	struct rl_fd RL_AUTO_FD file = { 0 };

	if (directory)
		return rl_sys(mkdirat(dir_fd, name, 0755), "make the directory %s", name);
	return rl_fd_from(
		openat(dir_fd, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644),
		&file, "make the file %s", name);
}

/*
 * The planner checked the name of the target; with symlinks in between the place is another one,
 * and it may be procfs, where a mount would redirect what is written there.
 */
static rl_err refuse_proc(int fd)
{
	struct statfs fs;

	RL_TRY(rl_sys(fstatfs(fd, &fs), "statfs"));
	if (fs.f_type != PROC_SUPER_MAGIC)
		return RL_OK;
	return rl_refuse(RL_E(EXDEV), "symlinks lead into procfs, where nothing may be mounted");
}

static rl_err open_through_links(struct ct_furnish *s, const struct plan_op *op, unsigned flags,
				 struct ct_place *p)
{
	if (op->mount.no_symlinks)
		return rl_refuse(RL_E(ELOOP),
				 "must be a directory, and no symlink on the way to it");
	RL_TRY(lx_path_open(rl_fd_get(&s->root), op->target, flags, &p->own));
	if (op->mount.may_cover_proc || !rl_fd_has(&p->own))
		return RL_OK;
	return refuse_proc(rl_fd_get(&p->own));
}

static rl_err make_target(struct ct_furnish *s, const struct plan_op *op, bool directory,
			  struct ct_place *p)
{
	int root_fd = rl_fd_get(&s->root);

	p->existed = false;
	if (!directory)
		RL_TRY(lx_path_make_file(root_fd, op->target, 0644, &p->own));
	else
		RL_TRY(lx_path_make_dir(root_fd, op->target, 0755, &p->own));
	if (op->mount.no_symlinks)
		return lx_path_open(root_fd, op->target, LX_PATH_NO_SYMLINKS, &p->own);
	return op->mount.may_cover_proc ? RL_OK : refuse_proc(rl_fd_get(&p->own));
}

/* Without symlinks the target is what its name says, and that was checked. */
static rl_err find_by_path(struct ct_furnish *s, const struct plan_op *op, int source_fd,
			   struct ct_place *p)
{
	unsigned flags = LX_PATH_OPTIONAL | (op->mount.target_nofollow ? LX_PATH_NOFOLLOW : 0);
	bool directory;
	rl_err e = lx_path_open(rl_fd_get(&s->root), op->target,
				LX_PATH_OPTIONAL | LX_PATH_NO_SYMLINKS, &p->own);

	if (rl_is(e, RL_E(ELOOP))) {
		rl_drop(e);
		e = open_through_links(s, op, flags, p);
	}
	RL_TRY(e);
	if (rl_fd_has(&p->own))
		return RL_OK;
	RL_TRY(is_directory(op, source_fd, &directory));
	return make_target(s, op, directory, p);
}

rl_err ct_place_find(struct ct_furnish *s, const struct plan_op *op, int source_fd,
		     struct ct_place *ret)
{
	struct ct_place CT_AUTO_PLACE p = { .name = "", .existed = true };
	const char *name;
	int dir_fd = fresh_parent(s, op->target, &name);

	if (dir_fd >= 0) {
		bool directory;
		rl_err e;

		RL_TRY(is_directory(op, source_fd, &directory));
		e = make_in_fresh(dir_fd, name, directory);
		if (!rl_is(e, RL_E(EEXIST))) {
			*ret = (struct ct_place){ .fd = dir_fd, .name = name };
			return e;
		}
		rl_drop(e);
	}
	RL_TRY(find_by_path(s, op, source_fd, &p));
	*ret = (struct ct_place){ .name = "", .existed = p.existed };
	ret->own = rl_fd_own(rl_fd_take(&p.own));
	ret->fd = rl_fd_get(&ret->own);
	return RL_OK;
}

rl_err ct_place_open(struct ct_place *p)
{
	if (*p->name == '\0')
		return RL_OK;
	RL_TRY(rl_fd_from(openat(p->fd, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC), &p->own, "%s",
			  p->name));
	p->fd = rl_fd_get(&p->own);
	p->name = "";
	return RL_OK;
}

rl_err ct_place_parent(struct ct_furnish *s, const char *target, struct ct_place *ret)
{
	const char *name;
	int dir_fd = fresh_parent(s, target, &name);

	*ret = (struct ct_place){ .fd = dir_fd, .name = name };
	if (dir_fd >= 0)
		return RL_OK;
	RL_TRY(lx_path_parent(rl_fd_get(&s->root), target, &ret->own, &ret->name));
	ret->fd = rl_fd_get(&ret->own);
	return RL_OK;
}

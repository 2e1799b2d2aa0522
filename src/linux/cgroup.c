/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and entering. The common case, directories that are not there yet beneath parents that
 * are, costs one mkdir a hierarchy; everything else is found out from the error of that call.
 */
#include "linux/cgroup.h"

#include "base/io.h"
#include "linux/cgroup_bpf.h"
#include "linux/cgroup_parts.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- directories ----------------------------------------------------------------------------- */

bool lx_cg_has(const struct lx_cgroup_dir *dir, const char *controller)
{
	size_t len = strlen(controller);

	for (const char *at = dir->controllers; *at != '\0'; at += *at == ',') {
		size_t word = strcspn(at, ",");

		if (word == len && strncmp(at, controller, len) == 0)
			return true;
		at += word;
	}
	return false;
}

int lx_cg_v1(const struct lx_cgroup *cg, const char *controller)
{
	for (size_t i = 0; i < cg->count; i++)
		if (cg->dirs[i].version == 1 && !cg->slots[i].absent &&
		    lx_cg_has(&cg->dirs[i], controller))
			return (int)i;
	return -1;
}

int lx_cg_v2(const struct lx_cgroup *cg)
{
	for (size_t i = 0; i < cg->count; i++)
		if (cg->dirs[i].version == 2 && !cg->slots[i].absent)
			return (int)i;
	return -1;
}

size_t lx_cg_main(const struct lx_cgroup *cg)
{
	int index = lx_cg_v2(cg);

	if (index < 0)
		index = lx_cg_v1(cg, "freezer");
	for (size_t i = 0; index < 0 && i < cg->count; i++)
		if (!cg->slots[i].absent)
			index = (int)i;
	return index < 0 ? 0 : (size_t)index;
}

rl_err lx_cg_dir(struct lx_cgroup *cg, size_t index, int *ret_fd)
{
	struct lx_cgroup_slot *slot = &cg->slots[index];
	const char *path;

	if (index >= cg->count || slot->absent)
		return rl_refuse(RL_E(ENOENT), "there is no such cgroup");
	path = cg->dirs[index].path;
	if (!rl_fd_has(&slot->dir))
		RL_TRY(rl_fd_from(
			openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
			&slot->dir, "open cgroup %s", path));
	*ret_fd = rl_fd_get(&slot->dir);
	return RL_OK;
}

int64_t lx_cg_deadline(int timeout_ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + timeout_ms;
}

int lx_cg_left(int64_t deadline)
{
	int64_t left = deadline - lx_cg_deadline(0);

	return left < 0 ? 0 : (int)left;
}

void lx_cg_pause(unsigned microseconds)
{
	struct timespec t = { .tv_nsec = (long)microseconds * 1000 };

	(void)nanosleep(&t, NULL);
}

/* Everything here acts on what is below a path: a mount point itself would be the whole machine. */
static rl_err check_dir(const struct lx_cgroup_dir *dir)
{
	size_t len = strlen(dir->path);

	if (dir->path[0] != '/' || len <= dir->mount_len + 1 || dir->path[dir->mount_len] != '/' ||
	    dir->path[len - 1] == '/' || len >= PATH_MAX - NAME_MAX)
		return rl_fail(RL_E(EINVAL), "cgroup \"%s\"", dir->path);
	for (const char *at = dir->path; (at = strstr(at, "/..")) != NULL; at += 3)
		if (at[3] == '/' || at[3] == '\0')
			return rl_fail(RL_E(EINVAL), "cgroup \"%s\"", dir->path);
	return RL_OK;
}

rl_err lx_cgroup_open(const struct lx_cgroup_dir *dirs, size_t count, struct lx_cgroup *ret)
{
	if (count > LX_CGROUP_DIRS_MAX)
		return rl_fail(RL_E(E2BIG), "%zu cgroup hierarchies", count);
	for (size_t i = 0; i < count; i++)
		RL_TRY(check_dir(&dirs[i]));
	*ret = (struct lx_cgroup){ .dirs = dirs, .count = count };
	return RL_OK;
}

void lx_cgroup_close(struct lx_cgroup *cg)
{
	for (size_t i = 0; i < cg->count; i++) {
		rl_fd_close(&cg->slots[i].dir);
		rl_fd_close(&cg->slots[i].tasks);
	}
	cg->count = 0;
}

/* ---- making ---------------------------------------------------------------------------------- */

static bool no_right(int errnum)
{
	return errnum == EACCES || errnum == EPERM || errnum == EROFS;
}

/* mkdir of one component, which is path[0..len). *ret_made: it was not there before. */
static rl_err make_component(const struct lx_cgroup_dir *dir, size_t len, bool *ret_made)
{
	char path[PATH_MAX];

	memcpy(path, dir->path, len);
	path[len] = '\0';
	*ret_made = mkdir(path, 0755) == 0;
	if (!*ret_made && errno != EEXIST)
		return rl_sys(-1, "make cgroup %s", path);
	if (*ret_made && dir->version == 1 && lx_cg_has(dir, "cpuset"))
		RL_TRY(lx_cg_v1_inherit_cpuset(path), "cgroup %s", path);
	return RL_OK;
}

/* A directory that was there before: ours from now on if nobody is in it. */
static rl_err adopt(struct lx_cgroup *cg, size_t index)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	const pid_t *pids;
	size_t count;
	bool frozen = false;

	RL_TRY(rl_arena_new(64 << 20, &a));
	RL_TRY(lx_cg_pids_in(&a, cg, index, &pids, &count));
	if (count > 0)
		return rl_hint(rl_refuse(RL_E(EBUSY), "cgroup %s is in use: process %d is in it",
					 cg->dirs[index].path, (int)pids[0]),
			       "give the container a cgroup of its own by linux.cgroupsPath");
	if (cg->dirs[index].version == 2)
		RL_TRY(lx_cg_v2_event(cg, index, "frozen", &frozen));
	else if (lx_cg_has(&cg->dirs[index], "freezer"))
		RL_TRY(lx_cg_v1_is_frozen(cg, index, &frozen));
	if (frozen)
		return rl_refuse(RL_E(EBUSY), "cgroup %s is frozen", cg->dirs[index].path);
	return RL_OK;
}

/* Makes the parents that are missing. Somebody else may be making or removing them just now. */
static rl_err make_parents(const struct lx_cgroup_dir *dir, size_t len, struct lx_cgroup_slot *slot)
{
	for (size_t i = dir->mount_len + 1; i < len; i++) {
		bool made;
		rl_err e;

		if (dir->path[i] != '/')
			continue;
		e = make_component(dir, i, &made);
		if (made && slot->made_from == 0)
			slot->made_from = i;
		if (rl_failed(e) && !rl_is(e, RL_E(ENOENT)))
			return e;
		rl_drop(e);
	}
	return RL_OK;
}

static rl_err make_one(struct lx_cgroup *cg, size_t index, bool may_be_used)
{
	const struct lx_cgroup_dir *dir = &cg->dirs[index];
	struct lx_cgroup_slot *slot = &cg->slots[index];
	size_t len = strlen(dir->path);
	bool made = false;
	rl_err e = make_component(dir, len, &made);

	/* Again, because another container's end may remove a parent behind us. */
	for (int tries = 0; tries < 8 && rl_is(e, RL_E(ENOENT)); tries++) {
		rl_drop(e);
		RL_TRY(make_parents(dir, len, slot));
		e = make_component(dir, len, &made);
	}
	if (made && slot->made_from == 0)
		slot->made_from = len;
	if (!rl_failed(e) && !made && !may_be_used)
		e = adopt(cg, index);
	return e;
}

/* Takes back what make_one() made: the directory and the parents that were missing. */
static void unmake_one(const struct lx_cgroup_dir *dir, const struct lx_cgroup_slot *slot)
{
	char path[PATH_MAX];
	size_t len = strlen(dir->path);

	if (slot->made_from == 0)
		return;
	memcpy(path, dir->path, len + 1);
	while (len >= slot->made_from && rmdir(path) == 0) {
		while (len > 1 && path[len - 1] != '/')
			len--;
		path[--len] = '\0';
	}
}

static rl_err enable(const struct lx_cgroup_spec *spec, const struct lx_cgroup_dir *dir)
{
	return lx_cg_v2_enable(dir, spec->enable_from ? spec->enable_from : dir->mount_len,
			       spec->enable, spec->require);
}

rl_err lx_cgroup_enable(const struct lx_cgroup_spec *spec)
{
	for (size_t i = 0; i < spec->dir_count; i++)
		if (spec->dirs[i].version == 2)
			RL_TRY(enable(spec, &spec->dirs[i]));
	return RL_OK;
}

static rl_err make_all(const struct lx_cgroup_spec *spec, struct lx_cgroup *cg)
{
	int dir_fd;

	for (size_t i = 0; i < cg->count; i++) {
		rl_err e = make_one(cg, i, spec->adopt);

		if (spec->forgive && rl_failed(e) && no_right(rl_errno(e))) {
			unmake_one(&cg->dirs[i], &cg->slots[i]);
			cg->slots[i].made_from = 0;
			cg->slots[i].absent = true;
			rl_drop(e);
			continue;
		}
		RL_TRY(e);
		if (cg->dirs[i].version == 2 && !spec->enable_late)
			RL_TRY(enable(spec, &cg->dirs[i]));
		if (cg->dirs[i].version != 2 || !spec->delegate)
			continue;
		RL_TRY(lx_cg_dir(cg, i, &dir_fd));
		RL_TRY(lx_cg_v2_delegate(dir_fd, cg->dirs[i].path, spec->owner, spec->group));
	}
	return RL_OK;
}

rl_err lx_cgroup_create(const struct lx_cgroup_spec *spec, struct lx_cgroup *ret)
{
	struct lx_cgroup cg;
	rl_err e;

	RL_TRY(lx_cgroup_open(spec->dirs, spec->dir_count, &cg));
	e = make_all(spec, &cg);
	if (rl_failed(e)) {
		for (size_t i = 0; i < cg.count; i++)
			unmake_one(&cg.dirs[i], &cg.slots[i]);
		lx_cgroup_close(&cg);
		return e;
	}
	*ret = cg;
	return RL_OK;
}

rl_err lx_cgroup_set_devices(struct lx_cgroup *cg, const struct lx_device_rule *rules, size_t count)
{
	int index = lx_cg_v1(cg, "devices"), dir_fd;

	if (index >= 0)
		return lx_cg_v1_set_devices(cg, (size_t)index, rules, count);
	index = lx_cg_v2(cg);
	if (index < 0)
		return rl_refuse(RL_E(EOPNOTSUPP), "no cgroup of the devices controller");
	RL_TRY(lx_cg_dir(cg, (size_t)index, &dir_fd));
	return rl_wrap(lx_bpf_attach_devices(dir_fd, rules, count, cg->slots[index].made_from != 0),
		       "cgroup %s", cg->dirs[index].path);
}

/* ---- entering -------------------------------------------------------------------------------- */

rl_err lx_cgroup_into(struct lx_cgroup *cg, int *ret_fd)
{
	int index = lx_cg_v2(cg);

	*ret_fd = -1;
	if (index < 0)
		return RL_OK;
	return lx_cg_dir(cg, (size_t)index, ret_fd);
}

/* Beneath a threaded parent (cgroups(7)) a new cgroup takes no process until it is threaded too. */
static rl_err make_threaded(struct lx_cgroup *cg, size_t index)
{
	int dir_fd;

	RL_TRY(lx_cg_dir(cg, index, &dir_fd));
	return rl_write_kernel(dir_fd, "cgroup.type", "threaded");
}

/* By the descriptor if there is one: lx_cgroup_follow() may have changed where it leads. */
static rl_err write_procs(struct lx_cgroup *cg, size_t index, const char *pid)
{
	char path[PATH_MAX];

	if (rl_fd_has(&cg->slots[index].dir))
		return rl_wrap(
			rl_write_kernel(rl_fd_get(&cg->slots[index].dir), "cgroup.procs", pid),
			"%s", cg->dirs[index].path);
	snprintf(path, sizeof(path), "%s/cgroup.procs", cg->dirs[index].path);
	return rl_write_kernel(-1, path, pid);
}

static rl_err join_one(struct lx_cgroup *cg, size_t index, const char *pid)
{
	rl_err e = write_procs(cg, index, pid);

	if (cg->dirs[index].version == 2 && rl_is(e, RL_E(EOPNOTSUPP)) &&
	    !rl_drop_failed(make_threaded(cg, index))) {
		rl_drop(e);
		e = write_procs(cg, index, pid);
	}
	return e;
}

rl_err lx_cgroup_join(struct lx_cgroup *cg, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	for (size_t i = 0; i < cg->count; i++)
		if (!cg->slots[i].absent)
			RL_TRY(join_one(cg, i, text), "enter the cgroup");
	return RL_OK;
}

rl_err lx_cgroup_prepare_join(struct lx_cgroup *cg, bool skip_v2)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < cg->count; i++) {
		const struct lx_cgroup_dir *dir = &cg->dirs[i];

		if (cg->slots[i].absent || (skip_v2 && dir->version == 2))
			continue;
		/* Version 2 has no file that moves a single thread into another domain. */
		snprintf(path, sizeof(path), "%s/%s", dir->path,
			 dir->version == 1 ? "tasks" : "cgroup.procs");
		RL_TRY(rl_fd_from(openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC), &cg->slots[i].tasks,
				  "open %s", path));
	}
	return RL_OK;
}

rl_err lx_cgroup_join_self(struct lx_cgroup *cg)
{
	for (size_t i = 0; i < cg->count; i++) {
		int fd = rl_fd_get(&cg->slots[i].tasks);

		/* 0 is the writer itself, whatever its pid is in which namespace. */
		if (fd >= 0)
			RL_TRY(rl_sys(write(fd, "0", 1), "enter cgroup %s", cg->dirs[i].path));
	}
	return RL_OK;
}

/* The place of a process in version 2, as this cgroup namespace shows it: "0::/a/b". */
static rl_err read_place(pid_t pid, char *ret_place, size_t size)
{
	char path[32], text[PATH_MAX];
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	RL_TRY(rl_read_small(-1, path, text, sizeof(text)));
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (line == NULL)
		return rl_fail(RL_E(ENOENT), "%s: no version 2", path);
	line = strchr(line, '/');
	if (line == NULL)
		return rl_fail(RL_E(EPROTO), "read %s", path);
	snprintf(ret_place, size, "%.*s", (int)strcspn(line, "\n"), line);
	return RL_OK;
}

rl_err lx_cgroup_follow(struct lx_cgroup *cg, pid_t pid)
{
	int index = lx_cg_v2(cg), fd;
	char place[PATH_MAX], path[2 * PATH_MAX];
	const struct lx_cgroup_dir *dir;
	size_t len;

	if (index < 0)
		return RL_OK;
	dir = &cg->dirs[index];
	len = strlen(dir->path);
	RL_TRY(read_place(pid, place, sizeof(place)));
	snprintf(path, sizeof(path), "%.*s%s", (int)dir->mount_len, dir->path, place);
	/* The container cannot lead us out of its own: elsewhere only we could have put it. */
	if (strncmp(path, dir->path, len) != 0 || (path[len] != '/' && path[len] != '\0') ||
	    strstr(path + len, "/..") != NULL)
		return rl_refuse(RL_E(EXDEV), "process %d is in cgroup %s, outside of %s", (int)pid,
				 path, dir->path);
	fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	RL_TRY(rl_sys(fd, "open cgroup %s", path));
	rl_fd_set(&cg->slots[index].dir, fd);
	return RL_OK;
}

rl_err lx_cgroup_join_child(struct lx_cgroup *cg, const char *name,
			    const struct lx_cgroup_spec *spec, pid_t pid)
{
	struct rl_fd RL_AUTO_FD child = { 0 };
	int index = lx_cg_v2(cg), dir_fd;
	char text[16];

	if (index < 0)
		return rl_refuse(RL_E(EOPNOTSUPP), "child cgroup %s: needs cgroup version 2", name);
	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    strchr(name, '/') != NULL || strlen(name) > NAME_MAX)
		return rl_fail(RL_E(EINVAL), "child cgroup \"%s\"", name);
	RL_TRY(lx_cg_dir(cg, (size_t)index, &dir_fd));
	if (mkdirat(dir_fd, name, 0755) < 0 && errno != EEXIST)
		return rl_sys(-1, "make child cgroup %s", name);
	RL_TRY(rl_fd_from(openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
			  &child, "open child cgroup %s", name));
	if (spec != NULL && spec->delegate)
		RL_TRY(lx_cg_v2_delegate(rl_fd_get(&child), name, spec->owner, spec->group));
	snprintf(text, sizeof(text), "%d", (int)pid);
	return rl_wrap(rl_write_kernel(rl_fd_get(&child), "cgroup.procs", text), "child cgroup %s",
		       name);
}

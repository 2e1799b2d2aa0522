/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroups below one. The container may have made them, as many and as deep as it likes, while
 * we look: so the walk keeps one descriptor and goes back up by "..", which in cgroupfs always is
 * the parent (a directory can be renamed, but never moved).
 */
#include "base/io.h"
#include "base/proc.h"
#include "linux/cgroup_parts.h"
#include "linux/sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Address space for the names and pids of one walk; used only as far as needed. */
#define WALK_ARENA ((size_t)256 << 20)

/* ---- the walk -------------------------------------------------------------------------------- */

struct name {
	struct name *next;
	char text[];
};

/* One directory that the walk is inside of. */
struct level {
	struct level *up;
	const char *name;
	struct name *below; /* directories not entered yet */
};

/* What getdents64(2) writes. */
struct entry {
	uint64_t inode;
	int64_t offset;
	unsigned short size;
	unsigned char type;
	char name[];
};

static rl_err add_names(struct rl_arena *a, const char *bytes, size_t len, struct name **list)
{
	for (size_t at = 0; at < len;) {
		const struct entry *d = (const void *)(bytes + at);
		struct name *n;

		at += d->size;
		if (d->type != DT_DIR || strcmp(d->name, ".") == 0 || strcmp(d->name, "..") == 0)
			continue;
		RL_TRY(rl_arena_get(a, 1, sizeof(*n) + strlen(d->name) + 1, &n));
		strcpy(n->text, d->name);
		n->next = *list;
		*list = n;
	}
	return RL_OK;
}

static rl_err list_below(struct rl_arena *a, int dir_fd, struct name **ret)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	_Alignas(struct entry) char bytes[16384];
	struct name *list = NULL;
	struct stat st;
	long n;

	*ret = NULL;
	/* cgroupfs counts the directories below as links. */
	RL_TRY(rl_sys(fstat(dir_fd, &st), "stat a cgroup"));
	if (st.st_nlink == 2)
		return RL_OK;
	RL_TRY(rl_fd_from(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), &fd,
			  "open a cgroup"));
	while ((n = syscall(SYS_getdents64, rl_fd_get(&fd), bytes, sizeof(bytes))) > 0)
		RL_TRY(add_names(a, bytes, (size_t)n, &list));
	/* ENOENT: it was removed while we looked. */
	if (n < 0 && errno != ENOENT)
		return rl_sys(n, "list a cgroup");
	*ret = list;
	return RL_OK;
}

static rl_err enter(struct rl_arena *a, const struct lx_cg_visitor *visitor, int dir_fd,
		    const char *name, struct level **top)
{
	struct level *level;

	RL_TRY(rl_new(a, &level));
	level->up = *top;
	level->name = name;
	if (visitor->enter)
		RL_TRY(visitor->enter(visitor->context, dir_fd));
	RL_TRY(list_below(a, dir_fd, &level->below));
	*top = level;
	return RL_OK;
}

rl_err lx_cg_walk(int dir_fd, const struct lx_cg_visitor *visitor)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	struct rl_fd RL_AUTO_FD here = { 0 };
	struct level *top = NULL;
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	RL_TRY(rl_arena_new(WALK_ARENA, &a));
	RL_TRY(rl_fd_from(openat(dir_fd, ".", flags), &here, "open a cgroup"));
	RL_TRY(enter(&a, visitor, rl_fd_get(&here), NULL, &top));
	for (;;) {
		struct name *next = top->below;
		const char *left = top->name;
		int fd;

		if (next != NULL) {
			top->below = next->next;
			fd = openat(rl_fd_get(&here), next->text, flags);
			if (fd < 0 && errno == ENOENT)
				continue;
			RL_TRY(rl_sys(fd, "open cgroup %s", next->text));
			rl_fd_set(&here, fd);
			RL_TRY(enter(&a, visitor, rl_fd_get(&here), next->text, &top));
			continue;
		}
		top = top->up;
		if (top == NULL)
			return RL_OK;
		fd = openat(rl_fd_get(&here), "..", flags);
		RL_TRY(rl_sys(fd, "open the cgroup above %s", left));
		rl_fd_set(&here, fd);
		if (visitor->leave)
			RL_TRY(visitor->leave(visitor->context, fd, left));
	}
}

/* ---- who is in it ---------------------------------------------------------------------------- */

struct pid_list {
	struct rl_arena *arena;
	pid_t *items;
	size_t count, room;
};

static rl_err add_pid(struct pid_list *list, pid_t pid)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		pid_t *items;

		RL_TRY(rl_new_array(list->arena, room, &items));
		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->room = room;
	}
	list->items[list->count++] = pid;
	return RL_OK;
}

/* The process of a thread; 0 when it is gone. */
static pid_t process_of(pid_t thread)
{
	char path[64], status[4096];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
	if (rl_drop_failed(rl_read_small(-1, path, status, sizeof(status))))
		return 0;
	at = strstr(status, "\nTgid:");
	return at ? (pid_t)strtol(at + 6, NULL, 10) : 0;
}

static rl_err add_lines(struct pid_list *list, const char *text, bool threads)
{
	for (char *end; *text != '\0'; text = end + (*end == '\n')) {
		pid_t pid = (pid_t)strtol(text, &end, 10);
		bool known = false;

		if (end == text)
			break;
		if (threads)
			pid = process_of(pid);
		for (size_t i = 0; threads && i < list->count; i++)
			known |= list->items[i] == pid;
		/* 0 is a process that our pid namespace does not see. */
		if (pid > 0 && !known)
			RL_TRY(add_pid(list, pid));
	}
	return RL_OK;
}

static rl_err read_pids(void *context, int dir_fd)
{
	struct pid_list *list = context;
	const char *text;
	size_t len;
	bool threads = false;
	rl_err e = rl_read_file(list->arena, dir_fd, "cgroup.procs", 64 << 20, &text, &len);

	/* A threaded cgroup knows its threads only. */
	if (rl_is(e, RL_E(EOPNOTSUPP))) {
		rl_drop(e);
		threads = true;
		e = rl_read_file(list->arena, dir_fd, "cgroup.threads", 64 << 20, &text, &len);
	}
	/* The cgroup was removed while we looked. */
	if (rl_is(e, RL_E(ENOENT)) || rl_is(e, RL_E(ENODEV))) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e);
	return add_lines(list, text, threads);
}

rl_err lx_cg_pids_in(struct rl_arena *a, struct lx_cgroup *cg, size_t index, const pid_t **ret_pids,
		     size_t *ret_count)
{
	struct pid_list list = { .arena = a };
	struct lx_cg_visitor visitor = { .enter = read_pids, .context = &list };
	int dir_fd;
	rl_err e = lx_cg_dir(cg, index, &dir_fd);

	if (rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		*ret_pids = NULL;
		*ret_count = 0;
		return RL_OK;
	}
	RL_TRY(e);
	RL_TRY(lx_cg_walk(dir_fd, &visitor), "cgroup %s", cg->dirs[index].path);
	*ret_pids = list.items;
	*ret_count = list.count;
	return RL_OK;
}

rl_err lx_cgroup_pids(struct rl_arena *a, struct lx_cgroup *cg, const pid_t **ret_pids,
		      size_t *ret_count)
{
	if (cg->count == 0) {
		*ret_pids = NULL;
		*ret_count = 0;
		return RL_OK;
	}
	return lx_cg_pids_in(a, cg, lx_cg_main(cg), ret_pids, ret_count);
}

/* ---- waiting until nobody is in it ----------------------------------------------------------- */

static rl_err still_there(const struct lx_cgroup *cg, size_t index, pid_t pid, size_t count)
{
	char path[64], name[64] = "";
	uint64_t ticks;
	char state = '?';

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	rl_drop(rl_read_small(-1, path, name, sizeof(name)));
	name[strcspn(name, "\n")] = '\0';
	rl_drop(rl_proc_start_time(pid, &ticks, &state));
	return rl_refuse(RL_E(ETIMEDOUT),
			 "cgroup %s: %zu process(es) do not end; process %d (%s) is in state %c",
			 cg->dirs[index].path, count, (int)pid, name, state);
}

/* Version 1 tells nobody when a cgroup becomes empty, so we wait for its processes. */
static rl_err wait_processes(struct lx_cgroup *cg, size_t index, int64_t deadline)
{
	for (;;) {
		struct rl_arena RL_AUTO_ARENA a = { 0 };
		const pid_t *pids;
		size_t count;

		RL_TRY(rl_arena_new(WALK_ARENA, &a));
		RL_TRY(lx_cg_pids_in(&a, cg, index, &pids, &count));
		if (count == 0)
			return RL_OK;
		if (lx_cg_left(deadline) == 0)
			return still_there(cg, index, pids[0], count);
		for (size_t i = 0; i < count; i++) {
			struct rl_fd RL_AUTO_FD pidfd = { 0 };

			if (rl_drop_failed(rl_pidfd_open(pids[i], &pidfd)))
				continue;
			if (rl_drop_failed(rl_pidfd_wait(rl_fd_get(&pidfd), lx_cg_left(deadline))))
				break;
		}
	}
}

rl_err lx_cg_wait_empty(struct lx_cgroup *cg, size_t index, int64_t deadline)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	const pid_t *pids;
	size_t count;
	rl_err e;

	if (cg->dirs[index].version == 1)
		return wait_processes(cg, index, deadline);
	e = lx_cg_v2_wait_event(cg, index, "populated", false, deadline);
	if (rl_is(e, RL_E(ENOENT)) || rl_is(e, RL_E(ENODEV))) {
		rl_drop(e);
		return RL_OK;
	}
	if (!rl_is(e, RL_E(ETIMEDOUT)))
		return e;
	RL_TRY(rl_arena_new(WALK_ARENA, &a));
	if (rl_drop_failed(lx_cg_pids_in(&a, cg, index, &pids, &count)) || count == 0)
		return e;
	rl_drop(e);
	return still_there(cg, index, pids[0], count);
}

/* ---- removing -------------------------------------------------------------------------------- */

static rl_err remove_child(void *context, int parent_fd, const char *name)
{
	(void)context;
	/* One that is in use is noticed at the top. */
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT && errno != EBUSY &&
	    errno != ENOTEMPTY)
		return rl_sys(-1, "remove cgroup %s", name);
	return RL_OK;
}

/* True when the directory is not there any more. */
static rl_err remove_directory(const char *path, bool *ret_gone)
{
	*ret_gone = rmdir(path) == 0 || errno == ENOENT;
	if (!*ret_gone && errno != EBUSY && errno != ENOTEMPTY)
		return rl_sys(-1, "remove cgroup %s", path);
	return RL_OK;
}

static rl_err remove_one(struct lx_cgroup *cg, size_t index, int64_t deadline)
{
	const struct lx_cg_visitor visitor = { .leave = remove_child };
	const char *path = cg->dirs[index].path;
	bool gone;
	int dir_fd;

	RL_TRY(remove_directory(path, &gone));
	/* The kernel may hold an empty cgroup for a moment after its last process has gone. */
	for (unsigned pause = 10; !gone; pause = pause < 20000 ? pause * 2 : pause) {
		rl_err e;

		RL_TRY(lx_cg_wait_empty(cg, index, deadline));
		e = lx_cg_dir(cg, index, &dir_fd);
		if (rl_is(e, RL_E(ENOENT))) {
			rl_drop(e);
			return RL_OK;
		}
		RL_TRY(e);
		RL_TRY(lx_cg_walk(dir_fd, &visitor), "cgroup %s", path);
		RL_TRY(remove_directory(path, &gone));
		if (gone)
			break;
		if (lx_cg_left(deadline) == 0)
			return rl_fail(RL_E(EBUSY), "remove cgroup %s", path);
		lx_cg_pause(pause);
	}
	return RL_OK;
}

bool lx_cgroup_try_remove(struct lx_cgroup *cg)
{
	for (size_t i = 0; i < cg->count; i++)
		if (!cg->slots[i].absent && rmdir(cg->dirs[i].path) < 0 && errno != ENOENT)
			return false;
	return true;
}

/* One hierarchy that cannot be removed does not keep the others. */
rl_err lx_cgroup_remove(struct lx_cgroup *cg, int timeout_ms)
{
	int64_t deadline = lx_cg_deadline(timeout_ms);
	rl_err e = RL_OK;

	for (size_t i = 0; i < cg->count; i++)
		if (!cg->slots[i].absent)
			e = rl_first(e, remove_one(cg, i, deadline));
	return e;
}

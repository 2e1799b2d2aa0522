/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The out-of-memory killer, reported. Version 1 signals an eventfd that is registered by
 * cgroup.event_control; version 2 counts in memory.events, whose changes inotify tells.
 */
#include "base/io.h"
#include "linux/cgroup_parts.h"
#include "linux/cgroup_stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

static rl_err open_v1(int dir_fd, struct lx_cgroup_oom *oom)
{
	char text[32];

	RL_TRY(rl_fd_from(openat(dir_fd, "memory.oom_control", O_RDONLY | O_CLOEXEC), &oom->control,
			  "open memory.oom_control"));
	RL_TRY(rl_fd_from(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), &oom->fd, "eventfd"));
	snprintf(text, sizeof(text), "%d %d", rl_fd_get(&oom->fd), rl_fd_get(&oom->control));
	return rl_write_kernel(dir_fd, "cgroup.event_control", text);
}

/* How many processes were killed (Linux 4.19), before that how often memory ran out. */
static rl_err read_kills(int fd, uint64_t *ret)
{
	char text[512];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	const char *at;

	RL_TRY(rl_sys(n, "read memory.events"));
	text[n] = '\0';
	at = strstr(text, "\noom_kill ");
	if (at == NULL)
		at = strstr(text, "\noom ");
	*ret = at != NULL ? strtoull(strchr(at, ' ') + 1, NULL, 10) : 0;
	return RL_OK;
}

/* No event tells that the cgroup was removed, but one that nobody is in it any more. */
static rl_err open_v2(const struct lx_cgroup_dir *dir, int dir_fd, struct lx_cgroup_oom *oom)
{
	static const char *const files[] = { "memory.events", "cgroup.events" };
	char path[4096];

	RL_TRY(rl_fd_from(openat(dir_fd, "memory.events", O_RDONLY | O_CLOEXEC), &oom->control,
			  "open memory.events of %s", dir->path));
	RL_TRY(rl_fd_from(inotify_init1(IN_CLOEXEC | IN_NONBLOCK), &oom->fd, "inotify"));
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir->path, files[i]);
		RL_TRY(rl_sys(inotify_add_watch(rl_fd_get(&oom->fd), path, IN_MODIFY), "watch %s",
			      path));
	}
	RL_TRY(rl_fd_from(openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC), &oom->population,
			  "open cgroup.events of %s", dir->path));
	return read_kills(rl_fd_get(&oom->control), &oom->seen);
}

rl_err lx_cgroup_oom_open(struct lx_cgroup *cg, struct lx_cgroup_oom *ret)
{
	int index = lx_cg_v1(cg, "memory"), dir_fd;
	struct lx_cgroup_oom oom = { .version = 1 };
	rl_err e;

	if (index < 0) {
		oom.version = 2;
		index = lx_cg_v2(cg);
	}
	if (index < 0)
		return rl_refuse(RL_E(EOPNOTSUPP), "no cgroup of the memory controller");
	RL_TRY(lx_cg_dir(cg, (size_t)index, &dir_fd));
	e = oom.version == 1 ? open_v1(dir_fd, &oom) : open_v2(&cg->dirs[index], dir_fd, &oom);
	if (rl_failed(e)) {
		lx_cgroup_oom_close(&oom);
		return rl_wrap(e, "cgroup %s", cg->dirs[index].path);
	}
	*ret = oom;
	return RL_OK;
}

/* Removing the cgroup signals the eventfd as well: then the control file is unlinked. */
static rl_err read_v1(struct lx_cgroup_oom *oom, uint64_t *ret_kills, bool *ret_over)
{
	uint64_t count = 0;
	char byte;

	if (read(rl_fd_get(&oom->fd), &count, sizeof(count)) < 0 && errno != EAGAIN)
		return rl_sys(-1, "read the eventfd of memory.oom_control");
	*ret_over = pread(rl_fd_get(&oom->control), &byte, 1, 0) < 0;
	*ret_kills = *ret_over ? 0 : count;
	return RL_OK;
}

static bool nobody_left(int fd)
{
	char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "populated 1") == NULL;
}

static rl_err read_v2(struct lx_cgroup_oom *oom, uint64_t *ret_kills, bool *ret_over)
{
	char events[4096];
	uint64_t kills;
	rl_err e;

	/* Only that there were some is of interest. */
	while (read(rl_fd_get(&oom->fd), events, sizeof(events)) > 0)
		;
	e = read_kills(rl_fd_get(&oom->control), &kills);
	*ret_over = nobody_left(rl_fd_get(&oom->population));
	*ret_kills = 0;
	if (rl_is(e, RL_E(ENODEV))) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e);
	*ret_kills = kills - oom->seen;
	oom->seen = kills;
	return RL_OK;
}

rl_err lx_cgroup_oom_read(struct lx_cgroup_oom *oom, uint64_t *ret_kills, bool *ret_over)
{
	return oom->version == 1 ? read_v1(oom, ret_kills, ret_over)
				 : read_v2(oom, ret_kills, ret_over);
}

void lx_cgroup_oom_close(struct lx_cgroup_oom *oom)
{
	rl_fd_close(&oom->fd);
	rl_fd_close(&oom->control);
	rl_fd_close(&oom->population);
}

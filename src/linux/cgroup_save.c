/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writes that take other writes back: what the files say before they are changed.
 *
 * Most files hold one value. Some hold a line a device or interface, of which a write changes one;
 * where there is none yet, the table says what the kernel takes for "none".
 */
#include "base/io.h"
#include "linux/cgroup_parts.h"

#include <stdio.h>
#include <string.h>

#define FILE_SIZE 16384

/* Files of lines that begin with a key; `none` is what takes a line away. */
static const struct {
	const char *file;
	const char *none;
} keyed[] = {
	{ "io.max", "rbps=max wbps=max riops=max wiops=max" },
	{ "io.weight", "default" },
	{ "io.bfq.weight", "default" },
	{ "io.latency", "target=0" },
	{ "blkio.weight_device", "0" },
	{ "blkio.leaf_weight_device", "0" },
	{ "blkio.bfq.weight_device", "default" },
	{ "blkio.throttle.read_bps_device", "0" },
	{ "blkio.throttle.write_bps_device", "0" },
	{ "blkio.throttle.read_iops_device", "0" },
	{ "blkio.throttle.write_iops_device", "0" },
	{ "net_prio.ifpriomap", "0" },
	{ "rdma.max", "hca_handle=max hca_object=max" },
	{ "misc.max", "max" },
};

static const char *none_of(const char *file)
{
	for (size_t i = 0; i < sizeof(keyed) / sizeof(keyed[0]); i++)
		if (strcmp(keyed[i].file, file) == 0)
			return keyed[i].none;
	return NULL;
}

/* The line that begins with the word; NULL: there is none. */
static const char *find_line(const char *text, const char *word, size_t len)
{
	while (*text != '\0') {
		if (strncmp(text, word, len) == 0 && text[len] == ' ')
			return text;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return NULL;
}

/*
 * What puts the content of the file back, as far as this write changes it. *ret is NULL for a value
 * that cannot be written: the weight that an idle group shows.
 */
static rl_err old_value(struct rl_arena *a, const struct lx_cgroup_write *w, const char *text,
			const char **ret)
{
	const char *none = none_of(w->file), *line = text;
	size_t key = strcspn(w->value, " ");

	if (strcmp(w->file, "memory.oom_control") == 0)
		line = strchr(text, ' ') != NULL ? strchr(text, ' ') + 1 : text;
	else if (none != NULL && w->value[key] == ' ')
		line = find_line(text, w->value, key);
	if (line == NULL)
		return rl_arena_fmt(a, ret, "%.*s %s", (int)key, w->value, none);
	if (strcmp(w->file, "cpu.weight") == 0 && strcmp(line, "0\n") == 0) {
		*ret = NULL;
		return RL_OK;
	}
	/* An empty cpuset is written as an empty line. */
	if (line[0] == '\0' || line[0] == '\n')
		return rl_arena_str(a, "\n", ret);
	return rl_arena_strn(a, line, strcspn(line, "\n"), ret);
}

static rl_err save_one(struct rl_arena *a, struct lx_cgroup *cg, const struct lx_cgroup_write *w,
		       struct lx_cgroup_write *ret, bool *ret_saved)
{
	char text[FILE_SIZE];
	int dir_fd;
	rl_err e;

	*ret_saved = false;
	if (w->dir >= cg->count || cg->slots[w->dir].absent)
		return RL_OK;
	RL_TRY(lx_cg_dir(cg, w->dir, &dir_fd));
	e = rl_read_small(dir_fd, w->file, text, sizeof(text));
	/* Not there, or write-only: writing it will tell, or there is nothing to keep. */
	if (rl_is(e, RL_E(ENOENT)) || rl_is(e, RL_E(EACCES)) || rl_is(e, RL_E(EINVAL))) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e, "%s: cgroup %s", w->origin, cg->dirs[w->dir].path);
	*ret = *w;
	ret->flags = (w->flags & LX_CGROUP_TIED) | LX_CGROUP_IF_EXISTS;
	if (none_of(w->file) == NULL)
		ret->flags |= LX_CGROUP_IF_CHANGED;
	RL_TRY(old_value(a, w, text, &ret->value));
	*ret_saved = ret->value != NULL;
	return RL_OK;
}

rl_err lx_cgroup_save(struct rl_arena *a, struct lx_cgroup *cg,
		      const struct lx_cgroup_write *writes, size_t count,
		      const struct lx_cgroup_write **ret, size_t *ret_count)
{
	struct lx_cgroup_write *saved;
	size_t n = 0;

	RL_TRY(rl_new_array(a, count, &saved));
	for (size_t i = 0; i < count; i++) {
		bool one;

		RL_TRY(save_one(a, cg, &writes[i], &saved[n], &one));
		n += one;
	}
	if (n > 0)
		saved[n - 1].flags &= ~(unsigned)LX_CGROUP_TIED;
	*ret = saved;
	*ret_count = n;
	return RL_OK;
}

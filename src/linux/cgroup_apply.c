/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing limits. Nothing is read but where a flag asks for it: a container's start should cost
 * only the limits that it has.
 */
#include "base/io.h"
#include "linux/cgroup_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two limits that belong together, or three (period, quota, burst). */
#define TIED_MAX 8

static rl_err check_usage(int dir_fd, const struct lx_cgroup_dir *dir,
			  const struct lx_cgroup_write *w)
{
	const char *file = dir->version == 2 ? "memory.current" : "memory.usage_in_bytes";
	char text[64];
	unsigned long long usage;

	if (strcmp(w->value, "max") == 0 || w->value[0] == '-')
		return RL_OK;
	RL_TRY(rl_read_small(dir_fd, file, text, sizeof(text)));
	usage = strtoull(text, NULL, 10);
	if (usage <= strtoull(w->value, NULL, 10))
		return RL_OK;
	return rl_refuse(RL_E(EBUSY), "%llu bytes are in use, more than the new limit of %s", usage,
			 w->value);
}

static rl_err less_memory(int dir_fd, const struct lx_cgroup_write *w, char *ret_value, size_t size)
{
	unsigned long long memory, both = strtoull(w->value, NULL, 10);
	char text[64];

	RL_TRY(rl_read_small(dir_fd, "memory.max", text, sizeof(text)));
	/* Memory without a limit takes nothing off. */
	memory = strncmp(text, "max", 3) == 0 ? 0 : strtoull(text, NULL, 10);
	if (memory > both)
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "%llu bytes of memory and swap together are less than the "
					 "memory limit of %llu",
					 both, memory),
			       "change the memory limit as well");
	snprintf(ret_value, size, "%llu", both - memory);
	return RL_OK;
}

/* Fails with ENOENT when there is no such file. */
static rl_err write_file(struct lx_cgroup *cg, const struct lx_cgroup_write *w)
{
	const struct lx_cgroup_dir *dir = &cg->dirs[w->dir];
	char old[256], value[512];
	int dir_fd;

	RL_TRY(lx_cg_dir(cg, w->dir, &dir_fd));
	if (w->flags & LX_CGROUP_CHECK_USAGE)
		RL_TRY(check_usage(dir_fd, dir, w));
	if (w->flags & LX_CGROUP_LESS_MEMORY) {
		RL_TRY(less_memory(dir_fd, w, value, sizeof(value)));
		return rl_write_kernel(dir_fd, w->file, value);
	}
	if (!(w->flags & (LX_CGROUP_IF_CHANGED | LX_CGROUP_KEEP_FIRST)))
		return rl_write_kernel(dir_fd, w->file, w->value);
	RL_TRY(rl_read_small(dir_fd, w->file, old, sizeof(old)));
	old[strcspn(old, "\n")] = '\0';
	if (w->flags & LX_CGROUP_KEEP_FIRST) {
		old[strcspn(old, " ")] = '\0';
		if (snprintf(value, sizeof(value), "%s %s", old, w->value) >= (int)sizeof(value))
			return rl_fail(RL_E(E2BIG), "write %s", w->file);
		return rl_write_kernel(dir_fd, w->file, value);
	}
	return strcmp(old, w->value) == 0 ? RL_OK : rl_write_kernel(dir_fd, w->file, w->value);
}

static rl_err no_such_file(const struct lx_cgroup *cg, const struct lx_cgroup_write *w)
{
	const struct lx_cgroup_dir *dir = &cg->dirs[w->dir];

	if (cg->slots[w->dir].absent)
		return rl_hint(
			rl_refuse(RL_E(EACCES), "%s: no right to make the cgroup %s", w->origin,
				  dir->path),
			"without privilege a limit needs a cgroup that was delegated to you, "
			"for example by `systemd-run --user --scope -p Delegate=yes`");
	return rl_hint(rl_refuse(RL_E(ENOENT), "%s: cgroup %s has no file %s", w->origin, dir->path,
				 w->file),
		       dir->version == 2
			       ? "its controller is not enabled there, or this kernel does "
				 "not know the file"
			       : "this kernel was built or booted without it");
}

/*
 * A write and the alternatives behind it (LX_CGROUP_ELSE): the first whose file exists counts.
 * *ret_used tells how many writes that were.
 */
static rl_err write_first(struct lx_cgroup *cg, const struct lx_cgroup_write *writes, size_t count,
			  size_t *ret_used)
{
	size_t used = 1;
	bool optional = writes[0].flags & LX_CGROUP_IF_EXISTS;
	bool missing = cg->slots[writes[0].dir].absent;
	rl_err e = missing ? RL_OK : write_file(cg, &writes[0]);

	for (; used < count && (writes[used].flags & LX_CGROUP_ELSE); used++) {
		if (!rl_is(e, RL_E(ENOENT)))
			continue;
		rl_drop(e);
		optional |= (writes[used].flags & LX_CGROUP_IF_EXISTS) != 0;
		e = write_file(cg, &writes[used]);
	}
	*ret_used = used;
	if (rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		e = RL_OK;
		missing = true;
	}
	if (missing)
		return optional ? RL_OK : no_such_file(cg, &writes[0]);
	return rl_wrap(e, "%s: cgroup %s", writes[0].origin, cg->dirs[writes[0].dir].path);
}

/*
 * Writes that depend on each other: those that the kernel refuses are tried again after the others,
 * as long as that changes anything.
 */
static rl_err write_tied(struct lx_cgroup *cg, const struct lx_cgroup_write *writes, size_t count)
{
	bool done[TIED_MAX] = { false };

	for (size_t left = count; left > 0;) {
		rl_err first = RL_OK;
		size_t before = left, used;

		for (size_t i = 0; i < count; i++) {
			rl_err e;

			if (done[i])
				continue;
			e = write_first(cg, &writes[i], 1, &used);
			if (!rl_failed(e)) {
				done[i] = true;
				left--;
			} else if (!rl_is(e, RL_E(EINVAL)) && !rl_is(e, RL_E(EBUSY))) {
				rl_drop(first);
				return e;
			} else {
				first = rl_first(first, e);
			}
		}
		if (left == before)
			return first;
		rl_drop(first);
	}
	return RL_OK;
}

rl_err lx_cgroup_apply(struct lx_cgroup *cg, const struct lx_cgroup_write *writes, size_t count)
{
	for (size_t i = 0, used; i < count; i += used) {
		if (writes[i].dir >= cg->count)
			return rl_fail(RL_E(EINVAL), "%s: no such hierarchy", writes[i].origin);
		for (used = 1; i + used < count && used < TIED_MAX; used++)
			if (!(writes[i + used - 1].flags & LX_CGROUP_TIED))
				break;
		if (used > 1)
			RL_TRY(write_tied(cg, &writes[i], used));
		else
			RL_TRY(write_first(cg, &writes[i], count - i, &used));
	}
	return RL_OK;
}

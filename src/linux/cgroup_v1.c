/* SPDX-License-Identifier: Apache-2.0 */
/* What only version 1 has: cpusets that start empty, freezer.state, lists of devices. */
#include "base/io.h"
#include "linux/cgroup_parts.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- cpuset ---------------------------------------------------------------------------------- */

rl_err lx_cg_v1_inherit_cpuset(const char *path)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	struct rl_fd RL_AUTO_FD dir = { 0 };
	char name[PATH_MAX], value[4096];

	RL_TRY(rl_fd_from(openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC), &dir, "open %s",
			  path));
	for (size_t i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "../%s", files[i]);
		RL_TRY(rl_read_small(rl_fd_get(&dir), name, value, sizeof(value)));
		value[strcspn(value, "\n")] = '\0';
		/* An empty parent is somebody else's mistake; joining will say so. */
		if (value[0] != '\0')
			RL_TRY(rl_write_kernel(rl_fd_get(&dir), files[i], value));
	}
	return RL_OK;
}

/* ---- freezer --------------------------------------------------------------------------------- */

static rl_err read_freezer(struct lx_cgroup *cg, size_t index, char *ret_state, size_t size)
{
	int dir_fd;

	RL_TRY(lx_cg_dir(cg, index, &dir_fd));
	RL_TRY(rl_read_small(dir_fd, "freezer.state", ret_state, size));
	ret_state[strcspn(ret_state, "\n")] = '\0';
	return RL_OK;
}

rl_err lx_cg_v1_is_frozen(struct lx_cgroup *cg, size_t index, bool *ret)
{
	char state[32];

	RL_TRY(read_freezer(cg, index, state, sizeof(state)));
	*ret = strcmp(state, "THAWED") != 0;
	return RL_OK;
}

/*
 * The kernel reports no end of freezing, and looks at the state only when it is read: so it is read
 * with growing pauses. A process that was caught in the wrong moment (in vfork, say) can keep the
 * state at FREEZING for ever; a moment of running gets it out of there.
 */
rl_err lx_cg_v1_freeze(struct lx_cgroup *cg, size_t index, bool frozen, int64_t deadline)
{
	const char *wanted = frozen ? "FROZEN" : "THAWED";
	char state[32];
	int dir_fd;

	RL_TRY(lx_cg_dir(cg, index, &dir_fd));
	for (unsigned round = 1, pause = 5;; round++) {
		RL_TRY(rl_write_kernel(dir_fd, "freezer.state", wanted));
		RL_TRY(read_freezer(cg, index, state, sizeof(state)));
		if (strcmp(state, wanted) == 0)
			return RL_OK;
		/* THAWED that does not come: an ancestor is frozen. */
		if (lx_cg_left(deadline) == 0)
			break;
		lx_cg_pause(pause);
		if (pause < 2000)
			pause *= 2;
		if (frozen && round % 25 == 0) {
			RL_TRY(rl_write_kernel(dir_fd, "freezer.state", "THAWED"));
			lx_cg_pause(10);
		}
	}
	if (frozen)
		rl_drop(rl_write_kernel(dir_fd, "freezer.state", "THAWED"));
	return rl_refuse(RL_E(ETIMEDOUT), "cgroup %s stays %s, wanted %s", cg->dirs[index].path,
			 state, wanted);
}

/* ---- devices --------------------------------------------------------------------------------- */

struct device_file {
	struct rl_fd fd;
	const char *name;
};

static void device_number(char *text, size_t size, int64_t number)
{
	if (number < 0)
		snprintf(text, size, "*");
	else
		snprintf(text, size, "%lld", (long long)number);
}

static void device_text(const struct lx_device_rule *r, char *text, size_t size)
{
	char major[24], minor[24];

	device_number(major, sizeof(major), r->major);
	device_number(minor, sizeof(minor), r->minor);
	if (r->type == 'a')
		snprintf(text, size, "a");
	else
		snprintf(text, size, "%c %s:%s %s%s%s", r->type, major, minor,
			 r->access & LX_DEVICE_READ ? "r" : "",
			 r->access & LX_DEVICE_WRITE ? "w" : "",
			 r->access & LX_DEVICE_MKNOD ? "m" : "");
}

/* devices.allow and devices.deny take one rule a write, and stay open between the rules. */
static rl_err write_rule(int dir_fd, struct device_file files[2], const struct lx_device_rule *r)
{
	struct device_file *f = &files[r->allow];
	char text[80];

	f->name = r->allow ? "devices.allow" : "devices.deny";
	device_text(r, text, sizeof(text));
	if (!rl_fd_has(&f->fd))
		RL_TRY(rl_fd_from(openat(dir_fd, f->name, O_WRONLY | O_CLOEXEC), &f->fd, "open %s",
				  f->name));
	return rl_sys(write(rl_fd_get(&f->fd), text, strlen(text)), "write \"%s\" to %s", text,
		      f->name);
}

static bool same_nodes(const struct lx_device_rule *a, const struct lx_device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

/* One line of devices.list: "c 1:3 rwm", "b *:* m", "a *:* rwm". */
static bool parse_rule(const char *line, struct lx_device_rule *ret)
{
	char type, major[24], minor[24], access[8];

	if (sscanf(line, "%c %23[^:]:%23s %7s", &type, major, minor, access) != 4)
		return false;
	*ret = (struct lx_device_rule){
		.allow = true,
		.type = type,
		.major = major[0] == '*' ? -1 : strtoll(major, NULL, 10),
		.minor = minor[0] == '*' ? -1 : strtoll(minor, NULL, 10),
		.access = (strchr(access, 'r') ? LX_DEVICE_READ : 0u) |
			  (strchr(access, 'w') ? LX_DEVICE_WRITE : 0u) |
			  (strchr(access, 'm') ? LX_DEVICE_MKNOD : 0u),
	};
	return true;
}

/*
 * From one list of allowed devices to another: what is new is allowed first, what is not wanted any
 * more is refused then. `rules` begins with "deny all".
 */
static rl_err change_list(int dir_fd, struct device_file files[2], const char *list,
			  const struct lx_device_rule *rules, size_t count)
{
	struct lx_device_rule old;

	for (size_t i = 1; i < count; i++)
		RL_TRY(write_rule(dir_fd, files, &rules[i]));
	for (const char *line = list; *line != '\0'; line += *line == '\n') {
		if (parse_rule(line, &old)) {
			for (size_t i = 1; i < count; i++)
				if (same_nodes(&rules[i], &old))
					old.access &= ~rules[i].access;
			old.allow = false;
			if (old.access != 0)
				RL_TRY(write_rule(dir_fd, files, &old));
		}
		line += strcspn(line, "\n");
	}
	return RL_OK;
}

static rl_err write_rules(int dir_fd, struct device_file files[2],
			  const struct lx_device_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		RL_TRY(write_rule(dir_fd, files, &rules[i]));
	return RL_OK;
}

/* A list that allows by default is one line, "a *:* rwm", and does not tell its exceptions. */
static rl_err parse_list(struct rl_arena *a, const char *list, struct lx_device_rule **ret,
			 size_t *ret_count)
{
	struct lx_device_rule *rules;
	size_t lines = 1, count = 1;

	for (const char *at = list; *at != '\0'; at++)
		lines += *at == '\n';
	RL_TRY(rl_new_array(a, lines + 1, &rules));
	rules[0] = (struct lx_device_rule){ list[0] == 'a', 'a', LX_DEVICE_RWM, -1, -1 };
	for (const char *line = list; !rules[0].allow && *line != '\0'; line += *line == '\n') {
		if (parse_rule(line, &rules[count]))
			count++;
		line += strcspn(line, "\n");
	}
	*ret = rules;
	*ret_count = count;
	return RL_OK;
}

/*
 * The kernel takes back what is allowed by default, or makes it so, by one word about all devices,
 * which forgets the exceptions; they come after it. Nobody runs who could see that moment.
 */
static rl_err write_rules_unseen(struct lx_cgroup *cg, int dir_fd, struct device_file files[2],
				 const struct lx_device_rule *rules, size_t count)
{
	bool frozen;
	rl_err e;

	/* Without exceptions nothing more is allowed than shall be. */
	if (!rules[0].allow || count == 1)
		return write_rules(dir_fd, files, rules, count);
	RL_TRY(lx_cgroup_is_frozen(cg, &frozen));
	if (!frozen)
		RL_TRY(lx_cgroup_freeze(cg), "freeze the container while its device rules change");
	e = write_rules(dir_fd, files, rules, count);
	return frozen ? e : rl_first(e, lx_cgroup_thaw(cg));
}

/* A parent may refuse what a child is allowed: then the list becomes what it was. */
static rl_err replace_list(struct rl_arena *a, struct lx_cgroup *cg, int dir_fd,
			   struct device_file files[2], const struct lx_device_rule *rules,
			   size_t count)
{
	struct lx_device_rule *old = NULL;
	const char *list, *now;
	size_t len, old_count = 0;
	rl_err e;

	RL_TRY(rl_read_file(a, dir_fd, "devices.list", 1 << 20, &list, &len));
	RL_TRY(parse_list(a, list, &old, &old_count));
	if (old[0].allow || rules[0].allow)
		e = write_rules_unseen(cg, dir_fd, files, rules, count);
	else
		e = change_list(dir_fd, files, list, rules, count);
	if (!rl_failed(e))
		return e;
	if (old[0].allow ||
	    rl_drop_failed(rl_read_file(a, dir_fd, "devices.list", 1 << 20, &now, &len)))
		rl_drop(write_rules(dir_fd, files, old, old_count));
	else
		rl_drop(change_list(dir_fd, files, now, old, old_count));
	return e;
}

static rl_err set_devices(struct lx_cgroup *cg, size_t index, int dir_fd,
			  struct device_file files[2], const struct lx_device_rule *rules,
			  size_t count)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };

	/* Nobody is in a directory that was made just now. */
	if (cg->slots[index].made_from != 0)
		return write_rules(dir_fd, files, rules, count);
	RL_TRY(rl_arena_new(8 << 20, &a));
	return replace_list(&a, cg, dir_fd, files, rules, count);
}

rl_err lx_cg_v1_set_devices(struct lx_cgroup *cg, size_t index, const struct lx_device_rule *rules,
			    size_t count)
{
	struct device_file files[2] = { 0 };
	int dir_fd;
	rl_err e;

	if (count == 0 || rules[0].type != 'a')
		return rl_fail(RL_E(EINVAL), "device rules for version 1 begin with all devices");
	RL_TRY(lx_cg_dir(cg, index, &dir_fd));
	e = set_devices(cg, index, dir_fd, files, rules, count);
	rl_fd_close(&files[0].fd);
	rl_fd_close(&files[1].fd);
	return rl_wrap(e, "cgroup %s", cg->dirs[index].path);
}

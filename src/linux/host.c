/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every command that plans starts with these reads, so they are few: on version 2 about fifteen
 * system calls. /proc/self/mountinfo, which grows with the containers that run, is read only when a
 * hierarchy is not where everybody mounts it.
 */
#include "linux/host.h"

#include "base/io.h"
#include "linux/rdt.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef CGROUP_SUPER_MAGIC
#define CGROUP_SUPER_MAGIC 0x27e0eb
#endif
#ifndef CGROUP2_SUPER_MAGIC
#define CGROUP2_SUPER_MAGIC 0x63677270
#endif

/* The kernel's fixed inode number of the initial user namespace (USER_NS_INIT_INO). */
#define INITIAL_USER_NAMESPACE 0xeffffffdUL

#define STATUS_USUAL 2048
#define STATUS_LIMIT ((size_t)1 << 20)

#define CGROUP_ROOT "/sys/fs/cgroup"
#define HIERARCHIES_MAX 24

/* ---- who we are ------------------------------------------------------------------------------ */

static uint64_t status_mask(const char *status, const char *key)
{
	const char *at = strstr(status, key);

	return at ? strtoull(at + strlen(key), NULL, 16) : 0;
}

/* Mostly a page of text is enough; 65536 supplementary groups stand in front of the capabilities.
 */
static rl_err read_status(struct rl_arena *a, char usual[static STATUS_USUAL], const char **ret)
{
	size_t len;

	RL_TRY(rl_read_small(-1, "/proc/self/status", usual, STATUS_USUAL));
	*ret = usual;
	if (strlen(usual) < STATUS_USUAL - 1)
		return RL_OK;
	return rl_read_file(a, AT_FDCWD, "/proc/self/status", STATUS_LIMIT, ret, &len);
}

static rl_err read_identity(struct rl_arena *a, struct lx_host *h)
{
	char usual[STATUS_USUAL];
	const char *status;
	struct stat st;

	h->euid = geteuid();
	h->egid = getegid();
	h->user_namespaces = stat("/proc/self/ns/user", &st) == 0;
	h->in_user_namespace = h->user_namespaces && st.st_ino != INITIAL_USER_NAMESPACE;
	h->rootless = h->euid != 0 || h->in_user_namespace;

	RL_TRY(read_status(a, usual, &status));
	h->capabilities = status_mask(status, "\nCapPrm:");
	h->bounding = status_mask(status, "\nCapBnd:");
	h->ignored_signals = status_mask(status, "\nSigIgn:");
	/* 40 is CAP_CHECKPOINT_RESTORE of Linux 5.9: nearly always the answer after two calls. */
	for (h->last_capability = 40; h->last_capability > 0; h->last_capability--)
		if (prctl(PR_CAPBSET_READ, h->last_capability, 0, 0, 0) >= 0)
			break;
	while (prctl(PR_CAPBSET_READ, h->last_capability + 1, 0, 0, 0) >= 0)
		h->last_capability++;
	return RL_OK;
}

static void read_security_modules(struct lx_host *h)
{
	char enabled[8];

	h->apparmor = !rl_drop_failed(rl_read_small(-1, "/sys/module/apparmor/parameters/enabled",
						    enabled, sizeof(enabled))) &&
		      enabled[0] == 'Y';
	h->selinux = access("/sys/fs/selinux/enforce", F_OK) == 0;
}

/* ---- cgroups --------------------------------------------------------------------------------- */

struct hierarchies {
	struct lx_cgroup_hierarchy items[HIERARCHIES_MAX];
	size_t count;
};

/* The lines of /proc/self/cgroup, "4:memory:/a/b", with `mount` still open. Cuts up `text`. */
static rl_err parse_own_cgroups(struct rl_arena *a, char *text, struct hierarchies *list)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")) != NULL && list->count < HIERARCHIES_MAX) {
		struct lx_cgroup_hierarchy *h = &list->items[list->count];
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (path == NULL)
			continue;
		*controllers++ = '\0';
		*path++ = '\0';
		*h = (struct lx_cgroup_hierarchy){ .version = strcmp(line, "0") == 0 ? 2 : 1 };
		RL_TRY(rl_arena_str(a, controllers, &h->controllers));
		RL_TRY(rl_arena_str(a, path, &h->own));
		list->count++;
	}
	return RL_OK;
}

static long file_system(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 ? (long)fs.f_type : 0;
}

/* /sys/fs/cgroup/memory, .../systemd for "name=systemd", .../unified for version 2. */
static rl_err find_usual_mount(struct rl_arena *a, struct lx_cgroup_hierarchy *h)
{
	const char *name = h->controllers;
	const char *path;

	if (strncmp(name, "name=", 5) == 0)
		name += 5;
	if (h->version == 2)
		name = "unified";
	RL_TRY(rl_arena_fmt(a, &path, CGROUP_ROOT "/%s", name));
	/* Some programs make a directory of that name where nothing is mounted. */
	if (file_system(path) != (h->version == 2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
		return RL_OK;
	/* Where only a part of the hierarchy is mounted, our own place is named relative to a root
	 * that is not there. */
	if (strcmp(h->own, "/") != 0) {
		const char *own;

		RL_TRY(rl_arena_fmt(a, &own, "%s%s", path, h->own));
		if (access(own, F_OK) < 0)
			return RL_OK;
	}
	h->mount = path;
	return RL_OK;
}

static bool has_word(const char *list, const char *word, size_t len)
{
	for (const char *at = list; *at != '\0'; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == len && strncmp(at, word, len) == 0)
			return true;
	return false;
}

/* Blanks, tabs, newlines and backslashes stand there as \ooo. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		unsigned c;

		if (*s == '\\' && sscanf(s + 1, "%3o", &c) == 1) {
			*to++ = (char)c;
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* One line of proc_pid_mountinfo(5), cut at its blanks. */
struct mount_line {
	char *root, *point, *type, *options;
};

static bool split_mount_line(char *line, struct mount_line *ret)
{
	char *field;

	*ret = (struct mount_line){ 0 };
	for (int i = 0; (field = strsep(&line, " ")) != NULL; i++) {
		if (i == 3)
			ret->root = field;
		else if (i == 4)
			ret->point = field;
		else if (i >= 6 && strcmp(field, "-") == 0)
			break; /* the optional fields end here */
	}
	ret->type = strsep(&line, " ");
	(void)strsep(&line, " "); /* the source says nothing */
	ret->options = line;
	return ret->point != NULL && ret->type != NULL && ret->options != NULL;
}

static rl_err use_mount(struct rl_arena *a, const struct mount_line *m,
			struct lx_cgroup_hierarchy *h)
{
	size_t len = strlen(m->root);

	RL_TRY(rl_arena_str(a, m->point, &h->mount));
	/* Mounted without our cgroup namespace's root: /docker/x shows as the mount's top. */
	if (strcmp(m->root, "/") != 0 && strncmp(h->own, m->root, len) == 0 &&
	    (h->own[len] == '/' || h->own[len] == '\0'))
		h->own = h->own[len] == '\0' ? "/" : h->own + len;
	return RL_OK;
}

static rl_err find_in_mountinfo(struct rl_arena *a, struct hierarchies *list)
{
	const char *read_only;
	struct mount_line m;
	char *text, *line;
	size_t len;

	RL_TRY(rl_read_file(a, -1, "/proc/self/mountinfo", 16 << 20, &read_only, &len));
	text = (char *)(uintptr_t)read_only; /* the arena's copy is ours to cut up */
	while ((line = strsep(&text, "\n")) != NULL) {
		bool v2;

		if (!split_mount_line(line, &m) || strncmp(m.type, "cgroup", 6) != 0)
			continue;
		v2 = strcmp(m.type, "cgroup2") == 0;
		unescape(m.point);
		unescape(m.root);
		for (size_t i = 0; i < list->count; i++) {
			struct lx_cgroup_hierarchy *h = &list->items[i];
			size_t first = strcspn(h->controllers, ",");

			if (h->mount != NULL || (h->version == 2) != v2 ||
			    (!v2 && !has_word(m.options, h->controllers, first)))
				continue;
			RL_TRY(use_mount(a, &m, h));
		}
	}
	return RL_OK;
}

/* Leaves out what is mounted nowhere. */
static void keep_mounted(struct hierarchies *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].mount != NULL)
			list->items[kept++] = list->items[i];
	list->count = kept;
}

static rl_err find_mounts(struct rl_arena *a, struct hierarchies *list)
{
	bool complete = true;

	if (file_system(CGROUP_ROOT) == CGROUP2_SUPER_MAGIC) {
		for (size_t i = 0; i < list->count; i++)
			if (list->items[i].version == 2)
				list->items[i].mount = CGROUP_ROOT;
		keep_mounted(list);
		return RL_OK;
	}
	for (size_t i = 0; i < list->count; i++) {
		RL_TRY(find_usual_mount(a, &list->items[i]));
		/* The line of version 2 is there even when it is mounted nowhere. */
		if (list->items[i].mount == NULL && list->items[i].version == 1)
			complete = false;
	}
	if (!complete || list->count <= 1)
		RL_TRY(find_in_mountinfo(a, list));
	keep_mounted(list);
	return RL_OK;
}

static enum lx_cgroup_layout layout_of(const struct hierarchies *list)
{
	bool v1 = false, v2 = false;

	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].version == 2)
			v2 = true;
		else
			v1 = true;
	if (v1 && v2)
		return LX_CGROUP_HYBRID;
	return v1 ? LX_CGROUP_V1 : v2 ? LX_CGROUP_V2 : LX_CGROUP_NONE;
}

static rl_err read_cgroups(struct rl_arena *a, struct lx_host *h)
{
	struct hierarchies list = { .count = 0 };
	struct lx_cgroup_hierarchy *items;
	char text[16384], controllers[512];
	const char *path;

	/* A kernel without cgroups has no such file. */
	if (rl_drop_failed(rl_read_small(-1, "/proc/self/cgroup", text, sizeof(text))))
		return RL_OK;
	RL_TRY(parse_own_cgroups(a, text, &list));
	RL_TRY(find_mounts(a, &list));
	h->cgroup_layout = layout_of(&list);
	h->cgroup2_controllers = "";
	if (list.count == 0)
		return RL_OK;
	RL_TRY(rl_new_array(a, list.count, &items));
	memcpy(items, list.items, list.count * sizeof(*items));
	h->hierarchies = items;
	h->hierarchy_count = list.count;
	for (size_t i = 0; i < list.count; i++) {
		if (items[i].version != 2)
			continue;
		RL_TRY(rl_arena_fmt(a, &path, "%s/cgroup.controllers", items[i].mount));
		RL_TRY(rl_read_small(-1, path, controllers, sizeof(controllers)));
		controllers[strcspn(controllers, "\n")] = '\0';
		RL_TRY(rl_arena_str(a, controllers, &h->cgroup2_controllers));
	}
	return RL_OK;
}

rl_err lx_host_read(struct rl_arena *a, unsigned wanted, struct lx_host *ret)
{
	struct lx_host h = { .cgroup2_controllers = "" };

	RL_TRY(read_identity(a, &h), "look at this process");
	if ((wanted & LX_HOST_CGROUPS) != 0)
		RL_TRY(read_cgroups(a, &h), "look for cgroups");
	if ((wanted & LX_HOST_CGROUP_NAMESPACES) != 0)
		h.cgroup_namespaces = access("/proc/self/ns/cgroup", F_OK) == 0;
	if ((wanted & LX_HOST_TIME_NAMESPACES) != 0)
		h.time_namespaces = access("/proc/self/ns/time", F_OK) == 0;
	if ((wanted & LX_HOST_LABELS) != 0)
		read_security_modules(&h);
	if ((wanted & LX_HOST_RESCTRL) != 0)
		RL_TRY(lx_rdt_find(a, "/proc/self/mountinfo", &h.resctrl), "look for resctrl");
	*ret = h;
	return RL_OK;
}

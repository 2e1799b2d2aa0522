/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real cgroups for tests, all below /runlet-test-PID in every hierarchy of this machine. They need
 * root and hierarchies that may be written to; cases are skipped otherwise.
 */
#pragma once

#include "base/io.h"
#include "linux/cgroup.h"
#include "linux/host.h"
#include "linux/sys.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- the fixture ----------------------------------------------------------------------------- */

static struct rl_arena arena;
static struct lx_host host;
static struct lx_cgroup_dir all[LX_CGROUP_DIRS_MAX], v1[LX_CGROUP_DIRS_MAX], v2[1];
static size_t all_count, v1_count, v2_count;
static struct lx_cgroup_spec spec_all, spec_v1, spec_v2;

/* Which part of the test's cgroups a case uses. */
static const struct lx_cgroup_spec *specs[] = { &spec_all, &spec_v1, &spec_v2 };
enum { ALL, V1, V2, PARTS };

static inline void name_directory(struct lx_cgroup_dir *d, const struct lx_cgroup_hierarchy *h)
{
	d->mount_len = strlen(h->mount);
	d->controllers = h->version == 2 ? "" : h->controllers;
	d->version = h->version;
	rl_drop(rl_arena_fmt(&arena, &d->path, "%s/runlet-test-%d/box", h->mount, (int)getpid()));
}

/* NULL, or why the case cannot run here. */
static inline const char *prepare(void)
{
	static bool done;

	if (!done) {
		done = true;
		if (rl_drop_failed(rl_arena_new(1 << 20, &arena)) ||
		    rl_drop_failed(lx_host_read(&arena, LX_HOST_CGROUPS, &host)))
			return "the facts of the host cannot be read";
		for (size_t i = 0; i < host.hierarchy_count; i++) {
			struct lx_cgroup_dir d = { .path = "" };

			name_directory(&d, &host.hierarchies[i]);
			all[all_count++] = d;
			if (d.version == 1)
				v1[v1_count++] = d;
			else
				v2[v2_count++] = d;
		}
		spec_all = (struct lx_cgroup_spec){ .dirs = all, .dir_count = all_count };
		spec_v1 = (struct lx_cgroup_spec){ .dirs = v1, .dir_count = v1_count };
		spec_v2 = (struct lx_cgroup_spec){ .dirs = v2, .dir_count = v2_count };
		for (int i = 0; i < PARTS; i++) {
			struct lx_cgroup_spec *s = (struct lx_cgroup_spec *)(uintptr_t)specs[i];

			s->into = -1;
			s->enable = s->require = "";
		}
	}
	if (host.rootless)
		return "needs root";
	if (all_count == 0 || access(host.hierarchies[0].mount, W_OK) < 0)
		return "no cgroup file system that can be written to";
	return NULL;
}

#define PREPARE()                             \
	do {                                  \
		const char *why_ = prepare(); \
		if (why_ != NULL)             \
			SKIP(why_);           \
	} while (0)

static inline void remove_parents(void)
{
	char path[4096];

	for (size_t i = 0; i < all_count; i++) {
		snprintf(path, sizeof(path), "%s", all[i].path);
		*strrchr(path, '/') = '\0';
		rmdir(path);
	}
}

static inline void clean(struct lx_cgroup *cg)
{
	rl_drop(lx_cgroup_kill(cg, 5000));
	rl_drop(lx_cgroup_remove(cg, 5000));
	lx_cgroup_close(cg);
	remove_parents();
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

#define AUTO_CLEAN __attribute__((cleanup(clean)))

static inline bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static inline size_t population(struct lx_cgroup *cg)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	const pid_t *pids;
	size_t count = 9999;
	rl_err e = rl_arena_new(64 << 20, &a);

	if (!rl_failed(e))
		e = lx_cgroup_pids(&a, cg, &pids, &count);
	if (rl_failed(e))
		printf("# %s\n", rl_text(e));
	rl_drop(e);
	return count;
}

/* A child in the cgroup that does nothing until it is killed. */
static inline pid_t idle_child(struct lx_cgroup *cg)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	if (rl_drop_failed(lx_cgroup_join(cg, pid))) {
		kill(pid, SIGKILL);
		return -1;
	}
	return pid;
}

static inline const struct lx_cgroup_dir *dir_of(const char *controller)
{
	for (size_t i = 0; i < v1_count; i++)
		if (strcmp(v1[i].controllers, controller) == 0)
			return &v1[i];
	return NULL;
}

static inline bool file_is(const struct lx_cgroup_dir *dir, const char *file, const char *want)
{
	char path[4096], text[4096];

	if (dir == NULL || dir->path == NULL)
		return false;
	snprintf(path, sizeof(path), "%s/%s", dir->path, file);
	if (rl_drop_failed(rl_read_small(-1, path, text, sizeof(text))))
		return false;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, want) != 0)
		printf("# %s is \"%s\", want \"%s\"\n", path, text, want);
	return strcmp(text, want) == 0;
}

static inline unsigned index_of(const char *controller)
{
	for (unsigned i = 0; i < all_count; i++)
		if (all[i].version == 1 && strcmp(all[i].controllers, controller) == 0)
			return i;
	return LX_CGROUP_DIRS_MAX;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real cgroups, all below /runlet-test-PID in every hierarchy of this machine. Needs root and
 * hierarchies that may be written to; skipped otherwise.
 */
#include "base/io.h"
#include "linux/cgroup.h"
#include "linux/cgroup_bpf.h"
#include "linux/host.h"
#include "linux/sys.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
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

static void name_directory(struct lx_cgroup_dir *d, const struct lx_cgroup_hierarchy *h)
{
	d->mount_len = strlen(h->mount);
	d->controllers = h->version == 2 ? "" : h->controllers;
	d->version = h->version;
	rl_drop(rl_arena_fmt(&arena, &d->path, "%s/runlet-test-%d/box", h->mount, (int)getpid()));
}

/* NULL, or why the case cannot run here. */
static const char *prepare(void)
{
	static bool done;

	if (!done) {
		done = true;
		if (rl_drop_failed(rl_arena_new(1 << 20, &arena)) ||
		    rl_drop_failed(lx_host_read(&arena, &host)))
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

static void remove_parents(void)
{
	char path[4096];

	for (size_t i = 0; i < all_count; i++) {
		snprintf(path, sizeof(path), "%s", all[i].path);
		*strrchr(path, '/') = '\0';
		rmdir(path);
	}
}

static void clean(struct lx_cgroup *cg)
{
	rl_drop(lx_cgroup_kill(cg, 5000));
	rl_drop(lx_cgroup_remove(cg, 5000));
	lx_cgroup_close(cg);
	remove_parents();
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

#define AUTO_CLEAN __attribute__((cleanup(clean)))

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static size_t population(struct lx_cgroup *cg)
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
static pid_t idle_child(struct lx_cgroup *cg)
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

static const struct lx_cgroup_dir *dir_of(const char *controller)
{
	for (size_t i = 0; i < v1_count; i++)
		if (strcmp(v1[i].controllers, controller) == 0)
			return &v1[i];
	return NULL;
}

static bool file_is(const struct lx_cgroup_dir *dir, const char *file, const char *want)
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

/* ---- host facts ------------------------------------------------------------------------------ */

TEST(host_facts_agree_with_the_kernel)
{
	struct lx_host h;
	char path[4096], text[256];

	rl_drop_failed(rl_arena_new(1 << 20, &arena));
	CHECK_OK(lx_host_read(&arena, &h));
	CHECK_INT(h.euid, geteuid());
	CHECK_INT(h.rootless, geteuid() != 0 || h.in_user_namespace);
	CHECK_OK(rl_read_small(-1, "/proc/sys/kernel/cap_last_cap", text, sizeof(text)));
	CHECK_INT(h.last_capability, atoi(text));
	CHECK(h.bounding != 0 || geteuid() != 0);
	for (size_t i = 0; i < h.hierarchy_count; i++) {
		const struct lx_cgroup_hierarchy *c = &h.hierarchies[i];

		snprintf(path, sizeof(path), "%s%s/cgroup.procs", c->mount, c->own);
		CHECK(exists(path));
		snprintf(path, sizeof(path), "%s%s/cgroup.controllers", c->mount, c->own);
		CHECK_INT(exists(path), c->version == 2);
		/* Our own pid stands in our own place. */
		snprintf(path, sizeof(path), "grep -qx %d %s%s/cgroup.procs", (int)getpid(),
			 c->mount, c->own);
		CHECK_INT(system(path), 0);
	}
}

TEST(host_facts_of_another_user_namespace)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct rl_arena RL_AUTO_ARENA a = { 0 };
		struct lx_host h;

		if (unshare(CLONE_NEWUSER) < 0)
			_exit(77);
		if (rl_drop_failed(rl_arena_new(1 << 20, &a)) ||
		    rl_drop_failed(lx_host_read(&a, &h)))
			_exit(1);
		_exit(h.in_user_namespace && h.rootless ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP("user namespaces are not allowed");
	CHECK_INT(status, 0);
}

/* ---- making and removing --------------------------------------------------------------------- */

TEST(create_makes_every_directory_and_remove_leaves_none)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };

	PREPARE();
	CHECK_OK(lx_cgroup_create(&spec_all, &cg));
	for (size_t i = 0; i < all_count; i++)
		CHECK(exists(all[i].path));
	CHECK_OK(lx_cgroup_remove(&cg, 0));
	for (size_t i = 0; i < all_count; i++)
		CHECK(!exists(all[i].path));
	/* Gone already is success. */
	CHECK_OK(lx_cgroup_remove(&cg, 0));
	CHECK_OK(lx_cgroup_kill(&cg, 0));
	CHECK_INT(population(&cg), 0);
}

TEST(an_empty_cgroup_is_adopted_and_a_used_one_refused)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	struct lx_cgroup other;

	PREPARE();
	CHECK_OK(lx_cgroup_create(&spec_all, &cg));
	CHECK_OK(lx_cgroup_create(&spec_all, &other));
	lx_cgroup_close(&other);
	CHECK(idle_child(&cg) > 0);
	CHECK_FAILS(lx_cgroup_create(&spec_all, &other), EBUSY, "is in use: process");
	/* The refused one was not removed. */
	for (size_t i = 0; i < all_count; i++)
		CHECK(exists(all[i].path));
}

TEST(a_frozen_cgroup_is_refused)
{
	for (int part = V1; part <= V2; part++) {
		struct lx_cgroup AUTO_CLEAN cg = { 0 };
		struct lx_cgroup other;

		PREPARE();
		if (specs[part]->dir_count == 0)
			continue;
		CHECK_OK(lx_cgroup_create(specs[part], &cg));
		CHECK_OK(lx_cgroup_freeze(&cg));
		CHECK_FAILS(lx_cgroup_create(specs[part], &other), EBUSY, "is frozen");
		CHECK_OK(lx_cgroup_thaw(&cg));
	}
}

TEST(a_create_that_fails_takes_back_what_it_made)
{
	struct lx_cgroup_dir dirs[LX_CGROUP_DIRS_MAX + 1];
	struct lx_cgroup_spec spec = { .dirs = dirs, .enable = "", .require = "" };
	struct lx_cgroup cg;
	char parent[4096];

	PREPARE();
	memcpy(dirs, all, all_count * sizeof(*dirs));
	spec.dir_count = all_count;
	dirs[all_count - 1].path = "/proc/runlet-test/box";
	dirs[all_count - 1].mount_len = strlen("/proc");
	CHECK_FAILS(lx_cgroup_create(&spec, &cg), ENOENT, "make cgroup /proc/runlet-test");
	for (size_t i = 0; i < all_count; i++) {
		snprintf(parent, sizeof(parent), "%s", all[i].path);
		*strrchr(parent, '/') = '\0';
		CHECK(!exists(all[i].path));
		CHECK(!exists(parent));
	}
}

TEST(a_mount_point_or_a_way_out_is_refused)
{
	struct lx_cgroup cg;
	struct lx_cgroup_dir bad[] = {
		{ "/sys/fs/cgroup/memory", strlen("/sys/fs/cgroup/memory"), "memory", 1 },
		{ "/sys/fs/cgroup/memory/", strlen("/sys/fs/cgroup/memory"), "memory", 1 },
		{ "/sys/fs/cgroup/memory/a/../..", strlen("/sys/fs/cgroup/memory"), "memory", 1 },
		{ "/sys/fs/cgroup/memory/../cpu/x", strlen("/sys/fs/cgroup/memory"), "memory", 1 },
		{ "/sys/fs/cgroup/memoryx", strlen("/sys/fs/cgroup/memory"), "memory", 1 },
		{ "relative/x", strlen("relative"), "memory", 1 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_FAILS(lx_cgroup_open(&bad[i], 1, &cg), EINVAL, "cgroup");
}

TEST(without_the_right_to_make_it_a_forgiven_directory_is_absent)
{
	pid_t pid;
	int status;

	PREPARE();
	pid = fork();
	if (pid == 0) {
		struct lx_cgroup_spec spec = spec_all;
		struct lx_cgroup cg;
		struct lx_cgroup_write w = { .file = "pids.max", .value = "1", .origin = "x.y" };
		rl_err e;

		if (setuid(65534) < 0)
			_exit(1);
		if (!rl_is(lx_cgroup_create(&spec, &cg), RL_E(EACCES)))
			_exit(2);
		spec.forgive = true;
		if (rl_drop_failed(lx_cgroup_create(&spec, &cg)))
			_exit(3);
		/* Nothing to do is no error; a limit is. */
		if (rl_drop_failed(lx_cgroup_apply(&cg, NULL, 0)) ||
		    rl_drop_failed(lx_cgroup_kill(&cg, 0)) ||
		    rl_drop_failed(lx_cgroup_remove(&cg, 0)) ||
		    rl_drop_failed(lx_cgroup_join(&cg, getpid())))
			_exit(4);
		e = lx_cgroup_apply(&cg, &w, 1);
		if (!rl_is(e, RL_E(EACCES)) || strstr(rl_hint_text(e), "delegated") == NULL)
			_exit(5);
		w.flags = LX_CGROUP_IF_EXISTS;
		_exit(rl_drop_failed(lx_cgroup_apply(&cg, &w, 1)) ? 6 : 0);
	}
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
}

TEST(a_new_cpuset_has_what_its_parent_has)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	const struct lx_cgroup_dir *d;
	char text[256];

	PREPARE();
	d = dir_of("cpuset");
	if (d == NULL)
		SKIP("no cpuset hierarchy of version 1");
	CHECK_OK(lx_cgroup_create(&spec_all, &cg));
	CHECK_OK(rl_read_small(-1, "/sys/fs/cgroup/cpuset/cpuset.cpus", text, sizeof(text)));
	text[strcspn(text, "\n")] = '\0';
	CHECK(file_is(d, "cpuset.cpus", text));
	CHECK_OK(rl_read_small(-1, "/sys/fs/cgroup/cpuset/cpuset.mems", text, sizeof(text)));
	text[strcspn(text, "\n")] = '\0';
	CHECK(file_is(d, "cpuset.mems", text));
}

/* ---- limits ---------------------------------------------------------------------------------- */

static unsigned index_of(const char *controller)
{
	for (unsigned i = 0; i < all_count; i++)
		if (all[i].version == 1 && strcmp(all[i].controllers, controller) == 0)
			return i;
	return LX_CGROUP_DIRS_MAX;
}

TEST(limits_are_written_and_read_back)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	const char *o = "linux.resources";
	struct lx_cgroup_write w[] = {
		{ index_of("pids"), 0, "pids.max", "0", o },
		{ index_of("memory"), 0, "memory.limit_in_bytes", "8388608", o },
		{ index_of("cpu"), 0, "cpu.shares", "77", o },
		{ index_of("blkio"), LX_CGROUP_IF_EXISTS, "blkio.no_such_file", "1", o },
		{ index_of("blkio"), 0, "blkio.also_missing", "1", o },
		{ index_of("cpu"), LX_CGROUP_ELSE, "cpu.missing_too", "1", o },
		{ index_of("cpu"), LX_CGROUP_ELSE, "cpu.cfs_period_us", "50000", o },
		{ index_of("cpu"), LX_CGROUP_ELSE, "cpu.cfs_period_us", "60000", o },
	};

	PREPARE();
	if (!dir_of("pids") || !dir_of("memory") || !dir_of("cpu") || !dir_of("blkio"))
		SKIP("needs pids, memory, cpu and blkio of version 1");
	for (size_t i = 0; i < sizeof(w) / sizeof(*w); i++)
		w[i].dir = index_of(i == 0	       ? "pids"
				    : i == 1	       ? "memory"
				    : i == 3 || i == 4 ? "blkio"
						       : "cpu");
	CHECK_OK(lx_cgroup_create(&spec_all, &cg));
	CHECK_OK(lx_cgroup_apply(&cg, w, sizeof(w) / sizeof(*w)));
	CHECK(file_is(dir_of("pids"), "pids.max", "0"));
	CHECK(file_is(dir_of("memory"), "memory.limit_in_bytes", "8388608"));
	CHECK(file_is(dir_of("cpu"), "cpu.shares", "77"));
	/* The first alternative that exists, and only that. */
	CHECK(file_is(dir_of("cpu"), "cpu.cfs_period_us", "50000"));
	CHECK_FAILS(lx_cgroup_apply(&cg, &w[4], 1), ENOENT, "has no file blkio.also_missing");
	CHECK_FAILS(lx_cgroup_apply(&cg, &w[4], 2), ENOENT, "has no file blkio.also_missing");
	w[0].value = "many";
	w[0].origin = "linux.resources.pids.limit";
	CHECK_FAILS(lx_cgroup_apply(&cg, w, 1), EINVAL, "linux.resources.pids.limit: cgroup /sys");
}

/* memsw >= limit must hold at any time: only one order works, and which one depends. */
TEST(tied_limits_find_the_order_that_the_kernel_accepts)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	const struct {
		const char *limit, *memsw;
	} steps[] = { { "10485760", "20971520" },
		      { "41943040", "83886080" },
		      { "4194304", "8388608" } };

	PREPARE();
	if (!dir_of("memory") || !dir_of("cpu"))
		SKIP("needs memory and cpu of version 1");
	CHECK_OK(lx_cgroup_create(&spec_all, &cg));
	if (!exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"))
		SKIP("no swap accounting");
	for (size_t i = 0; i < 3; i++) {
		struct lx_cgroup_write w[] = {
			{ index_of("memory"), LX_CGROUP_TIED, "memory.limit_in_bytes",
			  steps[i].limit, "m" },
			{ index_of("memory"), 0, "memory.memsw.limit_in_bytes", steps[i].memsw,
			  "s" },
		};
		CHECK_OK(lx_cgroup_apply(&cg, w, 2));
		CHECK(file_is(dir_of("memory"), "memory.limit_in_bytes", steps[i].limit));
		CHECK(file_is(dir_of("memory"), "memory.memsw.limit_in_bytes", steps[i].memsw));
	}
	{
		/* No order makes a burst above the quota right. */
		struct lx_cgroup_write w[] = {
			{ index_of("cpu"), LX_CGROUP_TIED, "cpu.cfs_period_us", "100000", "p" },
			{ index_of("cpu"), LX_CGROUP_TIED, "cpu.cfs_quota_us", "50000", "q" },
			{ index_of("cpu"), 0, "cpu.cfs_burst_us", "60000", "b" },
		};
		CHECK_FAILS(lx_cgroup_apply(&cg, w, 3), EINVAL, "b: cgroup");
		CHECK(file_is(dir_of("cpu"), "cpu.cfs_quota_us", "50000"));
		w[2].value = "40000";
		CHECK_OK(lx_cgroup_apply(&cg, w, 3));
		/* Both smaller: the burst has to go first. */
		w[1].value = "20000";
		w[2].value = "10000";
		CHECK_OK(lx_cgroup_apply(&cg, w, 3));
		CHECK(file_is(dir_of("cpu"), "cpu.cfs_burst_us", "10000"));
	}
}

TEST(values_that_need_the_old_ones)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	struct lx_cgroup_write w = { .file = "cpu.shares", .value = "99", .origin = "o" };

	PREPARE();
	if (!dir_of("cpu") || !dir_of("memory"))
		SKIP("needs cpu and memory of version 1");
	CHECK_OK(lx_cgroup_create(&spec_all, &cg));
	w.dir = index_of("cpu");
	w.flags = LX_CGROUP_IF_CHANGED;
	CHECK_OK(lx_cgroup_apply(&cg, &w, 1));
	CHECK(file_is(dir_of("cpu"), "cpu.shares", "99"));
	CHECK_OK(lx_cgroup_apply(&cg, &w, 1));
	/* A file that takes the old value and one word more does not exist on version 1. */
	w.flags = LX_CGROUP_KEEP_FIRST;
	CHECK_FAILS(lx_cgroup_apply(&cg, &w, 1), EINVAL, "write \"99 99\" to cpu.shares");
	w = (struct lx_cgroup_write){ index_of("memory"), LX_CGROUP_CHECK_USAGE,
				      "memory.limit_in_bytes", "4096", "o" };
	CHECK_OK(lx_cgroup_apply(&cg, &w, 1));
}

/* ---- entering -------------------------------------------------------------------------------- */

TEST(a_process_enters_every_hierarchy)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	char path[64], text[4096], want[64];
	const char *read_text;
	pid_t pid;
	size_t len;

	PREPARE();
	CHECK_OK(lx_cgroup_create(&spec_all, &cg));
	pid = idle_child(&cg);
	CHECK(pid > 0);
	CHECK_INT(population(&cg), 1);
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	snprintf(want, sizeof(want), "/runlet-test-%d/box", (int)getpid());
	CHECK_OK(rl_read_file(&arena, -1, path, 65536, &read_text, &len));
	snprintf(text, sizeof(text), "%s", read_text);
	len = 0;
	for (char *at = text; (at = strstr(at, want)) != NULL; at++)
		len++;
	CHECK_INT(len, all_count);
	CHECK_FAILS(lx_cgroup_join(&cg, 0x3fffffff), ESRCH, "enter the cgroup");
}

TEST(a_child_enters_by_itself)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	int status;
	pid_t pid;

	PREPARE();
	CHECK_OK(lx_cgroup_create(&spec_all, &cg));
	CHECK_OK(lx_cgroup_prepare_join(&cg, false));
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) < 0 || rl_drop_failed(lx_cgroup_join_self(&cg)))
			_exit(1);
		for (;;)
			pause();
	}
	for (int i = 0; i < 200 && population(&cg) != 1; i++)
		usleep(10000);
	CHECK_INT(population(&cg), 1);
	CHECK_OK(lx_cgroup_kill(&cg, 5000));
	waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST(a_child_is_born_in_the_version_2_cgroup)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	struct lx_clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	int fd;
	long pid;

	PREPARE();
	if (v2_count == 0)
		SKIP("no version 2 tree");
	CHECK_OK(lx_cgroup_create(&spec_all, &cg));
	CHECK_OK(lx_cgroup_into(&cg, &fd));
	CHECK(fd >= 0);
	args.cgroup = (uint64_t)fd;
	CHECK_OK(lx_cgroup_prepare_join(&cg, true));
	pid = lx_sys_clone3(&args);
	if (pid == 0) {
		if (rl_drop_failed(lx_cgroup_join_self(&cg)))
			_exit(1);
		for (;;)
			pause();
	}
	CHECK(pid > 0);
	CHECK_INT(population(&cg), 1);
}

TEST(a_process_is_moved_to_a_child)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	pid_t pid;

	PREPARE();
	if (v2_count == 0)
		SKIP("no version 2 tree");
	CHECK_OK(lx_cgroup_create(&spec_v2, &cg));
	pid = idle_child(&cg);
	CHECK(pid > 0);
	CHECK_FAILS(lx_cgroup_join_child(&cg, "..", pid), EINVAL, "child cgroup");
	CHECK_FAILS(lx_cgroup_join_child(&cg, "a/b", pid), EINVAL, "child cgroup");
	CHECK_FAILS(lx_cgroup_join_child(&cg, "", pid), EINVAL, "child cgroup");
	CHECK_OK(lx_cgroup_join_child(&cg, "inner", pid));
	CHECK(file_is(&v2[0], "cgroup.procs", ""));
	CHECK_INT(population(&cg), 1);
}

TEST(a_threaded_parent_is_followed)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	struct lx_cgroup AUTO_CLEAN inner = { 0 };
	struct lx_cgroup_dir dir;
	struct lx_cgroup_spec spec = { .dirs = &dir, .dir_count = 1, .enable = "", .require = "" };
	char sibling[4096];

	PREPARE();
	if (v2_count == 0)
		SKIP("no version 2 tree");
	CHECK_OK(lx_cgroup_create(&spec_v2, &cg));
	/* box becomes the domain of a threaded subtree as soon as one child is threaded. */
	snprintf(sibling, sizeof(sibling), "%s/threads", v2[0].path);
	CHECK_INT(mkdir(sibling, 0755), 0);
	CHECK_OK(rl_write_kernel(-1, (strcat(sibling, "/cgroup.type"), sibling), "threaded"));
	dir = v2[0];
	CHECK_OK(rl_arena_fmt(&arena, &dir.path, "%s/inner", v2[0].path));
	CHECK_OK(lx_cgroup_create(&spec, &inner));
	CHECK(idle_child(&inner) > 0);
	CHECK(file_is(&dir, "cgroup.type", "threaded"));
	CHECK_INT(population(&inner), 1);
	CHECK_OK(lx_cgroup_kill(&inner, 5000));
	CHECK_INT(population(&inner), 0);
	CHECK_OK(lx_cgroup_remove(&inner, 5000));
}

TEST(a_controller_that_is_not_there_is_named)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	struct lx_cgroup_spec spec;
	struct lx_cgroup_dir dir;
	rl_err e;

	PREPARE();
	if (v2_count == 0)
		SKIP("no version 2 tree");
	/* The test's own directory stands for the mount point: nothing above it is changed. */
	CHECK_OK(lx_cgroup_create(&spec_v2, &cg));
	dir = v2[0];
	dir.mount_len = strlen(dir.path);
	CHECK_OK(rl_arena_fmt(&arena, &dir.path, "%s/inner", v2[0].path));
	spec = (struct lx_cgroup_spec){
		.dirs = &dir, .dir_count = 1, .enable = "nonesuch", .require = ""
	};
	{
		struct lx_cgroup inner;

		/* For accounting only: no error. */
		CHECK_OK(lx_cgroup_create(&spec, &inner));
		CHECK_OK(lx_cgroup_remove(&inner, 0));
		lx_cgroup_close(&inner);
		spec.require = "nonesuch";
		e = lx_cgroup_create(&spec, &inner);
		CHECK(strstr(rl_hint_text(e), "Delegate=nonesuch") != NULL);
		CHECK_FAILS(e, EOPNOTSUPP, "controller nonesuch is not available in cgroup /sys");
		CHECK(!exists(dir.path));
	}
}

TEST(a_delegated_cgroup_belongs_to_its_user)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	struct lx_cgroup_spec spec;
	char path[4096];
	struct stat st;

	PREPARE();
	if (v2_count == 0)
		SKIP("no version 2 tree");
	spec = spec_v2;
	spec.delegate = true;
	spec.owner = 12345;
	spec.group = 23456;
	CHECK_OK(lx_cgroup_create(&spec, &cg));
	CHECK_INT(stat(v2[0].path, &st), 0);
	CHECK_INT(st.st_uid, 12345);
	snprintf(path, sizeof(path), "%s/cgroup.procs", v2[0].path);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_uid, 12345);
	CHECK_INT(st.st_gid, 23456);
	/* The limits are not theirs. */
	snprintf(path, sizeof(path), "%s/cgroup.max.depth", v2[0].path);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_uid, 0);
}

/* ---- freezing and ending --------------------------------------------------------------------- */

TEST(freeze_stops_and_thaw_lets_run)
{
	for (int part = 0; part < PARTS; part++) {
		struct lx_cgroup AUTO_CLEAN cg = { 0 };
		volatile unsigned *counter;
		unsigned before;
		bool frozen;
		pid_t pid;

		PREPARE();
		if (specs[part]->dir_count == 0)
			continue;
		counter =
			mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		CHECK_OK(lx_cgroup_create(specs[part], &cg));
		pid = fork();
		if (pid == 0)
			for (;;)
				(*counter)++;
		CHECK_OK(lx_cgroup_join(&cg, pid));
		CHECK_OK(lx_cgroup_is_frozen(&cg, &frozen));
		CHECK(!frozen);
		CHECK_OK(lx_cgroup_freeze(&cg));
		CHECK_OK(lx_cgroup_is_frozen(&cg, &frozen));
		CHECK(frozen);
		before = *counter;
		usleep(20000);
		CHECK_INT(*counter, before);
		CHECK_OK(lx_cgroup_thaw(&cg));
		CHECK_OK(lx_cgroup_is_frozen(&cg, &frozen));
		CHECK(!frozen);
		for (int i = 0; i < 200 && *counter == before; i++)
			usleep(10000);
		CHECK(*counter != before);
		munmap((void *)(uintptr_t)counter, 4096);
	}
}

TEST(a_frozen_container_can_be_killed)
{
	for (int part = 0; part < PARTS; part++) {
		struct lx_cgroup AUTO_CLEAN cg = { 0 };

		PREPARE();
		if (specs[part]->dir_count == 0)
			continue;
		CHECK_OK(lx_cgroup_create(specs[part], &cg));
		CHECK(idle_child(&cg) > 0);
		CHECK_OK(lx_cgroup_freeze(&cg));
		CHECK_OK(lx_cgroup_kill(&cg, 5000));
		CHECK_INT(population(&cg), 0);
		CHECK_OK(lx_cgroup_remove(&cg, 5000));
	}
}

/* On a hybrid machine somebody may use the other freezer. */
TEST(what_the_freezer_of_version_1_holds_is_killed_too)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	const struct lx_cgroup_dir *freezer;
	char path[4096];
	bool frozen;

	PREPARE();
	freezer = dir_of("freezer");
	if (v2_count == 0 || freezer == NULL)
		SKIP("not a hybrid machine");
	CHECK_OK(lx_cgroup_create(&spec_all, &cg));
	CHECK(idle_child(&cg) > 0);
	snprintf(path, sizeof(path), "%s/freezer.state", freezer->path);
	CHECK_OK(rl_write_kernel(-1, path, "FROZEN"));
	CHECK_OK(lx_cgroup_is_frozen(&cg, &frozen));
	CHECK(frozen);
	CHECK_OK(lx_cgroup_thaw(&cg));
	CHECK(file_is(freezer, "freezer.state", "THAWED"));
	CHECK_OK(rl_write_kernel(-1, path, "FROZEN"));
	CHECK_OK(lx_cgroup_kill(&cg, 5000));
	CHECK_INT(population(&cg), 0);
}

TEST(a_fork_bomb_ends)
{
	/* The limit is what protects the machine, so not the part without the pids controller. */
	for (int part = ALL; part <= V1; part++) {
		struct lx_cgroup AUTO_CLEAN cg = { 0 };
		struct lx_cgroup_write limit = { 0, 0, "pids.max", "64", "pids" };
		pid_t pid;

		PREPARE();
		if (dir_of("pids") == NULL)
			SKIP("no pids controller of version 1");
		CHECK_OK(lx_cgroup_create(specs[part], &cg));
		while (strcmp(cg.dirs[limit.dir].controllers, "pids") != 0)
			limit.dir++;
		CHECK_OK(lx_cgroup_apply(&cg, &limit, 1));
		CHECK_OK(lx_cgroup_prepare_join(&cg, false));
		pid = fork();
		if (pid == 0) {
			if (rl_drop_failed(lx_cgroup_join_self(&cg)))
				_exit(1);
			signal(SIGCHLD, SIG_IGN);
			for (;;)
				if (fork() == 0 && getpid() % 3 == 0)
					_exit(0);
		}
		for (int i = 0; i < 5000 && population(&cg) < 20; i++)
			usleep(2000);
		CHECK(population(&cg) >= 20);
		CHECK_OK(lx_cgroup_kill(&cg, 10000));
		CHECK_INT(population(&cg), 0);
		CHECK_OK(lx_cgroup_remove(&cg, 5000));
	}
}

/* What a container may do to its own subtree does not keep us from ending it. */
TEST(processes_that_moved_themselves_are_found)
{
	for (int part = 0; part < PARTS; part++) {
		struct lx_cgroup AUTO_CLEAN cg = { 0 };
		char path[4096], pid_text[16];
		pid_t pid;

		PREPARE();
		if (specs[part]->dir_count == 0)
			continue;
		CHECK_OK(lx_cgroup_create(specs[part], &cg));
		pid = idle_child(&cg);
		CHECK(pid > 0);
		snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
		for (size_t i = 0; i < cg.count; i++) {
			if (strcmp(cg.dirs[i].controllers, "cpuset") == 0)
				continue; /* takes nobody before it is filled */
			snprintf(path, sizeof(path), "%s/a", cg.dirs[i].path);
			CHECK_INT(mkdir(path, 0755), 0);
			strcat(path, "/b c");
			CHECK_INT(mkdir(path, 0755), 0);
			strcat(path, "/cgroup.procs");
			CHECK_OK(rl_write_kernel(-1, path, pid_text));
		}
		CHECK_INT(population(&cg), 1);
		CHECK_FAILS(lx_cgroup_remove(&cg, 20), ETIMEDOUT, "do not end; process");
		CHECK_OK(lx_cgroup_signal(&cg, SIGTERM));
		CHECK_OK(lx_cgroup_remove(&cg, 5000));
		for (size_t i = 0; i < cg.count; i++)
			CHECK(!exists(cg.dirs[i].path));
	}
}

TEST(a_deep_tree_is_removed)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	int fd, depth;

	PREPARE();
	CHECK_OK(lx_cgroup_create(specs[v2_count ? V2 : V1], &cg));
	fd = open(cg.dirs[0].path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* Deeper than there are descriptors, and than a path can be long. */
	for (depth = 0; depth < 1500; depth++) {
		int below;

		if (mkdirat(fd, "deeper", 0755) < 0 || mkdirat(fd, "other", 0755) < 0)
			break;
		below = openat(fd, "deeper", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = below;
	}
	close(fd);
	CHECK_INT(depth, 1500);
	CHECK_INT(population(&cg), 0);
	CHECK_OK(lx_cgroup_remove(&cg, 5000));
	CHECK(!exists(cg.dirs[0].path));
}

TEST(a_signal_reaches_all)
{
	for (int part = 0; part < PARTS; part++) {
		struct lx_cgroup AUTO_CLEAN cg = { 0 };
		pid_t pids[3];
		bool frozen;
		int status;

		PREPARE();
		if (specs[part]->dir_count == 0)
			continue;
		CHECK_OK(lx_cgroup_create(specs[part], &cg));
		for (int i = 0; i < 3; i++) {
			pids[i] = idle_child(&cg);
			CHECK(pids[i] > 0);
		}
		CHECK_OK(lx_cgroup_signal(&cg, SIGUSR1));
		for (int i = 0; i < 3; i++) {
			CHECK_INT(waitpid(pids[i], &status, 0), pids[i]);
			CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
		}
		CHECK_OK(lx_cgroup_is_frozen(&cg, &frozen));
		CHECK(!frozen);
		CHECK(idle_child(&cg) > 0);
		CHECK_OK(lx_cgroup_signal(&cg, SIGKILL));
		CHECK_INT(waitpid(-1, &status, 0) > 0, 1);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}

/* ---- devices --------------------------------------------------------------------------------- */

#define NULL_NODE                              \
	{                                      \
		true, 'c', LX_DEVICE_RWM, 1, 3 \
	}
#define ZERO_NODE                              \
	{                                      \
		true, 'c', LX_DEVICE_RWM, 1, 5 \
	}
#define ALL_REFUSED                               \
	{                                         \
		false, 'a', LX_DEVICE_RWM, -1, -1 \
	}

/* The errno of open(2) by a process in the cgroup; 0: it could. */
static int try_open(struct lx_cgroup *cg, const char *path, int flags)
{
	pid_t pid;
	int status;

	if (rl_drop_failed(lx_cgroup_prepare_join(cg, false)))
		return -1;
	pid = fork();
	if (pid == 0) {
		if (rl_drop_failed(lx_cgroup_join_self(cg)))
			_exit(255);
		_exit(open(path, flags | O_CLOEXEC) < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void device_cases(struct lx_cgroup *cg)
{
	struct lx_device_rule only_null[] = { ALL_REFUSED, NULL_NODE };
	struct lx_device_rule both[] = { ALL_REFUSED,
					 { true, 'c', LX_DEVICE_READ, 1, 5 },
					 NULL_NODE };
	struct lx_device_rule only_zero[] = { ALL_REFUSED, ZERO_NODE };
	struct lx_device_rule wide[] = { ALL_REFUSED, { true, 'c', LX_DEVICE_READ, 1, -1 } };
	struct lx_device_rule any[] = { { true, 'a', LX_DEVICE_RWM, -1, -1 } };

	CHECK_OK(lx_cgroup_set_devices(cg, only_null, 2));
	CHECK_INT(try_open(cg, "/dev/null", O_RDWR), 0);
	CHECK_INT(try_open(cg, "/dev/zero", O_RDONLY), EPERM);
	/* From here on as `update` does it, which does not know what was there. */
	for (size_t i = 0; i < cg->count; i++)
		cg->slots[i].made_from = 0;
	CHECK_OK(lx_cgroup_set_devices(cg, both, 3));
	CHECK_INT(try_open(cg, "/dev/null", O_RDWR), 0);
	CHECK_INT(try_open(cg, "/dev/zero", O_RDONLY), 0);
	CHECK_INT(try_open(cg, "/dev/zero", O_RDWR), EPERM);
	CHECK_OK(lx_cgroup_set_devices(cg, only_zero, 2));
	CHECK_INT(try_open(cg, "/dev/null", O_RDWR), EPERM);
	CHECK_INT(try_open(cg, "/dev/zero", O_RDWR), 0);
	CHECK_OK(lx_cgroup_set_devices(cg, wide, 2));
	CHECK_INT(try_open(cg, "/dev/null", O_RDONLY), 0);
	CHECK_INT(try_open(cg, "/dev/zero", O_RDONLY), 0);
	CHECK_INT(try_open(cg, "/dev/null", O_WRONLY), EPERM);
	CHECK_OK(lx_cgroup_set_devices(cg, any, 1));
	CHECK_INT(try_open(cg, "/dev/null", O_RDWR), 0);
	CHECK_INT(try_open(cg, "/dev/zero", O_RDWR), 0);
}

TEST(device_rules_by_version_1)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };

	PREPARE();
	if (dir_of("devices") == NULL)
		SKIP("no devices hierarchy of version 1");
	CHECK_OK(lx_cgroup_create(&spec_v1, &cg));
	device_cases(&cg);
}

TEST(device_rules_by_a_program)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };

	PREPARE();
	if (v2_count == 0)
		SKIP("no version 2 tree");
	CHECK_OK(lx_cgroup_create(&spec_v2, &cg));
	device_cases(&cg);
}

TEST(devices_without_a_cgroup)
{
	struct lx_cgroup cg = { 0 };
	struct lx_device_rule only_null[] = { ALL_REFUSED, NULL_NODE };

	CHECK_FAILS(lx_cgroup_set_devices(&cg, only_null, 2), EOPNOTSUPP, "devices controller");
	CHECK_FAILS(lx_cgroup_freeze(&cg), EOPNOTSUPP, "frozen");
	CHECK_OK(lx_cgroup_signal(&cg, SIGTERM));
	CHECK_OK(lx_cgroup_kill(&cg, 0));
	CHECK_OK(lx_cgroup_remove(&cg, 0));
}

RUN_TESTS()

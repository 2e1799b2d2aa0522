/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of the host; making, entering and handing over cgroups. */
#include "cgroup_fixture.h"
#include "child.h"
#include "linux/cgroup_parts.h"

/* ---- host facts ------------------------------------------------------------------------------ */

TEST(host_facts_agree_with_the_kernel)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	struct lx_host h;
	char path[4096], text[256];

	CHECK_OK(rl_arena_new(1 << 20, &a));
	CHECK_OK(lx_host_read(&a, LX_HOST_CGROUPS, &h));
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
		    rl_drop_failed(lx_host_read(&a, LX_HOST_CGROUPS, &h)))
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
	CHECK_FAILS(lx_cgroup_join_child(&cg, "..", NULL, pid), EINVAL, "child cgroup");
	CHECK_FAILS(lx_cgroup_join_child(&cg, "a/b", NULL, pid), EINVAL, "child cgroup");
	CHECK_FAILS(lx_cgroup_join_child(&cg, "", NULL, pid), EINVAL, "child cgroup");
	CHECK_OK(lx_cgroup_join_child(&cg, "inner", NULL, pid));
	CHECK(file_is(&v2[0], "cgroup.procs", ""));
	CHECK_INT(population(&cg), 1);
}

TEST(a_process_that_moved_itself_is_followed)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	pid_t pid, other;

	PREPARE();
	if (v2_count == 0)
		SKIP("no version 2 tree");
	CHECK_OK(lx_cgroup_create(&spec_v2, &cg));
	pid = idle_child(&cg);
	CHECK(pid > 0);
	CHECK_OK(lx_cgroup_join_child(&cg, "inner", NULL, pid));
	CHECK_FAILS(lx_cgroup_follow(&cg, getpid()), EXDEV, "outside of");
	CHECK_OK(lx_cgroup_follow(&cg, pid));
	other = idle_child(&cg);
	CHECK(other > 0);
	CHECK(file_is(&v2[0], "cgroup.procs", ""));
	lx_cgroup_close(&cg);
	CHECK_OK(lx_cgroup_open(spec_v2.dirs, 1, &cg));
	CHECK_INT(population(&cg), 2);
}

TEST(a_threaded_parent_is_followed)
{
	struct lx_cgroup_dir dir; /* outlives those that are made of it */
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	struct lx_cgroup AUTO_CLEAN inner = { 0 };
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

/* Two of the files, in a directory that stands for a cgroup; and a file that nobody lists. */
static const char *const some_files[] = { "cgroup.procs", "cgroup.threads", "memory.max" };

static int owner_of(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, 0) == 0 ? (int)st.st_uid : -1;
}

static int delegate_here(void)
{
	char dir[] = "/tmp/runlet-delegate-XXXXXX";
	int fd, given = 0;

	EXPECT(mkdtemp(dir) != NULL);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EXPECT(fd >= 0);
	for (size_t i = 0; i < 3; i++) {
		int file = openat(fd, some_files[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		EXPECT(file >= 0);
		close(file);
	}
	EXPECT_OK(lx_cg_v2_delegate(fd, dir, 12345, 23456));
	given = owner_of(fd, "cgroup.procs") == 12345 && owner_of(fd, "cgroup.threads") == 12345 &&
		owner_of(fd, ".") == 12345 && owner_of(fd, "memory.max") == 0 &&
		owner_of(fd, "cgroup.subtree_control") == -1;
	for (size_t i = 0; i < 3; i++)
		unlinkat(fd, some_files[i], 0);
	close(fd);
	EXPECT(rmdir(dir) == 0);
	EXPECT(given);
	return 0;
}

static int delegate_without_a_list(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/sys/kernel/cgroup", "tmpfs", 0, NULL) < 0)
		return SKIPPED;
	EXPECT(access("/sys/kernel/cgroup/delegate", F_OK) < 0);
	return delegate_here();
}

TEST(a_listed_file_that_is_missing_is_passed_over)
{
	if (geteuid() != 0)
		SKIP("needs root");
	CHECK_CHILD(delegate_here);
}

TEST(without_a_list_three_files_are_given)
{
	if (geteuid() != 0)
		SKIP("needs root");
	CHECK_CHILD(delegate_without_a_list);
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
/* Freezing, signalling, ending and removing, whatever the container has done below. */
#include "cgroup_fixture.h"

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

static void explode(struct lx_cgroup *cg)
{
	if (rl_drop_failed(lx_cgroup_join_self(cg)))
		_exit(1);
	signal(SIGCHLD, SIG_IGN);
	for (;;)
		if (fork() == 0 && getpid() % 3 == 0)
			_exit(0);
}

TEST(a_fork_bomb_ends)
{
	for (int part = 0; part < PARTS; part++) {
		struct lx_cgroup AUTO_CLEAN cg = { 0 };
		struct lx_cgroup_spec spec;
		struct lx_cgroup_write limit = { 0, 0, "pids.max", "64", "pids" };

		PREPARE();
		spec = *specs[part];
		if (spec.dir_count == 0)
			continue;
		/* The limit is what protects the machine: no part without the pids controller. */
		if (host.cgroup_layout == LX_CGROUP_V2)
			spec.enable = spec.require = "pids";
		else if (dir_of("pids") == NULL || part == V2)
			continue;
		CHECK_OK(lx_cgroup_create(&spec, &cg));
		while (cg.dirs[limit.dir].version == 1 &&
		       strcmp(cg.dirs[limit.dir].controllers, "pids") != 0)
			limit.dir++;
		CHECK_OK(lx_cgroup_apply(&cg, &limit, 1));
		CHECK_OK(lx_cgroup_prepare_join(&cg, false));
		if (fork() == 0)
			explode(&cg);
		for (int i = 0; i < 5000 && population(&cg) < 20; i++)
			usleep(2000);
		CHECK(population(&cg) >= 20);
		CHECK_OK(lx_cgroup_kill(&cg, 20000));
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

RUN_TESTS()

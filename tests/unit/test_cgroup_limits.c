/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and device rules as the kernel has them; statistics; the out-of-memory killer. */
#include "cgroup_fixture.h"
#include "linux/cgroup_stats.h"

#include <poll.h>

/* ---- limits ---------------------------------------------------------------------------------- */

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

/* ---- version 2 ------------------------------------------------------------------------------- */

/* A child in the cgroup that has touched this much memory and then idles. */
static pid_t fat_child(struct lx_cgroup *cg, size_t bytes)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0 || rl_drop_failed(lx_cgroup_prepare_join(cg, false)))
		return -1;
	pid = fork();
	if (pid == 0) {
		char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (rl_drop_failed(lx_cgroup_join_self(cg)) || memory == MAP_FAILED)
			_exit(1);
		memset(memory, 1, bytes);
		/* Time on a CPU, to be counted. */
		for (volatile unsigned i = 0; i < 100000000; i++)
			;
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	(void)!read(ready[0], &byte, 1);
	close(ready[0]);
	return pid;
}

TEST(limits_of_version_2)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	struct lx_cgroup_spec spec;
	struct lx_cgroup_write w[] = {
		{ 0, 0, "memory.max", "33554432", "m" },
		{ 0, LX_CGROUP_LESS_MEMORY | LX_CGROUP_IF_EXISTS, "memory.swap.max", "50331648",
		  "s" },
		{ 0, 0, "pids.max", "7", "p" },
		{ 0, LX_CGROUP_TIED, "cpu.max", "50000 100000", "c" },
		{ 0, 0, "cpu.max.burst", "40000", "b" },
		{ 0, 0, "io.bfq.nonesuch", "1", "x" },
		{ 0, LX_CGROUP_ELSE | LX_CGROUP_IF_EXISTS, "io.nonesuch", "1", "x" },
	};
	struct lx_cgroup_write period = { 0, LX_CGROUP_KEEP_FIRST, "cpu.max", "70000", "c" };
	struct lx_cgroup_write tight = { 0, LX_CGROUP_CHECK_USAGE, "memory.max", "1048576", "m" };

	PREPARE();
	if (host.cgroup_layout != LX_CGROUP_V2)
		SKIP("not a machine of version 2");
	spec = spec_v2;
	spec.enable = spec.require = "cpu memory pids";
	CHECK_OK(lx_cgroup_create(&spec, &cg));
	CHECK_OK(lx_cgroup_apply(&cg, w, sizeof(w) / sizeof(*w)));
	CHECK(file_is(&v2[0], "memory.max", "33554432"));
	if (file_is(&v2[0], "memory.swap.max", "16777216"))
		printf("# swap is counted\n");
	CHECK(file_is(&v2[0], "pids.max", "7"));
	CHECK(file_is(&v2[0], "cpu.max", "50000 100000"));
	CHECK(file_is(&v2[0], "cpu.max.burst", "40000"));
	CHECK_OK(lx_cgroup_apply(&cg, &period, 1));
	CHECK(file_is(&v2[0], "cpu.max", "50000 70000"));
	/* Both smaller: the burst has to go first. */
	w[3].value = "20000 100000";
	w[4].value = "10000";
	CHECK_OK(lx_cgroup_apply(&cg, &w[3], 2));
	CHECK(file_is(&v2[0], "cpu.max.burst", "10000"));
	CHECK(fat_child(&cg, 8 << 20) > 0);
	CHECK_FAILS(lx_cgroup_apply(&cg, &tight, 1), EBUSY, "more than the new limit of 1048576");
	CHECK(file_is(&v2[0], "memory.max", "33554432"));
	w[1].value = "1048576";
	CHECK_FAILS(lx_cgroup_apply(&cg, &w[1], 1), EINVAL, "less than the memory limit");
}

/* ---- statistics ------------------------------------------------------------------------------ */

static struct lx_cgroup_spec counting(void)
{
	struct lx_cgroup_spec spec = spec_all;

	if (host.cgroup_layout == LX_CGROUP_V2)
		spec.enable = spec.require = "cpu memory pids";
	return spec;
}

TEST(statistics_of_a_busy_container)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	struct lx_cgroup_spec spec;
	struct lx_cgroup_stats s;
	bool anonymous = false;

	PREPARE();
	spec = counting();
	CHECK_OK(rl_arena_new(8 << 20, &a));
	CHECK_OK(lx_cgroup_create(&spec, &cg));
	CHECK(fat_child(&cg, 16 << 20) > 0);
	CHECK_OK(lx_cgroup_stats(&a, &cg, &s));
	if (host.cgroup_layout == LX_CGROUP_V2 || dir_of("cpuacct") != NULL) {
		CHECK(s.cpu.total > 10000000 && s.cpu.total < 60000000000);
		CHECK(s.cpu.user + s.cpu.kernel > 0);
	}
	if (dir_of("cpuacct") != NULL) {
		CHECK_INT(s.cpu.cpus, sysconf(_SC_NPROCESSORS_CONF));
		CHECK(s.cpu.percpu[0] + s.cpu.percpu[s.cpu.cpus - 1] > 0);
	}
	if (host.cgroup_layout == LX_CGROUP_V2 || dir_of("memory") != NULL) {
		CHECK(s.memory.memory.usage >= 16 << 20 && s.memory.memory.usage < 1 << 30);
		CHECK(s.memory.memory.limit == UINT64_MAX);
		for (size_t i = 0; i < s.memory.raw_count; i++)
			if (strcmp(s.memory.raw[i].name, "total_rss") == 0 ||
			    strcmp(s.memory.raw[i].name, "anon") == 0)
				anonymous = s.memory.raw[i].value >= 16 << 20;
		CHECK(anonymous);
	}
	if (host.cgroup_layout == LX_CGROUP_V2 || dir_of("pids") != NULL)
		CHECK_INT(s.pids.current, 1);
	CHECK_INT(s.pids.limit, 0);
	CHECK_OK(lx_cgroup_kill(&cg, 5000));
	CHECK_OK(lx_cgroup_remove(&cg, 5000));
	lx_cgroup_close(&cg);
	/* Nothing there: zeros, no error. */
	CHECK_OK(lx_cgroup_open(all, all_count, &cg));
	CHECK_OK(lx_cgroup_stats(&a, &cg, &s));
	CHECK_INT(s.memory.memory.usage, 0);
}

TEST(the_out_of_memory_killer_is_reported)
{
	struct lx_cgroup AUTO_CLEAN cg = { 0 };
	struct lx_cgroup_spec spec;
	struct lx_cgroup_oom oom;
	struct lx_cgroup_write limit = { 0, 0, "memory.max", "8388608", "m" };
	uint64_t kills, before;
	struct pollfd p;
	int status;
	bool gone;
	pid_t pid;

	PREPARE();
	spec = counting();
	if (host.cgroup_layout != LX_CGROUP_V2 && dir_of("memory") == NULL)
		SKIP("no memory controller");
	if (dir_of("memory") != NULL) {
		limit.dir = index_of("memory");
		limit.file = "memory.limit_in_bytes";
	}
	CHECK_OK(lx_cgroup_create(&spec, &cg));
	CHECK_OK(lx_cgroup_apply(&cg, &limit, 1));
	limit.file = "memory.memsw.limit_in_bytes";
	if (host.cgroup_layout == LX_CGROUP_V2) {
		limit.file = "memory.swap.max";
		limit.value = "0";
	}
	limit.flags = LX_CGROUP_IF_EXISTS;
	CHECK_OK(lx_cgroup_apply(&cg, &limit, 1));
	/* One that survives. */
	CHECK(idle_child(&cg) > 0);
	CHECK_OK(lx_cgroup_oom_open(&cg, &oom));
	p = (struct pollfd){ .fd = rl_fd_get(&oom.fd), .events = POLLIN };
	CHECK_INT(poll(&p, 1, 0), 0);
	pid = fat_child(&cg, 64 << 20);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	for (kills = 0; kills == 0;) {
		CHECK_INT(poll(&p, 1, 5000), 1);
		CHECK_OK(lx_cgroup_oom_read(&oom, &kills, &gone));
		CHECK(!gone);
	}
	CHECK_OK(lx_cgroup_oom_read(&oom, &before, &gone));
	CHECK_INT(before, 0);
	CHECK_OK(lx_cgroup_kill(&cg, 5000));
	CHECK_OK(lx_cgroup_remove(&cg, 5000));
	for (gone = false; !gone;) {
		CHECK_INT(poll(&p, 1, 5000), 1);
		CHECK_OK(lx_cgroup_oom_read(&oom, &kills, &gone));
	}
	lx_cgroup_oom_close(&oom);
}

RUN_TESTS()

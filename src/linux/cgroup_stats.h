/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cgroup uses, for `events`: the numbers of both versions in one struct. Times are
 * nanoseconds, sizes bytes. A controller that is not there, or a file this kernel lacks, leaves
 * zeros: statistics are never a reason to fail.
 */
#pragma once

#include "base/arena.h"
#include "linux/cgroup.h"

/* One line of a pressure file, Documentation/accounting/psi.rst. Averages in per cent. */
struct lx_pressure {
	bool set;
	double avg10, avg60, avg300;
	uint64_t total; /* microseconds, as the kernel and everybody's JSON have it */
};

struct lx_psi {
	struct lx_pressure some, full;
};

struct lx_cpu_stats {
	uint64_t total, user, kernel;
	/* Version 1 only; one an online CPU. */
	const uint64_t *percpu, *percpu_user, *percpu_kernel;
	size_t cpus;
	uint64_t periods, throttled_periods, throttled_time;
	struct lx_psi psi;
};

/* UINT64_MAX as limit: none. */
struct lx_memory_usage {
	uint64_t limit, usage, max, failcnt;
};

struct lx_named_value {
	const char *name;
	uint64_t value;
};

struct lx_memory_stats {
	uint64_t cache;
	struct lx_memory_usage memory;
	struct lx_memory_usage swap; /* memory and swap together, in both versions */
	struct lx_memory_usage kernel, kernel_tcp;
	const struct lx_named_value *raw; /* memory.stat */
	size_t raw_count;
	struct lx_psi psi;
};

struct lx_pids_stats {
	uint64_t current, limit; /* 0: none */
};

struct lx_io_entry {
	uint64_t major, minor;
	const char *op; /* "Read", "Write", "Sync", "Async", "Discard", "Total" */
	uint64_t value;
};

struct lx_io_list {
	const struct lx_io_entry *items;
	size_t count;
};

struct lx_io_stats {
	struct lx_io_list bytes, operations;
	struct lx_psi psi;
};

struct lx_hugetlb_stats {
	const char *size; /* "2MB" */
	uint64_t usage, max, failcnt;
};

struct lx_cpuset_stats {
	const char *cpus, *mems; /* "0-3", "" when there is no such controller */
	/* Version 1 only. */
	uint64_t cpu_exclusive, mem_hardwall, mem_exclusive, memory_migrate;
	uint64_t memory_spread_page, memory_spread_slab, memory_pressure, sched_load_balance;
	int64_t sched_relax_domain_level;
};

struct lx_cgroup_stats {
	struct lx_cpu_stats cpu;
	struct lx_cpuset_stats cpuset;
	struct lx_memory_stats memory;
	struct lx_pids_stats pids;
	struct lx_io_stats io;
	const struct lx_hugetlb_stats *hugetlb;
	size_t hugetlb_count;
};

/* Fails only when the arena is full. */
RL_MUST rl_err lx_cgroup_stats(struct rl_arena *a, struct lx_cgroup *cg,
			       struct lx_cgroup_stats *ret);

/*
 * Waiting for the kernel's out-of-memory killer. The descriptor becomes readable (POLLIN) when it
 * may have struck; lx_cgroup_oom_read() then tells how often it has since the last call, which may
 * be 0, and whether it is over: the cgroup was removed or, which only version 2 tells, nobody is in
 * it any more.
 */
struct lx_cgroup_oom {
	struct rl_fd fd;	 /* for poll(2) */
	struct rl_fd control;	 /* version 1: memory.oom_control, version 2: memory.events */
	struct rl_fd population; /* version 2: cgroup.events */
	uint64_t seen;
	int version;
};

/* EOPNOTSUPP: no memory controller. */
RL_MUST rl_err lx_cgroup_oom_open(struct lx_cgroup *cg, struct lx_cgroup_oom *ret);
RL_MUST rl_err lx_cgroup_oom_read(struct lx_cgroup_oom *oom, uint64_t *ret_kills, bool *ret_over);
void lx_cgroup_oom_close(struct lx_cgroup_oom *oom);

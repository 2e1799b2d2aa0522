/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.resources.cpu. Values of 0 mean "not given", as in memory; cpu.idle is the exception, its 0
 * takes a 1 back.
 */
#include "plan/cgroup_parts.h"

#include <inttypes.h>
#include <math.h>

uint64_t plan_cpu_weight(uint64_t shares)
{
	double l;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log2((double)shares);
	return (uint64_t)ceil(pow(10.0, (l * l + 125.0 * l) / 612.0 - 7.0 / 34.0));
}

static bool given(struct oci_u64 v)
{
	return v.set && v.value != 0;
}

/* An idle group has no weight: which of the two is written first depends on what was there. */
static rl_err weight(struct plan_cg *c, struct plan_cg_place at, const struct oci_cpu *cpu)
{
	unsigned tied = cpu->idle.set ? LX_CGROUP_TIED : 0;

	if (given(cpu->shares) && at.v1)
		RL_TRY(plan_cg_write(c, at, tied, "cpu.shares", "cpu.shares", "%" PRIu64,
				     cpu->shares.value));
	if (given(cpu->shares) && !at.v1)
		RL_TRY(plan_cg_write(c, at, tied, "cpu.weight", "cpu.shares", "%" PRIu64,
				     plan_cpu_weight(cpu->shares.value)));
	/* Linux 5.15; before that, not idle is all there is. */
	if (cpu->idle.set)
		RL_TRY(plan_cg_write(c, at, cpu->idle.value == 0 ? LX_CGROUP_IF_EXISTS : 0,
				     "cpu.idle", "cpu.idle", "%" PRId64, cpu->idle.value));
	return RL_OK;
}

/*
 * The kernel wants quota / period to be at most that of the parent and burst at most quota, at any
 * time: the three are tied.
 */
static rl_err bandwidth_v1(struct plan_cg *c, struct plan_cg_place at, const struct oci_cpu *cpu)
{
	bool quota = cpu->quota.set && cpu->quota.value != 0, burst = cpu->burst.set;
	char text[24];

	if (given(cpu->period))
		RL_TRY(plan_cg_write(c, at, quota || burst ? LX_CGROUP_TIED : 0,
				     "cpu.cfs_period_us", "cpu.period", "%" PRIu64,
				     cpu->period.value));
	if (quota)
		RL_TRY(plan_cg_write(c, at, burst ? LX_CGROUP_TIED : 0, "cpu.cfs_quota_us",
				     "cpu.quota", "%s",
				     plan_cg_number(at, cpu->quota.value, text)));
	/* Linux 5.14. */
	if (burst)
		RL_TRY(plan_cg_write(c, at, cpu->burst.value == 0 ? LX_CGROUP_IF_EXISTS : 0,
				     "cpu.cfs_burst_us", "cpu.burst", "%" PRIu64,
				     cpu->burst.value));
	return RL_OK;
}

static rl_err bandwidth_v2(struct plan_cg *c, struct plan_cg_place at, const struct oci_cpu *cpu)
{
	bool quota = cpu->quota.set && cpu->quota.value != 0, burst = cpu->burst.set;
	unsigned tied = burst ? LX_CGROUP_TIED : 0;
	char text[24];
	const char *max = plan_cg_number(at, quota ? cpu->quota.value : -1, text);

	if (quota && given(cpu->period))
		RL_TRY(plan_cg_write(c, at, tied, "cpu.max", "cpu.quota", "%s %" PRIu64, max,
				     cpu->period.value));
	else if (quota)
		RL_TRY(plan_cg_write(c, at, tied, "cpu.max", "cpu.quota", "%s", max));
	else if (given(cpu->period) && !c->update)
		RL_TRY(plan_cg_write(c, at, tied, "cpu.max", "cpu.period", "max %" PRIu64,
				     cpu->period.value));
	else if (given(cpu->period))
		RL_TRY(plan_cg_write(c, at, tied | LX_CGROUP_KEEP_FIRST, "cpu.max", "cpu.period",
				     "%" PRIu64, cpu->period.value));
	if (burst)
		RL_TRY(plan_cg_write(c, at, cpu->burst.value == 0 ? LX_CGROUP_IF_EXISTS : 0,
				     "cpu.max.burst", "cpu.burst", "%" PRIu64, cpu->burst.value));
	return RL_OK;
}

static rl_err realtime(struct plan_cg *c, struct plan_cg_place at, const struct oci_cpu *cpu)
{
	bool runtime = cpu->realtime_runtime.set && cpu->realtime_runtime.value != 0;

	if (!at.v1 && (runtime || given(cpu->realtime_period)))
		return plan_cg_only_v1(c, runtime ? "cpu.realtimeRuntime" : "cpu.realtimePeriod",
				       "real-time processes need no share there: leave it out");
	if (given(cpu->realtime_period))
		RL_TRY(plan_cg_write(c, at, runtime ? LX_CGROUP_TIED : 0, "cpu.rt_period_us",
				     "cpu.realtimePeriod", "%" PRIu64, cpu->realtime_period.value));
	if (runtime)
		RL_TRY(plan_cg_write(c, at, 0, "cpu.rt_runtime_us", "cpu.realtimeRuntime",
				     "%" PRId64, cpu->realtime_runtime.value));
	return RL_OK;
}

static rl_err sets(struct plan_cg *c, const struct oci_cpu *cpu)
{
	struct plan_cg_place at;

	if (cpu->cpus != NULL && cpu->cpus[0] != '\0') {
		RL_TRY(plan_cg_place(c, "cpuset", "cpu.cpus", &at));
		RL_TRY(plan_cg_write(c, at, 0, "cpuset.cpus", "cpu.cpus", "%s", cpu->cpus));
	}
	if (cpu->mems != NULL && cpu->mems[0] != '\0') {
		RL_TRY(plan_cg_place(c, "cpuset", "cpu.mems", &at));
		RL_TRY(plan_cg_write(c, at, 0, "cpuset.mems", "cpu.mems", "%s", cpu->mems));
	}
	return RL_OK;
}

rl_err plan_cg_cpu(struct plan_cg *c, const struct oci_cpu *cpu)
{
	struct plan_cg_place at;

	RL_TRY(sets(c, cpu));
	if (!given(cpu->shares) && !cpu->idle.set && !given(cpu->period) && !cpu->burst.set &&
	    (!cpu->quota.set || cpu->quota.value == 0) && !given(cpu->realtime_period) &&
	    (!cpu->realtime_runtime.set || cpu->realtime_runtime.value == 0))
		return RL_OK;
	RL_TRY(plan_cg_place(c, "cpu", "cpu", &at));
	RL_TRY(weight(c, at, cpu));
	RL_TRY(at.v1 ? bandwidth_v1(c, at, cpu) : bandwidth_v2(c, at, cpu));
	return realtime(c, at, cpu);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Freezing, signalling, ending.
 *
 * Version 2 can do all of it by itself: cgroup.kill reaches everybody below, those born meanwhile
 * and the frozen ones included. Where there is none, the processes are frozen first, so that the
 * list of them is complete and no pid in it can be reused, then signalled, then thawed: on version
 * 1 even SIGKILL waits for that.
 */
#include "base/io.h"
#include "linux/cgroup_parts.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* Freezing takes microseconds; a process in uninterruptible sleep delays it for as long. */
#define FREEZE_TIMEOUT_MS 10000
#define IDLE_STEP_US 20000

/* ---- freezing -------------------------------------------------------------------------------- */

static bool v2_freezer(struct lx_cgroup *cg, size_t *ret_index)
{
	int index = lx_cg_v2(cg), dir_fd;

	/* Linux 5.2. */
	if (index < 0 || rl_drop_failed(lx_cg_dir(cg, (size_t)index, &dir_fd)) ||
	    faccessat(dir_fd, "cgroup.freeze", F_OK, 0) < 0)
		return false;
	*ret_index = (size_t)index;
	return true;
}

static rl_err no_freezer(void)
{
	return rl_hint(rl_refuse(RL_E(EOPNOTSUPP), "no cgroup that can be frozen"),
		       "the container was made without a cgroup of the freezer, or without any");
}

/* On a hybrid machine by version 1, because that is where other programs look. */
static rl_err freeze(struct lx_cgroup *cg, int64_t deadline)
{
	int v1 = lx_cg_v1(cg, "freezer");
	size_t index;

	if (v1 >= 0)
		return lx_cg_v1_freeze(cg, (size_t)v1, true, deadline);
	return v2_freezer(cg, &index) ? lx_cg_v2_freeze(cg, index, true, deadline) : no_freezer();
}

rl_err lx_cgroup_freeze(struct lx_cgroup *cg)
{
	return freeze(cg, lx_cg_deadline(FREEZE_TIMEOUT_MS));
}

/* The first number of cpu.stat: microseconds of CPU that were used in it and below. */
static rl_err cpu_usage(int dir_fd, unsigned long long *ret)
{
	char text[64];

	RL_TRY(rl_read_small(dir_fd, "cpu.stat", text, sizeof(text)));
	return sscanf(text, "usage_usec %llu", ret) == 1
		       ? RL_OK
		       : rl_fail(RL_E(EPROTO), "read cpu.stat: \"%s\"", text);
}

static rl_err wait_until_idle(struct lx_cgroup *cg, size_t index, int64_t deadline)
{
	unsigned long long before, now;
	int dir_fd;

	RL_TRY(lx_cg_dir(cg, index, &dir_fd));
	RL_TRY(cpu_usage(dir_fd, &now));
	do {
		before = now;
		lx_cg_pause(IDLE_STEP_US);
		RL_TRY(cpu_usage(dir_fd, &now));
		if (now == before)
			return RL_OK;
	} while (lx_cg_left(deadline) > 0);
	rl_drop(rl_write_kernel(dir_fd, "cgroup.freeze", "0"));
	return rl_fail(RL_E(ETIMEDOUT), "cgroup %s: wait for its processes to stand still",
		       cg->dirs[index].path);
}

rl_err lx_cgroup_freeze_machine(struct lx_cgroup *cg)
{
	int64_t deadline = lx_cg_deadline(FREEZE_TIMEOUT_MS);
	size_t index;
	int dir_fd;

	if (lx_cg_v1(cg, "freezer") >= 0 || !v2_freezer(cg, &index))
		return freeze(cg, deadline);
	RL_TRY(lx_cg_dir(cg, index, &dir_fd));
	RL_TRY(rl_write_kernel(dir_fd, "cgroup.freeze", "1"), "cgroup %s", cg->dirs[index].path);
	return wait_until_idle(cg, index, deadline);
}

rl_err lx_cgroup_is_frozen_machine(struct lx_cgroup *cg, bool *ret)
{
	char text[8];
	size_t index;
	int dir_fd;

	if (lx_cg_v1(cg, "freezer") >= 0 || !v2_freezer(cg, &index))
		return lx_cgroup_is_frozen(cg, ret);
	RL_TRY(lx_cg_dir(cg, index, &dir_fd));
	RL_TRY(rl_read_small(dir_fd, "cgroup.freeze", text, sizeof(text)), "cgroup %s",
	       cg->dirs[index].path);
	*ret = text[0] == '1';
	return RL_OK;
}

/* Whoever froze it may have used the other freezer of a hybrid machine: both are thawed. */
rl_err lx_cgroup_thaw(struct lx_cgroup *cg)
{
	int64_t deadline = lx_cg_deadline(FREEZE_TIMEOUT_MS);
	int v1 = lx_cg_v1(cg, "freezer");
	bool frozen = true;
	size_t index;

	if (v2_freezer(cg, &index))
		RL_TRY(lx_cg_v2_freeze(cg, index, false, deadline));
	else if (v1 < 0)
		return no_freezer();
	if (v1 < 0)
		return RL_OK;
	RL_TRY(lx_cg_v1_is_frozen(cg, (size_t)v1, &frozen));
	return frozen ? lx_cg_v1_freeze(cg, (size_t)v1, false, deadline) : RL_OK;
}

rl_err lx_cgroup_is_frozen(struct lx_cgroup *cg, bool *ret)
{
	int v1 = lx_cg_v1(cg, "freezer"), v2 = lx_cg_v2(cg);
	bool frozen = false;

	if (v2 >= 0)
		RL_TRY(lx_cg_v2_event(cg, (size_t)v2, "frozen", &frozen));
	if (v1 >= 0 && !frozen)
		RL_TRY(lx_cg_v1_is_frozen(cg, (size_t)v1, &frozen));
	*ret = frozen;
	return RL_OK;
}

/* ---- signals --------------------------------------------------------------------------------- */

static rl_err signal_all(struct lx_cgroup *cg, size_t index, int signal, size_t *ret_count)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	const pid_t *pids;
	rl_err e = RL_OK;

	RL_TRY(rl_arena_new((size_t)256 << 20, &a));
	RL_TRY(lx_cg_pids_in(&a, cg, index, &pids, ret_count));
	for (size_t i = 0; i < *ret_count; i++) {
		/* The runtime itself, on its way into the container. */
		if (pids[i] == getpid())
			continue;
		if (kill(pids[i], signal) < 0 && errno != ESRCH)
			e = rl_first(e, rl_sys(-1, "send signal %d to process %d", signal,
					       (int)pids[i]));
	}
	return e;
}

/* Stopped, signalled, running again. Where nothing can be frozen, signalled only. */
static rl_err signal_frozen(struct lx_cgroup *cg, size_t index, int signal, int64_t deadline,
			    size_t *ret_count)
{
	bool was_frozen = false, frozen = false;
	rl_err e;

	if (!rl_drop_failed(lx_cgroup_is_frozen(cg, &was_frozen)) && !was_frozen)
		frozen = !rl_drop_failed(freeze(cg, deadline));
	e = signal_all(cg, index, signal, ret_count);
	if (frozen || (was_frozen && signal == SIGKILL))
		e = rl_first(e, lx_cgroup_thaw(cg));
	return e;
}

/*
 * Repeated, because freezing may have failed, and then a fork can escape one pass; a container
 * that forks faster than it is listed is stopped by the freezer only.
 */
static rl_err kill_one(struct lx_cgroup *cg, size_t index, int64_t deadline)
{
	for (;;) {
		int64_t soon = lx_cg_deadline(100);
		size_t count;
		rl_err e;

		RL_TRY(signal_all(cg, index, 0, &count));
		if (count == 0)
			return RL_OK;
		if (soon > deadline)
			soon = deadline;
		RL_TRY(signal_frozen(cg, index, SIGKILL, soon, &count));
		e = lx_cg_wait_empty(cg, index, soon);
		if (!rl_is(e, RL_E(ETIMEDOUT)) || lx_cg_left(deadline) == 0)
			return e;
		rl_drop(e);
	}
}

/* *ret_done is false when the kernel has no cgroup.kill. */
static rl_err kill_v2(struct lx_cgroup *cg, size_t index, bool *ret_done)
{
	int v1 = lx_cg_v1(cg, "freezer");
	bool frozen = false;

	RL_TRY(lx_cg_v2_kill(cg, index, ret_done));
	/* What the freezer of version 1 holds dies when it is let go. */
	if (v1 >= 0)
		RL_TRY(lx_cg_v1_is_frozen(cg, (size_t)v1, &frozen));
	if (frozen && *ret_done)
		RL_TRY(lx_cg_v1_freeze(cg, (size_t)v1, false, lx_cg_deadline(FREEZE_TIMEOUT_MS)));
	return RL_OK;
}

rl_err lx_cgroup_signal(struct lx_cgroup *cg, int signal)
{
	int v2 = lx_cg_v2(cg);
	bool done = false;
	size_t count;

	if (cg->count == 0)
		return RL_OK;
	if (signal == SIGKILL && v2 >= 0)
		RL_TRY(kill_v2(cg, (size_t)v2, &done));
	if (done)
		return RL_OK;
	return signal_frozen(cg, lx_cg_main(cg), signal, lx_cg_deadline(FREEZE_TIMEOUT_MS), &count);
}

static bool is_gone(rl_err e)
{
	return rl_is(e, RL_E(ENOENT)) || rl_is(e, RL_E(ENODEV));
}

rl_err lx_cgroup_kill(struct lx_cgroup *cg, int timeout_ms)
{
	int64_t deadline = lx_cg_deadline(timeout_ms);
	int v2 = lx_cg_v2(cg), v1 = lx_cg_v1(cg, "freezer");
	bool done = false;
	rl_err e = RL_OK;

	if (v2 >= 0) {
		e = kill_v2(cg, (size_t)v2, &done);
		if (!rl_failed(e) && done)
			e = lx_cg_wait_empty(cg, (size_t)v2, deadline);
		else if (!rl_failed(e))
			e = kill_one(cg, (size_t)v2, deadline);
	}
	if (is_gone(e)) {
		rl_drop(e);
		e = RL_OK;
	}
	/* On a hybrid machine: whoever is in a hierarchy of version 1 only. */
	for (size_t i = 0; v1 < 0 && i < cg->count; i++)
		if (cg->dirs[i].version == 1 && !cg->slots[i].absent)
			v1 = (int)i;
	if (v1 >= 0)
		e = rl_first(e, kill_one(cg, (size_t)v1, deadline));
	return e;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/sched.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#define IOPRIO_WHO_PROCESS 1

/* SCHED_FLAG_UTIL_CLAMP_MIN and _MAX, Linux 5.3: they need the longer struct. */
#define UTIL_CLAMPS 0x60u

struct sched_attr_v1 {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
	uint32_t util_min; /* from here on version 1 */
	uint32_t util_max;
};
#define SIZE_V0 offsetof(struct sched_attr_v1, util_min)

rl_err lx_sched_set(pid_t pid, const struct lx_sched *s)
{
	struct sched_attr_v1 attr = {
		.size = s->flags & UTIL_CLAMPS ? sizeof(attr) : SIZE_V0,
		.policy = s->policy,
		.flags = s->flags,
		.nice = s->nice,
		.priority = s->priority,
		.runtime = s->runtime,
		.deadline = s->deadline,
		.period = s->period,
	};

	return rl_hint(rl_sys(syscall(SYS_sched_setattr, pid, &attr, 0),
			      "set the scheduling policy %u", s->policy),
		       "real-time policies need CAP_SYS_NICE and, on cgroup v1, real-time runtime "
		       "in the cpu cgroup");
}

rl_err lx_sched_affinity(pid_t pid, const void *bits, size_t bytes)
{
	return rl_sys(syscall(SYS_sched_setaffinity, pid, bytes, bits), "set the CPU affinity");
}

void lx_sched_affinity_reset(pid_t pid)
{
	uint8_t all[1024]; /* 8192 CPUs, the most Linux is built for */

	memset(all, 0xff, sizeof(all));
	rl_drop(lx_sched_affinity(pid, all, sizeof(all)));
}

rl_err lx_io_priority(pid_t pid, int value)
{
	return rl_sys(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, value),
		      "set the I/O priority to class %d, level %d", value >> 13, value & 0x1fff);
}

rl_err lx_personality(unsigned long persona)
{
	return rl_sys(personality(persona), "set the personality %lx", persona);
}

rl_err lx_oom_score_adj(const struct lx_proc *proc, pid_t pid, int value)
{
	char path[40] = "self/oom_score_adj", text[16];

	if (pid != 0)
		snprintf(path, sizeof(path), "%d/oom_score_adj", (int)pid);
	snprintf(text, sizeof(text), "%d", value);
	return rl_hint(rl_wrap(lx_proc_write(proc, path, text), "set oom_score_adj to %d", value),
		       "a value lower than one's own needs CAP_SYS_RESOURCE");
}

rl_err lx_memory_policy(int mode, const void *nodes, size_t bytes)
{
	/* The kernel takes one bit less than it is told. */
	rl_err e = rl_sys(
		syscall(SYS_set_mempolicy, mode, nodes, nodes != NULL ? bytes * 8 + 1 : (size_t)0),
		"set the memory policy %d", mode & 0xff);

	if (rl_is(e, RL_E(ENOSYS)))
		return rl_hint(e, "this kernel was built without NUMA");
	return rl_hint(e, "the nodes must exist and be allowed by the cpuset; newer modes need a "
			  "newer kernel");
}

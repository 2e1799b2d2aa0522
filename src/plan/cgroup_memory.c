/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.resources.memory. A limit of 0 means "not given": engines written in Go have it for an
 * absent one, and nothing could start under it.
 */
#include "plan/cgroup_parts.h"

#include <inttypes.h>

static bool given(struct oci_i64 v)
{
	return v.set && v.value != 0;
}

/*
 * Swap of version 1 is memory and swap together, and at no time may it be less than the memory
 * limit: in which order the two can be written depends on what is there.
 */
static rl_err limits_v1(struct plan_cg *c, struct plan_cg_place at, const struct oci_memory *m)
{
	struct oci_i64 swap = m->swap;
	unsigned flags = c->update ? LX_CGROUP_IF_CHANGED : 0;
	char text[24];

	/* Unlimited memory means unlimited memory and swap, unless said otherwise. */
	if (m->limit.set && m->limit.value == -1 && !given(swap))
		swap = (struct oci_i64){ true, -1 };
	if (m->check_before_update.value && c->update)
		flags |= LX_CGROUP_CHECK_USAGE;
	if (given(m->limit))
		RL_TRY(plan_cg_write(c, at, flags | (given(swap) ? LX_CGROUP_TIED : 0),
				     "memory.limit_in_bytes", "memory.limit", "%s",
				     plan_cg_number(at, m->limit.value, text)));
	flags = c->update ? LX_CGROUP_IF_CHANGED : 0;
	/* A kernel that does not count swap does not limit it either. */
	if (given(swap))
		RL_TRY(plan_cg_write(c, at, flags | (swap.value < 0 ? LX_CGROUP_IF_EXISTS : 0),
				     "memory.memsw.limit_in_bytes", "memory.swap", "%s",
				     plan_cg_number(at, swap.value, text)));
	return RL_OK;
}

static rl_err memory_v1(struct plan_cg *c, struct plan_cg_place at, const struct oci_memory *m)
{
	char text[24];

	RL_TRY(limits_v1(c, at, m));
	if (given(m->reservation))
		RL_TRY(plan_cg_write(c, at, 0, "memory.soft_limit_in_bytes", "memory.reservation",
				     "%s", plan_cg_number(at, m->reservation.value, text)));
	if (given(m->kernel_tcp))
		RL_TRY(plan_cg_write(c, at, 0, "memory.kmem.tcp.limit_in_bytes", "memory.kernelTCP",
				     "%s", plan_cg_number(at, m->kernel_tcp.value, text)));
	if (m->swappiness.set)
		RL_TRY(plan_cg_write(c, at, 0, "memory.swappiness", "memory.swappiness", "%" PRIu64,
				     m->swappiness.value));
	if (m->disable_oom_killer.value || (c->update && m->disable_oom_killer.set))
		RL_TRY(plan_cg_write(c, at, 0, "memory.oom_control", "memory.disableOOMKiller",
				     "%d", m->disable_oom_killer.value));
	/* Since Linux 5.11 there is nothing else. */
	if (m->use_hierarchy.set && !m->use_hierarchy.value)
		RL_TRY(plan_warn(c->arena, c->warnings,
				 "%s.memory.useHierarchy: ignored, accounting is always "
				 "hierarchical",
				 c->base));
	return RL_OK;
}

/* Swap of version 2 is swap alone. */
static rl_err swap_v2(struct plan_cg *c, struct plan_cg_place at, const struct oci_memory *m)
{
	const char *file = "memory.swap.max", *property = "memory.swap";
	int64_t swap = m->swap.value;
	char text[24];

	if (!given(m->swap)) {
		if (m->limit.set && m->limit.value == -1)
			return plan_cg_write(c, at, LX_CGROUP_IF_EXISTS, file, "memory.limit",
					     "max");
		return RL_OK;
	}
	if (swap > 0 && m->limit.value > 0)
		swap -= m->limit.value;
	else if (swap > 0 && !given(m->limit))
		return plan_cg_write(c, at, LX_CGROUP_LESS_MEMORY, file, property, "%" PRId64,
				     swap);
	/* Without swap in the kernel, "none" and "as much as there is" are what happens anyway. */
	return plan_cg_write(c, at, swap <= 0 ? LX_CGROUP_IF_EXISTS : 0, file, property, "%s",
			     plan_cg_number(at, swap, text));
}

static rl_err memory_v2(struct plan_cg *c, struct plan_cg_place at, const struct oci_memory *m)
{
	bool check = c->update && m->check_before_update.value;
	char text[24];

	if (given(m->limit))
		RL_TRY(plan_cg_write(c, at, check ? LX_CGROUP_CHECK_USAGE : 0, "memory.max",
				     "memory.limit", "%s",
				     plan_cg_number(at, m->limit.value, text)));
	RL_TRY(swap_v2(c, at, m));
	if (given(m->reservation))
		RL_TRY(plan_cg_write(c, at, 0, "memory.low", "memory.reservation", "%s",
				     plan_cg_number(at, m->reservation.value, text)));
	if (given(m->kernel_tcp))
		return plan_cg_only_v1(c, "memory.kernelTCP",
				       "memory of sockets is part of memory.limit there");
	if (m->swappiness.set)
		return plan_cg_only_v1(c, "memory.swappiness", "limit swap by memory.swap instead");
	if (m->disable_oom_killer.value)
		return plan_cg_only_v1(c, "memory.disableOOMKiller",
				       "process.oomScoreAdj of -1000 keeps the process alive");
	if (m->use_hierarchy.set && !m->use_hierarchy.value)
		RL_TRY(plan_warn(c->arena, c->warnings,
				 "%s.memory.useHierarchy: ignored, accounting is always "
				 "hierarchical",
				 c->base));
	return RL_OK;
}

rl_err plan_cg_memory(struct plan_cg *c, const struct oci_memory *m)
{
	struct plan_cg_place at;

	if (given(m->kernel))
		RL_TRY(plan_warn(c->arena, c->warnings,
				 "%s.memory.kernel: ignored, kernels since 5.16 do not have it "
				 "and the specification advises against it",
				 c->base));
	if (!given(m->limit) && !given(m->swap) && !given(m->reservation) &&
	    !given(m->kernel_tcp) && !m->swappiness.set && !m->use_hierarchy.set &&
	    !m->disable_oom_killer.set)
		return RL_OK;
	RL_TRY(plan_cg_place(c, "memory", "memory", &at));
	return at.v1 ? memory_v1(c, at, m) : memory_v2(c, at, m);
}

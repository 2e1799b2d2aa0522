/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind plan/cgroup.h share. Nobody else includes this. */
#pragma once

#include "plan/cgroup.h"

/* A plan of writes that grows. */
struct plan_cg {
	struct rl_arena *arena;
	struct plan_warnings *warnings;
	const struct lx_host *host;
	const struct lx_cgroup_dir *dirs;
	size_t dir_count;
	const char *base; /* JSON path of the resources: "$.linux.resources" */
	bool update;	  /* the cgroup has values already */
	struct lx_cgroup_write *writes;
	size_t count, room;
	const char *require; /* controllers of version 2 that were used, blank-separated */
};

/* Where a controller is: in a hierarchy of version 1, or in version 2. */
struct plan_cg_place {
	unsigned dir;
	bool v1;
};

/* True if the word is in the list, whose words the separators part. */
bool plan_cg_word(const char *list, const char *word, const char *separators);

/*
 * Finds the place of a controller and, for version 2, notes that it is required. EOPNOTSUPP with
 * the property's JSON path when this machine has it nowhere.
 */
RL_MUST rl_err plan_cg_place(struct plan_cg *c, const char *controller, const char *property,
			     struct plan_cg_place *ret);

/* Adds a write. `property` is the JSON path beneath `base`: "memory.limit". */
RL_MUST RL_PRINTF(6, 7) rl_err
	plan_cg_write(struct plan_cg *c, struct plan_cg_place at, unsigned flags, const char *file,
		      const char *property, const char *fmt, ...);

/* A value as the kernel writes an absent limit: -1 in version 1, "max" in version 2. */
const char *plan_cg_number(struct plan_cg_place at, int64_t value, char text[static 24]);

/* A property that one of the two versions does not have: EOPNOTSUPP. */
RL_MUST rl_err plan_cg_only_v1(const struct plan_cg *c, const char *property, const char *hint);

/* The parts of linux.resources, each for both versions. */
RL_MUST rl_err plan_cg_memory(struct plan_cg *c, const struct oci_memory *m);
RL_MUST rl_err plan_cg_cpu(struct plan_cg *c, const struct oci_cpu *cpu);
RL_MUST rl_err plan_cg_block_io(struct plan_cg *c, const struct oci_block_io *b);
/* pids, hugepages, network, rdma, unified. */
RL_MUST rl_err plan_cg_rest(struct plan_cg *c, const struct oci_resources *r);

/*
 * cpu.weight for cpu.shares: 2 is 1, 1024 is 100, 262144 is 10000, and between them a parabola in
 * the logarithms. (A straight line gave the default of 1024 shares a weight of 39, less than half
 * of the default weight.)
 */
uint64_t plan_cpu_weight(uint64_t shares);
/* io.weight, 1 to 10000, for a weight of 10 to 1000. */
uint64_t plan_io_weight(uint32_t weight);

/*
 * The rules asked for, those of a handler and those that every container has, in this order.
 * `v1`: in the form that the kernel of version 1 can store; EOPNOTSUPP for what it cannot.
 */
RL_MUST rl_err plan_cg_devices(struct rl_arena *a, const char *base, const struct oci_resources *r,
			       const struct lx_device_rule *extra, size_t extra_count, bool v1,
			       const struct lx_device_rule **ret, size_t *ret_count);

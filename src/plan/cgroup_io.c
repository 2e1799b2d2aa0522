/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.resources.blockIO. Weights have had three homes: CFQ (blkio.weight, until Linux 5.0), BFQ
 * (*.bfq.weight) and the cost model of version 2 (io.weight, with another scale); which of them the
 * kernel has shows by the file.
 */
#include "plan/cgroup_parts.h"

#include <inttypes.h>
#include <stdio.h>

uint64_t plan_io_weight(uint32_t weight)
{
	return 1 + ((uint64_t)weight - 10) * 9999 / 990;
}

static bool given(struct oci_u32 v)
{
	return v.set && v.value != 0;
}

static rl_err weight_v1(struct plan_cg *c, struct plan_cg_place at, const struct oci_block_io *b)
{
	const char *name = "blockIO.weight";

	if (given(b->weight)) {
		RL_TRY(plan_cg_write(c, at, 0, "blkio.weight", name, "%u", b->weight.value));
		RL_TRY(plan_cg_write(c, at, LX_CGROUP_ELSE, "blkio.bfq.weight", name, "%u",
				     b->weight.value));
	}
	if (given(b->leaf_weight))
		RL_TRY(plan_cg_write(c, at, 0, "blkio.leaf_weight", "blockIO.leafWeight", "%u",
				     b->leaf_weight.value));
	return RL_OK;
}

static rl_err weight_v2(struct plan_cg *c, struct plan_cg_place at, const struct oci_block_io *b)
{
	const char *name = "blockIO.weight";

	if (given(b->leaf_weight))
		return plan_cg_only_v1(c, "blockIO.leafWeight",
				       "processes and children compete by blockIO.weight there");
	if (!given(b->weight))
		return RL_OK;
	RL_TRY(plan_cg_write(c, at, 0, "io.bfq.weight", name, "%u", b->weight.value));
	return plan_cg_write(c, at, LX_CGROUP_ELSE, "io.weight", name, "%" PRIu64,
			     plan_io_weight(b->weight.value));
}

static rl_err device_v1(struct plan_cg *c, struct plan_cg_place at,
			const struct oci_weight_device *d, const char *name)
{
	long long major = d->major, minor = d->minor;

	if (given(d->weight)) {
		RL_TRY(plan_cg_write(c, at, 0, "blkio.weight_device", name, "%lld:%lld %u", major,
				     minor, d->weight.value));
		RL_TRY(plan_cg_write(c, at, LX_CGROUP_ELSE, "blkio.bfq.weight_device", name,
				     "%lld:%lld %u", major, minor, d->weight.value));
	}
	if (given(d->leaf_weight))
		RL_TRY(plan_cg_write(c, at, 0, "blkio.leaf_weight_device", name, "%lld:%lld %u",
				     major, minor, d->leaf_weight.value));
	return RL_OK;
}

static rl_err device_v2(struct plan_cg *c, struct plan_cg_place at,
			const struct oci_weight_device *d, const char *name)
{
	long long major = d->major, minor = d->minor;

	if (given(d->leaf_weight))
		return plan_cg_only_v1(c, name, "leave the leafWeight out");
	if (!given(d->weight))
		return RL_OK;
	RL_TRY(plan_cg_write(c, at, 0, "io.bfq.weight", name, "%lld:%lld %u", major, minor,
			     d->weight.value));
	return plan_cg_write(c, at, LX_CGROUP_ELSE, "io.weight", name, "%lld:%lld %" PRIu64, major,
			     minor, plan_io_weight(d->weight.value));
}

/* The four lists of throttles: the same shape, four names. */
static rl_err throttles(struct plan_cg *c, struct plan_cg_place at,
			const struct oci_throttle_list *list, const char *property,
			const char *v1_file, const char *v2_key)
{
	char name[64], text[24];

	for (size_t i = 0; i < list->count; i++) {
		const struct oci_throttle_device *d = &list->items[i];
		long long major = d->major, minor = d->minor;
		bool none = d->rate.value == 0;

		snprintf(name, sizeof(name), "blockIO.%s[%zu]", property, i);
		snprintf(text, sizeof(text), "%" PRIu64, d->rate.value);
		/* 0 takes a limit away; version 2 calls that "max". */
		if (at.v1)
			RL_TRY(plan_cg_write(c, at, 0, v1_file, name, "%lld:%lld %s", major, minor,
					     text));
		else
			RL_TRY(plan_cg_write(c, at, 0, "io.max", name, "%lld:%lld %s=%s", major,
					     minor, v2_key, none ? "max" : text));
	}
	return RL_OK;
}

rl_err plan_cg_block_io(struct plan_cg *c, const struct oci_block_io *b)
{
	struct plan_cg_place at;
	char name[64];

	if (!given(b->weight) && !given(b->leaf_weight) && b->weight_device_count == 0 &&
	    b->throttle_read_bps_device.count == 0 && b->throttle_write_bps_device.count == 0 &&
	    b->throttle_read_iops_device.count == 0 && b->throttle_write_iops_device.count == 0)
		return RL_OK;
	/* One controller with two names. */
	if (rl_drop_failed(plan_cg_place(c, "blkio", "blockIO", &at)))
		RL_TRY(plan_cg_place(c, "io", "blockIO", &at));
	RL_TRY(at.v1 ? weight_v1(c, at, b) : weight_v2(c, at, b));
	for (size_t i = 0; i < b->weight_device_count; i++) {
		snprintf(name, sizeof(name), "blockIO.weightDevice[%zu]", i);
		RL_TRY(at.v1 ? device_v1(c, at, &b->weight_device[i], name)
			     : device_v2(c, at, &b->weight_device[i], name));
	}
	RL_TRY(throttles(c, at, &b->throttle_read_bps_device, "throttleReadBpsDevice",
			 "blkio.throttle.read_bps_device", "rbps"));
	RL_TRY(throttles(c, at, &b->throttle_write_bps_device, "throttleWriteBpsDevice",
			 "blkio.throttle.write_bps_device", "wbps"));
	RL_TRY(throttles(c, at, &b->throttle_read_iops_device, "throttleReadIOPSDevice",
			 "blkio.throttle.read_iops_device", "riops"));
	return throttles(c, at, &b->throttle_write_iops_device, "throttleWriteIOPSDevice",
			 "blkio.throttle.write_iops_device", "wiops");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of `linux.resources` (config-linux.md#control-groups). */
#include "oci/check.h"

#include <string.h>

/* ---- devices -------------------------------------------------------------------------------- */

static void check_rules(struct oci_problems *p, const char *base, const struct oci_resources *r)
{
	for (size_t i = 0; i < r->device_count; i++) {
		const struct oci_device_rule *d = &r->devices[i];

		if (d->type == OCI_DEVICE_UNBUFFERED || d->type == OCI_DEVICE_FIFO)
			oci_error(p, oci_text(p, "%s.devices[%zu].type", base, i), NULL, NULL,
				  "must be a, b or c, is \"%s\"", oci_device_type_name(d->type));
		if (d->major.value < -1 || d->major.value > UINT32_MAX)
			oci_error(p, oci_text(p, "%s.devices[%zu].major", base, i), NULL,
				  "leave it out for all", "is no device number: %lld",
				  (long long)d->major.value);
		if (d->minor.value < -1 || d->minor.value > UINT32_MAX)
			oci_error(p, oci_text(p, "%s.devices[%zu].minor", base, i), NULL,
				  "leave it out for all", "is no device number: %lld",
				  (long long)d->minor.value);
		if (d->access != NULL && d->access[strspn(d->access, "rwm")] != '\0')
			oci_error(p, oci_text(p, "%s.devices[%zu].access", base, i),
				  "r is read, w write, m mknod", NULL,
				  "must be some of \"rwm\", is %s", oci_quote(p, d->access));
	}
}

/* ---- memory, cpu, pids ---------------------------------------------------------------------- */

static void check_bytes(struct oci_problems *p, const char *base, const char *member,
			struct oci_i64 bytes)
{
	if (bytes.value < -1)
		oci_error(p, oci_text(p, "%s.memory.%s", base, member), NULL,
			  "write -1 for no limit", "must be -1 or a number of bytes, is %lld",
			  (long long)bytes.value);
}

static void check_memory(struct oci_problems *p, const char *base, const struct oci_memory *m,
			 enum oci_check_resources mode)
{
	check_bytes(p, base, "limit", m->limit);
	check_bytes(p, base, "reservation", m->reservation);
	check_bytes(p, base, "swap", m->swap);
	check_bytes(p, base, "kernel", m->kernel);
	check_bytes(p, base, "kernelTCP", m->kernel_tcp);
	if (m->swappiness.value > 100)
		oci_error(p, oci_text(p, "%s.memory.swappiness", base), NULL, NULL,
			  "must be in 0..100, is %llu", (unsigned long long)m->swappiness.value);
	if (m->swap.value <= 0)
		return;
	if (m->limit.value > 0 && m->swap.value < m->limit.value)
		oci_error(p, oci_text(p, "%s.memory.swap", base),
			  "swap is the limit of memory and swap together", NULL,
			  "is %lld, below the memory limit of %lld", (long long)m->swap.value,
			  (long long)m->limit.value);
	/* An update may refer to a limit that was set before. */
	if (m->limit.value <= 0 && (m->limit.set || mode == OCI_CHECK_CREATE))
		oci_error(p, oci_text(p, "%s.memory.swap", base),
			  "swap is the limit of memory and swap together",
			  "give memory.limit as well", "is limited while memory is not");
}

static void check_cpu(struct oci_problems *p, const char *base, const struct oci_cpu *c)
{
	if (c->quota.value > 0 && c->burst.value > (uint64_t)c->quota.value)
		oci_error(p, oci_text(p, "%s.cpu.burst", base), NULL, NULL,
			  "is %llu, above the quota of %lld", (unsigned long long)c->burst.value,
			  (long long)c->quota.value);
	if (c->realtime_runtime.set && c->realtime_period.set && c->realtime_runtime.value > 0 &&
	    (uint64_t)c->realtime_runtime.value > c->realtime_period.value)
		oci_error(p, oci_text(p, "%s.cpu.realtimeRuntime", base), NULL, NULL,
			  "is %lld, above the period of %llu", (long long)c->realtime_runtime.value,
			  (unsigned long long)c->realtime_period.value);
	if (c->idle.value < 0 || c->idle.value > 1)
		oci_error(p, oci_text(p, "%s.cpu.idle", base), NULL, NULL,
			  "must be 0 or 1, is %lld", (long long)c->idle.value);
	oci_check_list(p, base, "cpu.cpus", c->cpus);
	oci_check_list(p, base, "cpu.mems", c->mems);
}

/* ---- blockIO -------------------------------------------------------------------------------- */

/* 0 is what engines write for "not given". */
static bool weight_ok(struct oci_u32 weight)
{
	return weight.value == 0 || (weight.value >= 10 && weight.value <= 1000);
}

static void check_weight(struct oci_problems *p, const char *path, struct oci_u32 weight)
{
	oci_error(p, path, NULL, NULL, "must be in 10..1000, is %u", weight.value);
}

static bool number_ok(int64_t major, int64_t minor)
{
	return major >= 0 && major <= UINT32_MAX && minor >= 0 && minor <= UINT32_MAX;
}

static void check_throttle(struct oci_problems *p, const char *base, const char *member,
			   const struct oci_throttle_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!number_ok(list->items[i].major, list->items[i].minor))
			oci_error(p, oci_text(p, "%s.blockIO.%s[%zu]", base, member, i), NULL, NULL,
				  "is no device: %lld:%lld", (long long)list->items[i].major,
				  (long long)list->items[i].minor);
}

static void check_block_io(struct oci_problems *p, const char *base, const struct oci_block_io *b)
{
	if (!weight_ok(b->weight))
		check_weight(p, oci_text(p, "%s.blockIO.weight", base), b->weight);
	if (!weight_ok(b->leaf_weight))
		check_weight(p, oci_text(p, "%s.blockIO.leafWeight", base), b->leaf_weight);
	for (size_t i = 0; i < b->weight_device_count; i++) {
		const struct oci_weight_device *d = &b->weight_device[i];
		const char *path = oci_text(p, "%s.blockIO.weightDevice[%zu]", base, i);

		if (!number_ok(d->major, d->minor))
			oci_error(p, path, NULL, NULL, "is no device: %lld:%lld",
				  (long long)d->major, (long long)d->minor);
		if (!d->weight.set && !d->leaf_weight.set)
			oci_error(p, path, NULL, NULL, "must have a weight or a leafWeight");
		if (!weight_ok(d->weight))
			check_weight(p, oci_text(p, "%s.weight", path), d->weight);
		if (!weight_ok(d->leaf_weight))
			check_weight(p, oci_text(p, "%s.leafWeight", path), d->leaf_weight);
	}
	check_throttle(p, base, "throttleReadBpsDevice", &b->throttle_read_bps_device);
	check_throttle(p, base, "throttleWriteBpsDevice", &b->throttle_write_bps_device);
	check_throttle(p, base, "throttleReadIOPSDevice", &b->throttle_read_iops_device);
	check_throttle(p, base, "throttleWriteIOPSDevice", &b->throttle_write_iops_device);
}

/* ---- hugepages, network, rdma, unified ------------------------------------------------------ */

/* ^[1-9][0-9]*[KMG]B$ */
static bool page_size_ok(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits > 0 && s[0] != '0' && s[digits] != '\0' && strchr("KMG", s[digits]) != NULL &&
	       strcmp(s + digits + 1, "B") == 0;
}

static void check_hugepages(struct oci_problems *p, const char *base, const struct oci_resources *r)
{
	for (size_t i = 0; i < r->hugepage_limit_count; i++) {
		const char *size = r->hugepage_limits[i].page_size;

		if (size != NULL && !page_size_ok(size))
			oci_error(p, oci_text(p, "%s.hugepageLimits[%zu].pageSize", base, i),
				  "the kernel's units are KB, MB and GB, in capitals", NULL,
				  "must be a number and a unit as in 2MB, is %s",
				  oci_quote(p, size));
	}
}

static void check_network(struct oci_problems *p, const char *base, const struct oci_network *n)
{
	const char *why;

	for (size_t i = 0; i < n->priority_count; i++) {
		const char *name = n->priorities[i].name;

		if (name != NULL && !oci_interface_name_ok(name, &why))
			oci_error(p, oci_text(p, "%s.network.priorities[%zu].name", base, i), why,
				  NULL, "is no name of an interface: %s", oci_quote(p, name));
	}
}

static void check_rdma(struct oci_problems *p, const char *base, const struct oci_resources *r)
{
	for (size_t i = 0; i < r->rdma_count; i++) {
		const struct oci_rdma *d = &r->rdma[i];

		if (d->device[0] == '\0' || d->device[strcspn(d->device, " \t\n")] != '\0')
			oci_error(p, oci_path_key(p, oci_text(p, "%s.rdma", base), d->device),
				  "it is one word in a line of rdma.max", NULL,
				  "is no name of a device");
		if (!d->hca_handles.set && !d->hca_objects.set)
			oci_error(p, oci_path_key(p, oci_text(p, "%s.rdma", base), d->device), NULL,
				  NULL, "must have hcaHandles or hcaObjects");
	}
}

static void check_unified(struct oci_problems *p, const char *base, const struct oci_map *unified)
{
	for (size_t i = 0; i < unified->count; i++) {
		const char *key = unified->items[i].key;

		if (key[0] == '\0' || strchr(key, '/') != NULL || strcmp(key, ".") == 0 ||
		    strcmp(key, "..") == 0)
			oci_error(p, oci_path_key(p, oci_text(p, "%s.unified", base), key),
				  "it is the name of one file of the container's cgroup", NULL,
				  "is no name of a file");
	}
}

void oci_check_resources(struct oci_problems *p, const char *base,
			 const struct oci_resources *resources, enum oci_check_resources mode)
{
	check_rules(p, base, resources);
	if (resources->memory != NULL)
		check_memory(p, base, resources->memory, mode);
	if (resources->cpu != NULL)
		check_cpu(p, base, resources->cpu);
	if (resources->pids != NULL && resources->pids->limit.value < -1)
		oci_error(p, oci_text(p, "%s.pids.limit", base), NULL, "write -1 for no limit",
			  "must be -1 or a number of processes, is %lld",
			  (long long)resources->pids->limit.value);
	if (resources->block_io != NULL)
		check_block_io(p, base, resources->block_io);
	check_hugepages(p, base, resources);
	if (resources->network != NULL)
		check_network(p, base, resources->network);
	check_rdma(p, base, resources);
	check_unified(p, base, &resources->unified);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/cgroup_unit.h"

#include "plan/variant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CGROUPS_PATH "$.linux.cgroupsPath"
#define ANNOTATION "org.systemd.property."

/* ---- name and place -------------------------------------------------------------------------- */

static rl_err bad_path(const char *path, const char *why)
{
	return rl_hint(rl_refuse(RL_E(EINVAL), CGROUPS_PATH ": \"%s\": %s", path, why),
		       "with systemd it is \"slice:prefix:name\", for example "
		       "\"machine.slice:libpod:ID\"; without, leave --systemd-cgroup out");
}

/*
 * systemd writes the tree into the name: a-b.slice is in a.slice. "-.slice" is the root. `ret` is
 * "/a.slice/a-b.slice", or "".
 */
static rl_err expand_slice(struct rl_arena *a, const char *path, const char *slice,
			   const char **ret)
{
	size_t len = strlen(slice);
	const char *out = "";

	if (strcmp(slice, "-.slice") == 0) {
		*ret = "";
		return RL_OK;
	}
	if (len < 7 || strcmp(slice + len - 6, ".slice") != 0)
		return bad_path(path, "the name of the slice does not end in .slice");
	if (strchr(slice, '/') != NULL || slice[0] == '-' || slice[len - 7] == '-' ||
	    strstr(slice, "--") != NULL)
		return bad_path(path, "that is no name of a slice");
	for (size_t i = 0; i <= len - 6; i++)
		if (slice[i] == '-' || i == len - 6)
			RL_TRY(rl_arena_fmt(a, &out, "%s/%.*s.slice", out, (int)i, slice));
	*ret = out;
	return RL_OK;
}

/* What units may be called: systemd.unit(5). */
static bool name_ok(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789:-_.\\";

	return name[0] != '\0' && name[strspn(name, allowed)] == '\0' && strlen(name) < 256;
}

/*
 * The cgroup of the user's systemd: part of our own place, when we are one of its processes; else
 * where systemd puts it.
 */
static rl_err user_root(struct rl_arena *a, const struct lx_host *host, const char **ret)
{
	unsigned uid = host->euid;

	for (size_t i = 0; i < host->hierarchy_count; i++) {
		const char *own = host->hierarchies[i].own;
		const char *at = strstr(own, "/user@");
		unsigned found;

		if (at != NULL && strstr(at, ".service") != NULL)
			return rl_arena_strn(a, own, (size_t)(strstr(at, ".service") - own) + 8,
					     ret);
		/* In a user namespace we may be 0, but the session's name knows better. */
		at = strstr(own, "/user-");
		if (at != NULL && sscanf(at, "/user-%u.slice", &found) == 1)
			uid = found;
	}
	return rl_arena_fmt(a, ret, "/user.slice/user-%u.slice/user@%u.service", uid, uid);
}

rl_err plan_unit_place(struct rl_arena *a, const struct plan_cgroup_input *in, struct lx_unit *ret)
{
	const char *path = in->config->linux_.cgroups_path;
	struct lx_unit unit = { .user = in->host->rootless };
	const char *root = "", *below = "";

	if (path == NULL || path[0] == '\0') {
		unit.slice = unit.user ? "user.slice" : "system.slice";
		RL_TRY(rl_arena_fmt(a, &unit.name, "runlet-%s.scope", in->request->id));
	} else {
		const char *prefix = strchr(path, ':');
		const char *name = prefix != NULL ? strchr(prefix + 1, ':') : NULL;
		size_t prefix_len;

		if (name == NULL || name[1] == '\0' || strchr(name + 1, ':') != NULL)
			return bad_path(path, "that is not \"slice:prefix:name\"");
		RL_TRY(rl_arena_strn(a, path, (size_t)(prefix - path), &unit.slice));
		if (unit.slice[0] == '\0')
			unit.slice = unit.user ? "user.slice" : "system.slice";
		prefix_len = (size_t)(name - prefix - 1);
		RL_TRY(rl_arena_fmt(a, &unit.name, "%.*s%s%s.scope", (int)prefix_len, prefix + 1,
				    prefix_len > 0 ? "-" : "", name + 1));
	}
	if (!name_ok(unit.name))
		return bad_path(path != NULL ? path : in->request->id,
				"that gives no name of a unit");
	RL_TRY(expand_slice(a, path, unit.slice, &below));
	if (unit.user)
		RL_TRY(user_root(a, in->host, &root));
	RL_TRY(rl_arena_fmt(a, &unit.cgroup, "%s%s/%s", root, below, unit.name));
	RL_TRY(rl_arena_fmt(a, &unit.description, "runlet container %s", in->request->id));
	*ret = unit;
	return RL_OK;
}

/* ---- limits ---------------------------------------------------------------------------------- */

struct limits {
	struct rl_arena *arena;
	struct lx_unit_property *items;
	size_t count, room;
};

/* Takes the place of one of that name, unless the type is a list: then it is made longer. */
static rl_err add(struct limits *l, const char *name, const char *type, const char *text,
		  uint64_t number)
{
	struct lx_unit_property *p = NULL;
	struct lx_unit_value *values;
	bool list = type[0] == 'a';

	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i].name, name) == 0)
			p = &l->items[i];
	if (p == NULL) {
		p = &l->items[l->count++];
		*p = (struct lx_unit_property){ .name = name, .type = type, .optional = true };
	}
	RL_TRY(rl_new_array(l->arena, list ? p->count + 1 : 1, &values));
	if (list && p->count > 0)
		memcpy(values, p->values, p->count * sizeof(*values));
	p->count = list ? p->count + 1 : 1;
	values[p->count - 1] = (struct lx_unit_value){ .text = text, .number = number };
	p->values = values;
	return RL_OK;
}

/* systemd's "infinity". */
static uint64_t number_or_infinity(const char *value)
{
	if (strcmp(value, "max") == 0 || value[0] == '-')
		return UINT64_MAX;
	return strtoull(value, NULL, 10);
}

/* "0-3,7" as a set of bits; the last word wins, as everywhere. */
static rl_err add_set(struct limits *l, const char *name, const char *list)
{
	uint8_t bits[1024] = { 0 };
	struct lx_unit_value *values;
	size_t bytes = 0;

	for (const char *at = list; *at != '\0';) {
		char *end;
		unsigned long first = strtoul(at, &end, 10), last = first;

		if (end == at)
			return RL_OK; /* the kernel will say what is wrong with it */
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first < sizeof(bits) * 8; first++) {
			bits[first / 8] |= (uint8_t)(1u << (first % 8));
			if (first / 8 >= bytes)
				bytes = first / 8 + 1;
		}
		at = *end == ',' ? end + 1 : "";
	}
	RL_TRY(add(l, name, "ay", NULL, 0));
	RL_TRY(rl_new_array(l->arena, bytes + 1, &values));
	for (size_t i = 0; i < bytes; i++)
		values[i].number = bits[i];
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i].name, name) == 0) {
			l->items[i].values = values;
			l->items[i].count = bytes;
		}
	return RL_OK;
}

/*
 * "50000 100000", "max 100000", "50000". systemd counts in whole per cent and rounds down, and then
 * its scope would have less than the container in it asks for: so up to the next.
 */
static rl_err add_quota(struct limits *l, const char *quota, const char *period)
{
	uint64_t p = period != NULL ? strtoull(period, NULL, 10) : 100000, q;

	if (period != NULL && p > 0)
		RL_TRY(add(l, "CPUQuotaPeriodUSec", "t", NULL, p));
	q = number_or_infinity(quota);
	if (q != UINT64_MAX && p > 0) {
		q = q * 1000000 / p;
		q = (q + 9999) / 10000 * 10000;
	}
	return add(l, "CPUQuotaPerSecUSec", "t", NULL, q);
}

static rl_err add_cpu_max(struct limits *l, const char *value)
{
	const char *blank = strchr(value, ' '), *quota;

	if (blank == NULL)
		return add_quota(l, value, NULL);
	RL_TRY(rl_arena_strn(l->arena, value, (size_t)(blank - value), &quota));
	return add_quota(l, quota, blank + 1);
}

/* "8:16 rbps=100": systemd names devices by their nodes. */
static rl_err add_io_max(struct limits *l, const char *value)
{
	static const struct {
		const char *key, *property;
	} keys[] = {
		{ "rbps=", "IOReadBandwidthMax" },
		{ "wbps=", "IOWriteBandwidthMax" },
		{ "riops=", "IOReadIOPSMax" },
		{ "wiops=", "IOWriteIOPSMax" },
	};
	const char *node;

	RL_TRY(rl_arena_fmt(l->arena, &node, "/dev/block/%.*s", (int)strcspn(value, " "), value));
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *at = strstr(value, keys[i].key);

		if (at != NULL && at[-1] == ' ')
			RL_TRY(add(l, keys[i].property, "a(st)", node,
				   number_or_infinity(at + strlen(keys[i].key))));
	}
	return RL_OK;
}

/* "100", or "8:16 100" for one device. */
static rl_err add_io_weight(struct limits *l, const char *value)
{
	const char *blank = strchr(value, ' '), *node;

	if (blank == NULL)
		return add(l, "IOWeight", "t", NULL, strtoull(value, NULL, 10));
	if (strncmp(value, "default ", 8) == 0)
		return add(l, "IOWeight", "t", NULL, strtoull(value + 8, NULL, 10));
	RL_TRY(rl_arena_fmt(l->arena, &node, "/dev/block/%.*s", (int)(blank - value), value));
	return add(l, "IODeviceWeight", "a(st)", node, strtoull(blank + 1, NULL, 10));
}

static rl_err add_write(struct limits *l, const char *file, const char *value)
{
	static const struct {
		const char *file, *property;
	} numbers[] = {
		{ "memory.max", "MemoryMax" },
		{ "memory.high", "MemoryHigh" },
		{ "memory.low", "MemoryLow" },
		{ "memory.min", "MemoryMin" },
		{ "memory.swap.max", "MemorySwapMax" },
		{ "cpu.weight", "CPUWeight" },
		{ "pids.max", "TasksMax" },
		/* Version 1. */
		{ "memory.limit_in_bytes", "MemoryLimit" },
		{ "cpu.shares", "CPUShares" },
		{ "blkio.weight", "BlockIOWeight" },
	};
	uint64_t number = number_or_infinity(value);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(file, numbers[i].file) != 0)
			continue;
		/* systemd takes no 0 here; the container's own cgroup has it. */
		if (number == 0 && strcmp(file, "pids.max") == 0)
			number = 1;
		return add(l, numbers[i].property, "t", NULL, number);
	}
	if (strcmp(file, "cpu.max") == 0)
		return add_cpu_max(l, value);
	if (strcmp(file, "cpu.idle") == 0 && value[0] == '1')
		return add(l, "CPUWeight", "t", NULL, 0);
	if (strcmp(file, "cpuset.cpus") == 0)
		return add_set(l, "AllowedCPUs", value);
	if (strcmp(file, "cpuset.mems") == 0)
		return add_set(l, "AllowedMemoryNodes", value);
	if (strcmp(file, "io.max") == 0)
		return add_io_max(l, value);
	if (strcmp(file, "io.weight") == 0)
		return add_io_weight(l, value);
	return RL_OK;
}

static const char *value_of(const struct lx_cgroup_write *writes, size_t count, const char *file)
{
	for (size_t i = count; i-- > 0;)
		if (strcmp(writes[i].file, file) == 0)
			return writes[i].value;
	return NULL;
}

rl_err plan_unit_limits(struct rl_arena *a, const struct lx_cgroup_spec *spec,
			const struct lx_cgroup_write *writes, size_t count,
			const struct lx_unit_property **ret, size_t *ret_count)
{
	struct limits l = { .arena = a };
	const char *quota = value_of(writes, count, "cpu.cfs_quota_us");

	/* At most five properties come from one write, the io.max of one device. */
	RL_TRY(rl_new_array(a, count * 5 + 2, &l.items));
	for (size_t i = 0; i < count; i++) {
		const struct lx_cgroup_write *w = &writes[i];
		bool v1 = spec->dirs[w->dir].version == 1;

		/* Where the value depends on what is there, systemd is not told. */
		if (w->flags & (LX_CGROUP_KEEP_FIRST | LX_CGROUP_LESS_MEMORY))
			continue;
		/* On version 1 systemd has no cpuset. */
		if (!v1 || strncmp(w->file, "cpuset.", 7) != 0)
			RL_TRY(add_write(&l, w->file, w->value));
	}
	if (quota != NULL)
		RL_TRY(add_quota(&l, quota, value_of(writes, count, "cpu.cfs_period_us")));
	*ret = l.items;
	*ret_count = l.count;
	return RL_OK;
}

/* ---- annotations ----------------------------------------------------------------------------- */

/* "TimeoutStopSec" in seconds is the bus's TimeoutStopUSec in microseconds. */
static rl_err convert_seconds(struct rl_arena *a, const char *origin, struct lx_unit_property *p)
{
	size_t len = strlen(p->name);
	struct lx_unit_value *value;

	if (len < 4 || strcmp(p->name + len - 3, "Sec") != 0 ||
	    (len > 4 && strcmp(p->name + len - 4, "USec") == 0))
		return RL_OK;
	if (strchr("nqiuxtd", p->type[0]) == NULL)
		return rl_refuse(RL_E(EINVAL), "%s: is a time, needs a number of seconds", origin);
	RL_TRY(rl_new(a, &value));
	value->number =
		p->type[0] == 'd' ? (uint64_t)(p->real * 1e6) : p->values[0].number * 1000000;
	p->values = value;
	p->type = "t";
	return rl_arena_fmt(a, &p->name, "%.*sUSec", (int)len - 3, p->name);
}

rl_err plan_unit_annotations(struct rl_arena *a, const struct oci_map *annotations,
			     struct lx_unit *unit)
{
	struct lx_unit_property *items;

	RL_TRY(rl_new_array(a, unit->property_count + annotations->count + 1, &items));
	if (unit->property_count > 0)
		memcpy(items, unit->properties, unit->property_count * sizeof(*items));
	unit->properties = items;
	for (size_t i = 0; i < annotations->count; i++) {
		const struct oci_key_value *kv = &annotations->items[i];
		struct lx_unit_property *p = &items[unit->property_count];
		const char *origin;

		if (strncmp(kv->key, ANNOTATION, strlen(ANNOTATION)) != 0)
			continue;
		p->name = kv->key + strlen(ANNOTATION);
		RL_TRY(rl_arena_fmt(a, &origin, "$.annotations[\"%s\"]", kv->key));
		if (p->name[0] == '\0' || p->name[strspn(p->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
								  "abcdefghijklmnopqrstuvwxyz"
								  "0123456789")] != '\0')
			return rl_refuse(RL_E(EINVAL), "%s: names no property", origin);
		RL_TRY(plan_variant_parse(a, origin, kv->value, p));
		RL_TRY(convert_seconds(a, origin, p));
		unit->property_count++;
	}
	return RL_OK;
}

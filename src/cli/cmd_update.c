/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update: other limits for a container, out of a file or of options. Options become the same
 * `linux.resources` object that a file holds, so one reader checks both.
 */
#include "base/io.h"
#include "base/log.h"
#include "cli/cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESOURCES_LIMIT ((size_t)16 << 20)

enum kind { NUMBER, SIZE, LIST };

/* In groups of one object of the JSON: id, name, value, object, member, help. */
#define FOR_EACH_LIMIT(X)                                                                     \
	X(BLKIO_WEIGHT, "blkio-weight", NUMBER, "blockIO", "weight",                          \
	  "weight of block I/O, 10 to 1000")                                                  \
	X(CPU_PERIOD, "cpu-period", NUMBER, "cpu", "period",                                  \
	  "period of the quota in microseconds")                                              \
	X(CPU_QUOTA, "cpu-quota", NUMBER, "cpu", "quota",                                     \
	  "microseconds of CPU in a period; -1: all")                                         \
	X(CPU_BURST, "cpu-burst", NUMBER, "cpu", "burst",                                     \
	  "microseconds saved up from periods before")                                        \
	X(CPU_SHARE, "cpu-share", NUMBER, "cpu", "shares", "relative weight of CPU time")     \
	X(CPU_RT_PERIOD, "cpu-rt-period", NUMBER, "cpu", "realtimePeriod",                    \
	  "period for real-time processes")                                                   \
	X(CPU_RT_RUNTIME, "cpu-rt-runtime", NUMBER, "cpu", "realtimeRuntime",                 \
	  "what they get in a period")                                                        \
	X(CPU_IDLE, "cpu-idle", NUMBER, "cpu", "idle", "1: runs only when nothing else does") \
	X(CPUSET_CPUS, "cpuset-cpus", LIST, "cpu", "cpus", "CPUs to run on, as in 0-3,7")     \
	X(CPUSET_MEMS, "cpuset-mems", LIST, "cpu", "mems", "memory nodes to use")             \
	X(MEMORY, "memory", SIZE, "memory", "limit", "memory limit; -1: none")                \
	X(MEMORY_RESERVATION, "memory-reservation", SIZE, "memory", "reservation",            \
	  "memory that it is left with")                                                      \
	X(MEMORY_SWAP, "memory-swap", SIZE, "memory", "swap",                                 \
	  "memory and swap together; -1: no limit")                                           \
	X(KERNEL_MEMORY, "kernel-memory", SIZE, "memory", "kernel", NULL)                     \
	X(KERNEL_MEMORY_TCP, "kernel-memory-tcp", SIZE, "memory", "kernelTCP",                \
	  "memory of TCP's buffers (v1)")                                                     \
	X(PIDS_LIMIT, "pids-limit", NUMBER, "pids", "limit", "number of processes; -1: no limit")

enum id {
#define LIMIT(id, name, kind, object, member, help) id,
	FOR_EACH_LIMIT(LIMIT)
#undef LIMIT
		LIMITS
};

static const struct limit {
	const char *name;
	const char *object, *member;
	enum kind kind;
} limits[] = {
#define LIMIT(id, name, kind, object, member, help) [id] = { name, object, member, kind },
	FOR_EACH_LIMIT(LIMIT)
#undef LIMIT
};

struct options {
	const char *resources;
	const char *values[LIMITS];
	const char *l3_cache_schema, *mem_bw_schema; /* no part of the resources */
};

#define O(field) offsetof(struct options, field)

/* ---- values ---------------------------------------------------------------------------------- */

static rl_err parse_number(const struct limit *l, const char *text, int64_t *ret)
{
	size_t sign = text[0] == '-';
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	if (text[sign] < '0' || text[sign] > '9' || *end != '\0' || errno != 0)
		return rl_refuse(RL_E(EINVAL), "option --%s: \"%s\" is not a number", l->name,
				 text);
	return RL_OK;
}

/* "512", "32m", "1.5GiB": each letter is 1024 times the one before. -1 is no limit. */
static rl_err parse_size(const struct limit *l, const char *text, int64_t *ret)
{
	static const char units[] = "kmgtp";
	const char *at = text + strspn(text, "0123456789"), *unit;
	double value = strtod(text, NULL), factor = 1;

	if (strcmp(text, "-1") == 0) {
		*ret = -1;
		return RL_OK;
	}
	if (at != text && *at == '\0')
		return parse_number(l, text, ret);
	if (at != text && *at == '.')
		at += 1 + strspn(at + 1, "0123456789");
	at += at != text && *at == ' ';
	unit = *at != '\0' && at != text ? strchr(units, *at | 0x20) : NULL;
	for (; unit != NULL && unit >= units; unit--)
		factor *= 1024;
	at += factor > 1;
	at += factor > 1 && (*at | 0x20) == 'i';
	at += at != text && (*at | 0x20) == 'b';
	if (at == text || *at != '\0' || value * factor >= 9e18)
		return rl_hint(
			rl_refuse(RL_E(EINVAL), "option --%s: \"%s\" is not a size", l->name, text),
			"a number of bytes, or one with a unit, as in 64m or 1.5g; -1 for no "
			"limit");
	*ret = (int64_t)(value * factor);
	return RL_OK;
}

static rl_err put_value(struct rl_json_writer *w, const struct limit *l, const char *text)
{
	int64_t number;

	if (l->kind == LIST) {
		rl_json_put(w, l->member, text);
		return RL_OK;
	}
	RL_TRY(l->kind == SIZE ? parse_size(l, text, &number) : parse_number(l, text, &number));
	rl_json_put_i(w, l->member, number);
	return RL_OK;
}

static rl_err from_options(struct rl_arena *a, const struct options *o, const char **ret)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const char *open = NULL, *text;
	size_t len;

	RL_TRY(rl_json_begin(&w, false));
	rl_json_object(&w);
	for (int i = 0; i < LIMITS; i++) {
		if (o->values[i] == NULL)
			continue;
		if (open == NULL || strcmp(open, limits[i].object) != 0) {
			if (open != NULL)
				rl_json_object_end(&w);
			open = limits[i].object;
			rl_json_key(&w, open);
			rl_json_object(&w);
		}
		RL_TRY(put_value(&w, &limits[i], o->values[i]));
	}
	if (open != NULL)
		rl_json_object_end(&w);
	rl_json_object_end(&w);
	RL_TRY(rl_json_end(&w, &text, &len));
	return rl_arena_strn(a, text, len, ret);
}

/* ---- the command ----------------------------------------------------------------------------- */

static bool any_given(const struct options *o)
{
	for (int i = 0; i < LIMITS; i++)
		if (o->values[i] != NULL)
			return true;
	return false;
}

static rl_err from_file(struct rl_arena *a, const struct options *o, struct ct_update_options *u)
{
	size_t len;

	/* As runc has it. */
	if (any_given(o))
		rl_log(RL_LOG_WARNING,
		       "--resources is given: the options for single limits are ignored");
	u->name = o->resources;
	if (strcmp(o->resources, "-") != 0)
		return rl_read_file(a, AT_FDCWD, o->resources, RESOURCES_LIMIT, &u->text, &len);
	u->name = "standard input";
	return rl_wrap(rl_read_fd(a, STDIN_FILENO, RESOURCES_LIMIT, &u->text, &len), "read %s",
		       u->name);
}

static rl_err run_update(const struct cli_call *call, int *ret_status)
{
	const struct options *o = call->options;
	struct ct_update_options update = { .name = "options",
					    .l3_cache_schema = o->l3_cache_schema,
					    .mem_bw_schema = o->mem_bw_schema };

	(void)ret_status;
	if (o->resources != NULL)
		RL_TRY(from_file(call->arena, o, &update));
	else if (any_given(o) || o->l3_cache_schema != NULL || o->mem_bw_schema != NULL)
		RL_TRY(from_options(call->arena, o, &update.text));
	else
		return rl_hint(rl_refuse(RL_E(EINVAL), "update: no limit is given"),
			       "see `runlet update --help`");
	return ct_update(call->arena, call->globals->root, call->words->items[0], &update);
}

static const struct cli_option update_options[] = {
	{ "resources", 'r', CLI_TEXT, O(resources), "FILE", "a linux.resources object; -: stdin" },
#define LIMIT(id, name, kind, object, member, help) \
	{ name, 0, CLI_TEXT, O(values[id]), #kind, help },
	FOR_EACH_LIMIT(LIMIT)
#undef LIMIT
		{ "l3-cache-schema", 0, CLI_TEXT, O(l3_cache_schema), "SCHEMA",
		  "L3 cache of its class" },
	{ "mem-bw-schema", 0, CLI_TEXT, O(mem_bw_schema), "SCHEMA", "bandwidth of its class" },
	{ 0 },
};

const struct cli_command cli_update = {
	.name = "update",
	.words = "CONTAINER",
	.help = "change the limits of a container",
	.options = update_options,
	.least_words = 1,
	.most_words = 1,
	.run = run_update,
};
_Static_assert(sizeof(struct options) <= sizeof(union cli_options), "room for the options");

/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/process.h"

#include <string.h>

/* The most CPUs that Linux can be built for, on any architecture. */
#define CPU_LIMIT 8192

/* A decimal number below CPU_LIMIT; NULL if there is none. */
static const char *parse_cpu(const char *s, unsigned *ret)
{
	unsigned value = 0;

	if (*s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		value = value * 10 + (unsigned)(*s - '0');
		if (value >= CPU_LIMIT)
			return NULL;
	}
	*ret = value;
	return s;
}

rl_err plan_cpus_parse(struct rl_arena *a, const char *what, const char *text,
		       struct plan_cpus *ret)
{
	uint8_t bits[CPU_LIMIT / 8] = { 0 }, *copy;
	const char *at = text;
	unsigned first = 0, last, highest = 0;
	size_t bytes;

	for (;;) {
		at = parse_cpu(at, &first);
		last = first;
		if (at != NULL && *at == '-')
			at = parse_cpu(at + 1, &last);
		if (at == NULL || last < first || (*at != ',' && *at != '\0'))
			return rl_hint(rl_refuse(RL_E(EINVAL), "%s: \"%s\" is no list of numbers",
						 what, text),
				       "for example \"0-3,7\"; numbers are below %d", CPU_LIMIT);
		for (unsigned cpu = first; cpu <= last; cpu++)
			bits[cpu / 8] |= (uint8_t)(1u << cpu % 8);
		if (last > highest)
			highest = last;
		if (*at == '\0')
			break;
		at++;
	}
	bytes = (highest / 64 + 1) * 8;
	RL_TRY(rl_new_array(a, bytes, &copy));
	memcpy(copy, bits, bytes);
	ret->bits = copy;
	ret->bytes = bytes;
	return RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* events: what a container uses and suffers, one JSON object a line. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_INTERVAL_MS 5000
#define LONGEST_MS ((double)INT64_MAX / 4)

struct options {
	const char *interval;
	bool stats;
};

#define O(field) offsetof(struct options, field)

/* The longest name first where one begins with another. */
static const struct {
	const char *name;
	double ms;
} units[] = {
	{ "ns", 1e-6 }, { "us", 1e-3 }, { "ms", 1 }, { "s", 1e3 }, { "m", 6e4 }, { "h", 3.6e6 },
};

static bool parse_part(const char **at, double *ms)
{
	size_t digits = strspn(*at, "0123456789.");
	char number[32], *end;
	double value;

	if (digits == 0 || digits >= sizeof(number))
		return false;
	memcpy(number, *at, digits);
	number[digits] = '\0';
	value = strtod(number, &end);
	if (*end != '\0')
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].name);

		if (strncmp(*at + digits, units[i].name, len) != 0)
			continue;
		*ms += value * units[i].ms;
		*at += digits + len;
		return true;
	}
	return false;
}

/* As Go writes durations: "5s", "100ms", "1m30s". */
static rl_err parse_interval(const char *text, int64_t *ret_ms)
{
	const char *at = text;
	double ms = 0;

	*ret_ms = DEFAULT_INTERVAL_MS;
	if (text == NULL)
		return RL_OK;
	while (*at != '\0')
		if (!parse_part(&at, &ms))
			break;
	if (at == text || *at != '\0' || ms < 1 || ms > LONGEST_MS)
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "option --interval: \"%s\" is not a time of at least a "
					 "millisecond",
					 text),
			       "as in 500ms, 5s or 1m30s");
	*ret_ms = (int64_t)ms;
	return RL_OK;
}

static rl_err print_line(void *context, const char *line, size_t len)
{
	(void)context;
	printf("%.*s\n", (int)len, line);
	return rl_sys(fflush(stdout), "write to standard output");
}

static rl_err run_events(const struct cli_call *call, int *ret_status)
{
	const struct options *o = call->options;
	struct ct_event_options events = { .once = o->stats, .emit = print_line };

	(void)ret_status;
	RL_TRY(parse_interval(o->interval, &events.interval_ms));
	return ct_events(call->arena, call->globals->root, call->words->items[0], &events);
}

static const struct cli_option options[] = {
	{ "interval", 0, CLI_TEXT, O(interval), "TIME", "time between statistics (default 5s)" },
	{ "stats", 0, CLI_FLAG, O(stats), NULL, "print statistics once and end" },
	{ 0 },
};

const struct cli_command cli_events = {
	.name = "events",
	.words = "CONTAINER",
	.help = "print statistics and out-of-memory events as JSON",
	.options = options,
	.least_words = 1,
	.most_words = 1,
	.run = run_events,
};

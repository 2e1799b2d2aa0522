/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checked configuration out of a text for tests: single quotes stand for double ones. It lives
 * until the next call.
 */
#pragma once

#include "oci/read.h"
#include "test.h"

#include <stdarg.h>

static struct rl_arena fixture_arena;

RL_PRINTF(1, 2) static inline const struct oci_config *config_of(const char *fmt, ...)
{
	static char text[65536];
	const struct oci_config *config = NULL;
	struct oci_problems problems = oci_problems_in(&fixture_arena);
	va_list ap;
	rl_err e;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *c = text; *c != '\0'; c++)
		if (*c == '\'')
			*c = '"';
	rl_arena_free(&fixture_arena);
	rl_drop(rl_arena_new(8 << 20, &fixture_arena));
	e = oci_config_read(&problems, "test.json", text, strlen(text), &config);
	if (rl_failed(e)) {
		printf("# %s\n# %s\n", text, rl_text(e));
		rl_drop(e);
		fflush(stdout);
		abort();
	}
	return config;
}

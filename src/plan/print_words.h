/* SPDX-License-Identifier: Apache-2.0 */
/* Small pieces of plan_print(). */
#pragma once

#include "plan/furnish.h"

#include <stdio.h>

struct plan_word {
	uint64_t bits;
	const char *name;
};

/* " word word"; bits that have no word as one number. */
void plan_put_words(FILE *to, uint64_t bits, const struct plan_word *words, size_t count);
/* Quoted and escaped, so that any value stays on its line. */
void plan_put_quoted(FILE *to, const char *text);
void plan_print_furnish(const struct plan_furnish *f, FILE *to);

// SPDX-License-Identifier: Apache-2.0
//
// From samples to figures, and the three forms in which they are shown.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cases.h"

enum { REPORT_CASES = 16 };

struct report_samples {
	double *values;
	size_t count, room;
};

struct report_figures {
	size_t count; // 0: this runtime did not take part in this case
	double best, median, p90;
};

struct report_probe {
	bool known;
	unsigned long syscalls;
	long peak_rss_kib;
};

struct report {
	const struct cases_runtime *runtimes;
	size_t runtime_count;
	struct report_figures figures[REPORT_CASES][FIXTURE_RUNTIMES];
	struct report_probe probes[CASES_PROBES][FIXTURE_RUNTIMES];
};

bool report_add(struct report_samples *s, double value);
struct report_figures report_figures(struct report_samples *s, bool more_is_better);

// The first runtime of this kind, or -1.
int report_find(const struct report *r, enum cases_kind kind);

void report_text(const struct report *r, FILE *out);
void report_goals(const struct report *r, FILE *out, bool json);
void report_json(const struct report *r, FILE *out);
void report_chart(const struct report *r, FILE *out);

// SPDX-License-Identifier: Apache-2.0

#include "report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

bool report_add(struct report_samples *s, double value)
{
	if (s->count == s->room) {
		size_t room = s->room > 0 ? 2 * s->room : 64;
		double *values = realloc(s->values, room * sizeof *values);
		if (values == NULL)
			return false;
		s->values = values;
		s->room = room;
	}
	s->values[s->count++] = value;
	return true;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct report_figures report_figures(struct report_samples *s, bool more_is_better)
{
	struct report_figures f = { .count = s->count };

	if (s->count == 0)
		return f;
	qsort(s->values, s->count, sizeof *s->values, compare);
	f.median = (s->values[(s->count - 1) / 2] + s->values[s->count / 2]) / 2;
	f.best = more_is_better ? s->values[s->count - 1] : s->values[0];
	f.p90 = s->values[more_is_better ? s->count / 10 : s->count - 1 - s->count / 10];
	return f;
}

int report_find(const struct report *r, enum cases_kind kind)
{
	for (size_t i = 0; i < r->runtime_count; i++)
		if (r->runtimes[i].kind == kind)
			return (int)i;
	return -1;
}

// What of the runtime is given as a multiple of what of the reference.
enum measure { MEDIANS, MINIMA };

// 0 when one of the two is missing.
static double ratio(const struct report *r, size_t which, int runtime, enum cases_kind reference,
		    enum measure measure)
{
	int base = report_find(r, reference);

	if (runtime < 0 || base < 0 || r->figures[which][runtime].count == 0 ||
	    r->figures[which][base].count == 0)
		return 0;
	const struct report_figures *a = &r->figures[which][runtime];
	const struct report_figures *b = &r->figures[which][base];
	return measure == MEDIANS ? a->median / b->median : a->best / b->best;
}

static void print_ratio(FILE *out, double value)
{
	if (value > 0)
		fprintf(out, "  %8.2f", value);
	else
		fprintf(out, "  %8s", "-");
}

static void text_case(const struct report *r, size_t which, FILE *out)
{
	const struct cases_case *c = &cases_all[which];

	fprintf(out, "%-34s %5s  %8s  %8s  %8s  %8s  %8s\n", c->title, "n",
		c->more_is_better ? "max" : "min", "median", c->more_is_better ? "p10" : "p90",
		"x floor", "x crun");
	for (size_t i = 0; i < r->runtime_count; i++) {
		const struct report_figures *f = &r->figures[which][i];
		if (f->count == 0)
			continue;
		fprintf(out, "  %-32s %5zu  %8.2f  %8.2f  %8.2f", r->runtimes[i].name, f->count,
			f->best, f->median, f->p90);
		print_ratio(out, ratio(r, which, (int)i, CASES_FLOOR, MEDIANS));
		print_ratio(out, ratio(r, which, (int)i, CASES_CRUN, MEDIANS));
		fprintf(out, "  %s\n", c->unit);
	}
	fprintf(out, "\n");
}

static bool any_figures(const struct report *r, size_t which)
{
	for (size_t i = 0; i < r->runtime_count; i++)
		if (r->figures[which][i].count > 0)
			return true;
	return false;
}

static void text_probes(const struct report *r, FILE *out)
{
	fprintf(out, "%-34s %14s  %14s\n", "one process tree", "system calls", "peak RSS, KiB");
	for (size_t p = 0; p < CASES_PROBES; p++)
		for (size_t i = 0; i < r->runtime_count; i++)
			if (r->probes[p][i].known)
				fprintf(out, "  %-8s %-23s %14lu  %14ld\n", cases_probe_names[p],
					r->runtimes[i].name, r->probes[p][i].syscalls,
					r->probes[p][i].peak_rss_kib);
	fprintf(out, "\n");
}

void report_text(const struct report *r, FILE *out)
{
	struct utsname machine;

	if (uname(&machine) == 0)
		fprintf(out, "Linux %s %s, %ld cores\n", machine.release, machine.machine,
			sysconf(_SC_NPROCESSORS_ONLN));
	for (size_t i = 0; i < r->runtime_count; i++)
		if (r->runtimes[i].version[0] != '\0')
			fprintf(out, "%s: %s\n", r->runtimes[i].name, r->runtimes[i].version);
	fprintf(out, "\n");
	for (size_t c = 0; c < cases_count; c++)
		if (any_figures(r, c))
			text_case(r, c, out);
	text_probes(r, out);
}

struct goal {
	const char *text;
	double limit;
	const char *name; // of a case, or NULL for one of the probes
	enum cases_kind reference;
	enum { RATIO, RSS, SYSCALLS } what;
};

static const struct goal goals[] = {
	{ "run without cgroups, times the floor", 1.40, "run", CASES_FLOOR, RATIO },
	{ "run without cgroups, times crun", 0.40, "run", CASES_CRUN, RATIO },
	{ "create + start + delete, times crun", 0.40, "steps", CASES_CRUN, RATIO },
	{ "exec, times crun", 0.35, "exec", CASES_CRUN, RATIO },
	{ "state, times crun", 0.25, "state", CASES_CRUN, RATIO },
	{ "peak RSS of a run, KiB", 1228.8, NULL, CASES_RUNLET, RSS },
	{ "system calls of a run", 250, NULL, CASES_RUNLET, SYSCALLS },
};

// 0: not measured.
static double goal_value(const struct report *r, const struct goal *g, enum measure measure)
{
	int runlet = report_find(r, CASES_RUNLET);

	if (runlet < 0)
		return 0;
	if (g->what != RATIO) {
		const struct report_probe *p = &r->probes[CASES_PROBE_RUN][runlet];
		return !p->known	? 0
		       : g->what == RSS ? (double)p->peak_rss_kib
					: (double)p->syscalls;
	}
	for (size_t c = 0; c < cases_count; c++)
		if (strcmp(cases_all[c].name, g->name) == 0)
			return ratio(r, c, runlet, g->reference, measure);
	return 0;
}

static const char *goal_verdict(const struct goal *g, double value)
{
	if (value <= 0)
		return "not measured";
	return value <= g->limit ? "met" : "not met";
}

static void goal_text(const struct goal *g, double medians, double minima, FILE *out)
{
	fprintf(out, "  %-38s %9.2f  ", g->text, g->limit);
	if (medians > 0)
		fprintf(out, "%9.2f  %9.2f  %s\n", medians, minima, goal_verdict(g, medians));
	else
		fprintf(out, "%9s  %9s  %s\n", "-", "-", goal_verdict(g, medians));
}

static void goal_json(const struct goal *g, double medians, double minima, FILE *out)
{
	fprintf(out, "\n    {\"goal\": \"%s\", \"at_most\": %.2f, ", g->text, g->limit);
	if (medians > 0)
		fprintf(out, "\"medians\": %.3f, \"minima\": %.3f, ", medians, minima);
	fprintf(out, "\"verdict\": \"%s\"}", goal_verdict(g, medians));
}

// The verdict is about the medians. On a busy machine the minima say more about the programs.
void report_goals(const struct report *r, FILE *out, bool json)
{
	if (!json)
		fprintf(out, "%-40s %9s  %9s  %9s\n", "goals", "at most", "medians", "minima");
	for (size_t i = 0; i < sizeof goals / sizeof *goals; i++) {
		double medians = goal_value(r, &goals[i], MEDIANS);
		double minima = goal_value(r, &goals[i], MINIMA);
		if (json && i > 0)
			fputc(',', out);
		(json ? goal_json : goal_text)(&goals[i], medians, minima, out);
	}
}

// Versions come from the programs measured; names from the command line.
static void json_string(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		if ((unsigned char)*s >= ' ')
			fputc(*s, out);
	}
	fputc('"', out);
}

static void json_results(const struct report *r, size_t which, FILE *out)
{
	const char *separator = "";

	for (size_t i = 0; i < r->runtime_count; i++) {
		const struct report_figures *f = &r->figures[which][i];
		if (f->count == 0)
			continue;
		fprintf(out, "%s\n      {\"runtime\": ", separator);
		json_string(out, r->runtimes[i].name);
		fprintf(out,
			", \"n\": %zu, \"best\": %.4f, \"median\": %.4f, \"p90\": %.4f, "
			"\"x_floor\": %.3f, \"x_crun\": %.3f}",
			f->count, f->best, f->median, f->p90,
			ratio(r, which, (int)i, CASES_FLOOR, MEDIANS),
			ratio(r, which, (int)i, CASES_CRUN, MEDIANS));
		separator = ",";
	}
}

static void json_probes(const struct report *r, FILE *out)
{
	const char *separator = "";

	for (size_t p = 0; p < CASES_PROBES; p++) {
		for (size_t i = 0; i < r->runtime_count; i++) {
			const struct report_probe *probe = &r->probes[p][i];
			if (!probe->known)
				continue;
			fprintf(out, "%s\n    {\"command\": \"%s\", \"runtime\": ", separator,
				cases_probe_names[p]);
			json_string(out, r->runtimes[i].name);
			fprintf(out, ", \"syscalls\": %lu, \"peak_rss_kib\": %ld}", probe->syscalls,
				probe->peak_rss_kib);
			separator = ",";
		}
	}
}

void report_json(const struct report *r, FILE *out)
{
	struct utsname machine = { 0 };
	const char *separator = "";

	uname(&machine);
	fprintf(out, "{\n  \"machine\": {\"kernel\": \"%s\", \"arch\": \"%s\", \"cores\": %ld},\n",
		machine.release, machine.machine, sysconf(_SC_NPROCESSORS_ONLN));
	fprintf(out, "  \"runtimes\": [");
	for (size_t i = 0; i < r->runtime_count; i++) {
		fprintf(out, "%s\n    {\"name\": ", i > 0 ? "," : "");
		json_string(out, r->runtimes[i].name);
		fprintf(out, ", \"version\": ");
		json_string(out, r->runtimes[i].version);
		fputc('}', out);
	}
	fprintf(out, "\n  ],\n  \"cases\": [");
	for (size_t c = 0; c < cases_count; c++) {
		if (!any_figures(r, c))
			continue;
		fprintf(out,
			"%s\n    {\"case\": \"%s\", \"title\": \"%s\", \"unit\": \"%s\", "
			"\"results\": [",
			separator, cases_all[c].name, cases_all[c].title, cases_all[c].unit);
		json_results(r, c, out);
		fprintf(out, "\n    ]}");
		separator = ",";
	}
	fprintf(out, "\n  ],\n  \"probes\": [");
	json_probes(r, out);
	fprintf(out, "\n  ],\n  \"goals\": [");
	report_goals(r, out, true);
	fprintf(out, "\n  ]\n}\n");
}

// SPDX-License-Identifier: Apache-2.0
//
// Compares container runtimes with each other and with the floor, in one interleaved session:
// every iteration measures every case with every runtime before the next iteration begins, so
// that a slow minute of the machine is everybody's slow minute.
//
// It prints figures and never judges: the exit status says only whether the measuring worked.

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "report.h"

enum {
	GIVE_UP_AFTER = 3, // failures of one runtime in one case
	// Between two measurements the kernel gets time to finish what the last one left to it,
	// above all the removal of a network namespace, which goes on long after the container has
	// ended.
	SETTLE_US = 5000,
};

struct session {
	struct fixture fixture;
	struct cases_runtime runtimes[FIXTURE_RUNTIMES];
	size_t runtime_count;
	bool selected[REPORT_CASES];
	bool some_selected;
	unsigned iterations;
	const char *out_dir, *payloads;
	struct report_samples samples[REPORT_CASES][FIXTURE_RUNTIMES];
	unsigned failures[REPORT_CASES][FIXTURE_RUNTIMES];
	struct report report;
};

static volatile sig_atomic_t stopped;

static void on_stop(int signal)
{
	stopped = signal;
}

static const char usage[] =
	"usage: bench [OPTION]...\n"
	"  --iterations N       how often everything is measured (default 200)\n"
	"  --runtime NAME=PATH  a runtime to measure; may be repeated, the order is kept\n"
	"  --floor PATH         the floor program\n"
	"  --payloads DIR       the directory of the programs `true` and `pause`\n"
	"  --case NAME          measure only this case; may be repeated\n"
	"  --out DIR            also write bench.txt, bench.json and bench.svg there\n";

static bool add_runtime(struct session *s, const char *name, size_t name_length, const char *path,
			enum cases_kind kind)
{
	struct cases_runtime *r = &s->runtimes[s->runtime_count];
	char full[PATH_MAX];

	if (s->runtime_count == FIXTURE_RUNTIMES || name_length == 0 ||
	    name_length >= sizeof r->name || realpath(path, full) == NULL ||
	    strlen(full) >= sizeof r->path) {
		fprintf(stderr, "bench: cannot use %s as a runtime: %s\n", path, strerror(errno));
		return false;
	}
	memcpy(r->name, name, name_length);
	strcpy(r->path, full);
	r->kind = kind;
	r->index = (unsigned)s->runtime_count++;
	return true;
}

static bool select_case(struct session *s, const char *name)
{
	for (size_t c = 0; c < cases_count; c++) {
		if (strcmp(cases_all[c].name, name) == 0) {
			s->selected[c] = s->some_selected = true;
			return true;
		}
	}
	fprintf(stderr, "bench: no case '%s'; there are:", name);
	for (size_t c = 0; c < cases_count; c++)
		fprintf(stderr, " %s", cases_all[c].name);
	fprintf(stderr, "\n");
	return false;
}

static bool take_option(struct session *s, int option)
{
	const char *equals = optarg != NULL ? strchr(optarg, '=') : NULL;

	switch (option) {
	case 'i':
		s->iterations = (unsigned)strtoul(optarg, NULL, 10);
		return s->iterations > 0;
	case 'r':
		return equals != NULL &&
		       add_runtime(s, optarg, (size_t)(equals - optarg), equals + 1, CASES_RUNLET);
	case 'f':
		return add_runtime(s, "floor", 5, optarg, CASES_FLOOR);
	case 'p':
		s->payloads = optarg;
		return true;
	case 'c':
		return select_case(s, optarg);
	case 'o':
		s->out_dir = optarg;
		return true;
	default:
		return false;
	}
}

static bool read_options(struct session *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "iterations", required_argument, NULL, 'i' },
		{ "runtime", required_argument, NULL, 'r' },
		{ "floor", required_argument, NULL, 'f' },
		{ "payloads", required_argument, NULL, 'p' },
		{ "case", required_argument, NULL, 'c' },
		{ "out", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(s, option))
			return false;
	return optind == argc && s->payloads != NULL && s->runtime_count > 0;
}

static bool identify_all(struct session *s)
{
	for (size_t i = 0; i < s->runtime_count; i++) {
		struct cases_runtime *r = &s->runtimes[i];
		if (!cases_identify(r)) {
			fprintf(stderr, "bench: %s does not work: %s --version failed\n", r->name,
				r->path);
			return false;
		}
	}
	return true;
}

static void measure_one(struct session *s, size_t c, size_t i, unsigned iteration)
{
	const struct cases_case *what = &cases_all[c];
	struct cases_runtime *r = &s->runtimes[i];
	double value;

	if (stopped || s->failures[c][i] >= GIVE_UP_AFTER || iteration % what->every != 0 ||
	    !cases_applies(what, r) || (s->some_selected && !s->selected[c]))
		return;
	usleep(SETTLE_US);
	if (!fixture_enter(&s->fixture, r->kind == CASES_CRUN) ||
	    !what->measure(&s->fixture, r, iteration, &value)) {
		s->failures[c][i]++;
		return;
	}
	// The first round fills caches and is thrown away.
	if (iteration > 0 || s->iterations == 1)
		report_add(&s->samples[c][i], value);
}

static void measure_all(struct session *s)
{
	unsigned rounds = s->iterations > 1 ? s->iterations + 1 : 1;

	for (unsigned iteration = 0; iteration < rounds && !stopped; iteration++) {
		for (size_t c = 0; c < cases_count; c++)
			for (size_t i = 0; i < s->runtime_count; i++)
				// Who comes first changes with the iteration: nobody always follows
				// the slowest.
				measure_one(s, c, (i + iteration) % s->runtime_count, iteration);
		if (isatty(2))
			fprintf(stderr, "\r%u/%u", iteration + 1, rounds);
	}
	if (isatty(2))
		fprintf(stderr, "\r           \r");
}

static void look_all(struct session *s)
{
	for (size_t p = 0; p < CASES_PROBES; p++) {
		for (size_t i = 0; i < s->runtime_count && !stopped; i++) {
			struct cases_runtime *r = &s->runtimes[i];
			struct measure_probe probe = { 0 };
			struct report_probe *result = &s->report.probes[p][i];
			if (!fixture_enter(&s->fixture, r->kind == CASES_CRUN))
				continue;
			result->known = cases_look(&s->fixture, r, (enum cases_probe)p, &probe);
			result->syscalls = probe.syscalls;
			result->peak_rss_kib = probe.peak_rss_kib;
		}
	}
}

static void summarize(struct session *s)
{
	s->report.runtimes = s->runtimes;
	s->report.runtime_count = s->runtime_count;
	for (size_t c = 0; c < cases_count; c++)
		for (size_t i = 0; i < s->runtime_count; i++)
			s->report.figures[c][i] =
				report_figures(&s->samples[c][i], cases_all[c].more_is_better);
}

static void write_text(const struct report *r, FILE *out)
{
	report_text(r, out);
	report_goals(r, out, false);
}

static bool write_file(const struct session *s, const char *name,
		       void (*writer)(const struct report *, FILE *))
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", s->out_dir, name);
	FILE *out = fopen(path, "we");
	if (out != NULL) {
		writer(&s->report, out);
		if (fclose(out) == 0)
			return true;
	}
	fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
	return false;
}

static void clean_up(struct session *s)
{
	for (size_t i = 0; i < s->runtime_count; i++) {
		fixture_enter(&s->fixture, s->runtimes[i].kind == CASES_CRUN);
		cases_release(&s->fixture, &s->runtimes[i]);
	}
	unsigned left = measure_reap();
	if (left > 0 && !stopped)
		fprintf(stderr, "bench: the runtimes left %u processes; killed\n", left);
	fixture_remove(&s->fixture);
}

static bool prepare(struct session *s)
{
	struct sigaction stop = { .sa_handler = on_stop };
	char log[FIXTURE_PATH + 8];

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	if (!fixture_make(&s->fixture, s->payloads))
		return false;
	snprintf(log, sizeof log, "%s/log", s->fixture.dir);
	return measure_open(log) && identify_all(s);
}

// What the runtimes said, when something went wrong; the log is removed with everything else.
static void show_log(const struct session *s)
{
	char path[FIXTURE_PATH + 8], line[512];
	unsigned lines = 0;

	snprintf(path, sizeof path, "%s/log", s->fixture.dir);
	FILE *log = fopen(path, "re");
	while (log != NULL && lines++ < 20 && fgets(line, sizeof line, log) != NULL)
		fprintf(stderr, "bench: %s", line);
	if (log != NULL)
		fclose(log);
}

int main(int argc, char **argv)
{
	static struct session s = { .iterations = 200 };
	int result = 1;

	if (!read_options(&s, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	if (geteuid() != 0) {
		fprintf(stderr, "bench: must run as root\n");
		return 1;
	}
	if (prepare(&s)) {
		measure_all(&s);
		look_all(&s);
		result = stopped ? 128 + stopped : 0;
	}
	show_log(&s);
	clean_up(&s);
	if (result != 0)
		return result;
	summarize(&s);
	write_text(&s.report, stdout);
	if (s.out_dir != NULL)
		result = !(write_file(&s, "bench.txt", write_text) &&
			   write_file(&s, "bench.json", report_json) &&
			   write_file(&s, "bench.svg", report_chart));
	return result;
}

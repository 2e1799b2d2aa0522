// SPDX-License-Identifier: Apache-2.0

#include "cases.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const cases_probe_names[CASES_PROBES] = { "run", "exec", "state" };

enum verb { RUN_PLAIN, RUN, CREATE, START, STATE, EXEC, DELETE };

struct command {
	const char *argv[16];
	size_t count;
	char root[FIXTURE_PATH + 64], bundle[FIXTURE_PATH + 64], id[48];
};

static void add(struct command *c, ...)
{
	const char *word;
	va_list words;

	va_start(words, c);
	while ((word = va_arg(words, const char *)) != NULL)
		c->argv[c->count++] = word;
	va_end(words);
	c->argv[c->count] = NULL;
}

static void build_floor(struct command *c, const struct fixture *f, const struct cases_runtime *r)
{
	snprintf(c->root, sizeof c->root, "%s/rootfs", f->dir);
	add(c, r->path, c->root, "/true", NULL);
}

// The command line of `verb` for the container `id` made from the bundle `bundle`.
static void build(struct command *c, const struct fixture *f, const struct cases_runtime *r,
		  enum verb verb, const char *bundle)
{
	static const char *const names[] = {
		[RUN_PLAIN] = "run", [RUN] = "run",   [CREATE] = "create", [START] = "start",
		[STATE] = "state",   [EXEC] = "exec", [DELETE] = "delete",
	};

	c->count = 0;
	if (r->kind == CASES_FLOOR) {
		build_floor(c, f, r);
		return;
	}
	snprintf(c->root, sizeof c->root, "%s/state/%s", f->dir, r->name);
	snprintf(c->bundle, sizeof c->bundle, "%s/%s", f->dir, bundle);
	snprintf(c->id, sizeof c->id, "bench-%s", bundle);
	add(c, r->path, "--root", c->root, NULL);
	if (verb == RUN_PLAIN)
		add(c, "--cgroup-manager", "disabled", NULL);
	add(c, names[verb], NULL);
	if (verb == RUN_PLAIN || verb == RUN || verb == CREATE)
		add(c, "--bundle", c->bundle, NULL);
	if (verb == DELETE)
		add(c, "--force", NULL);
	add(c, c->id, NULL);
	if (verb == EXEC)
		add(c, "/true", NULL);
}

static bool check(const struct command *c, int status)
{
	if (status == 0)
		return true;
	fprintf(stderr, status == MEASURE_TIMED_OUT ? "bench: %s hangs:" : "bench: %s failed (%d):",
		c->argv[0], status);
	for (size_t i = 1; i < c->count; i++)
		fprintf(stderr, " %s", c->argv[i]);
	fprintf(stderr, "\n");
	return false;
}

static bool time_one(struct fixture *f, struct cases_runtime *r, enum verb verb, const char *bundle,
		     double *ret)
{
	struct command c;

	build(&c, f, r, verb, bundle);
	return check(&c, measure_time(c.argv, ret));
}

static bool measure_run_plain(struct fixture *f, struct cases_runtime *r, unsigned i, double *ret)
{
	(void)i;
	return time_one(f, r, RUN_PLAIN, "plain", ret);
}

static bool measure_run(struct fixture *f, struct cases_runtime *r, unsigned i, double *ret)
{
	(void)i;
	return time_one(f, r, RUN, "cg-0", ret);
}

// Three processes, as an engine starts them; the time between them is not counted.
static bool measure_steps(struct fixture *f, struct cases_runtime *r, unsigned i, double *ret)
{
	static const enum verb steps[] = { CREATE, START, DELETE };
	double total = 0, one;
	bool good = true;

	(void)i;
	for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
		good = time_one(f, r, steps[step], "cg-0", &one) && good;
		total += one;
	}
	*ret = total;
	return good;
}

static const char *held_bundle(const struct cases_runtime *r, char name[32])
{
	snprintf(name, 32, "hold-%u", r->index % FIXTURE_RUNTIMES);
	return name;
}

static bool measure_exec(struct fixture *f, struct cases_runtime *r, unsigned i, double *ret)
{
	char name[32];

	(void)i;
	return cases_hold(f, r) && time_one(f, r, EXEC, held_bundle(r, name), ret);
}

static bool measure_state(struct fixture *f, struct cases_runtime *r, unsigned i, double *ret)
{
	char name[32];

	(void)i;
	return cases_hold(f, r) && time_one(f, r, STATE, held_bundle(r, name), ret);
}

// Runs FIXTURE_SLOTS containers, `width` of them at the same time.
static bool run_many(struct fixture *f, struct cases_runtime *r, unsigned width, double *ret)
{
	struct command commands[FIXTURE_SLOTS];
	const char *const *list[FIXTURE_SLOTS];
	char bundle[32];

	for (unsigned i = 0; i < FIXTURE_SLOTS; i++) {
		snprintf(bundle, sizeof bundle, "cg-%u", i);
		build(&commands[i], f, r, RUN, bundle);
		list[i] = commands[i].argv;
	}
	return check(&commands[0], measure_many(list, FIXTURE_SLOTS, width, ret));
}

static bool measure_burst(struct fixture *f, struct cases_runtime *r, unsigned i, double *ret)
{
	(void)i;
	return run_many(f, r, FIXTURE_SLOTS, ret);
}

static bool measure_rate(struct fixture *f, struct cases_runtime *r, unsigned i, double *ret)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	double ms;

	(void)i;
	if (!run_many(f, r, cores > 0 ? (unsigned)cores : 1, &ms))
		return false;
	*ret = FIXTURE_SLOTS / ms * 1e3;
	return true;
}

const struct cases_case cases_all[] = {
	{ .name = "run",
	  .title = "run, without cgroups",
	  .unit = "ms",
	  .without_cgroups = true,
	  .every = 1,
	  .measure = measure_run_plain },
	{ .name = "run-cgroup", .title = "run", .unit = "ms", .every = 1, .measure = measure_run },
	{ .name = "steps",
	  .title = "create + start + delete",
	  .unit = "ms",
	  .every = 1,
	  .measure = measure_steps },
	{ .name = "exec", .title = "exec", .unit = "ms", .every = 1, .measure = measure_exec },
	{ .name = "state", .title = "state", .unit = "ms", .every = 1, .measure = measure_state },
	{ .name = "burst",
	  .title = "32 runs started at once",
	  .unit = "ms",
	  .floor_too = true,
	  .every = 10,
	  .measure = measure_burst },
	{ .name = "rate",
	  .title = "runs per second, all cores busy",
	  .unit = "/s",
	  .more_is_better = true,
	  .floor_too = true,
	  .every = 10,
	  .measure = measure_rate },
};
const size_t cases_count = sizeof cases_all / sizeof *cases_all;
_Static_assert(FIXTURE_SLOTS == 32, "a title of cases_all says so");

bool cases_applies(const struct cases_case *c, const struct cases_runtime *r)
{
	if (r->kind == CASES_FLOOR)
		return c->without_cgroups || c->floor_too;
	return !c->without_cgroups || r->kind != CASES_RUNC;
}

bool cases_identify(struct cases_runtime *r)
{
	const char *const argv[] = { r->path, "--version", NULL };

	if (r->kind == CASES_FLOOR)
		return access(r->path, X_OK) == 0;
	if (!measure_first_line(argv, r->version, sizeof r->version))
		return false;
	r->kind = CASES_RUNLET;
	if (strncmp(r->version, "crun version", 12) == 0)
		r->kind = CASES_CRUN;
	else if (strncmp(r->version, "runc version", 12) == 0)
		r->kind = CASES_RUNC;
	return true;
}

bool cases_hold(struct fixture *f, struct cases_runtime *r)
{
	static const enum verb steps[] = { CREATE, START };
	char name[32];
	double unused;

	for (size_t i = 0; !r->holding && i < sizeof steps / sizeof *steps; i++)
		if (!time_one(f, r, steps[i], held_bundle(r, name), &unused))
			return false;
	r->holding = true;
	return true;
}

void cases_release(struct fixture *f, struct cases_runtime *r)
{
	char name[32];
	double unused;

	if (r->holding)
		time_one(f, r, DELETE, held_bundle(r, name), &unused);
	r->holding = false;
}

bool cases_look(struct fixture *f, struct cases_runtime *r, enum cases_probe which,
		struct measure_probe *ret)
{
	static const enum verb verbs[] = { RUN_PLAIN, EXEC, STATE };
	struct command c;
	char name[32];
	bool plain = which == CASES_PROBE_RUN && r->kind != CASES_RUNC;

	if (r->kind == CASES_FLOOR && which != CASES_PROBE_RUN)
		return false;
	if (which != CASES_PROBE_RUN && !cases_hold(f, r))
		return false;
	if (which == CASES_PROBE_RUN)
		build(&c, f, r, plain ? RUN_PLAIN : RUN, plain ? "plain" : "cg-0");
	else
		build(&c, f, r, verbs[which], held_bundle(r, name));
	return check(&c, measure_probe(c.argv, ret));
}

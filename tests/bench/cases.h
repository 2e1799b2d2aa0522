// SPDX-License-Identifier: Apache-2.0
//
// What is measured: the cases, and how each runtime is called for them.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "fixture.h"
#include "measure.h"

enum cases_kind {
	CASES_FLOOR,  // the floor program: knows one command, without cgroups
	CASES_CRUN,   // needs the cgroup2 mount of a hybrid host hidden
	CASES_RUNC,   // cannot run without cgroups
	CASES_RUNLET, // everything
};

struct cases_runtime {
	char name[32];
	char path[FIXTURE_PATH];
	char version[96];
	enum cases_kind kind;
	unsigned index;
	bool holding; // its long-lived container runs
};

struct cases_case {
	const char *name, *title;
	const char *unit;
	bool more_is_better;
	bool without_cgroups; // runs where cgroups are not used: with the floor, and not with runc
	bool floor_too;	      // the floor takes part for reference, although without cgroups
	unsigned every;	      // measured in every n-th iteration
	// Gives false, and says why on stderr, when the runtime failed.
	bool (*measure)(struct fixture *, struct cases_runtime *, unsigned iteration, double *ret);
};

extern const struct cases_case cases_all[];
extern const size_t cases_count;

enum cases_probe { CASES_PROBE_RUN, CASES_PROBE_EXEC, CASES_PROBE_STATE, CASES_PROBES };
extern const char *const cases_probe_names[CASES_PROBES];

bool cases_identify(struct cases_runtime *r);
bool cases_applies(const struct cases_case *c, const struct cases_runtime *r);

// Starts and removes the container that exec and state work on.
bool cases_hold(struct fixture *f, struct cases_runtime *r);
void cases_release(struct fixture *f, struct cases_runtime *r);

// Gives false where the runtime has no such command.
bool cases_look(struct fixture *f, struct cases_runtime *r, enum cases_probe which,
		struct measure_probe *ret);

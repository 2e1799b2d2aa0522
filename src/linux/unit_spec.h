/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transient scope of systemd as data: what org.freedesktop.systemd1.Manager.StartTransientUnit
 * is told (org.freedesktop.systemd1(5)). Planning fills it in, linux/systemd.h executes it.
 */
#pragma once

#include "base/error.h"

/* One element of a value; which members count depends on the type. */
struct lx_unit_value {
	const char *text;
	uint64_t number;
};

struct lx_unit_property {
	const char *name; /* "MemoryMax" */
	/*
	 * D-Bus signature: "b" "y" "n" "q" "i" "u" "x" "t" (number), "d" (real), "s" (text), "as"
	 * (texts), "ay" (numbers), "a(st)" (text and number each).
	 */
	const char *type;
	double real;
	const struct lx_unit_value *values;
	size_t count;
	/* Our own translation of a limit that is set in the cgroup as well: a systemd too old to
	 * know the property is told the rest. */
	bool optional;
};

struct lx_unit {
	const char *name;  /* "libpod-ID.scope"; NULL: no unit */
	const char *slice; /* "machine.slice" */
	const char *description;
	const char *cgroup; /* where systemd will put it: "/machine.slice/libpod-ID.scope" */
	bool user;	    /* the user's instance of systemd, not the system's */
	const struct lx_unit_property *properties;
	size_t property_count;
};

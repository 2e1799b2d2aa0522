/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transient units of systemd: a scope made around a process, changed and stopped. Each call is one
 * connection to the bus and, after authentication, one round trip, plus the wait for systemd to
 * have done it.
 *
 * Errors of systemd are given in its own words: EEXIST (the unit is there), ENOENT (no such unit),
 * EACCES (not allowed), EINVAL (a property or name it does not take), EIO (the rest).
 */
#pragma once

#include "base/arena.h"
#include "linux/unit_spec.h"

#include <sys/types.h>

/*
 * Starts the unit with `pid` in it and returns when the job is done: the process then is in the
 * unit's cgroup. A dead unit of that name, which systemd has not forgotten yet, is waited for.
 * `bus`: an address (linux/dbus.h).
 */
RL_MUST rl_err lx_unit_start(struct rl_arena *a, const char *bus, const struct lx_unit *unit,
			     pid_t pid);

/* Stops it and returns when it is forgotten; a unit that is not there is success. */
RL_MUST rl_err lx_unit_stop(struct rl_arena *a, const char *bus, const char *name);

/* Sets properties until the unit is stopped. */
RL_MUST rl_err lx_unit_set(struct rl_arena *a, const char *bus, const char *name,
			   const struct lx_unit_property *properties, size_t count);

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/scope.h"

#include "base/io.h"
#include "linux/systemd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rl_err bus_of(struct rl_arena *a, bool user, const char **ret)
{
	const char *address = getenv(user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS");
	const char *directory = getenv("XDG_RUNTIME_DIR");

	*ret = address;
	if (address != NULL && address[0] != '\0')
		return RL_OK;
	if (!user)
		return rl_arena_str(a, "unix:path=/run/dbus/system_bus_socket", ret);
	if (directory == NULL || directory[0] != '/')
		return rl_hint(rl_refuse(RL_E(ENOENT), "there is no bus to the user's systemd: "
						       "neither DBUS_SESSION_BUS_ADDRESS nor "
						       "XDG_RUNTIME_DIR is set"),
			       "log in by a session of systemd-logind, or use --cgroup-manager "
			       "cgroupfs");
	return rl_arena_fmt(a, ret, "unix:path=%s/bus", directory);
}

static rl_err no_bus(rl_err e, bool user)
{
	if (!rl_is(e, RL_E(ENOENT)) && !rl_is(e, RL_E(ECONNREFUSED)))
		return e;
	return rl_hint(e,
		       user ? "is the user's systemd running (`loginctl enable-linger`)? "
			      "--cgroup-manager cgroupfs needs none"
			    : "is this a machine with systemd and D-Bus? --cgroup-manager cgroupfs "
			      "needs neither");
}

/* What the plan says about the place must be so, or limits would be set elsewhere. */
static rl_err check_place(const struct lx_unit *unit, pid_t pid)
{
	char path[32], text[8192], line[4200];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	RL_TRY(rl_read_small(-1, path, text, sizeof(text)));
	snprintf(line, sizeof(line), ":%.4096s\n", unit->cgroup);
	if (strstr(text, line) != NULL)
		return RL_OK;
	text[strcspn(text, "\n")] = '\0';
	return rl_refuse(RL_E(ESTALE), "unit %s: systemd put it at %s instead of %s", unit->name,
			 text, unit->cgroup);
}

rl_err ct_scope_start(struct rl_arena *a, const struct lx_unit *unit, pid_t pid)
{
	const char *bus = NULL;

	RL_TRY(bus_of(a, unit->user, &bus));
	RL_TRY(no_bus(lx_unit_start(a, bus, unit, pid), unit->user));
	return check_place(unit, pid);
}

rl_err ct_scope_stop(struct rl_arena *a, const char *name, bool user)
{
	const char *bus = NULL;

	RL_TRY(bus_of(a, user, &bus));
	return no_bus(lx_unit_stop(a, bus, name), user);
}

rl_err ct_scope_set(struct rl_arena *a, const char *name, bool user,
		    const struct lx_unit_property *properties, size_t count)
{
	const char *bus = NULL;

	if (count == 0)
		return RL_OK;
	RL_TRY(bus_of(a, user, &bus));
	return no_bus(lx_unit_set(a, bus, name, properties, count), user);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd answers a request with a job and tells by the signal JobRemoved how it ended; to those
 * who have subscribed. So everything is sent at once (Hello, AddMatch, Subscribe, the request), and
 * then read until the signal is there. The signals are matched by the unit's name at the bus, and
 * by the job's path here: another job of the same unit is not ours.
 */
#include "linux/systemd.h"

#include "linux/dbus.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define MANAGER SYSTEMD ".Manager"
#define BUS "org.freedesktop.DBus"

/* A job waits behind others; a busy machine may take seconds. */
#define JOB_TIMEOUT_MS 60000
/* systemd forgets a dead unit in the next round of its loop. */
#define FORGET_TIMEOUT_MS 3000

static int64_t after(int timeout_ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + timeout_ms;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void call_bus(struct lx_dbus_out *out, const char *member, const char *argument)
{
	lx_dbus_begin(out, &(struct lx_dbus_call){ BUS, "/org/freedesktop/DBus", BUS, member,
						   argument != NULL ? "s" : "" });
	if (argument != NULL)
		lx_dbus_put_string(out, argument);
	lx_dbus_end(out);
}

static void call_manager(struct lx_dbus_out *out, const char *member, const char *signature)
{
	lx_dbus_begin(out,
		      &(struct lx_dbus_call){ SYSTEMD, SYSTEMD_PATH, MANAGER, member, signature });
}

/* What has to come first on a connection; with the signals about one unit. */
static rl_err greet(struct rl_arena *a, struct lx_dbus_out *out, const char *unit)
{
	const char *rule;

	call_bus(out, "Hello", NULL);
	if (unit == NULL)
		return RL_OK;
	RL_TRY(rl_arena_fmt(a, &rule,
			    "type='signal',sender='" SYSTEMD "',path='" SYSTEMD_PATH
			    "',interface='" MANAGER "',member='JobRemoved',arg2='%s'",
			    unit));
	call_bus(out, "AddMatch", rule);
	RL_TRY(rl_arena_fmt(a, &rule,
			    "type='signal',sender='" SYSTEMD "',path='" SYSTEMD_PATH
			    "',interface='" MANAGER "',member='UnitRemoved',arg0='%s'",
			    unit));
	call_bus(out, "AddMatch", rule);
	call_manager(out, "Subscribe", "");
	lx_dbus_end(out);
	return RL_OK;
}

/* ---- properties ------------------------------------------------------------------------------ */

static void put_scalar(struct lx_dbus_out *out, char type, const struct lx_unit_value *v,
		       double real)
{
	switch (type) {
	case 'b':
		lx_dbus_put_bool(out, v->number != 0);
		break;
	case 'y':
		lx_dbus_put_byte(out, (uint8_t)v->number);
		break;
	case 'n':
	case 'q':
		lx_dbus_put_u16(out, (uint16_t)v->number);
		break;
	case 'i':
	case 'u':
		lx_dbus_put_u32(out, (uint32_t)v->number);
		break;
	case 'x':
	case 't':
		lx_dbus_put_u64(out, v->number);
		break;
	case 'd':
		lx_dbus_put_double(out, real);
		break;
	default:
		lx_dbus_put_string(out, v->text);
	}
}

static size_t alignment_of(char type)
{
	switch (type) {
	case 'y':
		return 1;
	case 'n':
	case 'q':
		return 2;
	case 'x':
	case 't':
	case 'd':
	case '(':
		return 8;
	default:
		return 4;
	}
}

static void put_property(struct lx_dbus_out *out, const struct lx_unit_property *p)
{
	char type = p->type[0] == 'a' ? p->type[1] : p->type[0];
	size_t array, alignment = alignment_of(type);

	lx_dbus_put_struct(out);
	lx_dbus_put_string(out, p->name);
	lx_dbus_put_signature(out, p->type);
	if (p->type[0] != 'a') {
		put_scalar(out, type, &p->values[0], p->real);
		return;
	}
	array = lx_dbus_begin_array(out, alignment);
	for (size_t i = 0; i < p->count; i++) {
		if (type == '(') {
			lx_dbus_put_struct(out);
			lx_dbus_put_string(out, p->values[i].text);
			lx_dbus_put_u64(out, p->values[i].number);
		} else {
			put_scalar(out, type, &p->values[i], p->real);
		}
	}
	lx_dbus_end_array(out, array, alignment);
}

static void put_text(struct lx_dbus_out *out, const char *name, const char *text)
{
	const struct lx_unit_value v = { .text = text };

	put_property(out, &(struct lx_unit_property){ .name = name, .type = "s", .values = &v });
}

static void put_flag(struct lx_dbus_out *out, const char *name, bool value)
{
	const struct lx_unit_value v = { .number = value };

	put_property(out, &(struct lx_unit_property){ .name = name, .type = "b", .values = &v });
}

/*
 * `without`: the name of an optional property that this systemd does not know. CollectMode lets
 * systemd forget the unit by itself even if it failed, as one does whose process was killed for
 * want of memory.
 */
static void call_start(struct lx_dbus_out *out, const struct lx_unit *unit, pid_t pid,
		       const bool *left_out)
{
	static const char *const accounting[] = { "CPUAccounting", "MemoryAccounting",
						  "IOAccounting", "TasksAccounting" };
	const struct lx_unit_value pids = { .number = (uint64_t)pid };
	size_t properties, units;

	call_manager(out, "StartTransientUnit", "ssa(sv)a(sa(sv))");
	lx_dbus_put_string(out, unit->name);
	lx_dbus_put_string(out, "fail");
	properties = lx_dbus_begin_array(out, 8);
	put_text(out, "Description", unit->description);
	put_text(out, "Slice", unit->slice);
	put_text(out, "CollectMode", "inactive-or-failed");
	put_flag(out, "DefaultDependencies", false);
	put_flag(out, "Delegate", true);
	for (size_t i = 0; i < sizeof(accounting) / sizeof(*accounting); i++)
		put_flag(out, accounting[i], true);
	for (size_t i = 0; i < unit->property_count; i++)
		if (!left_out[i])
			put_property(out, &unit->properties[i]);
	put_property(out, &(struct lx_unit_property){
				  .name = "PIDs", .type = "au", .values = &pids, .count = 1 });
	lx_dbus_end_array(out, properties, 8);
	units = lx_dbus_begin_array(out, 8);
	lx_dbus_end_array(out, units, 8);
	lx_dbus_end(out);
}

/* ---- answers --------------------------------------------------------------------------------- */

static rl_err error_of(struct lx_dbus_message *m)
{
	const struct {
		const char *name;
		struct rl_code code;
	} known[] = {
		{ SYSTEMD ".UnitExists", RL_E(EEXIST) },
		{ SYSTEMD ".NoSuchUnit", RL_E(ENOENT) },
		{ BUS ".Error.AccessDenied", RL_E(EACCES) },
		{ BUS ".Error.InteractiveAuthorizationRequired", RL_E(EACCES) },
		{ BUS ".Error.InvalidArgs", RL_E(EINVAL) },
		{ BUS ".Error.PropertyReadOnly", RL_E(EINVAL) },
	};
	struct rl_code code = RL_E(EIO);
	const char *text = "";

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (m->error != NULL && strcmp(m->error, known[i].name) == 0)
			code = known[i].code;
	if (m->signature[0] == 's')
		RL_TRY(lx_dbus_get_string(m, &text));
	return rl_refuse(code, "systemd: %s (%s)", text, m->error != NULL ? m->error : "?");
}

/* What is known of one request so far. */
struct request {
	uint32_t serial;
	const char *unit;
	char job[256];	 /* "" until the reply came */
	char result[64]; /* "" until the job ended */
	bool replied, forgotten;
};

static rl_err take_signal(struct lx_dbus_message *m, struct request *r)
{
	const char *unit, *job, *result;
	uint32_t id;

	if (m->member == NULL || m->interface == NULL || strcmp(m->interface, MANAGER) != 0)
		return RL_OK;
	if (strcmp(m->member, "UnitRemoved") == 0 && strcmp(m->signature, "so") == 0) {
		RL_TRY(lx_dbus_get_string(m, &unit));
		r->forgotten |= strcmp(unit, r->unit) == 0;
	}
	if (strcmp(m->member, "JobRemoved") == 0 && strcmp(m->signature, "uoss") == 0) {
		RL_TRY(lx_dbus_get_u32(m, &id));
		RL_TRY(lx_dbus_get_string(m, &job));
		RL_TRY(lx_dbus_get_string(m, &unit));
		RL_TRY(lx_dbus_get_string(m, &result));
		if (r->job[0] != '\0' && strcmp(job, r->job) == 0)
			snprintf(r->result, sizeof(r->result), "%s", result);
	}
	return RL_OK;
}

/* One message. An error reply to any of our calls is our error. */
static rl_err step(struct lx_dbus *bus, struct request *r, int64_t deadline)
{
	struct lx_dbus_message m;
	const char *job = "";

	RL_TRY(lx_dbus_receive(bus, deadline, &m));
	if (m.kind == LX_DBUS_ERROR)
		return error_of(&m);
	if (m.kind == LX_DBUS_SIGNAL)
		return take_signal(&m, r);
	if (m.kind == LX_DBUS_REPLY && m.reply_to == r->serial) {
		r->replied = true;
		if (strcmp(m.signature, "o") == 0)
			RL_TRY(lx_dbus_get_string(&m, &job));
		snprintf(r->job, sizeof(r->job), "%s", job);
	}
	return RL_OK;
}

static rl_err wait_job(struct lx_dbus *bus, struct request *r)
{
	int64_t deadline = after(JOB_TIMEOUT_MS);

	while (r->result[0] == '\0') {
		rl_err e = step(bus, r, deadline);

		if (rl_is(e, RL_E(ETIMEDOUT)))
			e = rl_hint(e,
				    "systemd has not finished the job %s; see `systemctl "
				    "list-jobs`",
				    r->job);
		RL_TRY(e);
	}
	if (strcmp(r->result, "done") != 0)
		return rl_hint(rl_refuse(RL_E(EIO), "systemd: the job ended as \"%s\"", r->result),
			       "see `journalctl -u %s`", r->unit);
	return RL_OK;
}

/* Until systemd has forgotten the unit, at most a short while. */
static void wait_forgotten(struct lx_dbus *bus, struct request *r)
{
	int64_t deadline = after(FORGET_TIMEOUT_MS);

	while (!r->forgotten)
		if (rl_drop_failed(step(bus, r, deadline)))
			return;
}

/* ---- starting -------------------------------------------------------------------------------- */

/*
 * "Cannot set property AllowedCPUs, or unknown property.": which of ours that was; false if it was
 * none that may be left out.
 */
static bool leave_out(const struct lx_unit *unit, rl_err e, bool *left_out)
{
	static const char words[] = "Cannot set property ";
	const char *name = strstr(rl_text(e), words);
	size_t len;

	if (name == NULL)
		return false;
	name += strlen(words);
	len = strcspn(name, ",");
	for (size_t i = 0; i < unit->property_count; i++) {
		const struct lx_unit_property *p = &unit->properties[i];

		if (!p->optional || left_out[i] || strlen(p->name) != len ||
		    strncmp(p->name, name, len) != 0)
			continue;
		left_out[i] = true;
		return true;
	}
	return false;
}

static rl_err try_start(struct lx_dbus *bus, struct lx_dbus_out *out, const struct lx_unit *unit,
			pid_t pid, const bool *left_out)
{
	struct request r = { .unit = unit->name };

	call_start(out, unit, pid, left_out);
	r.serial = out->serial;
	RL_TRY(lx_dbus_send(bus, out, after(JOB_TIMEOUT_MS)));
	return wait_job(bus, &r);
}

/* A unit of this name is there. If it has failed, systemd forgets it now; if it is dead, soon. */
static void make_room(struct lx_dbus *bus, struct lx_dbus_out *out, const char *name)
{
	struct request r = { .unit = name };

	call_manager(out, "ResetFailedUnit", "s");
	lx_dbus_put_string(out, name);
	lx_dbus_end(out);
	r.serial = out->serial;
	if (!rl_drop_failed(lx_dbus_send(bus, out, after(FORGET_TIMEOUT_MS))))
		wait_forgotten(bus, &r);
}

rl_err lx_unit_start(struct rl_arena *a, const char *address, const struct lx_unit *unit, pid_t pid)
{
	struct lx_dbus LX_AUTO_DBUS bus = { 0 };
	struct lx_dbus_out out = { .arena = a };
	bool *left_out, made_room = false;

	RL_TRY(rl_new_array(a, unit->property_count + 1, &left_out));
	RL_TRY(lx_dbus_connect(address, after(JOB_TIMEOUT_MS), &bus), "unit %s", unit->name);
	RL_TRY(greet(a, &out, unit->name));
	for (;;) {
		rl_err e = try_start(&bus, &out, unit, pid, left_out);

		if (rl_is(e, RL_E(EEXIST)) && !made_room) {
			made_room = true;
			make_room(&bus, &out, unit->name);
		} else if (!leave_out(unit, e, left_out)) {
			if (rl_is(e, RL_E(EEXIST)))
				e = rl_hint(e,
					    "another container has the same cgroupsPath, or "
					    "`systemctl stop %s` was never done",
					    unit->name);
			return rl_wrap(e, "start unit %s", unit->name);
		}
		rl_drop(e);
	}
}

/* ---- stopping, changing ---------------------------------------------------------------------- */

rl_err lx_unit_stop(struct rl_arena *a, const char *address, const char *name)
{
	struct lx_dbus LX_AUTO_DBUS bus = { 0 };
	struct lx_dbus_out out = { .arena = a };
	struct request r = { .unit = name };
	rl_err e;

	RL_TRY(lx_dbus_connect(address, after(JOB_TIMEOUT_MS), &bus), "stop unit %s", name);
	RL_TRY(greet(a, &out, name));
	call_manager(&out, "StopUnit", "ss");
	lx_dbus_put_string(&out, name);
	lx_dbus_put_string(&out, "replace");
	lx_dbus_end(&out);
	r.serial = out.serial;
	RL_TRY(lx_dbus_send(&bus, &out, after(JOB_TIMEOUT_MS)));
	e = wait_job(&bus, &r);
	if (rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e, "stop unit %s", name);
	wait_forgotten(&bus, &r);
	return RL_OK;
}

rl_err lx_unit_set(struct rl_arena *a, const char *address, const char *name,
		   const struct lx_unit_property *properties, size_t count)
{
	struct lx_dbus LX_AUTO_DBUS bus = { 0 };
	struct lx_dbus_out out = { .arena = a };
	struct request r = { .unit = name };
	size_t array;

	RL_TRY(lx_dbus_connect(address, after(JOB_TIMEOUT_MS), &bus), "change unit %s", name);
	RL_TRY(greet(a, &out, NULL));
	call_manager(&out, "SetUnitProperties", "sba(sv)");
	lx_dbus_put_string(&out, name);
	lx_dbus_put_bool(&out, true); /* until the next boot, not for ever */
	array = lx_dbus_begin_array(&out, 8);
	for (size_t i = 0; i < count; i++)
		put_property(&out, &properties[i]);
	lx_dbus_end_array(&out, array, 8);
	lx_dbus_end(&out);
	r.serial = out.serial;
	RL_TRY(lx_dbus_send(&bus, &out, after(JOB_TIMEOUT_MS)));
	while (!r.replied)
		RL_TRY(step(&bus, &r, after(JOB_TIMEOUT_MS)), "change unit %s", name);
	return RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages byte by byte, and systemd's part played by a child process: the answers that a real one
 * gives seldom, and those that it should never give.
 */
#include "linux/dbus.h"
#include "linux/systemd.h"
#include "test.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct rl_arena *arena(void)
{
	static struct rl_arena a;

	if (a.base == NULL)
		rl_drop(rl_arena_new((size_t)64 << 20, &a));
	return &a;
}

static int64_t soon(int ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + ms;
}

/* ---- messages -------------------------------------------------------------------------------- */

TEST(a_call_as_the_specification_has_it)
{
	/* Hello of the specification's own example, from libdbus, without a sender. */
	static const uint8_t hello[] = "l\1\0\1\0\0\0\0\1\0\0\0\x6d\0\0\0"
				       "\1\1o\0\x15\0\0\0/org/freedesktop/DBus\0\0\0"
				       "\2\1s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0"
				       "\3\1s\0\5\0\0\0Hello\0\0\0"
				       "\6\1s\0\x14\0\0\0org.freedesktop.DBus\0\0\0";
	struct lx_dbus_out out = { .arena = arena() };

	lx_dbus_begin(&out, &(struct lx_dbus_call){ "org.freedesktop.DBus", "/org/freedesktop/DBus",
						    "org.freedesktop.DBus", "Hello", "" });
	lx_dbus_end(&out);
	CHECK_INT(out.len, sizeof(hello));
	CHECK(memcmp(out.bytes, hello, sizeof(hello)) == 0);
	CHECK_INT(out.serial, 1);
}

TEST(arguments_are_aligned)
{
	struct lx_dbus_out out = { .arena = arena() };
	size_t array;

	lx_dbus_begin(&out, &(struct lx_dbus_call){ NULL, "/", "a.b", "c", "yqtas" });
	lx_dbus_put_byte(&out, 1);
	lx_dbus_put_u16(&out, 2);
	lx_dbus_put_u64(&out, 3);
	array = lx_dbus_begin_array(&out, 4);
	lx_dbus_put_string(&out, "xy");
	lx_dbus_put_string(&out, "z");
	lx_dbus_end_array(&out, array, 4);
	lx_dbus_end(&out);
	CHECK_INT(out.body % 8, 0);
	/* y . q . . . . | t | length of the array, "xy", padding, "z" */
	CHECK(memcmp(out.bytes + out.body,
		     "\1\0\2\0\0\0\0\0\3\0\0\0\0\0\0\0\x0e\0\0\0\2\0\0\0xy\0\0\1\0\0\0z\0",
		     34) == 0);
	CHECK_INT(out.len - out.body, 34);
	CHECK_INT(out.bytes[4], 34);
	/* An array of structs begins at 8, and that padding does not count. */
	lx_dbus_begin(&out, &(struct lx_dbus_call){ NULL, "/", "a.b", "c", "a(s)" });
	array = lx_dbus_begin_array(&out, 8);
	lx_dbus_put_struct(&out);
	lx_dbus_put_string(&out, "x");
	lx_dbus_end_array(&out, array, 8);
	lx_dbus_end(&out);
	CHECK(memcmp(out.bytes + out.body, "\6\0\0\0\0\0\0\0\1\0\0\0x", 14) == 0);
	CHECK_INT(out.serial, 2);
}

/* ---- the other side -------------------------------------------------------------------------- */

/* What is sent in answer to the request with the word in it. */
struct line {
	const char *member; /* of the request that this follows */
	enum lx_dbus_kind kind;
	const char *name;      /* of the error or signal */
	const char *signature; /* of the body: u, o and s only */
	const char *const *arguments;
	const char *raw; /* instead of all that: these bytes */
	size_t raw_len;
};

static char socket_path[64];
static int listener = -1;

static void put_field(struct lx_dbus_out *out, uint8_t code, const char *type, const char *text,
		      uint32_t number)
{
	lx_dbus_put_struct(out);
	lx_dbus_put_byte(out, code);
	lx_dbus_put_signature(out, type);
	if (type[0] == 'u')
		lx_dbus_put_u32(out, number);
	else if (type[0] == 'g')
		lx_dbus_put_signature(out, text);
	else
		lx_dbus_put_string(out, text);
}

static void answer(struct lx_dbus_out *out, const struct line *l, uint32_t serial)
{
	uint8_t *start;
	size_t fields, body;
	uint32_t size;

	out->start = out->len;
	lx_dbus_put_byte(out, 'l');
	lx_dbus_put_byte(out, (uint8_t)l->kind);
	lx_dbus_put_byte(out, 0);
	lx_dbus_put_byte(out, 1);
	lx_dbus_put_u32(out, 0);
	lx_dbus_put_u32(out, 77);
	fields = lx_dbus_begin_array(out, 8);
	if (l->kind == LX_DBUS_SIGNAL) {
		put_field(out, 1, "o", "/org/freedesktop/systemd1", 0);
		put_field(out, 2, "s", "org.freedesktop.systemd1.Manager", 0);
		put_field(out, 3, "s", l->name, 0);
	} else {
		put_field(out, 5, "u", NULL, serial);
	}
	if (l->kind == LX_DBUS_ERROR)
		put_field(out, 4, "s", l->name, 0);
	if (l->signature != NULL)
		put_field(out, 8, "g", l->signature, 0);
	lx_dbus_end_array(out, fields, 8);
	lx_dbus_put_struct(out);
	body = out->len;
	for (size_t i = 0; l->signature != NULL && l->signature[i] != '\0'; i++)
		if (l->signature[i] == 'u')
			lx_dbus_put_u32(out, 1);
		else
			lx_dbus_put_string(out, l->arguments[i]);
	start = out->bytes + out->start;
	size = (uint32_t)(out->len - body);
	memcpy(start + 4, &size, 4);
}

/* Reads requests and plays the lines that follow each; the same member again plays on. */
static void play(int fd, const struct line *lines, size_t count)
{
	uint8_t bytes[65536];
	size_t len = 0, next = 0;
	ssize_t n;

	while ((n = read(fd, bytes + len, sizeof(bytes) - len)) > 0) {
		len += (size_t)n;
		for (;;) {
			struct lx_dbus_out out = { .arena = arena() };
			uint32_t body, serial, fields;
			size_t size;

			if (len < 16)
				break;
			memcpy(&body, bytes + 4, 4);
			memcpy(&serial, bytes + 8, 4);
			memcpy(&fields, bytes + 12, 4);
			size = ((16 + fields + 7) & ~7u) + body;
			if (len < size)
				break;
			while (next < count && memmem(bytes, size, lines[next].member,
						      strlen(lines[next].member))) {
				const struct line *l = &lines[next++];

				if (l->raw != NULL)
					(void)!write(fd, l->raw, l->raw_len);
				else
					answer(&out, l, serial);
				/* The next line may follow the same request, or the next of it. */
				if (next < count && strcmp(lines[next].member, l->member) == 0 &&
				    lines[next].kind != LX_DBUS_SIGNAL)
					break;
			}
			if (out.len > 0)
				(void)!write(fd, out.bytes, out.len);
			memmove(bytes, bytes + size, len - size);
			len -= size;
		}
		if (next == count && count > 0 && lines[count - 1].kind == 0)
			return; /* hangs up */
	}
}

static pid_t daemon_for(const char *greeting, const struct line *lines, size_t count)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	pid_t pid;

	snprintf(socket_path, sizeof(socket_path), "/tmp/runlet-test-dbus-%d", (int)getpid());
	unlink(socket_path);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(listener, 4) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		char text[256];
		int fd = accept(listener, NULL, NULL);
		size_t len = 0;

		/* "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n" */
		while (len < 29) {
			ssize_t n = read(fd, text + len, 29 - len);

			if (n <= 0)
				_exit(1);
			len += (size_t)n;
		}
		if (memcmp(text, "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n", 29) != 0)
			_exit(2);
		(void)!write(fd, greeting, strlen(greeting));
		play(fd, lines, count);
		_exit(0);
	}
	return pid;
}

static void end_daemon(pid_t pid)
{
	close(listener);
	unlink(socket_path);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#define WELCOME "DATA\r\nOK 0123456789abcdef\r\n"
#define JOB "/org/freedesktop/systemd1/job/7"
#define UNIT "box.scope"

static const struct lx_unit_value six = { .number = 6 };
static const struct lx_unit_property properties[] = {
	{ .name = "AllowedCPUs", .type = "ay", .values = &six, .count = 1, .optional = true },
	{ .name = "TasksMax", .type = "t", .values = &six, .count = 1, .optional = true },
	{ .name = "Given", .type = "t", .values = &six, .count = 1 },
};
static const struct lx_unit unit = { .name = UNIT,
				     .slice = "a.slice",
				     .description = "d",
				     .cgroup = "/a.slice/box.scope",
				     .properties = properties,
				     .property_count = 3 };

static const char *const job_words[] = { JOB };
static const char *const done_words[] = { "", JOB, UNIT, "done" };
static const char *const failed_words[] = { "", JOB, UNIT, "timeout" };
static const char *const other_words[] = { "", "/job/8", UNIT, "failed" };
static const char *const removed_words[] = { UNIT, "/u" };

#define REPLY(m)                                   \
	{                                          \
		.member = m, .kind = LX_DBUS_REPLY \
	}
#define JOB_REPLY(m)                                                                         \
	{                                                                                    \
		.member = m, .kind = LX_DBUS_REPLY, .signature = "o", .arguments = job_words \
	}
#define REMOVED(m, words)                                                                       \
	{                                                                                       \
		.member = m, .kind = LX_DBUS_SIGNAL, .name = "JobRemoved", .signature = "uoss", \
		.arguments = words                                                              \
	}
#define FORGOTTEN(m)                                                                           \
	{                                                                                      \
		.member = m, .kind = LX_DBUS_SIGNAL, .name = "UnitRemoved", .signature = "so", \
		.arguments = removed_words                                                     \
	}
#define ERROR(m, n, words)                                                       \
	{                                                                        \
		.member = m, .kind = LX_DBUS_ERROR, .name = n, .signature = "s", \
		.arguments = words                                               \
	}

#define START "StartTransientUnit"
#define SYSTEMD "org.freedesktop.systemd1"

#define PLAY(...)                                                                      \
	const struct line lines_[] = { __VA_ARGS__ };                                  \
	pid_t daemon_ = daemon_for(WELCOME, lines_, sizeof(lines_) / sizeof(*lines_)); \
	CHECK(daemon_ > 0)

TEST(a_unit_is_started_when_its_own_job_is_done)
{
	rl_err e;
	PLAY(REPLY("Hello"), JOB_REPLY(START), REMOVED(START, other_words),
	     REMOVED(START, done_words));

	e = lx_unit_start(arena(), socket_path, &unit, 1);
	end_daemon(daemon_);
	CHECK_OK(e);
}

TEST(a_job_that_fails_is_told_in_systemds_word)
{
	rl_err e;
	PLAY(JOB_REPLY(START), REMOVED(START, failed_words));

	e = lx_unit_start(arena(), socket_path, &unit, 1);
	end_daemon(daemon_);
	CHECK(strstr(rl_hint_text(e), "journalctl -u box.scope") != NULL);
	CHECK_FAILS(e, EIO, "start unit box.scope: systemd: the job ended as \"timeout\"");
}

TEST(a_refusal_is_told_in_systemds_words)
{
	static const char *const words[] = { "Access denied" };
	rl_err e;
	PLAY(ERROR(START, "org.freedesktop.DBus.Error.AccessDenied", words));

	e = lx_unit_start(arena(), socket_path, &unit, 1);
	end_daemon(daemon_);
	CHECK_FAILS(e, EACCES, "start unit box.scope: systemd: Access denied");
}

TEST(a_property_that_is_not_known_is_left_out_if_it_is_ours)
{
	static const char *const words[] = {
		"Cannot set property AllowedCPUs, or unknown property."
	};
	static const char *const given[] = { "Cannot set property Given, or unknown property." };
	rl_err e;
	{
		PLAY(ERROR(START, "org.freedesktop.DBus.Error.PropertyReadOnly", words),
		     JOB_REPLY(START), REMOVED(START, done_words));
		e = lx_unit_start(arena(), socket_path, &unit, 1);
		end_daemon(daemon_);
		CHECK_OK(e);
	}
	{
		PLAY(ERROR(START, "org.freedesktop.DBus.Error.PropertyReadOnly", given));
		e = lx_unit_start(arena(), socket_path, &unit, 1);
		end_daemon(daemon_);
		CHECK_FAILS(e, EINVAL, "Cannot set property Given");
	}
}

TEST(a_dead_unit_of_that_name_is_waited_for)
{
	static const char *const words[] = { "Unit box.scope already exists." };
	rl_err e;
	PLAY(ERROR(START, SYSTEMD ".UnitExists", words), REPLY("ResetFailedUnit"),
	     FORGOTTEN("ResetFailedUnit"), JOB_REPLY(START), REMOVED(START, done_words));

	e = lx_unit_start(arena(), socket_path, &unit, 1);
	end_daemon(daemon_);
	CHECK_OK(e);
}

TEST(a_living_unit_of_that_name_is_an_error)
{
	static const char *const words[] = { "Unit box.scope already exists." };
	rl_err e;
	PLAY(ERROR(START, SYSTEMD ".UnitExists", words), REPLY("ResetFailedUnit"),
	     FORGOTTEN("ResetFailedUnit"), ERROR(START, SYSTEMD ".UnitExists", words));

	e = lx_unit_start(arena(), socket_path, &unit, 1);
	end_daemon(daemon_);
	CHECK(strstr(rl_hint_text(e), "cgroupsPath") != NULL);
	CHECK_FAILS(e, EEXIST, "already exists");
}

TEST(stopping_ends_when_the_unit_is_forgotten)
{
	static const char *const words[] = { "Unit box.scope not loaded." };
	rl_err e;
	{
		PLAY(JOB_REPLY("StopUnit"), REMOVED("StopUnit", done_words), FORGOTTEN("StopUnit"));
		e = lx_unit_stop(arena(), socket_path, UNIT);
		end_daemon(daemon_);
		CHECK_OK(e);
	}
	{
		PLAY(ERROR("StopUnit", SYSTEMD ".NoSuchUnit", words));
		e = lx_unit_stop(arena(), socket_path, UNIT);
		end_daemon(daemon_);
		CHECK_OK(e);
	}
}

TEST(properties_are_set)
{
	static const char *const words[] = { "no" };
	rl_err e;
	{
		PLAY(REPLY("SetUnitProperties"));
		e = lx_unit_set(arena(), socket_path, UNIT, properties, 3);
		end_daemon(daemon_);
		CHECK_OK(e);
	}
	{
		PLAY(ERROR("SetUnitProperties", "org.freedesktop.DBus.Error.InvalidArgs", words));
		e = lx_unit_set(arena(), socket_path, UNIT, properties, 3);
		end_daemon(daemon_);
		CHECK_FAILS(e, EINVAL, "change unit box.scope: systemd: no");
	}
}

/* ---- a bus that misbehaves ------------------------------------------------------------------- */

TEST(a_bus_that_refuses_or_is_none)
{
	struct lx_dbus bus;
	rl_err e;
	pid_t pid = daemon_for("REJECTED EXTERNAL\r\n", NULL, 0);

	e = lx_dbus_connect(socket_path, soon(5000), &bus);
	end_daemon(pid);
	CHECK_FAILS(e, EACCES, "the bus refuses us: REJECTED");
	CHECK_FAILS(lx_dbus_connect("/nonexistent/bus", soon(100), &bus), ENOENT, "connect to");
	CHECK_FAILS(lx_dbus_connect("tcp:host=x", soon(100), &bus), ENOENT, "connect to");
	CHECK_FAILS(lx_dbus_connect("unix:tmpdir=/x", soon(100), &bus), EAFNOSUPPORT,
		    "bus address");
	CHECK_FAILS(lx_dbus_connect("", soon(100), &bus), EINVAL, "bus address");
	CHECK_FAILS(lx_dbus_connect("unix:path=/a%20b", soon(100), &bus), EINVAL, "bus address");
}

TEST(addresses_with_more_in_them)
{
	struct lx_dbus LX_AUTO_DBUS bus = { 0 };
	char address[128];
	rl_err e;
	pid_t pid = daemon_for(WELCOME, NULL, 0);

	snprintf(address, sizeof(address), "unix:path=%s,guid=0123;unix:path=/other", socket_path);
	e = lx_dbus_connect(address, soon(5000), &bus);
	end_daemon(pid);
	CHECK_OK(e);
}

TEST(a_bus_that_says_nothing)
{
	struct lx_dbus bus;
	rl_err e;
	pid_t pid = daemon_for("", NULL, 0);

	e = lx_dbus_connect(socket_path, soon(100), &bus);
	end_daemon(pid);
	CHECK_FAILS(e, ETIMEDOUT, "wait for the bus");
}

/* Malformed messages are EPROTO, never a crash: run by the sanitizers too. */
TEST(malformed_messages)
{
	static const char good[] = "l\2\0\1\0\0\0\0\1\0\0\0\x08\0\0\0\5\1u\0\1\0\0\0";
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
#define BYTES(s) { s, sizeof(s) - 1 }
		BYTES("B\2\0\1\0\0\0\0\1\0\0\0\0\0\0\0"),
		BYTES("l\2\0\2\0\0\0\0\1\0\0\0\0\0\0\0"),
		BYTES("l\2\0\1\xff\xff\xff\xff\1\0\0\0\0\0\0\0"),
		BYTES("l\2\0\1\0\0\0\0\1\0\0\0\xff\xff\xff\x7f"),
		/* A field that ends beyond the header, one without an end, one of another type. */
		BYTES("l\2\0\1\0\0\0\0\1\0\0\0\x08\0\0\0\1\1o\0\xff\0\0\0"),
		BYTES("l\2\0\1\0\0\0\0\1\0\0\0\x03\0\0\0\5\1u\0\0\0\0\0"),
		BYTES("l\2\0\1\0\0\0\0\1\0\0\0\x08\0\0\0\5\1x\0\1\0\0\0"),
		BYTES("l\2\0\1\0\0\0\0\1\0\0\0\x0a\0\0\0\1\1s\0\1\0\0\0ab\0\0\0\0\0\0"),
		BYTES("l\2\0\1\0\0\0\0\1\0\0\0\x08\0\0\0\5\xff"
		      "u\0\1\0\0\0"),
	};

	for (size_t i = 0; i <= sizeof(bad) / sizeof(*bad); i++) {
		bool well = i == sizeof(bad) / sizeof(*bad);
		const struct line line = { .member = "Hello",
					   .raw = well ? good : bad[i].bytes,
					   .raw_len = well ? sizeof(good) - 1 : bad[i].len };
		struct lx_dbus LX_AUTO_DBUS bus = { 0 };
		struct lx_dbus_out out = { .arena = arena() };
		struct lx_dbus_message m;
		pid_t pid = daemon_for(WELCOME, &line, 1);
		rl_err e = lx_dbus_connect(socket_path, soon(5000), &bus);

		lx_dbus_begin(&out, &(struct lx_dbus_call){ NULL, "/", "a.b", "Hello", "" });
		lx_dbus_end(&out);
		if (!rl_failed(e))
			e = lx_dbus_send(&bus, &out, soon(5000));
		if (!rl_failed(e))
			e = lx_dbus_receive(&bus, soon(5000), &m);
		end_daemon(pid);
		if (well)
			CHECK_OK(e);
		else
			CHECK_FAILS(e, EPROTO, "the bus");
	}
}

TEST(arguments_that_end_early)
{
	struct lx_dbus_message m = { .body = (const uint8_t *)"\5\0\0\0abc", .size = 7 };
	struct lx_dbus_message nul = { .body = (const uint8_t *)"\3\0\0\0a\0c\0", .size = 8 };
	struct lx_dbus_message huge = { .body = (const uint8_t *)"\xff\xff\xff\xff", .size = 4 };
	const char *text;
	uint32_t number;

	CHECK_FAILS(lx_dbus_get_string(&m, &text), EPROTO, "ends early");
	CHECK_FAILS(lx_dbus_get_string(&nul, &text), EPROTO, "NUL");
	CHECK_FAILS(lx_dbus_get_string(&huge, &text), EPROTO, "a string of 4294967295 bytes");
	CHECK_FAILS(lx_dbus_get_u32(&huge, &number), EPROTO, "ends early");
}

TEST(a_bus_that_hangs_up)
{
	rl_err e;
	const struct line lines[] = { { .member = "Hello", .raw = "", .raw_len = 0 } };
	pid_t pid = daemon_for(WELCOME, lines, 1);

	e = lx_unit_stop(arena(), socket_path, UNIT);
	end_daemon(pid);
	CHECK_FAILS(e, ECONNRESET, "stop unit box.scope: ");
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log is the one global of a process, so every case runs in a child whose standard error is a
 * file that the case then reads.
 */
#include "base/json.h"
#include "base/log.h"
#include "child.h"
#include "scratch.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

struct wish {
	const char *destination;
	enum rl_log_format format;
	enum rl_log_level level;
};

/* Text of the child's standard error. */
static const char *said(const struct wish *w, void (*speak)(void))
{
	const char *path = scratch_file("stderr", "");
	pid_t pid = fork();

	if (pid == 0) {
		rl_err e;

		dup2(open(path, O_WRONLY | O_APPEND | O_CLOEXEC), STDERR_FILENO);
		e = rl_log_open(w->destination, w->format, w->level);
		if (rl_failed(e)) {
			dprintf(STDERR_FILENO, "OPEN: %s", rl_text(e));
			_exit(1);
		}
		speak();
		_exit(0);
	}
	exit_status(pid);
	return scratch_read(path);
}

static void every_level(void)
{
	rl_log(RL_LOG_ERROR, "e%d", 1);
	rl_log(RL_LOG_WARNING, "w");
	rl_log(RL_LOG_INFO, "i");
	rl_log(RL_LOG_DEBUG, "d");
}

static void fail(void)
{
	rl_err e = rl_hint(rl_refuse(RL_E(ENOENT), "open \"x\": no\nsuch"), "make it");

	rl_log_failure(rl_wrap(e, "create c1"));
	rl_drop(e);
}

static void fail_without_hint(void)
{
	rl_err e = rl_refuse(RL_E(ENOENT), "no x");

	rl_log_failure(e);
	rl_drop(e);
}

TEST(text_on_stderr)
{
	struct wish w = { NULL, RL_LOG_TEXT, RL_LOG_WARNING };

	CHECK_STR(said(&w, every_level), "e1\nw\n");
	w.level = RL_LOG_DEBUG;
	CHECK_STR(said(&w, every_level), "e1\nw\ni\nd\n");
	w.level = RL_LOG_ERROR;
	CHECK_STR(said(&w, every_level), "e1\n");
	w.destination = "";
	CHECK_STR(said(&w, fail), "create c1: open \"x\": no\nsuch\nhint: make it\n");
	CHECK_STR(said(&w, fail_without_hint), "no x\n");
}

/* "2026-01-02T03:04:05.123456789Z": what Go's time.RFC3339 reads. */
static bool is_rfc3339(const char *t)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddddddddZ";

	for (size_t i = 0; i < sizeof(shape); i++)
		if (shape[i] == 'd' ? t[i] < '0' || t[i] > '9' : t[i] != shape[i])
			return false;
	return true;
}

static struct rl_arena arena;

static const struct rl_json *parsed(const char *line)
{
	const struct rl_json *root = NULL;
	rl_err e;

	rl_arena_free(&arena);
	rl_drop(rl_arena_new(1 << 20, &arena));
	e = rl_json_parse(&arena, "line", line, strlen(line), &root);
	if (rl_failed(e))
		printf("# %s: %s\n", rl_text(e), line);
	rl_drop(e);
	return root;
}

static const char *member(const struct rl_json *object, const char *key)
{
	const struct rl_json *m = rl_json_get(object, key);

	return m != NULL && m->type == RL_JSON_STRING ? m->text : NULL;
}

/* Podman reads the whole log as one object, containerd a stream of them: one line must be both. */
TEST(a_failure_is_one_json_line_and_the_text_on_stderr)
{
	const char *path = scratch_file("log", "");
	struct wish w = { path, RL_LOG_JSON, RL_LOG_WARNING };
	const struct rl_json *line;
	const char *log;

	CHECK_STR(said(&w, fail), "create c1: open \"x\": no\nsuch\nhint: make it\n");
	log = scratch_read(path);
	CHECK_INT(log[strlen(log) - 1], '\n');
	CHECK(strchr(log, '\n') == log + strlen(log) - 1);
	line = parsed(log);
	CHECK(line != NULL);
	CHECK_INT(line->count, 3);
	CHECK_STR(member(line, "level"), "error");
	CHECK_STR(member(line, "msg"), "create c1: open \"x\": no\nsuch");
	CHECK(member(line, "time") != NULL && is_rfc3339(member(line, "time")));
}

TEST(levels_in_json)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	const char *path = scratch_file("log", "");
	struct wish w = { path, RL_LOG_JSON, RL_LOG_DEBUG };
	char log[65536], *line, *rest = log;

	/* Only a failure is repeated on stderr. */
	CHECK_STR(said(&w, every_level), "");
	snprintf(log, sizeof(log), "%s", scratch_read(path));
	for (int i = 0; i < 4; i++) {
		line = strsep(&rest, "\n");
		CHECK(line != NULL);
		CHECK_STR(member(parsed(line), "level"), names[i]);
	}
	CHECK_STR(rest, "");
}

TEST(a_log_file_is_appended_to)
{
	const char *path = scratch_file("log", "before\n");
	struct wish w = { path, RL_LOG_TEXT, RL_LOG_WARNING };
	char with_scheme[PATH_MAX + 8];

	CHECK_STR(said(&w, every_level), "");
	CHECK_STR(scratch_read(path), "before\ne1\nw\n");
	snprintf(with_scheme, sizeof(with_scheme), "file:%s", scratch("new-log"));
	w.destination = with_scheme;
	said(&w, every_level);
	CHECK_STR(scratch_read(scratch("new-log")), "e1\nw\n");
}

TEST(a_log_file_that_cannot_be)
{
	struct wish w = { scratch("none/log"), RL_LOG_TEXT, RL_LOG_WARNING };

	CHECK(strstr(said(&w, fail), "none/log: No such file or directory") != NULL);
	/* A link planted in the log's directory is not followed. */
	scratch_file("victim", "precious");
	CHECK(symlink(scratch("victim"), scratch("planted")) == 0);
	w.destination = scratch("planted");
	CHECK(strstr(said(&w, fail), "OPEN: open the log file") != NULL);
	CHECK_STR(scratch_read(scratch("victim")), "precious");
}

static void longest(void)
{
	static char text[10000];

	memset(text, 'x', sizeof(text) - 1);
	rl_log(RL_LOG_ERROR, "%s", text);
}

TEST(a_long_message_is_cut_and_still_json)
{
	const char *path = scratch_file("log", "");
	struct wish w = { path, RL_LOG_JSON, RL_LOG_WARNING };

	said(&w, longest);
	CHECK(strlen(member(parsed(scratch_read(path)), "msg")) > 1000);
}

static void tell(void)
{
	dprintf(2, "%d %d%d%d", rl_log_fd() >= 3, rl_log_wants(RL_LOG_ERROR),
		rl_log_wants(RL_LOG_INFO), rl_log_wants(RL_LOG_DEBUG));
}

TEST(what_is_wanted_and_where)
{
	struct wish w = { scratch("log"), RL_LOG_TEXT, RL_LOG_INFO };

	CHECK_STR(said(&w, tell), "1 110");
	w.destination = NULL;
	CHECK_STR(said(&w, tell), "0 110");
}

/* ---- the journal and syslog -------------------------------------------------------------------
 */

/* In a mount namespace of its own: a datagram socket where the daemon has one. -1: not allowed. */
static int stand_for(const char *dir, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char *at, made[64];
	int fd;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", dir, "tmpfs", 0, NULL) < 0)
		return -1;
	snprintf(made, sizeof(made), "%s", path);
	for (at = strchr(made + strlen(dir) + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(made, 0755);
		*at = '/';
	}
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 ? fd : -1;
}

static int told(int fd, const char *destination, char *text, size_t size)
{
	ssize_t n;

	EXPECT_OK(rl_log_open(destination, RL_LOG_TEXT, RL_LOG_WARNING));
	rl_log(RL_LOG_INFO, "not wanted");
	rl_log(RL_LOG_WARNING, "two\nlines");
	n = recv(fd, text, size - 1, MSG_DONTWAIT);
	EXPECT(n > 0);
	text[n] = '\0';
	EXPECT(recv(fd, (char[1]){ 0 }, 1, MSG_DONTWAIT) < 0);
	return 0;
}

static int tell_journal(void)
{
	int fd = stand_for("/run", "/run/systemd/journal/socket");
	char text[256];

	if (fd < 0)
		return SKIPPED;
	if (told(fd, "journald:my-name", text, sizeof(text)) != 0)
		return 1;
	EXPECT(strcmp(text, "PRIORITY=4\nSYSLOG_IDENTIFIER=my-name\nMESSAGE=two lines\n") == 0);
	return 0;
}

static int tell_syslog(void)
{
	int fd = stand_for("/dev", "/dev/log");
	char text[256];

	if (fd < 0)
		return SKIPPED;
	if (told(fd, "syslog:my-name", text, sizeof(text)) != 0)
		return 1;
	/* LOG_USER and LOG_WARNING. */
	EXPECT(strncmp(text, "<12>", 4) == 0);
	EXPECT(strstr(text, " my-name[") != NULL && strstr(text, "]: two") != NULL);
	return 0;
}

static int no_journal(void)
{
	int fd = stand_for("/run", "/run/elsewhere");

	if (fd < 0)
		return SKIPPED;
	EXPECT_FAILS(rl_log_open("journald:x", RL_LOG_TEXT, RL_LOG_WARNING), ENOENT,
		     "connect to the journal at /run/systemd/journal/socket");
	return 0;
}

TEST(the_journal_gets_fields)
{
	CHECK_CHILD(tell_journal);
}

TEST(syslog_gets_a_line)
{
	CHECK_CHILD(tell_syslog);
}

TEST(a_journal_that_is_not_there_is_an_error)
{
	CHECK_CHILD(no_journal);
}

RUN_TESTS()

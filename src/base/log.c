/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/fd.h"
#include "base/io.h"
#include "base/json.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum target { TO_STDERR, TO_FILE, TO_JOURNALD, TO_SYSLOG };

/* The one global of the program beside the signal pipe: a process has one log. */
static struct {
	enum target target;
	enum rl_log_format format;
	enum rl_log_level level;
	struct rl_fd fd;
	const char *identifier;
} sink = { .level = RL_LOG_WARNING };

static const char *const level_names[] = {
	[RL_LOG_ERROR] = "error",
	[RL_LOG_WARNING] = "warning",
	[RL_LOG_INFO] = "info",
	[RL_LOG_DEBUG] = "debug",
};
static const int priorities[] = {
	[RL_LOG_ERROR] = LOG_ERR,
	[RL_LOG_WARNING] = LOG_WARNING,
	[RL_LOG_INFO] = LOG_INFO,
	[RL_LOG_DEBUG] = LOG_DEBUG,
};

static const char *after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

static rl_err open_journal(const char *identifier)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
				    .sun_path = "/run/systemd/journal/socket" };

	RL_TRY(rl_fd_from(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), &sink.fd,
			  "open a socket for the journal"));
	RL_TRY(rl_sys(connect(rl_fd_get(&sink.fd), (struct sockaddr *)&addr, sizeof(addr)),
		      "connect to the journal at %s", addr.sun_path));
	sink.target = TO_JOURNALD;
	sink.identifier = identifier;
	return RL_OK;
}

rl_err rl_log_open(const char *destination, enum rl_log_format format, enum rl_log_level level)
{
	const char *id;

	sink.format = format;
	sink.level = level;
	if (destination == NULL || *destination == '\0')
		return RL_OK;
	if ((id = after(destination, "journald:")) != NULL)
		return open_journal(id);
	if ((id = after(destination, "syslog:")) != NULL) {
		openlog(id, LOG_PID, LOG_USER);
		sink.target = TO_SYSLOG;
		return RL_OK;
	}
	if ((id = after(destination, "file:")) != NULL)
		destination = id;
	RL_TRY(rl_fd_from(openat(AT_FDCWD, destination,
				 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
				 0644),
			  &sink.fd, "open the log file %s", destination));
	sink.target = TO_FILE;
	return RL_OK;
}

bool rl_log_wants(enum rl_log_level level)
{
	return level <= sink.level;
}

int rl_log_fd(void)
{
	return rl_fd_get(&sink.fd);
}

void rl_time_now(char buf[static 40])
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(buf, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, 40 - n, ".%09ldZ", ts.tv_nsec);
}

static void write_json(int fd, enum rl_log_level level, const char *message)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	char now[40];
	const char *text;
	size_t len;

	rl_time_now(now);
	if (rl_drop_failed(rl_json_begin(&w, false)))
		return;
	rl_json_object(&w);
	rl_json_put(&w, "msg", message);
	rl_json_put(&w, "level", level_names[level]);
	rl_json_put(&w, "time", now);
	rl_json_object_end(&w);
	if (!rl_drop_failed(rl_json_end(&w, &text, &len)))
		dprintf(fd, "%.*s\n", (int)len, text);
}

/* Native journal protocol; a newline in the message would end the field, so it is replaced. */
static void write_journal(enum rl_log_level level, const char *message)
{
	char flat[RL_ERROR_TEXT];

	snprintf(flat, sizeof(flat), "%s", message);
	for (char *c = flat; *c != '\0'; c++)
		if (*c == '\n')
			*c = ' ';
	dprintf(rl_fd_get(&sink.fd), "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s\n",
		priorities[level], sink.identifier, flat);
}

static void write_to_sink(enum rl_log_level level, const char *message)
{
	int fd = sink.target == TO_FILE ? rl_fd_get(&sink.fd) : STDERR_FILENO;

	if (sink.target == TO_JOURNALD)
		write_journal(level, message);
	else if (sink.target == TO_SYSLOG)
		syslog(priorities[level], "%s", message);
	else if (sink.format == RL_LOG_JSON)
		write_json(fd, level, message);
	else
		dprintf(fd, "%s\n", message);
}

void rl_log(enum rl_log_level level, const char *fmt, ...)
{
	char message[RL_ERROR_TEXT + RL_ERROR_HINT];
	va_list ap;

	if (!rl_log_wants(level))
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	write_to_sink(level, message);
}

void rl_log_failure(rl_err e)
{
	const char *hint = rl_hint_text(e);

	write_to_sink(RL_LOG_ERROR, rl_text(e));
	if (sink.target != TO_STDERR)
		dprintf(STDERR_FILENO, "%s\n", rl_text(e));
	if (*hint != '\0')
		dprintf(STDERR_FILENO, "hint: %s\n", hint);
}

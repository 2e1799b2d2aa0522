/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static struct {
	pthread_mutex_t lock; /* the descriptor is replaced while others write */
	atomic_int level;     /* looked at without the lock */
	atomic_bool set;
	struct vmm_log_config config;
} sink = { .lock = PTHREAD_MUTEX_INITIALIZER, .config = { .fd = STDERR_FILENO } };

static const struct {
	const char *name, *color;
} levels[] = {
	[VMM_LOG_OFF] = { "off", "" },
	[VMM_LOG_ERROR] = { "error", "\033[31m" },
	[VMM_LOG_WARN] = { "warn", "\033[33m" },
	[VMM_LOG_INFO] = { "info", "\033[32m" },
	[VMM_LOG_DEBUG] = { "debug", "\033[34m" },
	[VMM_LOG_TRACE] = { "trace", "\033[35m" },
};

void vmm_log_set(struct vmm_log_config config)
{
	if (config.fd < 0)
		config.fd = STDERR_FILENO;
	(void)pthread_mutex_lock(&sink.lock);
	if (sink.config.owned && sink.config.fd != config.fd)
		(void)close(sink.config.fd);
	sink.config = config;
	atomic_store(&sink.level, config.level);
	atomic_store(&sink.set, true);
	(void)pthread_mutex_unlock(&sink.lock);
}

bool vmm_log_is_set(void)
{
	return atomic_load(&sink.set);
}

bool vmm_log_wants(enum vmm_log_level level)
{
	return (int)level <= atomic_load(&sink.level);
}

void vmm_log(enum vmm_log_level level, const char *who, const char *fmt, ...)
{
	char line[RL_ERROR_TEXT + RL_ERROR_HINT + 128];
	struct timespec now;
	size_t n, room;
	struct tm tm;
	va_list args;
	int len;

	if (level == VMM_LOG_OFF || !vmm_log_wants(level))
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	n = strftime(line, sizeof(line), "[%Y-%m-%dT%H:%M:%SZ ", &tm);

	(void)pthread_mutex_lock(&sink.lock);
	n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%-5s%s libkrun %s] ",
			      sink.config.color ? levels[level].color : "", levels[level].name,
			      sink.config.color ? "\033[0m" : "", who);
	room = sizeof(line) - n - 1; /* for the newline */
	va_start(args, fmt);
	len = vsnprintf(line + n, room, fmt, args);
	va_end(args);
	n += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
	line[n++] = '\n';
	/* Nobody could be told that the log itself failed. */
	if (write(sink.config.fd, line, n) < 0)
		errno = 0;
	(void)pthread_mutex_unlock(&sink.lock);
}

void vmm_log_drop(enum vmm_log_level level, const char *who, rl_err e)
{
	if (rl_failed(e))
		vmm_log(level, who, *rl_hint_text(e) ? "%s (%s)" : "%s", rl_text(e),
			rl_hint_text(e));
	rl_drop(e);
}

void vmm_log_level_from(const char *words, enum vmm_log_level *level)
{
	const char *word = words ? strrchr(words, ',') : NULL;

	if (words == NULL)
		return;
	word = word ? word + 1 : words;
	if (strrchr(word, '='))
		word = strrchr(word, '=') + 1;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcasecmp(word, levels[i].name) == 0)
			*level = (enum vmm_log_level)i;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log sink: where messages for people and engines go. Only cli/ and the two processes of
 * container/ write to it; libraries return errors.
 *
 * Formats are what podman, containerd, moby and cri-o parse: JSON is one object a line,
 * {"msg":..., "level":..., "time": RFC3339}. Podman reads the whole file as one object, so a
 * failing command writes exactly one error line, and the same text on stderr.
 */
#pragma once

#include "base/error.h"

enum rl_log_level { RL_LOG_ERROR, RL_LOG_WARNING, RL_LOG_INFO, RL_LOG_DEBUG };
enum rl_log_format { RL_LOG_TEXT, RL_LOG_JSON };

/*
 * destination: NULL for stderr, PATH or file:PATH, journald:ID, syslog:ID. Opened at once, with
 * O_NOFOLLOW on the last component, so that a link planted in a log directory is an error.
 */
RL_MUST rl_err rl_log_open(const char *destination, enum rl_log_format format,
			   enum rl_log_level level);
RL_PRINTF(2, 3) void rl_log(enum rl_log_level level, const char *fmt, ...);
/* The one error line of a failing command: sink and stderr; the hint follows on stderr. */
void rl_log_failure(rl_err e);
bool rl_log_wants(enum rl_log_level level);
/* The sink's descriptor, -1 if none, so that whoever closes descriptors can spare it. */
int rl_log_fd(void);
/* Now in RFC3339 with nanoseconds and Z, as logs and state use it. */
void rl_time_now(char buf[static 40]);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's own log, which the calling program controls (krun_set_log_level, krun_init_log).
 * It is off until the caller asks for it. Errors of a call go back to the caller; the log is for
 * what happens while the machine runs and has nobody to be returned to.
 *
 * Safe on every thread: a line is one write(2).
 */
#pragma once

#include "base/error.h"

/* The values of the API (KRUN_LOG_LEVEL_*). */
enum vmm_log_level {
	VMM_LOG_OFF,
	VMM_LOG_ERROR,
	VMM_LOG_WARN,
	VMM_LOG_INFO,
	VMM_LOG_DEBUG,
	VMM_LOG_TRACE,
};

/* What a person wanted: -1 for fd means stderr. `owned`: the log closes it when replaced. */
struct vmm_log_config {
	int fd;
	bool owned;
	bool color;
	enum vmm_log_level level;
};

void vmm_log_set(struct vmm_log_config config);
/* True once anybody has called vmm_log_set. */
bool vmm_log_is_set(void);
bool vmm_log_wants(enum vmm_log_level level);
/* `who`: the part that speaks, "fs /dev/root", "vcpu 0". */
RL_PRINTF(3, 4)
void vmm_log(enum vmm_log_level level, const char *who, const char *fmt, ...);
/* Logs the error with its hint as one line, and drops it. */
void vmm_log_drop(enum vmm_log_level level, const char *who, rl_err e);
/* Changes *level to what a word says ("warn", or "a=warn,debug" whose last word counts). */
void vmm_log_level_from(const char *words, enum vmm_log_level *level);

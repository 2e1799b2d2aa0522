/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes by descriptor, and the datagram channel between two of them.
 *
 * A process is known by a pidfd while we hold it, and by pid + start time (field 22 of
 * /proc/PID/stat) across commands: a pid that was reused has another start time.
 */
#pragma once

#include "base/fd.h"

#include <sys/types.h>

/* pidfd_open(2), Linux 5.3. ESRCH: no such process. */
RL_MUST rl_err rl_pidfd_open(pid_t pid, struct rl_fd *ret);
/* pidfd_send_signal(2). */
RL_MUST rl_err rl_pidfd_signal(int pidfd, int signal);

/*
 * Start time in clock ticks since boot, and the state letter. ESRCH when the process is gone.
 * Parsing starts behind the last ')': the name before it is the process's own choice.
 */
RL_MUST rl_err rl_proc_start_time(pid_t pid, uint64_t *ret_ticks, char *ret_state);
/* True if `pid` still is the process that started at `ticks` and is not a zombie. */
bool rl_proc_alive(pid_t pid, uint64_t ticks);

/* Waits for a child; *ret_status is what waitpid(2) gives: for WIFEXITED and the like. */
RL_MUST rl_err rl_wait_raw(pid_t pid, int *ret_status);
/* Waits for a child: its exit status, or 128 + the signal that ended it, as shells have it. */
RL_MUST rl_err rl_wait_status(pid_t pid, int *ret_status);
/* Polls a pidfd; timeout -1 waits for ever. ETIMEDOUT when it did not end in time. */
RL_MUST rl_err rl_pidfd_wait(int pidfd, int timeout_ms);

/*
 * Makes anonymous memory that can be executed and then never written again: memfd with every
 * seal. The answer to CVE-2019-5736: whoever reaches such a file through /proc/PID/exe finds
 * nothing that could be overwritten.
 */
RL_MUST rl_err rl_sealed_memfd(const char *name, const void *bytes, size_t len, struct rl_fd *ret);

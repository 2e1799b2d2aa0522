/* SPDX-License-Identifier: Apache-2.0 */
/* From a confined process to the user's program. */
#pragma once

#include "plan/process.h"

/*
 * Finds args[0] as execvp(3) would, in the PATH of the container's environment, with the ids of
 * the caller. Fails in the words that engines look for:
 *     exec: "x": executable file not found in $PATH        ENOENT
 *     exec: "./x": stat ./x: no such file or directory     ENOENT
 *     exec: "x": permission denied                         EACCES
 */
RL_MUST rl_err ct_program_find(struct rl_arena *a, const struct plan_process *p,
			       const char *const *env, const char **ret_path);

/* The error of whoever starts a container that was created without a process. EINVAL. */
RL_MUST rl_err ct_program_none(void);

/*
 * Becomes the program by way of the stub (stub/stub.h) in `stub_fd`. Returns only on failure of
 * the first step; what then goes wrong the stub writes to `report_fd` (-1: nowhere) as one errno,
 * see ct_program_report. Every descriptor that the program shall not have must be close-on-exec.
 */
RL_MUST rl_err ct_program_by_stub(struct rl_arena *a, int stub_fd, int report_fd, const char *path,
				  const char *const *args, const char *const *env);
/* Becomes the program directly: for a runtime that runs from a sealed copy of itself. */
RL_MUST rl_err ct_program_exec(const char *path, const char *const *args, const char *const *env);

/*
 * The other end of `report_fd`: waits for its end of file. Success: the program was started.
 * A failure is the stub's errno, or a record that the process sent before it came to that.
 */
RL_MUST rl_err ct_program_report(int fd, const char *path);

/* Closes every descriptor from 3 on but these, which are sorted on the way. */
void ct_program_close_others(int *keeps, size_t count);

/* Every descriptor from `first` on becomes close-on-exec. */
RL_MUST rl_err ct_program_close_from(unsigned first);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cannot be undone in a process is tested in a child of its own: the function returns 0, or
 * the line that found a mistake.
 */
#pragma once

#include "test.h"

#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED 250

/* The exit status, or 1000 + signal. */
static inline int in_child(int (*f)(void))
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int r = f();

		fflush(stdout);
		_exit(r == 0 || r == SKIPPED ? r : 1);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

#define CHECK_CHILD(f)                                    \
	do {                                              \
		int child_ = in_child(f);                 \
		if (child_ == SKIPPED) {                  \
			printf("# SKIP: no privilege\n"); \
			return;                           \
		}                                         \
		CHECK_INT(child_, 0);                     \
	} while (0)

/* Within the child. */
#define EXPECT(cond)                                                                          \
	do {                                                                                  \
		if (!(cond)) {                                                                \
			printf("# %s:%d: %s (errno %d)\n", __FILE__, __LINE__, #cond, errno); \
			return 1;                                                             \
		}                                                                             \
	} while (0)

#define EXPECT_OK(call)                                                           \
	do {                                                                      \
		rl_err e_ = (call);                                               \
		if (rl_failed(e_)) {                                              \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, rl_text(e_)); \
			rl_drop(e_);                                              \
			return 1;                                                 \
		}                                                                 \
	} while (0)

#define EXPECT_FAILS(call, errnum, part)                                                 \
	do {                                                                             \
		rl_err e_ = (call);                                                      \
		if (rl_errno(e_) != (errnum) || strstr(rl_text(e_), (part)) == NULL) {   \
			printf("# %s:%d: %d \"%s\"\n", __FILE__, __LINE__, rl_errno(e_), \
			       rl_text(e_));                                             \
			rl_drop(e_);                                                     \
			return 1;                                                        \
		}                                                                        \
		rl_drop(e_);                                                             \
	} while (0)

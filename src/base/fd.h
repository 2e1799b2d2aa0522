/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owned descriptors. `struct rl_fd` owns what it holds, a plain `int x_fd` borrows. A
 * zero-initialised rl_fd owns nothing, so a struct full of them is made by `= { 0 }`.
 */
#pragma once

#include "base/error.h"

struct rl_fd {
	int plus_one; /* descriptor + 1; 0: none. Use the functions below. */
};

/* Takes over a descriptor; a negative one means none. */
static inline struct rl_fd rl_fd_own(int fd)
{
	return (struct rl_fd){ fd < 0 ? 0 : fd + 1 };
}

/* Borrows: -1 if none. */
static inline int rl_fd_get(const struct rl_fd *owner)
{
	return owner->plus_one - 1;
}

static inline bool rl_fd_has(const struct rl_fd *owner)
{
	return owner->plus_one != 0;
}

/* Moves the descriptor out; the owner then owns nothing. */
static inline int rl_fd_take(struct rl_fd *owner)
{
	int fd = owner->plus_one - 1;

	owner->plus_one = 0;
	return fd;
}

/* Closes what is owned, if anything. Keeps errno. */
void rl_fd_close(struct rl_fd *owner);

/* Replaces what is owned by `fd`. */
void rl_fd_set(struct rl_fd *owner, int fd);

/* Receives a system call's result: >= 0 is owned by *ret, -1 becomes an error with the context. */
RL_MUST RL_PRINTF(3, 4) rl_err rl_fd_from(long ret, struct rl_fd *ret_fd, const char *fmt, ...);

/* struct rl_fd RL_AUTO_FD x = { 0 }; is closed when x leaves its scope. */
#define RL_AUTO_FD __attribute__((cleanup(rl_fd_close)))

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRIU as a program: `criu swrk` with a socket, over which it is asked one thing. While it works
 * it calls back ("setup-namespaces", "post-restore") and waits for the answer.
 */
#pragma once

#include "container/criu_message.h"
#include "container/spawn.h"

struct ct_criu {
	const char *program; /* of ct_criu_start */
	struct ct_child child;
	struct rl_fd socket;
};

void ct_criu_close(struct ct_criu *criu);
#define CT_AUTO_CRIU __attribute__((cleanup(ct_criu_close)))

/* Descriptors that CRIU gets get these numbers, one after the other. */
#define CT_CRIU_FIRST_FD 4

struct ct_criu_start {
	const char *program; /* for execvp(3); NULL: "criu" */
	const int *fds;
	size_t fd_count;
	uint64_t ignored_signals; /* lx_host.ignored_signals */
};

/* ENOENT: there is no such program, which shows in ct_criu_ask() only. */
RL_MUST rl_err ct_criu_start(const struct ct_criu_start *start, struct ct_criu *ret);

/* `fd`: came with the notification, borrowed; -1: none. */
typedef rl_err ct_criu_notified(void *context, const char *script, pid_t pid, int fd);

/*
 * Sends the request and serves what comes back until CRIU is done. A failure tells what CRIU's
 * log says about it; `work_fd` is where the log is.
 */
RL_MUST rl_err ct_criu_ask(struct rl_arena *a, struct ct_criu *criu,
			   const struct ct_criu_request *request, ct_criu_notified *notified,
			   void *context, pid_t *ret_pid);

/* The lines of a log that say why, joined by "; ". "" when there are none. */
RL_MUST rl_err ct_criu_reasons(struct rl_arena *a, const char *log, const char **ret);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last steps of a process of the container, the same for init and for exec:
 *
 *     ct_become_prepare   terminal; confined unless the filter has to come last
 *     ct_become_find      the program
 *     (READY, and the word to go on)
 *     ct_become           confined; descriptors; filter; execve
 */
#pragma once

#include "base/arena.h"
#include "container/confine.h"
#include "handlers/handler.h"
#include "linux/tty.h"

struct ct_becoming {
	struct rl_arena *arena;
	const struct plan_process *process;
	struct ct_confinement confinement; /* filled in by the caller */
	int stub_fd;			   /* -1: the runtime runs from a sealed copy */
	const struct hdl_plan *machine;	   /* the handler's plan; NULL: no machine */
	struct hdl_session *handler;	   /* instead of the program; NULL: native */

	struct ct_confined confined;
	const char *program;
	struct rl_fd module; /* in place of the program, of an engine */
};

/*
 * Confining early means that ct_confine loads the filter itself: what the profile does not allow
 * would then be refused to our own talk with the runtime, so it is left for ct_become.
 */
RL_MUST rl_err ct_become_prepare(struct ct_becoming *b, const struct lx_tty *tty);
RL_MUST rl_err ct_become_find(struct ct_becoming *b);
/*
 * With a handler nothing is executed: it takes the program's place in this process, so what is not
 * its own is closed here. `talk_fd` is closed when it runs.
 *
 * Without, `talk_fd` hears of a failed execve from the stub, and sees the end of file of a good
 * one.
 */
RL_MUST rl_err ct_become(struct ct_becoming *b, int talk_fd);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the machine to stop: SIGTERM, SIGINT or the shutdown eventfd send a request to init by
 * the control port; if the machine has not ended when the grace time is over, or when it is asked
 * a second time, it is stopped anyway. SIGWINCH is passed to the consoles.
 */
#pragma once

#include "base/fd.h"
#include "vmm/outcome.h"

/* Less than the ten seconds after which container engines send SIGKILL. */
#define VMM_STOP_GRACE_MS 8000

struct vmm_stop {
	struct vmm_loop *loop;
	struct vmm_outcome *outcome;
	struct rl_fd signals; /* read end of the pipe that the handler writes */
	struct rl_fd timer;
	struct rl_fd control_ours;  /* datagrams to init */
	struct rl_fd control_guest; /* what the console's control port reads */
	struct vmm_watch signal_watch, timer_watch, event_watch;
	int event_fd; /* the shutdown eventfd, borrowed; -1: none */
	unsigned requests;
	bool interrupt_too; /* SIGINT stops the machine */
	void (*resized)(void *arg);
	void *resized_arg;
};

/* Makes the descriptors; nothing is installed yet. */
RL_MUST rl_err vmm_stop_open(struct vmm_stop *s, struct vmm_loop *loop,
			     struct vmm_outcome *outcome);
/* Takes the signals over. */
RL_MUST rl_err vmm_stop_install(struct vmm_stop *s);
void vmm_stop_close(struct vmm_stop *s);

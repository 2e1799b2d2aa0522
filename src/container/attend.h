/* SPDX-License-Identifier: Apache-2.0 */
/* An attached run or exec: signals go to the process, its terminal is ours, its status too. */
#pragma once

#include "container/spawn.h"
#include "handlers/agent.h"

/*
 * To be called before the child exists: from here on signals are kept for ct_attend() instead of
 * ending the runtime. `adopt`: what the child leaves behind becomes ours to reap (subreaper), for
 * containers without an init of their own pid namespace to do it.
 */
RL_MUST rl_err ct_attend_prepare(bool adopt);
/* In the child: no signal blocked or ignored, whatever the caller had (lx_host.ignored_signals). */
void ct_attend_release(uint64_t ignored_signals);

/* Before the program starts: its terminal gets the size of ours, and leaves CR LF to ours. */
RL_MUST rl_err ct_attend_terminal(int master_fd);

struct ct_attended {
	struct ct_child *child;
	int master_fd;			  /* of its terminal, -1: none */
	int notify_fd;			  /* socket of sd_notify, -1: none */
	const char *notify_socket;	  /* where to pass that on */
	const struct hdl_agent_at *agent; /* the child is a machine: its program is in there */
};

/*
 * Waits for the child's end. Every signal that reaches us is passed on; with a terminal its bytes
 * go between it and our standard streams, and its size follows ours. *ret_status: exit status, or
 * 128 + signal.
 */
RL_MUST rl_err ct_attend(const struct ct_attended *attended, int *ret_status);

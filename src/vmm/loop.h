/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: one thread (the caller of krun_start_enter), epoll, and a lock.
 *
 * Callbacks run on the loop's thread with the loop's lock held. Everything else that touches the
 * state of a device that lives on the loop - a vCPU that reads its configuration, sets its
 * status or resets it - takes the same lock first, and that is the transport's work, not the
 * device's. So a device on the loop needs no lock of its own, and after vmm_loop_remove its
 * callback does not run any more.
 *
 * A device with a thread of its own (fs) must never take the loop's lock on that thread: the
 * loop may be waiting for it in `reset`.
 *
 * Nothing here polls: an idle machine wakes nobody.
 */
#pragma once

#include "base/error.h"

struct vmm_loop;

/* What is ready: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR as given by epoll(7), level-triggered. */
typedef void vmm_ready_fn(void *arg, uint32_t events);

/* A registered descriptor. Zero-initialised: not registered. */
struct vmm_watch {
	uint32_t slot_plus_one;
	uint32_t generation;
};

RL_MUST rl_err vmm_loop_new(struct vmm_loop **ret);
void vmm_loop_free(struct vmm_loop *loop);

/*
 * Calls `ready(arg, events)` when `fd` (borrowed) is ready for one of `events`. Lock held, or
 * before vmm_loop_run. EPERM: a regular file cannot be waited for.
 */
RL_MUST rl_err vmm_loop_add(struct vmm_loop *loop, int fd, uint32_t events, vmm_ready_fn *ready,
			    void *arg, struct vmm_watch *ret);
/* Another set of events; 0 keeps the registration but waits for nothing (except HUP and ERR). */
RL_MUST rl_err vmm_loop_change(struct vmm_loop *loop, struct vmm_watch *watch, uint32_t events);
/* Forgets the descriptor. Call it before closing it. Removing an empty watch is harmless. */
void vmm_loop_remove(struct vmm_loop *loop, struct vmm_watch *watch);

/* For other threads than the loop's. Not recursive. */
void vmm_loop_lock(struct vmm_loop *loop);
void vmm_loop_unlock(struct vmm_loop *loop);

/* Runs until vmm_loop_stop, which any thread may call (a signal handler too). */
RL_MUST rl_err vmm_loop_run(struct vmm_loop *loop);
void vmm_loop_stop(struct vmm_loop *loop);

/*
 * After the end: dispatches what is ready, waiting at most `timeout_ms` for it. False: nothing
 * was.
 */
bool vmm_loop_step(struct vmm_loop *loop, int timeout_ms);

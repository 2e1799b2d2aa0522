/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that serves a device's queues, for devices whose work may block (files). It sleeps at
 * one doorbell for all of them; nothing has to be read to go back to sleep.
 *
 * The thread must not take the loop's lock: whoever stops it holds that.
 */
#pragma once

#include "base/fd.h"
#include "vmm/virtio/doorbell.h"
#include "vmm/virtio/queue.h"

#include <pthread.h>

#define VMM_WORKER_QUEUES 4

struct vmm_worker;

/* Serves one request: returns the bytes written to its device-writable segments. */
typedef uint32_t vmm_worker_serve(void *arg, unsigned queue, struct vmm_chain *chain);

struct vmm_worker_ops {
	const char *thread_name; /* at most 15 bytes */
	/* On the new thread, before the first request; may be NULL. */
	rl_err (*enter)(void *arg);
	vmm_worker_serve *serve;
};

struct vmm_worker {
	bool running;
	bool stop; /* atomic */
	pthread_t thread;
	struct vmm_doorbell bell;
	struct rl_fd stop_fd;
	const struct vmm_worker_ops *ops;
	void *arg;
	const char *name; /* of the device, for the log */
	struct vmm_virtio_irq *irq;
	unsigned queue_count;
	struct vmm_queue queue[VMM_WORKER_QUEUES];
	struct vmm_chain chain;
};

/* When the device is made: what may be forbidden later (virtio/doorbell.h). */
void vmm_worker_prepare(struct vmm_worker *w);
/* Takes over the queues of `run` and starts. */
RL_MUST rl_err vmm_worker_start(struct vmm_worker *w, const struct vmm_virtio_run *run,
				const struct vmm_worker_ops *ops, void *arg, const char *name);
/*
 * Returns when the thread has ended: the request it works on is finished. Harmless twice, and
 * without a start.
 */
void vmm_worker_stop(struct vmm_worker *w);

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/worker.h"

#include "vmm/log.h"

#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#define STACK (256u << 10)

static bool stopped(const struct vmm_worker *w)
{
	return __atomic_load_n(&w->stop, __ATOMIC_ACQUIRE);
}

/*
 * Serves what is in a queue. A reply that the guest wants to be told of is told before the next
 * request is begun, or, if there is none, by the call that goes to sleep.
 */
static void serve(struct vmm_worker *w, unsigned index)
{
	struct vmm_queue *q = &w->queue[index];
	uint32_t written;

	vmm_queue_quiet(q);
	while (!stopped(w)) {
		switch (vmm_queue_pop(q, &w->chain)) {
		case VMM_POP_CHAIN:
			vmm_doorbell_pay(&w->bell);
			written = w->ops->serve(w->arg, index, &w->chain);
			vmm_queue_push(q, w->chain.head, written);
			if (vmm_queue_wants_interrupt(q))
				vmm_doorbell_owe(&w->bell,
						 vmm_virtio_used_later(w->irq, (uint16_t)index));
			break;
		case VMM_POP_EMPTY:
			if (!vmm_queue_listen(q))
				return;
			break;
		case VMM_POP_FAULT:
			vmm_queue_blame(q, w->irq, w->name);
			*q = (struct vmm_queue){ 0 }; /* said once; empty from now on */
			return;
		}
	}
}

static void *work(void *arg)
{
	struct vmm_worker *w = arg;

	prctl(PR_SET_NAME, w->ops->thread_name);
	if (w->ops->enter != NULL) {
		rl_err e = w->ops->enter(w->arg);

		if (rl_failed(e)) {
			vmm_log_drop(VMM_LOG_ERROR, w->name, e);
			return NULL;
		}
	}
	vmm_doorbell_enter(&w->bell);
	while (!stopped(w)) {
		for (unsigned i = 0; i < w->queue_count; i++)
			serve(w, i);
		if (!stopped(w))
			vmm_doorbell_sleep(&w->bell);
	}
	vmm_doorbell_pay(&w->bell);
	return NULL;
}

/* No signal of the process is handled on a worker. */
static rl_err start_thread(struct vmm_worker *w)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int result;

	RL_TRY(rl_pos(pthread_attr_init(&attr), "thread attributes"));
	pthread_attr_setstacksize(&attr, STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&w->thread, &attr, work, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return rl_pos(result, "start the worker thread");
}

static rl_err open_queue(struct vmm_worker *w, const struct vmm_virtio_run *run, unsigned i)
{
	enum vmm_queue_fault fault =
		vmm_queue_init(&w->queue[i], run->mem, &run->queue[i], run->features);

	if (fault != VMM_QUEUE_FINE)
		return rl_refuse(RL_E(EINVAL), "queue %u: %s", i, vmm_queue_fault_text(fault));
	return run->queue[i].ready ? vmm_doorbell_watch(&w->bell, run->queue[i].kick_fd) : RL_OK;
}

static rl_err start(struct vmm_worker *w, const struct vmm_virtio_run *run)
{
	RL_TRY(vmm_doorbell_open(&w->bell));
	RL_TRY(rl_fd_from(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), &w->stop_fd, "make an eventfd"));
	RL_TRY(vmm_doorbell_watch(&w->bell, rl_fd_get(&w->stop_fd)));
	for (unsigned i = 0; i < w->queue_count; i++)
		RL_TRY(open_queue(w, run, i));
	return start_thread(w);
}

static void close_all(struct vmm_worker *w)
{
	w->running = false;
	vmm_doorbell_close(&w->bell);
	rl_fd_close(&w->stop_fd);
	memset(w->queue, 0, sizeof(w->queue));
}

void vmm_worker_prepare(struct vmm_worker *w)
{
	vmm_doorbell_prepare(&w->bell);
}

rl_err vmm_worker_start(struct vmm_worker *w, const struct vmm_virtio_run *run,
			const struct vmm_worker_ops *ops, void *arg, const char *name)
{
	rl_err e;

	w->ops = ops;
	w->arg = arg;
	w->name = name;
	w->irq = run->irq;
	w->queue_count =
		run->queue_count < VMM_WORKER_QUEUES ? run->queue_count : VMM_WORKER_QUEUES;
	w->stop = false;
	e = start(w, run);
	if (rl_failed(e))
		close_all(w);
	else
		w->running = true;
	return e;
}

void vmm_worker_stop(struct vmm_worker *w)
{
	if (!w->running) {
		vmm_doorbell_close(&w->bell);
		return;
	}
	__atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
	eventfd_write(rl_fd_get(&w->stop_fd), 1);
	pthread_join(w->thread, NULL);
	close_all(w);
}

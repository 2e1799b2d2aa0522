/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll gives back a number, not a pointer: slot and generation of the registration. The events
 * of one epoll_wait are looked at one by one with the lock held, so a registration that another
 * thread (or an earlier callback of the same batch) removed has another generation by then and
 * its event is dropped.
 */
#include "vmm/loop.h"

#include "base/fd.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BATCH 16

struct slot {
	int fd; /* -1: free */
	uint32_t generation;
	vmm_ready_fn *ready;
	void *arg;
};

struct vmm_loop {
	struct rl_fd epoll;
	struct rl_fd wake; /* eventfd: look at `stop` */
	atomic_bool stop;
	pthread_mutex_t lock;
	struct slot *slot;
	uint32_t count;
};

static void on_wake(void *arg, uint32_t events)
{
	(void)arg;
	(void)events; /* `stop` is looked at after every batch */
}

rl_err vmm_loop_new(struct vmm_loop **ret)
{
	struct vmm_loop *loop = calloc(1, sizeof(*loop));
	struct vmm_watch watch;
	rl_err e;

	if (loop == NULL)
		return rl_nomem();
	(void)pthread_mutex_init(&loop->lock, NULL);
	e = rl_fd_from(epoll_create1(EPOLL_CLOEXEC), &loop->epoll, "make the event loop");
	if (!rl_failed(e))
		e = rl_fd_from(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), &loop->wake,
			       "make the event loop");
	if (!rl_failed(e))
		e = vmm_loop_add(loop, rl_fd_get(&loop->wake), EPOLLIN, on_wake, loop, &watch);
	if (rl_failed(e)) {
		vmm_loop_free(loop);
		return e;
	}
	*ret = loop;
	return RL_OK;
}

void vmm_loop_free(struct vmm_loop *loop)
{
	if (loop == NULL)
		return;
	rl_fd_close(&loop->epoll);
	rl_fd_close(&loop->wake);
	(void)pthread_mutex_destroy(&loop->lock);
	free(loop->slot);
	free(loop);
}

static struct slot *find(struct vmm_loop *loop, const struct vmm_watch *watch)
{
	struct slot *s;

	if (watch->slot_plus_one == 0 || watch->slot_plus_one > loop->count)
		return NULL;
	s = &loop->slot[watch->slot_plus_one - 1];
	return s->fd >= 0 && s->generation == watch->generation ? s : NULL;
}

static rl_err free_slot(struct vmm_loop *loop, uint32_t *ret_index)
{
	struct slot *grown;
	uint32_t i;

	for (i = 0; i < loop->count && loop->slot[i].fd >= 0; i++)
		;
	if (i == loop->count) {
		grown = reallocarray(loop->slot, loop->count + 1, sizeof(*grown));
		if (grown == NULL)
			return rl_nomem();
		loop->slot = grown;
		loop->slot[loop->count++] = (struct slot){ .fd = -1 };
	}
	*ret_index = i;
	return RL_OK;
}

rl_err vmm_loop_add(struct vmm_loop *loop, int fd, uint32_t events, vmm_ready_fn *ready, void *arg,
		    struct vmm_watch *ret)
{
	struct epoll_event ev = { .events = events };
	struct slot *s;
	uint32_t i = 0;

	RL_TRY(free_slot(loop, &i));
	s = &loop->slot[i];
	ev.data.u64 = (uint64_t)(s->generation + 1) << 32 | i;
	RL_TRY(rl_sys(epoll_ctl(rl_fd_get(&loop->epoll), EPOLL_CTL_ADD, fd, &ev),
		      "wait for descriptor %d", fd));
	s->fd = fd;
	s->generation++;
	s->ready = ready;
	s->arg = arg;
	*ret = (struct vmm_watch){ .slot_plus_one = i + 1, .generation = s->generation };
	return RL_OK;
}

rl_err vmm_loop_change(struct vmm_loop *loop, struct vmm_watch *watch, uint32_t events)
{
	struct slot *s = find(loop, watch);
	struct epoll_event ev = { .events = events };

	if (s == NULL)
		return rl_refuse(RL_E(ENOENT), "the descriptor is not registered");
	ev.data.u64 = (uint64_t)s->generation << 32 | (watch->slot_plus_one - 1);
	return rl_sys(epoll_ctl(rl_fd_get(&loop->epoll), EPOLL_CTL_MOD, s->fd, &ev),
		      "wait for descriptor %d", s->fd);
}

void vmm_loop_remove(struct vmm_loop *loop, struct vmm_watch *watch)
{
	struct slot *s = find(loop, watch);

	if (s) {
		(void)epoll_ctl(rl_fd_get(&loop->epoll), EPOLL_CTL_DEL, s->fd, NULL);
		s->fd = -1;
	}
	*watch = (struct vmm_watch){ 0 };
}

void vmm_loop_lock(struct vmm_loop *loop)
{
	(void)pthread_mutex_lock(&loop->lock);
}

void vmm_loop_unlock(struct vmm_loop *loop)
{
	(void)pthread_mutex_unlock(&loop->lock);
}

static void dispatch(struct vmm_loop *loop, const struct epoll_event *ev)
{
	struct vmm_watch watch = { .slot_plus_one = (uint32_t)ev->data.u64 + 1,
				   .generation = (uint32_t)(ev->data.u64 >> 32) };
	struct slot *s;

	vmm_loop_lock(loop);
	s = find(loop, &watch);
	if (s)
		s->ready(s->arg, ev->events);
	vmm_loop_unlock(loop);
}

rl_err vmm_loop_run(struct vmm_loop *loop)
{
	struct epoll_event events[BATCH];

	while (!atomic_load(&loop->stop)) {
		int n = epoll_wait(rl_fd_get(&loop->epoll), events, BATCH, -1);

		if (n < 0 && errno == EINTR)
			continue;
		RL_TRY(rl_sys(n, "wait for events"));
		for (int i = 0; i < n && !atomic_load(&loop->stop); i++)
			dispatch(loop, &events[i]);
	}
	return RL_OK;
}

void vmm_loop_stop(struct vmm_loop *loop)
{
	static const uint64_t one = 1;
	int saved = errno;

	atomic_store(&loop->stop, true);
	/* Fails only if the counter is full, and then the loop wakes anyway. */
	if (write(rl_fd_get(&loop->wake), &one, sizeof(one)) < 0)
		errno = saved;
	errno = saved;
}

bool vmm_loop_step(struct vmm_loop *loop, int timeout_ms)
{
	struct epoll_event events[BATCH];
	uint64_t count;
	int n;

	/* The request to stop has been heard; it must not count as something to do. */
	if (read(rl_fd_get(&loop->wake), &count, sizeof(count)) < 0)
		errno = 0;
	n = epoll_wait(rl_fd_get(&loop->epoll), events, BATCH, timeout_ms);
	for (int i = 0; i < n; i++)
		dispatch(loop, &events[i]);
	return n > 0;
}

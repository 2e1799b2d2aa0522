/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device needs around it, for tests: an event loop that runs only when told, a transport
 * that counts interrupts, a log that keeps its last line. Include it in one file of a program.
 */
#pragma once

#include "base/error.h"
#include "vmm/log.h"
#include "vmm/loop.h"
#include "vmm/virtio/device.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define FAKE_WATCHES 256

struct vmm_loop {
	int epoll_fd;
	struct {
		int fd; /* -1: free */
		vmm_ready_fn *ready;
		void *arg;
	} watch[FAKE_WATCHES];
};

struct vmm_virtio_irq {
	unsigned count[VIRTIO_QUEUES_MAX];
	bool is_broken;
};

static char fake_log[1024];
static unsigned fake_log_lines; /* atomic: devices have threads */

static inline struct vmm_loop *fake_loop_new(void)
{
	struct vmm_loop *loop = calloc(1, sizeof(*loop));

	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < FAKE_WATCHES; i++)
		loop->watch[i].fd = -1;
	return loop;
}

static inline void fake_loop_free(struct vmm_loop *loop)
{
	close(loop->epoll_fd);
	free(loop);
}

/* How many descriptors are waited for. */
static inline unsigned fake_loop_watches(const struct vmm_loop *loop)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FAKE_WATCHES; i++)
		n += loop->watch[i].fd >= 0;
	return n;
}

/* Calls everything that is ready, once. Returns how many. */
static inline int fake_loop_turn(struct vmm_loop *loop)
{
	struct epoll_event ready[FAKE_WATCHES];
	int n = epoll_wait(loop->epoll_fd, ready, FAKE_WATCHES, 0);

	for (int i = 0; i < n; i++) {
		uint32_t slot = ready[i].data.u32;

		if (loop->watch[slot].fd >= 0)
			loop->watch[slot].ready(loop->watch[slot].arg, ready[i].events);
	}
	return n;
}

/* Until nothing is ready. False if that never comes: something spins. */
static inline bool fake_loop_settle(struct vmm_loop *loop)
{
	for (int i = 0; i < 1000; i++) {
		if (fake_loop_turn(loop) == 0)
			return true;
	}
	return false;
}

rl_err vmm_loop_add(struct vmm_loop *loop, int fd, uint32_t events, vmm_ready_fn *ready, void *arg,
		    struct vmm_watch *ret)
{
	struct epoll_event event = { .events = events };
	uint32_t slot = 0;

	while (loop->watch[slot].fd >= 0)
		slot++;
	event.data.u32 = slot;
	RL_TRY(rl_sys(epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event), "watch %d", fd));
	loop->watch[slot].fd = fd;
	loop->watch[slot].ready = ready;
	loop->watch[slot].arg = arg;
	*ret = (struct vmm_watch){ .slot_plus_one = slot + 1 };
	return RL_OK;
}

rl_err vmm_loop_change(struct vmm_loop *loop, struct vmm_watch *watch, uint32_t events)
{
	uint32_t slot = watch->slot_plus_one - 1;
	struct epoll_event event = { .events = events, .data.u32 = slot };

	return rl_sys(epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, loop->watch[slot].fd, &event),
		      "change");
}

void vmm_loop_remove(struct vmm_loop *loop, struct vmm_watch *watch)
{
	if (watch->slot_plus_one == 0)
		return;

	uint32_t slot = watch->slot_plus_one - 1;

	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, loop->watch[slot].fd, NULL);
	loop->watch[slot].fd = -1;
	*watch = (struct vmm_watch){ 0 };
}

void vmm_virtio_used(struct vmm_virtio_irq *irq, uint16_t index)
{
	irq->count[index]++;
}

int vmm_virtio_used_later(struct vmm_virtio_irq *irq, uint16_t index)
{
	irq->count[index]++;
	return -1;
}

void vmm_virtio_broken(struct vmm_virtio_irq *irq)
{
	irq->is_broken = true;
}

void vmm_log(enum vmm_log_level level, const char *who, const char *fmt, ...)
{
	va_list ap;

	(void)level;
	(void)who;
	va_start(ap, fmt);
	vsnprintf(fake_log, sizeof(fake_log), fmt, ap);
	va_end(ap);
	__atomic_add_fetch(&fake_log_lines, 1, __ATOMIC_RELEASE);
}

void vmm_log_drop(enum vmm_log_level level, const char *who, rl_err e)
{
	if (rl_failed(e))
		vmm_log(level, who, "%s", rl_text(e));
	rl_drop(e);
}

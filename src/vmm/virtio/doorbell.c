/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/doorbell.h"

#include <sys/epoll.h>
#include <unistd.h>

void vmm_doorbell_prepare(struct vmm_doorbell *b)
{
	rl_err e = vmm_ring_new(&b->ring);

	/* An old kernel, io_uring switched off, a filter: none of it is an error. */
	rl_drop(e);
}

rl_err vmm_doorbell_open(struct vmm_doorbell *b)
{
	b->count = 0;
	b->owed = -1;
	return rl_fd_from(epoll_create1(EPOLL_CLOEXEC), &b->epoll_fd, "make an epoll");
}

rl_err vmm_doorbell_watch(struct vmm_doorbell *b, int fd)
{
	/* Edge-triggered: every notification wakes once, and none is read. */
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	if (b->count == VMM_DOORBELL_FDS)
		return rl_refuse(RL_E(ENOSPC), "more than %d descriptors", VMM_DOORBELL_FDS);
	RL_TRY(rl_sys(epoll_ctl(rl_fd_get(&b->epoll_fd), EPOLL_CTL_ADD, fd, &event),
		      "wait for descriptor %d", fd));
	b->rung[b->count].armed = false;
	b->rung[b->count++].fd = fd;
	return RL_OK;
}

void vmm_doorbell_enter(struct vmm_doorbell *b)
{
	vmm_ring_enable(&b->ring);
	if (b->ring.enabled)
		rl_fd_close(&b->epoll_fd);
}

void vmm_doorbell_owe(struct vmm_doorbell *b, int irq_fd)
{
	b->owed = irq_fd;
}

void vmm_doorbell_pay(struct vmm_doorbell *b)
{
	static const uint64_t one = 1;

	if (b->owed >= 0 && write(b->owed, &one, sizeof(one)) < 0)
		errno = 0; /* the counter is full: the line is raised anyway */
	b->owed = -1;
}

/* One call: what is owed, watches that have lapsed, and the wait. */
static void sleep_in_ring(struct vmm_doorbell *b)
{
	struct vmm_ring_event event;
	bool owed = b->owed >= 0;

	if (owed)
		vmm_ring_write_one(&b->ring, b->owed, VMM_DOORBELL_FDS);
	for (unsigned i = 0; i < b->count; i++) {
		if (!b->rung[i].armed)
			vmm_ring_watch(&b->ring, b->rung[i].fd, i);
		b->rung[i].armed = true;
	}
	/* The write is answered, too; what has rung in the meantime counts. */
	vmm_ring_submit_and_wait(&b->ring, owed ? 2 : 1);
	while (vmm_ring_next(&b->ring, &event)) {
		if (event.tag < b->count)
			b->rung[event.tag].armed = event.more;
		else if (event.good)
			b->owed = -1;
	}
	/* Refused, for whatever reason: then the long way. */
	vmm_doorbell_pay(b);
}

void vmm_doorbell_sleep(struct vmm_doorbell *b)
{
	struct epoll_event event;

	if (b->ring.enabled) {
		sleep_in_ring(b);
		return;
	}
	vmm_doorbell_pay(b);
	if (epoll_wait(rl_fd_get(&b->epoll_fd), &event, 1, -1) < 0)
		errno = 0; /* a signal: awake for nothing */
}

void vmm_doorbell_close(struct vmm_doorbell *b)
{
	rl_fd_close(&b->epoll_fd);
	vmm_ring_free(&b->ring);
}

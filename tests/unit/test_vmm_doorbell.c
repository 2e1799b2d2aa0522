/* SPDX-License-Identifier: Apache-2.0 */
/* Sleeping at a doorbell, with a ring and without one: the same in either case. */
#include "vmm/virtio/doorbell.h"

#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

struct sleeper {
	struct vmm_doorbell bell;
	int kick, other, irq;
	int rounds; /* atomic: how often it woke */
	int stop;   /* atomic */
	bool with_ring;
	pthread_t thread;
};

/* A device that answers every notification with an interrupt. */
static void *work(void *arg)
{
	struct sleeper *s = arg;

	vmm_doorbell_enter(&s->bell);
	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		vmm_doorbell_sleep(&s->bell);
		__atomic_add_fetch(&s->rounds, 1, __ATOMIC_ACQ_REL);
		vmm_doorbell_owe(&s->bell, s->irq);
	}
	vmm_doorbell_pay(&s->bell);
	return NULL;
}

static rl_err open_bell(struct sleeper *s)
{
	RL_TRY(vmm_doorbell_open(&s->bell));
	RL_TRY(vmm_doorbell_watch(&s->bell, s->kick));
	return vmm_doorbell_watch(&s->bell, s->other);
}

static bool set_up(struct sleeper *s, bool with_ring)
{
	rl_err e;

	*s = (struct sleeper){ .kick = eventfd(0, EFD_NONBLOCK),
			       .other = eventfd(0, EFD_NONBLOCK),
			       .irq = eventfd(0, EFD_NONBLOCK),
			       .with_ring = with_ring };
	if (with_ring)
		vmm_doorbell_prepare(&s->bell);
	if (with_ring && !rl_fd_has(&s->bell.ring.fd))
		return false; /* this kernel has none, or we may not */
	e = open_bell(s);
	if (rl_failed(e) || pthread_create(&s->thread, NULL, work, s) != 0)
		abort();
	return true;
}

static void tear_down(struct sleeper *s)
{
	__atomic_store_n(&s->stop, 1, __ATOMIC_RELEASE);
	eventfd_write(s->kick, 1);
	pthread_join(s->thread, NULL);
	vmm_doorbell_close(&s->bell);
	CHECK(!rl_fd_has(&s->bell.epoll_fd) && !rl_fd_has(&s->bell.ring.fd));
	close(s->kick);
	close(s->other);
	close(s->irq);
}

/* Waits for the interrupt; the count of those since the last time, 0 for none within a second. */
static uint64_t interrupts(struct sleeper *s)
{
	struct pollfd p = { .fd = s->irq, .events = POLLIN };
	uint64_t n = 0;

	if (poll(&p, 1, 1000) == 1 && read(s->irq, &n, sizeof(n)) < 0)
		return 0;
	return n;
}

static void check_ringing(bool with_ring)
{
	struct sleeper s;

	if (!set_up(&s, with_ring))
		return;
	for (int i = 0; i < 100; i++) {
		eventfd_write(i % 3 ? s.kick : s.other, 1);
		CHECK(interrupts(&s) >= 1);
	}
	/* Not for nothing: one round a notification, and one when it began to watch. */
	CHECK(__atomic_load_n(&s.rounds, __ATOMIC_ACQUIRE) <= 103);
	CHECK(s.bell.ring.enabled == with_ring);
	tear_down(&s);
}

TEST(every_notification_is_answered_by_epoll)
{
	check_ringing(false);
}

TEST(every_notification_is_answered_by_a_ring)
{
	check_ringing(true);
}

static void check_quiet(bool with_ring)
{
	struct sleeper s;
	int before;

	if (!set_up(&s, with_ring))
		return;
	eventfd_write(s.kick, 1);
	CHECK(interrupts(&s) == 1);
	usleep(20000);
	before = __atomic_load_n(&s.rounds, __ATOMIC_ACQUIRE);
	usleep(200000);
	CHECK_INT(__atomic_load_n(&s.rounds, __ATOMIC_ACQUIRE), before);
	tear_down(&s);
}

TEST(nothing_wakes_without_a_notification)
{
	check_quiet(false);
	check_quiet(true);
}

TEST(a_notification_before_the_sleep_is_not_lost)
{
	for (int with_ring = 0; with_ring < 2; with_ring++) {
		struct vmm_doorbell bell = { 0 };
		int kick = eventfd(0, EFD_NONBLOCK);

		if (with_ring)
			vmm_doorbell_prepare(&bell);
		CHECK_OK(vmm_doorbell_open(&bell));
		CHECK_OK(vmm_doorbell_watch(&bell, kick));
		vmm_doorbell_enter(&bell);
		for (int i = 0; i < 10; i++) {
			eventfd_write(kick, 1);
			alarm(20);
			vmm_doorbell_sleep(&bell); /* would be for ever */
			alarm(0);
		}
		vmm_doorbell_close(&bell);
		close(kick);
	}
}

/* What a ring is good for to somebody who should not have it: nothing else. */
TEST(a_ring_is_restricted)
{
	struct vmm_ring ring = { 0 };
	rl_err e = vmm_ring_new(&ring);

	if (rl_failed(e)) {
		rl_drop(e);
		return;
	}
	vmm_ring_enable(&ring);
	CHECK(ring.enabled);
	/* IORING_REGISTER_BUFFERS .. _PROBE, with nothing to register: refused before that. */
	for (unsigned op = 0; op < 9; op++) {
		errno = 0;
		CHECK(syscall(SYS_io_uring_register, rl_fd_get(&ring.fd), op, NULL, 0) < 0);
		CHECK_INT(errno, EACCES);
	}
	vmm_ring_free(&ring);
	CHECK(ring.map == NULL);
}

TEST(more_descriptors_than_places)
{
	struct vmm_doorbell bell = { 0 };
	int fd[VMM_DOORBELL_FDS + 1];

	CHECK_OK(vmm_doorbell_open(&bell));
	for (int i = 0; i < VMM_DOORBELL_FDS; i++) {
		fd[i] = eventfd(0, 0);
		CHECK_OK(vmm_doorbell_watch(&bell, fd[i]));
	}
	CHECK_FAILS(vmm_doorbell_watch(&bell, 0), ENOSPC, "more than 8");
	for (int i = 0; i < VMM_DOORBELL_FDS; i++)
		close(fd[i]);
	vmm_doorbell_close(&bell);
}

RUN_TESTS()

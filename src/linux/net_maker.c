/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/net_maker.h"

#include "linux/sys.h"

#include <linux/futex.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C /* Linux 4.10 */
#endif

#ifdef __x86_64__

/* Only the page at its end is ever touched. */
static _Alignas(64) char stack[8192];
static bool stack_in_use;

/* The errno of the C library is the other thread's. */
static long call(long number, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return ret;
}

static int make(void *context)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct lx_net_maker *m = context;
	long fd, ns = -1;

	if (call(SYS_unshare, CLONE_NEWNET, 0, 0) < 0)
		return 1;
	fd = call(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 1;
	if (call(SYS_ioctl, fd, SIOCSIFFLAGS, (long)(uintptr_t)&request) == 0)
		ns = call(SYS_ioctl, fd, SIOCGSKNS, 0);
	(void)call(SYS_close, fd, 0, 0);
	m->ns_fd = ns >= 0 ? (int)ns : -1;
	return 0;
}

void lx_net_maker_start(struct lx_net_maker *m)
{
	int saved = errno;

	if (stack_in_use)
		return;
	m->ns_fd = -1;
	m->started = clone(make, stack + sizeof(stack),
			   CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
				   CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
			   m, &m->tid, NULL, &m->tid) >= 0;
	stack_in_use = m->started;
	errno = saved;
}

#else

static bool stack_in_use;

void lx_net_maker_start(struct lx_net_maker *m)
{
	(void)m;
}

#endif

/* The kernel wakes without FUTEX_PRIVATE_FLAG. */
static void wait_for(struct lx_net_maker *m)
{
	int saved = errno, tid;

	while ((tid = __atomic_load_n(&m->tid, __ATOMIC_ACQUIRE)) != 0)
		(void)syscall(SYS_futex, &m->tid, FUTEX_WAIT, tid, NULL, NULL, 0);
	errno = saved;
}

void lx_net_maker_take(struct lx_net_maker *m, struct rl_fd *ret_ns)
{
	if (!m->started)
		return;
	wait_for(m);
	m->started = stack_in_use = false;
	if (m->ns_fd >= 0)
		rl_fd_set(ret_ns, m->ns_fd);
}

void lx_net_maker_close(struct lx_net_maker *m)
{
	struct rl_fd RL_AUTO_FD unwanted = { 0 };

	lx_net_maker_take(m, &unwanted);
}

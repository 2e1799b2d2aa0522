/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/stop.h"

#include "guest/proto.h"
#include "vmm/log.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* The signal pipe: a handler can reach nothing but a global. */
static volatile int signal_pipe = -1;

static void on_signal(int number)
{
	unsigned char byte = (unsigned char)number;
	int saved = errno;

	/* A full pipe has signals enough in it. */
	if (write(signal_pipe, &byte, 1) < 0)
		errno = saved;
	errno = saved;
}

static rl_err arm_timer(struct vmm_stop *s)
{
	struct itimerspec grace = { .it_value = { .tv_sec = VMM_STOP_GRACE_MS / 1000,
						  .tv_nsec =
							  VMM_STOP_GRACE_MS % 1000 * 1000000l } };

	return rl_sys(timerfd_settime(rl_fd_get(&s->timer), 0, &grace, NULL), "set the timer");
}

static void request(struct vmm_stop *s)
{
	struct gst_control message = { 0 };

	if (s->requests++ > 0) {
		vmm_outcome_end(s->outcome, VMM_END_KILLED, "stopped on a second request");
		return;
	}
	vmm_log(VMM_LOG_INFO, "stop", "the guest is asked to power off");
	gst_put32(message.type, GST_CONTROL_POWEROFF);
	/* If init is not there yet, it finds the message when it opens the port. */
	if (send(rl_fd_get(&s->control_ours), &message, sizeof(message),
		 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		vmm_log(VMM_LOG_WARN, "stop", "cannot reach init: %s", strerror(errno));
	vmm_log_drop(VMM_LOG_WARN, "stop", arm_timer(s));
}

static void on_signals(void *arg, uint32_t events)
{
	struct vmm_stop *s = arg;
	unsigned char byte[16];
	ssize_t n = read(rl_fd_get(&s->signals), byte, sizeof(byte));

	(void)events;
	for (ssize_t i = 0; i < n; i++) {
		if (byte[i] == SIGWINCH)
			s->resized(s->resized_arg);
		else
			request(s);
	}
}

static void on_timer(void *arg, uint32_t events)
{
	struct vmm_stop *s = arg;
	uint64_t expirations;

	(void)events;
	/* Read, or it would be ready for ever, and whoever waits for quiet with it. */
	if (read(rl_fd_get(&s->timer), &expirations, sizeof(expirations)) < 0)
		return;
	vmm_outcome_end(s->outcome, VMM_END_KILLED, "the guest did not power off within %d seconds",
			VMM_STOP_GRACE_MS / 1000);
}

static void on_event(void *arg, uint32_t events)
{
	struct vmm_stop *s = arg;
	uint64_t count;

	(void)events;
	if (read(s->event_fd, &count, sizeof(count)) == sizeof(count))
		request(s);
}

rl_err vmm_stop_open(struct vmm_stop *s, struct vmm_loop *loop, struct vmm_outcome *outcome)
{
	int pair[2];

	s->loop = loop;
	s->outcome = outcome;
	s->event_fd = -1;
	RL_TRY(rl_sys(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
		      "make the control channel"));
	rl_fd_set(&s->control_ours, pair[0]);
	rl_fd_set(&s->control_guest, pair[1]);
	return rl_fd_from(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), &s->timer,
			  "make a timer");
}

static rl_err handle(int number)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	(void)sigfillset(&action.sa_mask);
	return rl_sys(sigaction(number, &action, NULL), "handle signal %d", number);
}

rl_err vmm_stop_install(struct vmm_stop *s)
{
	int pipe_fd[2];

	RL_TRY(rl_sys(pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK), "make the signal pipe"));
	rl_fd_set(&s->signals, pipe_fd[0]);
	signal_pipe = pipe_fd[1];
	RL_TRY(vmm_loop_add(s->loop, pipe_fd[0], EPOLLIN, on_signals, s, &s->signal_watch));
	RL_TRY(vmm_loop_add(s->loop, rl_fd_get(&s->timer), EPOLLIN, on_timer, s, &s->timer_watch));
	if (s->event_fd >= 0)
		RL_TRY(vmm_loop_add(s->loop, s->event_fd, EPOLLIN, on_event, s, &s->event_watch));
	RL_TRY(handle(SIGTERM));
	RL_TRY(handle(SIGWINCH));
	if (s->interrupt_too)
		RL_TRY(handle(SIGINT));
	/* A reader of our output that went away must not take the machine with it. */
	return rl_sys(signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -1 : 0, "ignore SIGPIPE");
}

void vmm_stop_close(struct vmm_stop *s)
{
	if (s->loop) {
		vmm_loop_remove(s->loop, &s->signal_watch);
		vmm_loop_remove(s->loop, &s->timer_watch);
		vmm_loop_remove(s->loop, &s->event_watch);
	}
	rl_fd_close(&s->signals);
	rl_fd_close(&s->timer);
	rl_fd_close(&s->control_ours);
	rl_fd_close(&s->control_guest);
}

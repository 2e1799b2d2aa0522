/* SPDX-License-Identifier: Apache-2.0 */
#include "container/attend.h"

#include "base/io.h"
#include "base/proc.h"
#include "container/sdnotify.h"
#include "linux/tty.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

rl_err ct_attend_prepare(bool adopt)
{
	sigset_t all;

	sigfillset(&all);
	RL_TRY(rl_sys(sigprocmask(SIG_BLOCK, &all, NULL), "block signals"));
	return adopt ? rl_sys(prctl(PR_SET_CHILD_SUBREAPER, 1), "become a subreaper") : RL_OK;
}

void ct_attend_release(uint64_t ignored_signals)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int signal_number = 1; ignored_signals != 0; signal_number++, ignored_signals >>= 1)
		if ((ignored_signals & 1) != 0)
			(void)signal(signal_number, SIG_DFL);
}

enum { FROM_CHILD, FROM_SIGNALS, FROM_MASTER, FROM_STDIN, FROM_NOTIFY, SOURCES };

struct relay {
	const struct ct_attended *attended;
	struct ct_child *child;
	int master;
	struct rl_fd signals;
	struct pollfd poll[SOURCES];
	struct termios saved;
	bool raw; /* `saved` must be restored */
};

static void relay_close(struct relay *r)
{
	if (r->raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &r->saved);
	rl_fd_close(&r->signals);
}

#define AUTO_RELAY __attribute__((cleanup(relay_close)))

/* Keys such as ^C are the container's business: our own terminal passes them through. */
static rl_err make_raw(struct relay *r)
{
	struct termios t;

	if (r->master < 0 || tcgetattr(STDIN_FILENO, &r->saved) < 0)
		return RL_OK;
	t = r->saved;
	cfmakeraw(&t);
	/* The container's terminal does not turn newlines into CR LF; ours has to. */
	t.c_oflag |= OPOST;
	RL_TRY(rl_sys(tcsetattr(STDIN_FILENO, TCSANOW, &t), "make the terminal raw"));
	r->raw = true;
	return RL_OK;
}

static void copy_size(int master)
{
	struct winsize size;

	if (master >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(master, TIOCSWINSZ, &size);
}

rl_err ct_attend_terminal(int master_fd)
{
	if (master_fd < 0)
		return RL_OK;
	copy_size(master_fd);
	return lx_tty_clear_onlcr(master_fd);
}

static rl_err start_relay(struct relay *r)
{
	sigset_t all;

	sigfillset(&all);
	RL_TRY(rl_fd_from(signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK), &r->signals,
			  "receive signals"));
	r->poll[FROM_CHILD] = (struct pollfd){ rl_fd_get(&r->child->pidfd), POLLIN, 0 };
	r->poll[FROM_SIGNALS] = (struct pollfd){ rl_fd_get(&r->signals), POLLIN, 0 };
	r->poll[FROM_MASTER] = (struct pollfd){ r->master, POLLIN, 0 };
	r->poll[FROM_NOTIFY] = (struct pollfd){ r->attended->notify_fd, POLLIN, 0 };
	r->poll[FROM_STDIN] = (struct pollfd){ r->master >= 0 ? STDIN_FILENO : -1, POLLIN, 0 };
	return make_raw(r);
}

/* Our own child is left to ct_attend, which asks for its status. */
static void reap_adopted(pid_t own)
{
	siginfo_t ended = { 0 };

	while (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid > 0 &&
	       ended.si_pid != own) {
		(void)waitpid(ended.si_pid, NULL, 0);
		ended.si_pid = 0;
	}
}

/* To the program in the guest; before its agent is there, to the machine. */
static void pass_signal(const struct relay *r, int signal_number)
{
	const struct hdl_agent_at *agent = r->attended->agent;

	if (agent == NULL || rl_drop_failed(hdl_agent_signal(agent, 0, signal_number)))
		rl_drop(rl_pidfd_signal(rl_fd_get(&r->child->pidfd), signal_number));
}

static rl_err pass_signals(struct relay *r)
{
	struct signalfd_siginfo info;

	while (read(rl_fd_get(&r->signals), &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			reap_adopted(r->child->pid);
			continue;
		}
		if (info.ssi_signo == SIGWINCH && r->master >= 0) {
			copy_size(r->master);
			continue;
		}
		pass_signal(r, (int)info.ssi_signo);
	}
	return RL_OK;
}

/* false: this direction is finished (end of file, or EIO of a terminal without a process). */
static bool pump(int from, int to)
{
	char buffer[16384];
	ssize_t n = read(from, buffer, sizeof(buffer));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && !rl_drop_failed(rl_write_all(to, buffer, (size_t)n));
}

static void pump_ready(struct relay *r)
{
	if (r->poll[FROM_MASTER].revents != 0 && !pump(r->master, STDOUT_FILENO))
		r->poll[FROM_MASTER].fd = -1;
	if (r->poll[FROM_STDIN].revents != 0 && !pump(STDIN_FILENO, r->master))
		r->poll[FROM_STDIN].fd = -1;
}

/* What the program wrote last may still be in the terminal when it has ended. */
static void drain(struct relay *r)
{
	struct pollfd p = { r->master, POLLIN, 0 };

	while (r->master >= 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLIN) != 0)
		if (!pump(r->master, STDOUT_FILENO))
			return;
}

/* What systemd is told is told once; a broken socket ends the passing on, not the container. */
static void pass_notification(struct relay *r)
{
	bool ready = false;

	if (r->poll[FROM_NOTIFY].revents == 0)
		return;
	if (rl_drop_failed(ct_sdnotify_pass(r->attended->notify_fd, r->attended->notify_socket,
					    r->child->pid, &ready)) ||
	    ready)
		r->poll[FROM_NOTIFY].fd = -1;
}

rl_err ct_attend(const struct ct_attended *attended, int *ret_status)
{
	struct relay AUTO_RELAY r = { .attended = attended,
				      .child = attended->child,
				      .master = attended->master_fd };

	RL_TRY(start_relay(&r));
	for (;;) {
		int n = poll(r.poll, SOURCES, -1);

		if (n < 0 && errno != EINTR)
			return rl_sys(n, "wait for the container");
		if (r.poll[FROM_CHILD].revents != 0)
			break;
		RL_TRY(pass_signals(&r));
		pump_ready(&r);
		pass_notification(&r);
	}
	drain(&r);
	return rl_wait_status(attended->child->pid, ret_status);
}

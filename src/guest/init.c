/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 of the guest: sets the machine up, starts the workload, reaps, and tells the host how it
 * ended.
 *
 *     DEVICES - CONFIGURATION - MODULES - ROOT - NAMES - MOUNTS - NETWORK - START - WAIT - END
 *
 * Everything before START can only succeed or end the machine with a reason (guest/fail.h).
 */
#include "guest/agent.h"
#include "guest/config.h"
#include "guest/container.h"
#include "guest/device.h"
#include "guest/fail.h"
#include "guest/modules.h"
#include "guest/mounts.h"
#include "guest/net.h"
#include "guest/ports.h"
#include "guest/process.h"
#include "guest/proto.h"
#include "guest/setup.h"
#include "guest/shutdown.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct gst_config read_config(void)
{
	struct gst_config c;
	uint32_t size;
	uint8_t *blob = gst_device_config(&size);
	const char *why;

	if (blob == NULL)
		gst_refuse("there is no guest device: this init works in a machine of runlet's "
			   "libkrun only");
	why = gst_config_parse(blob, size, &c);
	if (why != NULL)
		gst_refuse("the configuration from the host: %s", why);
	return c;
}

/* What the parent watches. */
struct watch {
	pid_t workload;
	int signal_fd, control_fd, words_fd;
	const struct gst_config *config;
	struct gst_agent agent;
	bool stopping;
	struct timespec deadline; /* while stopping: when SIGKILL follows */
};

static int make_signal_fd(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT); /* Ctrl-Alt-Del, once the kernel is told so */
	sigaddset(&set, SIGPWR);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		gst_fail("block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		gst_fail("make a signalfd");
	(void)reboot(RB_DISABLE_CAD);
	return fd;
}

/*
 * KRUN_INIT_PID1: process 1 of namespaces of its own. In our place nobody would be left to tell how
 * it ended: for the kernel the end of the first process is a panic.
 */
static pid_t fork_workload(const struct gst_config *c)
{
	pid_t pid;

	if (!(c->flags & GST_F_PID1))
		return fork();
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL,
			     NULL);
	if (pid == 0 && !(c->flags & GST_F_NO_API_MOUNTS)) {
		(void)mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
		(void)mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	}
	return pid;
}

static void start(struct watch *w)
{
	int words[2];

	/* Close-on-exec: the pipe ends when the workload runs, or with its last words. */
	if (pipe2(words, O_CLOEXEC) != 0)
		gst_fail("make a pipe");
	w->workload = fork_workload(w->config);
	if (w->workload < 0)
		gst_fail("fork");
	if (w->workload == 0) {
		close(words[0]);
		gst_fail_to_parent(words[1]);
		gst_become(w->config);
	}
	close(words[1]);
	w->words_fd = words[0];
}

/* The child could not become the workload: says why, and ends the machine. */
static void hear_last_words(struct watch *w)
{
	struct gst_last_words words = { 0 };
	ssize_t n;

	do {
		n = read(w->words_fd, &words, sizeof(words));
	} while (n < 0 && errno == EINTR);
	close(w->words_fd);
	w->words_fd = -1;
	if (n != (ssize_t)sizeof(words)) {
		gst_device_report(GST_REPORT_STARTED, (uint32_t)w->workload, "");
		return;
	}
	words.text[sizeof(words.text) - 1] = '\0';
	gst_device_report(GST_REPORT_FAILED, (uint32_t)words.code, words.text);
	dprintf(STDERR_FILENO, "init: %s%s%s\n", words.text, words.code ? ": " : "",
		words.code ? strerror(words.code) : "");
	gst_shutdown((uint32_t)words.status);
}

static _Noreturn void workload_ended(struct watch *w, int status)
{
	uint32_t value = WIFSIGNALED(status)
				 ? (uint32_t)(128 + WTERMSIG(status)) | GST_EXIT_SIGNALED
				 : (uint32_t)WEXITSTATUS(status);

	/* The first process of a namespace dies of these by reboot(2) only: it has powered off. */
	if ((w->config->flags & GST_F_PID1) && WIFSIGNALED(status) &&
	    (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGHUP))
		value = 0;
	if (gst_oom_kills() > 0)
		value |= GST_EXIT_OOM;
	gst_agent_close(&w->agent);
	gst_shutdown(value);
}

static void reap(struct watch *w)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == w->workload)
			workload_ended(w, status);
		gst_agent_reaped(&w->agent, pid, status);
	}
}

static void begin_stop(struct watch *w)
{
	if (w->stopping)
		return;
	w->stopping = true;
	clock_gettime(CLOCK_MONOTONIC, &w->deadline);
	w->deadline.tv_sec += w->config->grace_ms / 1000;
	(void)kill(w->workload, SIGTERM);
	/* A stopped process would never see it. */
	(void)kill(w->workload, SIGCONT);
}

static void hear_signal(struct watch *w)
{
	struct signalfd_siginfo info;

	while (read(w->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGCHLD)
			begin_stop(w);
	}
	reap(w);
}

static void hear_control(struct watch *w)
{
	struct gst_control m;
	ssize_t n = read(w->control_fd, &m, sizeof(m));

	if (n != (ssize_t)sizeof(m)) {
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		close(w->control_fd); /* the host does not want anything any more */
		w->control_fd = -1;
		return;
	}
	switch ((enum gst_control_type)gst_get32(m.type)) {
	case GST_CONTROL_POWEROFF:
		begin_stop(w);
		break;
	case GST_CONTROL_SIGNAL:
		(void)kill(w->workload, (int)gst_get32(m.value));
		break;
	}
}

/* Milliseconds until a stopping workload is killed, -1 without end. */
static int time_left(const struct watch *w)
{
	struct timespec now;
	long ms;

	if (!w->stopping)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (w->deadline.tv_sec - now.tv_sec) * 1000 +
	     (w->deadline.tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? (int)ms : 0;
}

static _Noreturn void watch_over(struct watch *w)
{
	for (;;) {
		struct pollfd fds[2 + GST_AGENT_POLLS] = {
			{ .fd = w->signal_fd, .events = POLLIN },
			{ .fd = w->control_fd, .events = POLLIN },
		};
		unsigned agents = gst_agent_polls(&w->agent, fds + 2);
		int left = time_left(w);

		if (left == 0) {
			(void)kill(w->workload, SIGKILL);
			w->deadline.tv_sec += 3600; /* once is enough */
			left = -1;
		}
		if (poll(fds, 2 + agents, left) < 0)
			continue;
		/* Before children are reaped: what a process said comes before its end. */
		gst_agent_serve(&w->agent, fds + 2, agents);
		if (w->agent.wants_shutdown)
			begin_stop(w);
		if (fds[1].revents != 0)
			hear_control(w);
		if (fds[0].revents != 0)
			hear_signal(w);
	}
}

int main(void)
{
	struct gst_config config;
	struct watch w = { .config = &config };

	if (getpid() != 1) {
		static const char text[] = "init: to be started by a kernel, as process 1\n";

		return write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ? 2 : 1;
	}
	umask(0);
	gst_device_report(GST_REPORT_BOOTED, GST_VERSION, "");
	config = read_config();
	gst_load_modules();
	if (config.root != GST_ROOT_CURRENT) {
		gst_mount_early();
		gst_console_open();
		gst_enter_root(&config);
	}
	gst_container_read(&config);
	if (!(config.flags & GST_F_NO_API_MOUNTS))
		gst_mount_api();
	gst_console_open();
	gst_setup_machine(&config); /* before /proc/sys may become read-only */
	gst_mount_all(&config);
	/* As under systemd: what containers in the guest mount, they may share. */
	(void)mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
	gst_net_up(&config);
	w.signal_fd = make_signal_fd();
	w.control_fd = gst_port_open(GST_CONTROL_PORT, O_RDONLY | O_NONBLOCK);
	gst_agent_open(&w.agent, config.agent_port); /* before somebody else takes the port */
	start(&w);
	w.agent.workload = w.workload;
	hear_last_words(&w);
	watch_over(&w);
}

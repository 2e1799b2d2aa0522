/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends of the agent's protocol against bytes. The first byte says who reads them: the guest's
 * agent, or the host's client in the middle of a session. Processes are not made: fork(2) gives a
 * pid that nobody has, and kill(2) does nothing. Whatever comes, both come to an end and keep what
 * they promise about their buffers (the sanitizers look).
 */
#include "fuzz.h"

#include "guest/agent_core.h"
#include "guest/device.h"
#include "guest/shutdown.h"
#include "handlers/agent_core.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOBODY 0x3ffffff0 /* beyond pid_max */

pid_t __wrap_fork(void);
int __wrap_kill(pid_t pid, int signal);

pid_t __wrap_fork(void)
{
	return NOBODY;
}

int __wrap_kill(pid_t pid, int sig)
{
	(void)pid;
	(void)sig;
	return 0;
}

void gst_device_report(uint32_t type, uint32_t value, const char *text)
{
	(void)type;
	(void)value;
	(void)text;
}

void gst_device_close(void)
{
}

_Noreturn void gst_shutdown(uint32_t value)
{
	(void)value;
	abort();
}

static void feed_guest(const uint8_t *bytes, size_t len, int ours, int theirs)
{
	struct gst_agent a = { .listen_fd = -1 };
	struct pollfd fds[GST_AGENT_POLLS];
	uint8_t drop[4096];

	gst_agent_adopt(&a, theirs);
	for (unsigned turn = 0; a.count > 0 && turn < 2000; turn++) {
		size_t part = len < 1000 ? len : 1000;
		ssize_t n = len > 0 ? send(ours, bytes, part, MSG_DONTWAIT | MSG_NOSIGNAL) : -1;
		unsigned polls;

		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
		if (len == 0)
			(void)shutdown(ours, SHUT_WR);
		while (recv(ours, drop, sizeof(drop), MSG_DONTWAIT) > 0)
			continue;
		polls = gst_agent_polls(&a, fds);
		(void)poll(fds, polls, 0);
		gst_agent_serve(&a, fds, polls);
		for (struct gst_agent_session *s = a.first; s != NULL; s = s->next) {
			FUZZ_CHECK(s->input_at + s->input_len <= GST_AGENT_WINDOW);
			FUZZ_CHECK(s->out_at + s->out_len <= AGENT_OUT);
			FUZZ_CHECK(s->output[0].credit <= GST_AGENT_WINDOW);
		}
		gst_agent_reaped(&a, NOBODY, turn > 100 ? 0 : 9);
	}
	gst_agent_close(&a);
}

static void feed_client(const uint8_t *bytes, size_t len, int ours, int theirs)
{
	struct hdl_agent_session s = { .fd = rl_fd_own(theirs), .with_stdin = len % 2 };
	struct hdl_agent_io io = { .fd = { -1, -1, -1 }, .size_fd = -1 };
	struct hdl_agent_exit end = { 0 };

	(void)send(ours, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(ours, SHUT_WR);
	if (!rl_drop_failed(hdl_agent_relay(&s, &io, &end)))
		FUZZ_CHECK(end.status >= 0 && end.status <= 255);
	rl_fd_close(&s.fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	int pair[2];

	(void)signal(SIGPIPE, SIG_IGN);
	if (len == 0 || len > 150000 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return 0;
	if (bytes[0] % 2 == 0)
		feed_guest(bytes + 1, len - 1, pair[0], pair[1]);
	else
		feed_client(bytes + 1, len - 1, pair[0], pair[1]);
	close(pair[0]);
	return 0;
}

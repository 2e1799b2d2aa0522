/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/agent_core.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static void answer(struct gst_agent_session *s, int result, const char *what)
{
	if (result != 0) {
		agent_refuse(s, 0, errno, what);
		return;
	}
	agent_send(s, GST_AGENT_DONE, 0, NULL, 0, NULL, 0);
	s->phase = AGENT_ANSWERED;
}

static int send_signal(struct gst_agent *a, uint32_t pid, int signal)
{
	if (pid == GST_AGENT_PID_ALL) {
		/* "Everything" means this machine's for its PID 1 only. */
		errno = EPERM;
		return getpid() == 1 ? kill(-1, signal) : -1;
	}
	if (pid == 0 && a->workload > 0)
		return kill(a->workload, signal);
	if (agent_find(a, (pid_t)pid) != NULL)
		return kill((pid_t)pid, signal);
	errno = ESRCH;
	return -1;
}

static int resize(struct gst_agent *a, const struct gst_agent_resize *r)
{
	struct gst_agent_session *s;
	int fd, result;

	if (gst_get32(r->pid) != 0) {
		s = agent_find(a, (pid_t)gst_get32(r->pid));
		errno = ESRCH;
		return s ? agent_set_size(s->terminal ? s->output[0].fd : -1, r) : -1;
	}
	fd = open("/dev/hvc0", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	result = fd < 0 ? -1 : agent_set_size(fd, r);
	if (fd >= 0)
		close(fd);
	return result;
}

static void list(struct gst_agent_session *s)
{
	pid_t pid;

	agent_flush(s);
	if (s->fd < 0)
		return;
	pid = fork();
	if (pid == 0) {
		/* Nothing was left to send but a hello that did not fit: then there is no list. */
		if (s->out_len != 0)
			_exit(1);
		agent_list(s->fd);
	}
	if (pid < 0) {
		agent_refuse(s, 0, errno, "fork");
		return;
	}
	agent_close_socket(s);
	s->pid = pid;
	s->detached = true;
	s->phase = AGENT_ANSWERED;
}

bool agent_request(struct gst_agent *a, struct gst_agent_session *s, uint32_t type,
		   const uint8_t *body, uint32_t len)
{
	const struct gst_agent_signal *signal = (const void *)body;

	switch (type) {
	case GST_AGENT_EXEC:
		agent_exec(s, body, len);
		return true;
	case GST_AGENT_SIGNAL:
		answer(s, send_signal(a, gst_get32(signal->pid), (int)gst_get32(signal->signal)),
		       "send the signal");
		return true;
	case GST_AGENT_RESIZE:
		answer(s, resize(a, (const void *)body), "set the size of the terminal");
		return true;
	case GST_AGENT_LIST:
		list(s);
		return true;
	case GST_AGENT_SHUTDOWN:
		a->wants_shutdown = true;
		answer(s, 0, "");
		return true;
	default:
		return false;
	}
}

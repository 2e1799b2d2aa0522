/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/agent_core.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

/* Between two attempts to reach a guest that is still booting. */
#define RETRY_MS 50

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct agent_deadline agent_deadline_in(unsigned ms)
{
	return (struct agent_deadline){ now_ms() + ms };
}

int agent_deadline_left(struct agent_deadline d)
{
	int64_t left = d.at_ms - now_ms();

	if (left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static rl_err wait_for(int fd, short events, struct agent_deadline until)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int n = poll(&p, 1, agent_deadline_left(until));

		if (n > 0)
			return RL_OK;
		if (n == 0)
			return rl_refuse(RL_E(ETIMEDOUT), "the agent in the guest does not answer");
		if (errno != EINTR)
			return rl_sys(-1, "wait for the agent");
	}
}

/* ---- Connecting ---- */

/* By way of a descriptor, because a unix address has room for 107 bytes only. */
static rl_err connect_once(const struct hdl_agent_at *at, struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct rl_fd RL_AUTO_FD file = { 0 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	RL_TRY(rl_fd_from(openat(at->dir_fd, at->path, O_PATH | O_CLOEXEC), &file, "open %s",
			  at->path));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d",
		       rl_fd_get(&file));
	RL_TRY(rl_fd_from(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), &fd,
			  "make a unix socket"));
	RL_TRY(rl_sys(connect(rl_fd_get(&fd), (struct sockaddr *)&address, sizeof(address)),
		      "connect to %s", at->path));
	*ret = rl_fd_own(rl_fd_take(&fd));
	return RL_OK;
}

static rl_err send_all(int fd, const void *bytes, size_t len, struct agent_deadline until)
{
	const uint8_t *from = bytes;

	while (len > 0) {
		ssize_t n = send(fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			RL_TRY(wait_for(fd, POLLOUT, until));
			continue;
		}
		RL_TRY(rl_sys(n, "send to the agent"));
		from += n;
		len -= (size_t)n;
	}
	return RL_OK;
}

/* ECONNRESET for an end, before or within. */
static rl_err receive_all(int fd, void *bytes, size_t len, struct agent_deadline until)
{
	uint8_t *to = bytes;

	while (len > 0) {
		ssize_t n = recv(fd, to, len, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			RL_TRY(wait_for(fd, POLLIN, until));
			continue;
		}
		RL_TRY(rl_sys(n, "receive from the agent"));
		if (n == 0)
			return rl_refuse(RL_E(ECONNRESET), "the connection was closed");
		to += n;
		len -= (size_t)n;
	}
	return RL_OK;
}

static rl_err greet(int fd, struct agent_deadline until)
{
	struct gst_agent_hello ours = { .magic = GST_AGENT_MAGIC }, theirs;

	gst_put32(ours.version, GST_AGENT_VERSION);
	RL_TRY(send_all(fd, &ours, sizeof(ours), until));
	RL_TRY(receive_all(fd, &theirs, sizeof(theirs), until));
	if (memcmp(theirs.magic, ours.magic, sizeof(ours.magic)) != 0)
		return rl_refuse(RL_E(EPROTO), "what listens in the guest is no agent");
	if (gst_get32(theirs.version) != GST_AGENT_VERSION)
		return rl_refuse(RL_E(EPROTO),
				 "the agent in the guest speaks version %u of the protocol, not %u",
				 gst_get32(theirs.version), GST_AGENT_VERSION);
	return RL_OK;
}

static rl_err try_connect(const struct hdl_agent_at *at, struct agent_deadline until,
			  struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };

	RL_TRY(connect_once(at, &fd));
	RL_TRY(greet(rl_fd_get(&fd), until));
	*ret = rl_fd_own(rl_fd_take(&fd));
	return RL_OK;
}

/* What a machine that is not ready gives, and what time may mend. EAGAIN: a full backlog. */
static bool is_early(rl_err e)
{
	return rl_is(e, RL_E(ENOENT)) || rl_is(e, RL_E(ECONNREFUSED)) ||
	       rl_is(e, RL_E(ECONNRESET)) || rl_is(e, RL_E(EPIPE)) || rl_is(e, RL_E(EAGAIN));
}

rl_err agent_connect(const struct hdl_agent_at *at, struct agent_deadline until, struct rl_fd *ret)
{
	for (;;) {
		rl_err e = try_connect(at, until, ret);
		int left = agent_deadline_left(until);

		if (!is_early(e))
			return rl_wrap(e, "reach the agent in the guest");
		if (left == 0)
			return rl_hint(
				rl_wrap(e, "reach the agent in the guest"),
				"nobody serves the agent's port: the machine is not up, or it was "
				"started by a libkrun that has no agent");
		rl_drop(e);
		(void)poll(NULL, 0, left < RETRY_MS ? left : RETRY_MS);
	}
}

/* ---- Frames ---- */

rl_err agent_send_frame(int fd, enum gst_agent_type type, const void *bytes, size_t len,
			struct agent_deadline until)
{
	struct gst_agent_frame f = { 0 };

	gst_put16(f.type, (uint16_t)type);
	gst_put32(f.length, (uint32_t)len);
	RL_TRY(send_all(fd, &f, sizeof(f), until));
	return send_all(fd, bytes, len, until);
}

static rl_err check_head(const struct agent_message *m)
{
	if (m->length > AGENT_BODY_MAX ||
	    !gst_agent_expects(GST_AGENT_GUEST, m->type, m->stream, m->length))
		return agent_unexpected(m);
	return RL_OK;
}

static struct agent_message message_of(const struct agent_input *in)
{
	const struct gst_agent_frame *f = (const void *)in->head;

	return (struct agent_message){ .type = gst_get16(f->type),
				       .stream = gst_get16(f->stream),
				       .length = gst_get32(f->length),
				       .body = in->body };
}

rl_err agent_receive(int fd, struct agent_input *in, struct agent_message *ret, bool *ret_whole,
		     bool *ret_again)
{
	bool in_head = in->head_len < sizeof(in->head);
	struct agent_message m = message_of(in);
	uint8_t *to = in_head ? in->head + in->head_len : in->body + in->body_len;
	size_t want = in_head ? sizeof(in->head) - in->head_len : m.length - in->body_len;
	ssize_t n = recv(fd, to, want, MSG_DONTWAIT);

	*ret_whole = *ret_again = false;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		*ret_again = errno == EAGAIN;
		return RL_OK;
	}
	RL_TRY(rl_sys(n, "receive from the agent"));
	if (n == 0)
		return rl_refuse(RL_E(ECONNRESET), "the guest has closed the connection");
	*(in_head ? &in->head_len : &in->body_len) += (uint32_t)n;
	if (in->head_len < sizeof(in->head))
		return RL_OK;
	m = message_of(in);
	if (in_head)
		RL_TRY(check_head(&m));
	if (in->body_len < m.length)
		return RL_OK;
	in->head_len = in->body_len = 0;
	*ret = m;
	*ret_whole = true;
	return RL_OK;
}

rl_err agent_wait_frame(int fd, struct agent_input *in, struct agent_deadline until,
			struct agent_message *ret)
{
	bool whole = false, again;

	/* The deadline is looked at for every piece: a trickle is no answer. */
	while (!whole) {
		RL_TRY(wait_for(fd, POLLIN, until));
		RL_TRY(agent_receive(fd, in, ret, &whole, &again));
		if (!whole && agent_deadline_left(until) == 0)
			return rl_refuse(RL_E(ETIMEDOUT), "the agent in the guest is too slow");
	}
	return RL_OK;
}

/* ---- What the guest says ---- */

void agent_printable(char *to, const uint8_t *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (char)(from[i] >= ' ' && from[i] <= '~' ? from[i] : '?');
	to[len] = '\0';
}

rl_err agent_failure(const struct agent_message *m)
{
	const struct gst_agent_failed *f = (const void *)m->body;
	char text[GST_AGENT_TEXT_MAX + 1];
	uint32_t code = gst_get32(f->code);

	agent_printable(text, m->body + sizeof(*f), m->length - sizeof(*f));
	if (code == 0)
		return rl_refuse(RL_E(EINVAL), "in the guest: %s", text);
	/* The number is the guest's: one that is none of Linux's is not passed on. */
	return rl_pos(code < 4096 ? (int)code : EPROTO, "in the guest: %s", text);
}

rl_err agent_unexpected(const struct agent_message *m)
{
	return rl_refuse(RL_E(EPROTO),
			 "the agent in the guest does not keep to the protocol (frame %u of stream "
			 "%u, %u bytes)",
			 m->type, m->stream, m->length);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/agent_core.h"

#include "base/stream.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* What is on its way to the guest: one full frame of input, and small ones. */
#define OUT_MAX (GST_AGENT_DATA_MAX + 8192u)

/* Bytes of one output stream that the host has not taken yet. */
struct output {
	struct rl_stream to;
	bool gone;  /* nobody reads here: what comes is thrown away */
	bool ended; /* the guest's end */
	uint8_t bytes[GST_AGENT_WINDOW];
	uint32_t at, len, owed; /* owed: taken, credit not given back yet */
};

struct relay {
	struct hdl_agent_session *s;
	const struct hdl_agent_io *io;
	struct rl_fd signals;
	struct rl_stream from;
	bool input_ended;
	uint32_t credit; /* for input */
	uint8_t input[GST_AGENT_DATA_MAX];
	struct output output[2];
	uint8_t out[OUT_MAX];
	uint32_t out_at, out_len;
	bool exited;
	struct hdl_agent_exit exit;
};

/* ---- To the guest ---- */

static rl_err put_frame(struct relay *r, enum gst_agent_type type, uint32_t stream,
			const void *bytes, uint32_t len)
{
	struct gst_agent_frame f = { 0 };

	if (r->out_len + sizeof(f) + len > sizeof(r->out))
		return rl_refuse(RL_E(EPROTO), "the agent in the guest does not read");
	memmove(r->out, r->out + r->out_at, r->out_len);
	r->out_at = 0;
	gst_put16(f.type, (uint16_t)type);
	gst_put16(f.stream, (uint16_t)stream);
	gst_put32(f.length, len);
	memcpy(r->out + r->out_len, &f, sizeof(f));
	if (len > 0)
		memcpy(r->out + r->out_len + sizeof(f), bytes, len);
	r->out_len += (uint32_t)sizeof(f) + len;
	return RL_OK;
}

static rl_err flush(struct relay *r)
{
	while (r->out_len > 0) {
		ssize_t n = send(rl_fd_get(&r->s->fd), r->out + r->out_at, r->out_len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return RL_OK;
		/* Gone: what it said before that is still to be read. */
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			r->out_len = 0;
			return RL_OK;
		}
		RL_TRY(rl_sys(n, "send to the agent"));
		r->out_at += (uint32_t)n;
		r->out_len -= (uint32_t)n;
	}
	r->out_at = 0;
	return RL_OK;
}

static rl_err read_input(struct relay *r)
{
	struct iovec to = { r->input, r->credit };
	size_t done = 0;

	if (to.iov_len > sizeof(r->input))
		to.iov_len = sizeof(r->input);
	switch (rl_stream_read(&r->from, &to, 1, &done)) {
	case RL_IO_AGAIN:
		return RL_OK;
	case RL_IO_DONE:
		r->credit -= (uint32_t)done;
		return put_frame(r, GST_AGENT_DATA, 0, r->input, (uint32_t)done);
	case RL_IO_END:
	case RL_IO_ERROR: /* input that cannot be read is input that has ended */
		break;
	}
	r->input_ended = true;
	return put_frame(r, GST_AGENT_DATA, 0, NULL, 0);
}

static bool wants_input(const struct relay *r)
{
	return r->s->with_stdin && !r->input_ended && !r->exited && r->credit > 0 &&
	       r->out_len == 0;
}

static rl_err send_size(struct relay *r)
{
	struct gst_agent_resize wire = { 0 };
	struct winsize size;

	if (r->io->size_fd < 0 || ioctl(r->io->size_fd, TIOCGWINSZ, &size) != 0)
		return RL_OK;
	if (size.ws_row == 0 && size.ws_col == 0)
		return RL_OK;
	gst_put16(wire.rows, size.ws_row);
	gst_put16(wire.columns, size.ws_col);
	return put_frame(r, GST_AGENT_RESIZE, 0, &wire, sizeof(wire));
}

/* ---- From the guest ---- */

static rl_err write_output(struct relay *r, unsigned i)
{
	struct output *o = &r->output[i];

	while (o->len > 0 && !o->gone) {
		struct iovec from = { o->bytes + o->at, o->len };
		size_t done = 0;
		enum rl_io io = rl_stream_write(&o->to, &from, 1, &done);

		if (io == RL_IO_AGAIN)
			break;
		if (io != RL_IO_DONE) {
			o->gone = true;
			if (!o->ended && !r->exited) /* its writer is to see it, too */
				RL_TRY(put_frame(r, GST_AGENT_DATA, i + 1, NULL, 0));
			break;
		}
		o->at += (uint32_t)done;
		o->len -= (uint32_t)done;
		o->owed += (uint32_t)done;
	}
	if (o->gone) {
		o->owed += o->len;
		o->len = 0;
	}
	if (o->len == 0)
		o->at = 0;
	if (o->owed == 0 || o->ended || r->exited || (o->len > 0 && o->owed < GST_AGENT_WINDOW / 2))
		return RL_OK;

	uint8_t le[4];

	gst_put32(le, o->owed);
	o->owed = 0;
	return put_frame(r, GST_AGENT_CREDIT, i + 1, le, sizeof(le));
}

static rl_err take_data(struct relay *r, const struct agent_message *m)
{
	struct output *o = &r->output[m->stream - 1];

	if (o->ended || m->length > GST_AGENT_WINDOW - o->len - o->owed)
		return agent_unexpected(m);
	if (m->length == 0) {
		o->ended = true;
		return RL_OK;
	}
	if (o->at + o->len + m->length > sizeof(o->bytes)) {
		memmove(o->bytes, o->bytes + o->at, o->len);
		o->at = 0;
	}
	memcpy(o->bytes + o->at + o->len, m->body, m->length);
	o->len += m->length;
	return write_output(r, m->stream - 1);
}

static rl_err take_credit(struct relay *r, const struct agent_message *m)
{
	uint32_t n = gst_get32(m->body);

	if (n > GST_AGENT_WINDOW - r->credit)
		return agent_unexpected(m);
	r->credit += n;
	return RL_OK;
}

static rl_err take_frame(struct relay *r, const struct agent_message *m)
{
	uint32_t value;

	switch (m->type) {
	case GST_AGENT_DATA:
		return take_data(r, m);
	case GST_AGENT_CREDIT:
		return take_credit(r, m);
	case GST_AGENT_EXIT:
		value = gst_get32(m->body);
		r->exit = (struct hdl_agent_exit){ (int)(value & GST_EXIT_STATUS_MASK),
						   (value & GST_EXIT_SIGNALED) != 0 };
		r->exited = true;
		return RL_OK;
	case GST_AGENT_FAILED:
		return agent_failure(m);
	default:
		return agent_unexpected(m);
	}
}

/* Not without end: input and signals have their turn. */
static rl_err receive(struct relay *r)
{
	for (int turn = 0; turn < 64 && !r->exited; turn++) {
		struct agent_message m;
		bool whole, again;

		RL_TRY(agent_receive(rl_fd_get(&r->s->fd), &r->s->in, &m, &whole, &again));
		if (whole)
			RL_TRY(take_frame(r, &m));
		if (again)
			break;
	}
	return RL_OK;
}

/* ---- Signals ---- */

/* What is not the guest process's: this one's own faults and job control. */
static const int ours[] = { SIGCHLD, SIGSEGV, SIGBUS,  SIGFPE,	SIGILL,	 SIGTRAP, SIGSYS,
			    SIGABRT, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGURG };

/* SIGPIPE is taken in any case: a reader that goes away is not our end. */
static rl_err take_over_signals(struct relay *r, sigset_t *ret_before)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	if (r->io->forward_signals) {
		(void)sigfillset(&set);
		for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
			(void)sigdelset(&set, ours[i]);
	}
	(void)sigaddset(&set, SIGPIPE);
	(void)(r->io->size_fd >= 0 ? sigaddset(&set, SIGWINCH) : sigdelset(&set, SIGWINCH));
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	RL_TRY(rl_fd_from(fd, &r->signals, "make a signalfd"));
	return rl_sys(sigprocmask(SIG_BLOCK, &set, ret_before), "block signals");
}

static rl_err take_signals(struct relay *r)
{
	struct signalfd_siginfo info;
	struct gst_agent_signal wire = { 0 };

	while (read(rl_fd_get(&r->signals), &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGPIPE)
			continue;
		if (info.ssi_signo == SIGWINCH) {
			RL_TRY(send_size(r));
			continue;
		}
		if (r->exited) { /* only a reader of ours is waited for, and that is over now */
			r->output[0].len = r->output[1].len = 0;
			continue;
		}
		gst_put32(wire.signal, info.ssi_signo);
		RL_TRY(put_frame(r, GST_AGENT_SIGNAL, 0, &wire, sizeof(wire)));
	}
	return RL_OK;
}

/* ---- The loop ---- */

enum { AT_SOCKET, AT_SIGNALS, AT_INPUT, AT_OUTPUT, AT_ERROR, AT_COUNT };

static void set_up_polls(const struct relay *r, struct pollfd fds[AT_COUNT])
{
	for (int i = 0; i < AT_COUNT; i++)
		fds[i] = (struct pollfd){ .fd = -1 };
	if (!r->exited) {
		fds[AT_SOCKET].fd = rl_fd_get(&r->s->fd);
		fds[AT_SOCKET].events = (short)(POLLIN | (r->out_len ? POLLOUT : 0));
	}
	fds[AT_SIGNALS] = (struct pollfd){ .fd = rl_fd_get(&r->signals), .events = POLLIN };
	if (wants_input(r))
		fds[AT_INPUT] = (struct pollfd){ .fd = r->from.fd, .events = POLLIN };
	for (int i = 0; i < 2; i++) {
		if (r->output[i].len > 0)
			fds[AT_OUTPUT + i] =
				(struct pollfd){ .fd = r->output[i].to.fd, .events = POLLOUT };
	}
}

static bool is_done(const struct relay *r)
{
	return r->exited && r->output[0].len == 0 && r->output[1].len == 0;
}

static rl_err turn(struct relay *r)
{
	struct pollfd fds[AT_COUNT];

	set_up_polls(r, fds);
	if (poll(fds, AT_COUNT, -1) < 0)
		return errno == EINTR ? RL_OK : rl_sys(-1, "wait");
	if (fds[AT_SIGNALS].revents)
		RL_TRY(take_signals(r));
	for (unsigned i = 0; i < 2; i++) {
		if (fds[AT_OUTPUT + i].revents)
			RL_TRY(write_output(r, i));
	}
	if (fds[AT_SOCKET].revents & ~POLLOUT)
		RL_TRY(receive(r));
	/* Without a descriptor its end is told at once. */
	if (fds[AT_INPUT].revents || (r->from.fd < 0 && wants_input(r)))
		RL_TRY(read_input(r));
	return flush(r);
}

static rl_err open_streams(struct relay *r)
{
	const int *fd = r->io->fd;

	RL_TRY(rl_stream_open(r->s->with_stdin ? fd[0] : -1, RL_STREAM_READ, &r->from), "stdin");
	RL_TRY(rl_stream_open(fd[1], RL_STREAM_WRITE, &r->output[0].to), "stdout");
	RL_TRY(rl_stream_open(fd[2], RL_STREAM_WRITE, &r->output[1].to), "stderr");
	for (int i = 0; i < 2; i++)
		r->output[i].gone = !rl_stream_has(&r->output[i].to);
	return RL_OK;
}

static rl_err relay(struct relay *r)
{
	RL_TRY(open_streams(r));
	RL_TRY(send_size(r));
	if (r->from.fd < 0 && wants_input(r))
		RL_TRY(read_input(r));
	RL_TRY(flush(r));
	while (!is_done(r))
		RL_TRY(turn(r));
	return RL_OK;
}

static rl_err relay_with_signals(struct relay *r)
{
	sigset_t before;
	rl_err e;

	RL_TRY(take_over_signals(r, &before));
	e = relay(r);
	(void)rl_drop_failed(take_signals(r)); /* what is pending is not to hit us now */
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return e;
}

rl_err hdl_agent_relay(struct hdl_agent_session *s, const struct hdl_agent_io *io,
		       struct hdl_agent_exit *ret)
{
	struct relay *r;
	rl_err e;

	if (s->detached)
		return rl_refuse(RL_E(EINVAL), "a detached process has no streams");
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return rl_nomem();
	r->s = s;
	r->io = io;
	r->credit = GST_AGENT_WINDOW;
	r->from.fd = r->output[0].to.fd = r->output[1].to.fd = -1;
	e = relay_with_signals(r);
	if (!rl_failed(e))
		*ret = r->exit;
	rl_stream_close(&r->from);
	rl_stream_close(&r->output[0].to);
	rl_stream_close(&r->output[1].to);
	rl_fd_close(&r->signals);
	free(r);
	return e;
}

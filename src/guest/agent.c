/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/agent_core.h"

#include "guest/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its header in older libcs wants types that it does not include. */
#include <linux/vm_sockets.h>

/* ---- Sending ---- */

uint32_t agent_room(const struct gst_agent_session *s)
{
	uint32_t used = s->out_len + (uint32_t)sizeof(struct gst_agent_frame) + 1024;

	return used < AGENT_OUT ? AGENT_OUT - used : 0;
}

static void put(struct gst_agent_session *s, const void *bytes, uint32_t len)
{
	if (len > 0)
		memcpy(s->out + s->out_at + s->out_len, bytes, len);
	s->out_len += len;
}

void agent_send(struct gst_agent_session *s, enum gst_agent_type type, uint32_t stream,
		const void *bytes, uint32_t len, const void *more, uint32_t more_len)
{
	struct gst_agent_frame f = { 0 };

	if (s->fd < 0)
		return;
	if (s->out_len + sizeof(f) + len + more_len > AGENT_OUT) {
		agent_hang_up(s); /* a client that makes us answer and does not read */
		return;
	}
	if (s->out_at > 0)
		memmove(s->out, s->out + s->out_at, s->out_len);
	s->out_at = 0;
	gst_put16(f.type, (uint16_t)type);
	gst_put16(f.stream, (uint16_t)stream);
	gst_put32(f.length, len + more_len);
	put(s, &f, sizeof(f));
	put(s, bytes, len);
	put(s, more, more_len);
}

void agent_send_number(struct gst_agent_session *s, enum gst_agent_type type, uint32_t stream,
		       uint32_t value)
{
	uint8_t le[4];

	gst_put32(le, value);
	agent_send(s, type, stream, le, sizeof(le), NULL, 0);
}

void agent_refuse(struct gst_agent_session *s, int status, int code, const char *text)
{
	struct gst_agent_failed f;
	size_t len = strlen(text);

	gst_put32(f.status, (uint32_t)status);
	gst_put32(f.code, (uint32_t)code);
	agent_send(s, GST_AGENT_FAILED, 0, &f, sizeof(f), text,
		   (uint32_t)(len < GST_AGENT_TEXT_MAX ? len : GST_AGENT_TEXT_MAX));
	s->phase = AGENT_ANSWERED;
}

/* Writes what is to be sent, as far as the socket takes it. */
void agent_flush(struct gst_agent_session *s)
{
	while (s->fd >= 0 && s->out_len > 0) {
		ssize_t n =
			send(s->fd, s->out + s->out_at, s->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			agent_hang_up(s);
			return;
		}
		s->out_at += (uint32_t)n;
		s->out_len -= (uint32_t)n;
	}
	s->out_at = 0;
}

/* ---- Life of a session ---- */

void agent_close_socket(struct gst_agent_session *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	free(s->body);
	free(s->out);
	s->body = s->out = NULL;
	s->out_len = s->out_at = 0;
}

void agent_hang_up(struct gst_agent_session *s)
{
	agent_close_socket(s);
	agent_exec_close(s);
	/* It leads a session of its own. Not reaped yet, so the number is still its own. */
	if (s->pid > 0 && !s->detached)
		(void)kill(-s->pid, SIGKILL);
	if (s->pid > 0 && !s->detached)
		(void)kill(s->pid, SIGKILL); /* it may not have come to setsid yet */
	s->phase = AGENT_ANSWERED;
}

void gst_agent_adopt(struct gst_agent *a, int fd)
{
	struct gst_agent_session *s = NULL;
	struct gst_agent_hello h = { .magic = GST_AGENT_MAGIC };

	if (a->count < GST_AGENT_SESSIONS)
		s = calloc(1, sizeof(*s));
	if (s != NULL)
		s->out = malloc(AGENT_OUT);
	if (s == NULL || s->out == NULL) {
		free(s);
		close(fd);
		return;
	}
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	s->fd = fd;
	s->words_fd = s->stdin_fd = s->output[0].fd = s->output[1].fd = -1;
	s->next = a->first;
	a->first = s;
	a->count++;
	gst_put32(h.version, GST_AGENT_VERSION);
	put(s, &h, sizeof(h));
	agent_flush(s);
}

/* Sessions of which nothing is left: no connection, no process. */
static void sweep(struct gst_agent *a)
{
	for (struct gst_agent_session **at = &a->first; *at != NULL;) {
		struct gst_agent_session *s = *at;

		if (s->phase == AGENT_ANSWERED && s->out_len == 0)
			agent_close_socket(s);
		if (s->fd >= 0 || s->pid > 0) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		agent_exec_close(s);
		free(s->input);
		free(s);
		a->count--;
	}
}

struct gst_agent_session *agent_find(struct gst_agent *a, pid_t pid)
{
	struct gst_agent_session *s = a->first;

	while (s != NULL && (s->pid != pid || pid <= 0))
		s = s->next;
	return s;
}

/* ---- Receiving ---- */

static bool take_hello(struct gst_agent_session *s)
{
	const struct gst_agent_hello *h = (const void *)s->head;

	if (memcmp(h->magic, GST_AGENT_MAGIC, sizeof(h->magic)) != 0)
		return false;
	s->phase = AGENT_REQUEST;
	if (gst_get32(h->version) != GST_AGENT_VERSION)
		agent_refuse(s, GST_STATUS_SETUP, EPROTO,
			     "the agent in the guest speaks another version of the protocol");
	return true;
}

static bool take_frame(struct gst_agent *a, struct gst_agent_session *s)
{
	const struct gst_agent_frame *f = (const void *)s->head;
	uint32_t type = gst_get16(f->type), stream = gst_get16(f->stream);
	uint8_t *body = s->body;
	bool fine = true;

	/* It may be replaced while it is served. */
	s->body = NULL;
	s->head_len = 0;
	if (s->phase == AGENT_REQUEST)
		fine = agent_request(a, s, type, body, s->body_size);
	else if (s->phase != AGENT_ANSWERED)
		fine = agent_exec_frame(s, type, stream, body, s->body_size);
	free(body);
	return fine;
}

/* A whole head is there: is what follows as it should be, and is there memory for it? */
static bool open_body(struct gst_agent_session *s)
{
	const struct gst_agent_frame *f = (const void *)s->head;

	s->body_size = gst_get32(f->length);
	s->body_len = 0;
	if (!gst_agent_expects(GST_AGENT_CLIENT, gst_get16(f->type), gst_get16(f->stream),
			       s->body_size))
		return false;
	/* Only the first frame is a request, and only requests are large. */
	if (s->phase != AGENT_REQUEST && s->body_size > GST_AGENT_DATA_MAX)
		return false;
	s->body = malloc(s->body_size + 1);
	return s->body != NULL;
}

/* One piece of what the client sends. False: the connection is to be closed. */
static bool take_piece(struct gst_agent *a, struct gst_agent_session *s, bool *ret_more)
{
	uint32_t head_size = s->phase == AGENT_HELLO ? sizeof(struct gst_agent_hello)
						     : sizeof(struct gst_agent_frame);
	bool in_head = s->head_len < head_size;
	uint8_t *to = in_head ? s->head + s->head_len : s->body + s->body_len;
	uint32_t want = in_head ? head_size - s->head_len : s->body_size - s->body_len;
	ssize_t n = want ? recv(s->fd, to, want, MSG_DONTWAIT) : 0;

	*ret_more = false;
	if (want && n == 0)
		return false;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	*ret_more = true;
	*(in_head ? &s->head_len : &s->body_len) += (uint32_t)n;
	if (s->head_len < head_size)
		return true;
	if (s->phase == AGENT_HELLO) {
		s->head_len = 0;
		return take_hello(s);
	}
	if (s->body == NULL && !open_body(s))
		return false;
	return s->body_len < s->body_size || take_frame(a, s);
}

/* Not without end: the other sessions have their turn. */
static void receive(struct gst_agent *a, struct gst_agent_session *s)
{
	bool more = true;

	for (int turn = 0; turn < 64 && more && s->fd >= 0; turn++) {
		if (take_piece(a, s, &more))
			continue;
		agent_hang_up(s);
		return;
	}
}

/* ---- The loop ---- */

void gst_agent_open(struct gst_agent *a, uint32_t port)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK,
		.svm_port = port,
		.svm_cid = VMADDR_CID_ANY,
	};

	*a = (struct gst_agent){ .listen_fd = -1, .only_host = true };
	if (port == 0)
		return;
	a->listen_fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->listen_fd >= 0 &&
	    bind(a->listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(a->listen_fd, GST_AGENT_SESSIONS) == 0)
		return;
	gst_note("no agent on vsock port %u: %s", port, strerror(errno));
	if (a->listen_fd >= 0)
		close(a->listen_fd);
	a->listen_fd = -1;
}

/* A process of the guest that connects to itself is not the host. */
static bool is_host(const struct gst_agent *a, const struct sockaddr_vm *peer)
{
	return !a->only_host || (peer->svm_family == AF_VSOCK && peer->svm_cid == VMADDR_CID_HOST);
}

static void accept_all(struct gst_agent *a)
{
	for (int turn = 0; turn < 16; turn++) {
		struct sockaddr_vm peer = { 0 };
		socklen_t len = sizeof(peer);
		int fd = accept4(a->listen_fd, (struct sockaddr *)&peer, &len,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		if (is_host(a, &peer))
			gst_agent_adopt(a, fd);
		else
			close(fd);
	}
}

static void add_poll(struct gst_agent_session *s, enum agent_place place, int fd, short events,
		     struct pollfd *fds, unsigned *n)
{
	s->poll_at[place] = -1;
	if (fd < 0 || events == 0)
		return;
	s->poll_at[place] = (int)*n;
	fds[(*n)++] = (struct pollfd){ .fd = fd, .events = events };
}

unsigned gst_agent_polls(struct gst_agent *a, struct pollfd *fds)
{
	unsigned n = 0;

	if (a->listen_fd >= 0)
		fds[n++] = (struct pollfd){ .fd = a->listen_fd, .events = POLLIN };
	for (struct gst_agent_session *s = a->first; s != NULL; s = s->next) {
		add_poll(s, AGENT_SOCKET, s->fd, (short)(POLLIN | (s->out_len ? POLLOUT : 0)), fds,
			 &n);
		for (enum agent_place p = AGENT_WORDS; p < AGENT_PLACES; p++) {
			int fd = -1;
			short events = agent_exec_events(s, p, &fd);

			add_poll(s, p, fd, events, fds, &n);
		}
	}
	return n;
}

static void serve_session(struct gst_agent *a, struct gst_agent_session *s,
			  const struct pollfd *fds)
{
	for (enum agent_place p = AGENT_SOCKET; p < AGENT_PLACES; p++) {
		int at = s->poll_at[p];

		s->poll_at[p] = -1;
		if (at < 0 || fds[at].revents == 0)
			continue;
		if (p != AGENT_SOCKET)
			agent_exec_ready(s, p);
		else if (s->fd >= 0)
			receive(a, s);
	}
	agent_exec_advance(s);
	agent_flush(s);
}

void gst_agent_serve(struct gst_agent *a, const struct pollfd *fds, unsigned count)
{
	for (struct gst_agent_session *s = a->first; s != NULL; s = s->next)
		serve_session(a, s, fds);
	if (a->listen_fd >= 0 && count > 0 && fds[0].revents != 0)
		accept_all(a);
	sweep(a);
}

void gst_agent_reaped(struct gst_agent *a, pid_t pid, int status)
{
	struct gst_agent_session *s = agent_find(a, pid);

	if (s == NULL)
		return;
	s->pid = 0;
	s->exited = true;
	s->status = status;
	agent_exec_ready(s, AGENT_WORDS); /* what it said comes before its end */
	agent_exec_advance(s);
	agent_flush(s);
	sweep(a);
}

void gst_agent_close(struct gst_agent *a)
{
	for (struct gst_agent_session *s = a->first; s != NULL; s = s->next) {
		pid_t pid = s->pid;

		if (pid <= 0)
			continue;
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, &s->status, 0) < 0 && errno == EINTR)
			continue;
		s->pid = 0;
		s->exited = true;
		agent_exec_ready(s, AGENT_WORDS);
		agent_exec_advance(s);
		/* What does not fit the client's credit is lost; the status is not. */
		s->output[0].left = s->output[1].left = 0;
		agent_exec_advance(s);
		agent_flush(s);
	}
	while (a->first != NULL) {
		struct gst_agent_session *s = a->first;

		a->first = s->next;
		agent_close_socket(s);
		agent_exec_close(s);
		free(s->input);
		free(s);
	}
	a->count = 0;
	if (a->listen_fd >= 0)
		close(a->listen_fd);
	a->listen_fd = -1;
}

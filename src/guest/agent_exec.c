/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/agent_core.h"

#include "guest/fail.h"
#include "guest/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

#define EXEC_FLAGS (GST_AGENT_F_TERMINAL | GST_AGENT_F_STDIN | GST_AGENT_F_DETACH)

int agent_set_size(int fd, const struct gst_agent_resize *r)
{
	struct winsize size = { .ws_row = gst_get16(r->rows), .ws_col = gst_get16(r->columns) };

	if (fd >= 0)
		return ioctl(fd, TIOCSWINSZ, &size);
	errno = ENOTTY;
	return -1;
}

/* ---- Starting ---- */

/* What the child gets, and the other end of its pipe for last words. */
struct ends {
	int child[3], words;
};

static void close_ends(struct ends *e)
{
	for (int i = 0; i < 3; i++) {
		/* One terminal may be all three. */
		if (e->child[i] >= 0 && (i == 0 || e->child[i] != e->child[i - 1]))
			close(e->child[i]);
	}
	if (e->words >= 0)
		close(e->words);
}

/* Only the parent's end waits for nothing: they are two open file descriptions. */
static int make_pipe(int *ret_read, int *ret_write, bool parent_reads)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) != 0)
		return -1;
	*ret_read = fd[0];
	*ret_write = fd[1];
	return fcntl(fd[parent_reads ? 0 : 1], F_SETFL, O_NONBLOCK);
}

static int make_terminal(struct gst_agent_session *s, struct ends *e)
{
	int unlock = 0, master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (master < 0)
		return -1;
	s->output[0].fd = s->stdin_fd = master;
	s->terminal = true;
	if (ioctl(master, TIOCSPTLCK, &unlock) != 0)
		return -1;
	e->child[0] = e->child[1] = e->child[2] =
		ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return e->child[0] < 0 ? -1 : 0;
}

static int make_streams(struct gst_agent_session *s, uint32_t flags, struct ends *e)
{
	if (make_pipe(&s->words_fd, &e->words, true) != 0)
		return -1;
	if (flags & GST_AGENT_F_STDIN) {
		s->input = malloc(GST_AGENT_WINDOW);
		if (s->input == NULL)
			return -1;
	}
	if (flags & GST_AGENT_F_TERMINAL)
		return make_terminal(s, e);
	if (flags & GST_AGENT_F_DETACH) {
		e->child[0] = e->child[1] = e->child[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
		return e->child[0] < 0 ? -1 : 0;
	}
	if (flags & GST_AGENT_F_STDIN) {
		if (make_pipe(&e->child[0], &s->stdin_fd, false) != 0)
			return -1;
	} else {
		e->child[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (e->child[0] < 0)
			return -1;
	}
	if (make_pipe(&s->output[0].fd, &e->child[1], true) != 0)
		return -1;
	return make_pipe(&s->output[1].fd, &e->child[2], true);
}

static _Noreturn void become(const struct gst_agent_exec *head, const uint8_t *blob, uint32_t size,
			     const struct ends *e)
{
	struct gst_agent_resize r = { 0 };
	struct gst_config c;
	const char *why;

	gst_fail_to_parent(e->words);
	(void)setsid();
	(void)signal(SIGPIPE, SIG_DFL);
	if (gst_get32(head->flags) & GST_AGENT_F_TERMINAL) {
		if (ioctl(e->child[0], TIOCSCTTY, 0) != 0)
			gst_fail("make the terminal the controlling one");
		memcpy(r.rows, head->rows, sizeof(r.rows));
		memcpy(r.columns, head->columns, sizeof(r.columns));
		if ((gst_get16(r.rows) | gst_get16(r.columns)) != 0)
			(void)agent_set_size(e->child[0], &r);
	}
	for (int i = 0; i < 3; i++) {
		if (dup2(e->child[i], i) < 0)
			gst_fail("take over stream %d", i);
	}
	/* It is not changed, and the text of failures points into it. */
	why = gst_config_parse((uint8_t *)(uintptr_t)blob, size, &c);
	if (why != NULL)
		gst_refuse("the process: %s", why);
	if (c.args.count == 0)
		gst_refuse("the process: there is no command");
	gst_become_process(&c);
}

void agent_exec(struct gst_agent_session *s, const uint8_t *body, uint32_t len)
{
	const struct gst_agent_exec *head = (const void *)body;
	uint32_t flags = gst_get32(head->flags);
	struct ends e = { .child = { -1, -1, -1 }, .words = -1 };
	int made;

	/* A detached process has nobody to read a terminal or to write to it. */
	if (flags & ~(uint32_t)EXEC_FLAGS ||
	    (flags & GST_AGENT_F_DETACH && flags != GST_AGENT_F_DETACH)) {
		agent_refuse(s, GST_STATUS_SETUP, EINVAL,
			     "this agent does not know what is asked for");
		return;
	}
	made = make_streams(s, flags, &e);
	if (made == 0)
		s->pid = fork();
	if (made == 0 && s->pid == 0)
		become(head, body + sizeof(*head), len - (uint32_t)sizeof(*head), &e);
	if (made != 0 || s->pid < 0) {
		int code = errno;

		s->pid = 0;
		agent_exec_close(s);
		close_ends(&e);
		agent_refuse(s, GST_STATUS_SETUP, code, "make a process in the guest");
		return;
	}
	close_ends(&e);
	s->told_pid = s->pid;
	s->detached = flags & GST_AGENT_F_DETACH;
	s->output[0].credit = s->output[1].credit = GST_AGENT_WINDOW;
	s->phase = AGENT_STARTING;
}

/* The pipe's end: it has become what it shall be. Words: it could not. */
static void hear_words(struct gst_agent_session *s)
{
	struct gst_last_words words;
	ssize_t n;

	if (s->words_fd < 0)
		return;
	n = read(s->words_fd, &words, sizeof(words));
	if (n < 0)
		return;
	close(s->words_fd);
	s->words_fd = -1;
	if (n == (ssize_t)sizeof(words)) {
		words.text[sizeof(words.text) - 1] = '\0';
		agent_refuse(s, words.status, words.code, words.text);
		agent_exec_close(s);
		return;
	}
	agent_send_number(s, GST_AGENT_STARTED, 0, (uint32_t)s->told_pid);
	s->phase = s->detached ? AGENT_ANSWERED : AGENT_RUNNING;
}

/* ---- Input ---- */

static void close_input(struct gst_agent_session *s)
{
	if (s->stdin_fd >= 0 && !s->terminal)
		close(s->stdin_fd);
	s->stdin_fd = -1;
	s->input_len = 0;
}

/* The end of a pipe is its end; a terminal has a character for it. */
static void end_input(struct gst_agent_session *s)
{
	struct termios t;

	if (s->terminal && tcgetattr(s->stdin_fd, &t) == 0 && (t.c_lflag & ICANON) &&
	    write(s->stdin_fd, &t.c_cc[VEOF], 1) < 0 && errno == EAGAIN)
		return; /* tried again when there is room */
	close_input(s);
}

static void write_input(struct gst_agent_session *s)
{
	while (s->stdin_fd >= 0 && s->input_len > 0) {
		ssize_t n = write(s->stdin_fd, s->input + s->input_at, s->input_len);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			close_input(s); /* nobody reads: no more credit for this stream */
			return;
		}
		s->input_at += (uint32_t)n;
		s->input_len -= (uint32_t)n;
		s->input_owed += (uint32_t)n;
	}
	if (s->stdin_fd < 0)
		return;
	if (s->input_owed > 0 && (s->input_len == 0 || s->input_owed >= GST_AGENT_WINDOW / 2)) {
		agent_send_number(s, GST_AGENT_CREDIT, 0, s->input_owed);
		s->input_owed = 0;
	}
	if (s->input_len == 0) {
		s->input_at = 0;
		if (s->input_ended)
			end_input(s);
	}
}

static bool take_input(struct gst_agent_session *s, const uint8_t *bytes, uint32_t len)
{
	if (s->input == NULL || s->input_ended)
		return false;
	/* Credit is the window less what lies here and what was not given back. */
	if (len > GST_AGENT_WINDOW - s->input_len - s->input_owed)
		return false;
	if (len == 0)
		s->input_ended = true;
	if (s->stdin_fd < 0)
		return true;
	if (s->input_at + s->input_len + len > GST_AGENT_WINDOW) {
		memmove(s->input, s->input + s->input_at, s->input_len);
		s->input_at = 0;
	}
	memcpy(s->input + s->input_at + s->input_len, bytes, len);
	s->input_len += len;
	write_input(s);
	return true;
}

/* ---- Output ---- */

static void end_output(struct gst_agent_session *s, unsigned i)
{
	struct agent_output *o = &s->output[i];

	if (s->terminal)
		close_input(s);
	close(o->fd);
	o->fd = -1;
	agent_send(s, GST_AGENT_DATA, i + 1, NULL, 0, NULL, 0);
}

/* One piece. False: nothing more now. */
static bool move_output(struct gst_agent_session *s, unsigned i)
{
	static uint8_t bytes[GST_AGENT_DATA_MAX];
	struct agent_output *o = &s->output[i];
	uint32_t want = sizeof(bytes), room = agent_room(s);
	ssize_t n;

	if (o->fd < 0)
		return false;
	if (s->exited && o->left < want)
		want = o->left;
	if (want == 0) {
		end_output(s, i);
		return false;
	}
	want = want < o->credit ? want : o->credit;
	want = want < room ? want : room;
	if (want == 0)
		return false;
	n = read(o->fd, bytes, want);
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN && !s->exited)
		return false;
	if (n <= 0) { /* EIO: nobody has the terminal open any more */
		end_output(s, i);
		return false;
	}
	o->credit -= (uint32_t)n;
	o->left -= s->exited ? (uint32_t)n : 0;
	agent_send(s, GST_AGENT_DATA, i + 1, bytes, (uint32_t)n, NULL, 0);
	return true;
}

/* What the process itself has written; its children may go on writing for ever. */
static void measure(struct gst_agent_session *s)
{
	for (int i = 0; i < 2; i++) {
		int waiting = 0;

		if (s->output[i].fd >= 0 && ioctl(s->output[i].fd, FIONREAD, &waiting) != 0)
			waiting = 0;
		/* A terminal passes its output on with a delay: up to where it has none. */
		s->output[i].left = s->terminal ? GST_AGENT_WINDOW : (uint32_t)waiting;
	}
	s->measured = true;
}

void agent_exec_advance(struct gst_agent_session *s)
{
	if (s->phase != AGENT_RUNNING)
		return;
	if (s->exited && !s->measured)
		measure(s);
	for (unsigned i = 0; i < 2; i++) {
		while (s->fd >= 0 && move_output(s, i))
			continue;
	}
	if (s->fd < 0 || !s->exited || s->output[0].fd >= 0 || s->output[1].fd >= 0)
		return;
	agent_send_number(s, GST_AGENT_EXIT, 0,
			  WIFSIGNALED(s->status)
				  ? (uint32_t)(128 + WTERMSIG(s->status)) | GST_EXIT_SIGNALED
				  : (uint32_t)WEXITSTATUS(s->status));
	close_input(s);
	s->phase = AGENT_ANSWERED;
}

/* ---- Frames and events ---- */

static bool take_credit(struct gst_agent_session *s, uint32_t stream, uint32_t n)
{
	struct agent_output *o = &s->output[stream - 1];

	if (n > GST_AGENT_WINDOW - o->credit)
		return false;
	o->credit += n;
	return true;
}

bool agent_exec_frame(struct gst_agent_session *s, uint32_t type, uint32_t stream,
		      const uint8_t *body, uint32_t len)
{
	const struct gst_agent_signal *signal = (const void *)body;
	const struct gst_agent_resize *size = (const void *)body;

	switch (type) {
	case GST_AGENT_DATA:
		if (stream == 0)
			return take_input(s, body, len);
		if (s->output[stream - 1].fd >= 0) /* the process sees EPIPE, or a hang-up */
			end_output(s, stream - 1);
		return true;
	case GST_AGENT_CREDIT:
		return take_credit(s, stream, gst_get32(body));
	case GST_AGENT_SIGNAL:
		if (gst_get32(signal->pid) != 0 && gst_get32(signal->pid) != (uint32_t)s->told_pid)
			return false;
		if (s->pid > 0)
			(void)kill(s->pid, (int)gst_get32(signal->signal));
		return true;
	case GST_AGENT_RESIZE:
		if (s->terminal)
			(void)agent_set_size(s->output[0].fd, size);
		return true;
	default:
		return false;
	}
}

short agent_exec_events(const struct gst_agent_session *s, enum agent_place place, int *ret_fd)
{
	const struct agent_output *o;

	switch ((unsigned)place) {
	case AGENT_WORDS:
		*ret_fd = s->words_fd;
		return POLLIN;
	case AGENT_STDIN:
		*ret_fd = s->stdin_fd;
		return s->input_len > 0 || s->input_ended ? POLLOUT : 0;
	case AGENT_STDOUT:
	case AGENT_STDERR:
		o = &s->output[place - AGENT_STDOUT];
		*ret_fd = o->fd;
		return s->phase == AGENT_RUNNING && o->credit > 0 && agent_room(s) > 0 ? POLLIN : 0;
	default:
		return 0;
	}
}

void agent_exec_ready(struct gst_agent_session *s, enum agent_place place)
{
	if (place == AGENT_WORDS)
		hear_words(s);
	else if (place == AGENT_STDIN)
		write_input(s);
	/* Output moves in agent_exec_advance, which follows. */
}

void agent_exec_close(struct gst_agent_session *s)
{
	close_input(s);
	for (int i = 0; i < 2; i++) {
		if (s->output[i].fd >= 0)
			close(s->output[i].fd);
		s->output[i].fd = -1;
	}
	if (s->words_fd >= 0)
		close(s->words_fd);
	s->words_fd = -1;
}

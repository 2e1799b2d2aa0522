/* SPDX-License-Identifier: Apache-2.0 */
#include "container/criu.h"

#include "base/io.h"
#include "base/proc.h"
#include "container/attend.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_FD 3
#define REPLY_SIZE 8192
#define LOG_LIMIT ((size_t)64 << 20)

/* The exit status of a child that could not execute criu, as shells have it. */
#define NOT_FOUND 127

void ct_criu_close(struct ct_criu *criu)
{
	rl_fd_close(&criu->socket);
	rl_fd_close(&criu->child.pidfd);
}

/* ---- starting -------------------------------------------------------------------------------- */

/* To its number, and not closed by execve. The source is above all of the numbers. */
static rl_err place_fd(int fd, int number)
{
	RL_TRY(rl_sys(dup2(fd, number), "pass a descriptor to criu"));
	return rl_sys(fcntl(number, F_SETFD, 0), "pass a descriptor to criu");
}

static rl_err become_criu(const struct ct_criu_start *start, int socket_fd)
{
	char criu[] = "criu", swrk[] = "swrk", number[] = "3";
	char *const argv[] = { criu, swrk, number, NULL };
	int above[32], end = CT_CRIU_FIRST_FD + (int)start->fd_count;

	ct_attend_release(start->ignored_signals);
	RL_TRY(rl_sys(prctl(PR_SET_PDEATHSIG, SIGKILL), "tie criu to the runtime"));
	if (start->fd_count > sizeof(above) / sizeof(above[0]))
		return rl_fail(RL_E(E2BIG), "pass descriptors to criu");
	for (size_t i = 0; i < start->fd_count; i++) {
		above[i] = fcntl(start->fds[i], F_DUPFD_CLOEXEC, end);
		RL_TRY(rl_sys(above[i], "copy a descriptor"));
	}
	socket_fd = fcntl(socket_fd, F_DUPFD_CLOEXEC, end);
	RL_TRY(rl_sys(socket_fd, "copy a descriptor"));
	RL_TRY(place_fd(socket_fd, SOCKET_FD));
	for (size_t i = 0; i < start->fd_count; i++)
		RL_TRY(place_fd(above[i], CT_CRIU_FIRST_FD + (int)i));
	(void)execvp(start->program != NULL ? start->program : criu, argv);
	_exit(NOT_FOUND);
}

rl_err ct_criu_start(const struct ct_criu_start *start, struct ct_criu *ret)
{
	struct ct_criu CT_AUTO_CRIU criu = { 0 };
	struct rl_fd RL_AUTO_FD theirs = { 0 };
	int pair[2];

	RL_TRY(rl_sys(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair),
		      "make a socket for criu"));
	criu.program = start->program;
	criu.socket = rl_fd_own(pair[0]);
	theirs = rl_fd_own(pair[1]);
	criu.child.pid = fork();
	RL_TRY(rl_sys(criu.child.pid, "fork for criu"));
	if (criu.child.pid == 0) {
		rl_err e = become_criu(start, pair[1]);

		/* Nobody else sees it. */
		(void)!write(STDERR_FILENO, rl_text(e), strlen(rl_text(e)));
		_exit(1);
	}
	*ret = criu;
	criu = (struct ct_criu){ 0 };
	return RL_OK;
}

/* ---- what the log says ----------------------------------------------------------------------- */

#define REASONS 4
#define LONGEST_REASON 240

static bool is_reason(const char *line, size_t len)
{
	return memmem(line, len, "Error (", 7) != NULL;
}

/* "(00.012345) Error (criu/x.c:12): why" -> "why" with its file: the time is of no use. */
static const char *skip_time(const char *line, size_t *len)
{
	const char *start = memmem(line, *len, "Error (", 7);

	*len -= (size_t)(start - line);
	if (*len > LONGEST_REASON)
		*len = LONGEST_REASON;
	return start;
}

rl_err ct_criu_reasons(struct rl_arena *a, const char *log, const char **ret)
{
	const char *last[REASONS];
	size_t lens[REASONS], count = 0;

	*ret = "";
	while (*log != '\0') {
		size_t len = strcspn(log, "\n");

		if (is_reason(log, len)) {
			lens[count % REASONS] = len;
			last[count % REASONS] = skip_time(log, &lens[count % REASONS]);
			count++;
		}
		log += len + (log[len] == '\n');
	}
	for (size_t i = count > REASONS ? count - REASONS : 0; i < count; i++)
		RL_TRY(rl_arena_fmt(a, ret, "%s%s%.*s", *ret, **ret ? "; " : "",
				    (int)lens[i % REASONS], last[i % REASONS]));
	return RL_OK;
}

static rl_err failed(struct rl_arena *a, const struct ct_criu_request *request,
		     const struct ct_criu_reply *reply)
{
	const char *text, *reasons = "";
	size_t len;

	if (!rl_drop_failed(
		    rl_read_file(a, request->work_fd, request->log_file, LOG_LIMIT, &text, &len)))
		RL_TRY(ct_criu_reasons(a, text, &reasons));
	if (reasons[0] == '\0' && reply->message != NULL)
		reasons = reply->message;
	if (reasons[0] == '\0')
		reasons = reply->error != 0 ? strerror(reply->error) : "it does not say why";
	return rl_hint(rl_refuse(RL_E(EIO), "criu: %s", reasons),
		       "the whole story is in %s of the work path", request->log_file);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static rl_err receive(int fd, uint8_t *bytes, size_t size, size_t *ret_len, struct rl_fd *ret_fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { bytes, size };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	RL_TRY(rl_sys(n, "hear criu"));
	c = CMSG_FIRSTHDR(&m);
	if (c != NULL && c->cmsg_type == SCM_RIGHTS) {
		int passed;

		memcpy(&passed, CMSG_DATA(c), sizeof(passed));
		rl_fd_set(ret_fd, passed);
	}
	if (m.msg_flags & MSG_TRUNC)
		return rl_fail(RL_E(EMSGSIZE), "hear criu");
	*ret_len = (size_t)n;
	return RL_OK;
}

static rl_err say(int fd, const uint8_t *bytes, size_t len)
{
	return rl_sys(send(fd, bytes, len, MSG_NOSIGNAL), "speak to criu");
}

/* It ended without an answer. */
static rl_err gone(struct ct_criu *criu)
{
	int status;

	RL_TRY(rl_wait_status(criu->child.pid, &status));
	criu->child.pid = 0;
	if (status == NOT_FOUND && criu->program != NULL)
		return rl_refuse(RL_E(ENOENT), "--criu: %s cannot be executed", criu->program);
	if (status == NOT_FOUND)
		return rl_hint(rl_refuse(RL_E(ENOENT), "criu: executable file not found in $PATH"),
			       "install criu");
	return rl_refuse(RL_E(EIO), "criu ended with %d and without an answer", status);
}

static rl_err serve(struct rl_arena *a, struct ct_criu *criu, ct_criu_notified *notified,
		    void *context, struct ct_criu_reply *ret)
{
	int fd = rl_fd_get(&criu->socket);
	uint8_t bytes[REPLY_SIZE];

	for (;;) {
		struct rl_fd RL_AUTO_FD passed = { 0 };
		const uint8_t *answer;
		size_t len;
		rl_err e = receive(fd, bytes, sizeof(bytes), &len, &passed);

		/* Reset: it never read what it was asked. */
		if (rl_is(e, RL_E(ECONNRESET)) || (!rl_failed(e) && len == 0)) {
			rl_drop(e);
			return gone(criu);
		}
		RL_TRY(e);
		RL_TRY(ct_criu_decode(a, bytes, len, ret));
		if (ret->type != CT_CRIU_NOTIFY)
			return RL_OK;
		e = notified(context, ret->script != NULL ? ret->script : "", ret->pid,
			     rl_fd_get(&passed));
		RL_TRY(ct_criu_encode_answer(a, !rl_failed(e), &answer, &len));
		e = rl_first(e, say(fd, answer, len));
		if (rl_failed(e))
			return e;
	}
}

rl_err ct_criu_ask(struct rl_arena *a, struct ct_criu *criu, const struct ct_criu_request *request,
		   ct_criu_notified *notified, void *context, pid_t *ret_pid)
{
	struct ct_criu_reply reply = { 0 };
	const uint8_t *bytes;
	size_t len;
	int status;
	rl_err e;

	RL_TRY(ct_criu_encode(a, request, &bytes, &len));
	e = say(rl_fd_get(&criu->socket), bytes, len);
	/* It could not be executed: what it left says so. */
	if (rl_is(e, RL_E(EPIPE))) {
		rl_drop(e);
		return gone(criu);
	}
	if (!rl_failed(e))
		e = serve(a, criu, notified, context, &reply);
	rl_fd_close(&criu->socket);
	if (rl_failed(e) && criu->child.pid > 0)
		(void)kill(criu->child.pid, SIGKILL);
	if (criu->child.pid > 0)
		e = rl_first(e, rl_wait_status(criu->child.pid, &status));
	RL_TRY(e);
	if (!reply.success)
		return failed(a, request, &reply);
	*ret_pid = reply.pid;
	return RL_OK;
}

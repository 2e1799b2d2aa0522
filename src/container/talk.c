/* SPDX-License-Identifier: Apache-2.0 */
#include "container/talk.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* The stub knows no structs: a datagram of this size is a bare errno. */
struct errno_datagram {
	uint8_t little_endian[4];
};

struct word_datagram {
	char magic[4];
	uint32_t word;
	int32_t pid; /* of GO */
};

#define WORD_MAGIC "rlw1"

static const char *word_name(enum ct_word word)
{
	static const char *const names[] = {
		[CT_END] = "end of file", [CT_GO] = "GO",     [CT_RUN] = "RUN",
		[CT_READY] = "READY",	  [CT_HOLD] = "HOLD", [CT_START] = "START",
		[CT_NETWORK] = "NETWORK", [CT_HELD] = "HELD", [CT_PID] = "PID",
		[CT_ERROR] = "ERROR",
	};

	return names[word];
}

rl_err ct_talk_pair(struct rl_fd *ret_runtime, struct rl_fd *ret_init)
{
	int pair[2];

	RL_TRY(rl_sys(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair),
		      "make a socket pair"));
	*ret_runtime = rl_fd_own(pair[0]);
	*ret_init = rl_fd_own(pair[1]);
	return RL_OK;
}

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static rl_err say(int fd, enum ct_word word, pid_t pid, int passed_fd)
{
	struct word_datagram datagram = { .magic = WORD_MAGIC, .word = word, .pid = pid };
	struct iovec iov = { &datagram, sizeof(datagram) };
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (passed_fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &passed_fd, sizeof(int));
	}
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return rl_sys(n, "say %s to the other process", word_name(word));
}

rl_err ct_say(int fd, enum ct_word word)
{
	return say(fd, word, 0, -1);
}

rl_err ct_say_go(int fd, enum ct_word go_or_run, pid_t pid)
{
	return say(fd, go_or_run, pid, -1);
}

rl_err ct_say_fd(int fd, enum ct_word word, int passed_fd)
{
	return say(fd, word, 0, passed_fd);
}

void ct_say_error(int fd, rl_err e)
{
	if (e.p != NULL)
		(void)!send(fd, e.p, sizeof(*e.p), MSG_NOSIGNAL);
	rl_drop(e);
}

/* There is room for one; the kernel closes what is beyond. */
static void take_descriptor(struct msghdr *msg, struct rl_fd *ret_fd)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	struct rl_fd RL_AUTO_FD passed = { 0 };
	int number;

	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return;
	memcpy(&number, CMSG_DATA(c), sizeof(number));
	passed = rl_fd_own(number);
	if (ret_fd != NULL)
		rl_fd_set(ret_fd, rl_fd_take(&passed));
}

static rl_err hear(int fd, int flags, enum ct_word *ret_word, pid_t *ret_pid, struct rl_fd *ret_fd)
{
	union {
		struct errno_datagram errnum;
		struct word_datagram word;
		struct rl_error error;
	} datagram;
	struct iovec iov = { &datagram, sizeof(datagram) };
	union control control;
	/* Room for exactly one descriptor: with the padding of CMSG_SPACE the kernel gives two. */
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = CMSG_LEN(sizeof(int)) };
	ssize_t n;

	/*
	 * A reset is how SEQPACKET tells, once, of an end that died with unread words. What that
	 * end had said before is still there to be heard.
	 */
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | flags);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	RL_TRY(rl_sys(n, "hear the other process"));
	take_descriptor(&msg, ret_fd);
	if (n == 0) {
		*ret_word = CT_END;
		return RL_OK;
	}
	if (n == sizeof(datagram.errnum)) {
		const uint8_t *b = datagram.errnum.little_endian;
		int code = b[0] | b[1] << 8;

		return rl_pos(code > 0 ? code : EPROTO, "execute the program");
	}
	if (n == sizeof(datagram.error))
		return rl_from_record(&datagram.error);
	if (n != sizeof(datagram.word) || memcmp(datagram.word.magic, WORD_MAGIC, 4) != 0 ||
	    datagram.word.word >= CT_ERROR)
		return rl_fail(RL_E(EPROTO), "hear the other process: %zd unknown bytes", n);
	*ret_word = (enum ct_word)datagram.word.word;
	*ret_pid = datagram.word.pid;
	return RL_OK;
}

rl_err ct_hear(int fd, enum ct_word *ret_word, struct rl_fd *ret_fd)
{
	pid_t pid;

	return hear(fd, 0, ret_word, &pid, ret_fd);
}

static rl_err check_word(enum ct_word word, enum ct_word want)
{
	if (word == want)
		return RL_OK;
	if (word == CT_END)
		return rl_refuse(RL_E(EPIPE), "the other process ended before it said %s",
				 word_name(want));
	return rl_fail(RL_E(EPROTO), "the other process said %s instead of %s", word_name(word),
		       word_name(want));
}

rl_err ct_expect(int fd, enum ct_word want, struct rl_fd *ret_fd)
{
	enum ct_word word;
	pid_t pid;

	RL_TRY(hear(fd, 0, &word, &pid, ret_fd));
	/*
	 * The kernel (6.1, __skb_wait_for_more_packets) looks for a message first and for the end
	 * afterwards. Who is interrupted between the two, while the other says why it fails and
	 * ends, hears the end: the reason is still there. A word that was not expected to be the
	 * last has the time to look again.
	 */
	if (word == CT_END && want != CT_END)
		RL_TRY(hear(fd, MSG_DONTWAIT, &word, &pid, ret_fd));
	return check_word(word, want);
}

rl_err ct_expect_go(int fd, enum ct_word *ret_go_or_run, pid_t *ret_pid)
{
	enum ct_word word;
	pid_t pid;

	RL_TRY(hear(fd, 0, &word, &pid, NULL));
	if (word != CT_RUN)
		RL_TRY(check_word(word, CT_GO));
	*ret_go_or_run = word;
	*ret_pid = pid;
	return RL_OK;
}

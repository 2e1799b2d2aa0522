/* SPDX-License-Identifier: Apache-2.0 */
#include "container/talk.h"
#include "scratch.h"

#include <signal.h>
#include <sys/socket.h>

struct pair {
	struct rl_fd runtime, init;
};

static void hang_up(struct pair *p)
{
	rl_fd_close(&p->runtime);
	rl_fd_close(&p->init);
}

#define AUTO_PAIR __attribute__((cleanup(hang_up)))
#define OURS rl_fd_get(&p.runtime)
#define THEIRS rl_fd_get(&p.init)

TEST(every_word_crosses)
{
	static const enum ct_word words[] = { CT_GO,	  CT_READY, CT_HOLD, CT_START,
					      CT_NETWORK, CT_HELD,  CT_PID };
	struct pair AUTO_PAIR p = { 0 };

	CHECK_OK(ct_talk_pair(&p.runtime, &p.init));
	CHECK_INT(fcntl(OURS, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fcntl(THEIRS, F_GETFD), FD_CLOEXEC);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct rl_fd RL_AUTO_FD passed = { 0 };
		enum ct_word heard = CT_END;

		CHECK_OK(ct_say(OURS, words[i]));
		CHECK_OK(ct_hear(THEIRS, &heard, &passed));
		CHECK_INT(heard, words[i]);
		CHECK(!rl_fd_has(&passed));
		CHECK_OK(ct_say(THEIRS, words[i]));
		CHECK_OK(ct_expect(OURS, words[i], NULL));
	}
}

TEST(go_tells_the_pid)
{
	struct pair AUTO_PAIR p = { 0 };
	enum ct_word word = CT_END;
	pid_t pid = 0;

	CHECK_OK(ct_talk_pair(&p.runtime, &p.init));
	CHECK_OK(ct_say_go(OURS, CT_RUN, 4242));
	CHECK_OK(ct_expect_go(THEIRS, &word, &pid));
	CHECK_INT(word, CT_RUN);
	CHECK_INT(pid, 4242);
	CHECK_OK(ct_say_go(OURS, CT_GO, 4242));
	CHECK_OK(ct_expect_go(THEIRS, &word, &pid));
	CHECK_INT(word, CT_GO);
	CHECK_INT(pid, 4242);
	CHECK_OK(ct_say(OURS, CT_HOLD));
	CHECK_FAILS(ct_expect_go(THEIRS, &word, &pid), EPROTO, "said HOLD instead of GO");
	CHECK_INT(pid, 4242);
}

TEST(words_do_not_run_together)
{
	struct pair AUTO_PAIR p = { 0 };

	CHECK_OK(ct_talk_pair(&p.runtime, &p.init));
	CHECK_OK(ct_say(OURS, CT_GO));
	CHECK_OK(ct_say(OURS, CT_START));
	CHECK_OK(ct_expect(THEIRS, CT_GO, NULL));
	CHECK_OK(ct_expect(THEIRS, CT_START, NULL));
}

TEST(another_word_is_named)
{
	struct pair AUTO_PAIR p = { 0 };

	CHECK_OK(ct_talk_pair(&p.runtime, &p.init));
	CHECK_OK(ct_say(THEIRS, CT_HELD));
	CHECK_FAILS(ct_expect(OURS, CT_READY, NULL), EPROTO,
		    "the other process said HELD instead of READY");
}

TEST(the_end)
{
	struct pair AUTO_PAIR p = { 0 };
	enum ct_word word = CT_GO;

	CHECK_OK(ct_talk_pair(&p.runtime, &p.init));
	rl_fd_close(&p.init);
	CHECK_OK(ct_hear(OURS, &word, NULL));
	CHECK_INT(word, CT_END);
	CHECK_FAILS(ct_expect(OURS, CT_READY, NULL), EPIPE,
		    "the other process ended before it said READY");
	/* SIGPIPE would end us here. */
	CHECK_FAILS(ct_say(OURS, CT_GO), EPIPE, "say GO to the other process");
	ct_say_error(OURS, rl_refuse(RL_E(EIO), "lost"));
}

TEST(an_end_with_unread_words_is_an_end)
{
	struct pair AUTO_PAIR p = { 0 };
	enum ct_word word = CT_GO;

	CHECK_OK(ct_talk_pair(&p.runtime, &p.init));
	CHECK_OK(ct_say(OURS, CT_GO));
	rl_fd_close(&p.init);
	CHECK_OK(ct_hear(OURS, &word, NULL));
	CHECK_INT(word, CT_END);
}

TEST(the_death_of_the_other_is_heard)
{
	struct pair AUTO_PAIR p = { 0 };
	enum ct_word word = CT_GO;
	pid_t pid;

	CHECK_OK(ct_talk_pair(&p.runtime, &p.init));
	pid = fork();
	if (pid == 0) {
		rl_fd_close(&p.runtime);
		kill(getpid(), SIGKILL);
	}
	rl_fd_close(&p.init);
	alarm(10);
	CHECK_OK(ct_hear(OURS, &word, NULL));
	alarm(0);
	CHECK_INT(word, CT_END);
	CHECK_INT(exit_status(pid), -1);
}

TEST(an_error_crosses_with_everything)
{
	struct pair AUTO_PAIR p = { 0 };
	enum ct_word word = CT_GO;
	rl_err e;
	pid_t pid;

	CHECK_OK(ct_talk_pair(&p.runtime, &p.init));
	pid = fork();
	if (pid == 0) {
		e = rl_hint(rl_wrap(rl_fail(RL_E(ENOENT), "open /proc"), "mount /proc"), "do it");
		ct_say_error(THEIRS, e);
		_exit(0);
	}
	rl_fd_close(&p.init);
	e = ct_hear(OURS, &word, NULL);
	CHECK_INT(exit_status(pid), 0);
	CHECK_INT(word, CT_GO); /* results are written on success only */
	CHECK_INT(rl_errno(e), ENOENT);
	CHECK_STR(rl_text(e), "mount /proc: open /proc: No such file or directory");
	CHECK_STR(rl_hint_text(e), "do it");
	rl_drop(e);
}

TEST(out_of_memory_crosses_as_well)
{
	struct pair AUTO_PAIR p = { 0 };

	CHECK_OK(ct_talk_pair(&p.runtime, &p.init));
	ct_say_error(THEIRS, rl_nomem());
	CHECK_FAILS(ct_expect(OURS, CT_READY, NULL), ENOMEM, "out of memory");
	ct_say_error(THEIRS, RL_OK); /* nothing to say */
	CHECK_OK(ct_say(THEIRS, CT_READY));
	CHECK_OK(ct_expect(OURS, CT_READY, NULL));
}

TEST(an_errno_from_the_stub)
{
	struct pair AUTO_PAIR p = { 0 };
	uint8_t noexec[4] = { ENOEXEC, 0, 0, 0 }, zero[4] = { 0 }, large[4] = { 0xff, 0xff, 1, 0 };

	CHECK_OK(ct_talk_pair(&p.runtime, &p.init));
	CHECK(send(THEIRS, noexec, 4, 0) == 4);
	CHECK_FAILS(ct_expect(OURS, CT_END, NULL), ENOEXEC,
		    "execute the program: Exec format error");
	CHECK(send(THEIRS, zero, 4, 0) == 4);
	CHECK_FAILS(ct_expect(OURS, CT_END, NULL), EPROTO, "");
	CHECK(send(THEIRS, large, 4, 0) == 4);
	CHECK_FAILS(ct_expect(OURS, CT_END, NULL), EPROTO, "");
}

static rl_err hear_bytes(const void *bytes, size_t len)
{
	struct pair AUTO_PAIR p = { 0 };
	enum ct_word word;

	RL_TRY(ct_talk_pair(&p.runtime, &p.init));
	RL_TRY(rl_sys(send(THEIRS, bytes, len, 0), "send"));
	return ct_hear(OURS, &word, NULL);
}

TEST(what_is_no_word)
{
	struct rl_error record = { .code = -1 };
	char noise[100];

	memset(noise, 'x', sizeof(noise));
	CHECK_FAILS(hear_bytes(noise, 1), EPROTO, "1 unknown bytes");
	CHECK_FAILS(hear_bytes(noise, 12), EPROTO, "12 unknown bytes");
	CHECK_FAILS(hear_bytes(noise, 100), EPROTO, "100 unknown bytes");
	CHECK_FAILS(hear_bytes("rlw1\x63\0\0\0\0\0\0", 12), EPROTO, "12 unknown bytes");
	CHECK_FAILS(hear_bytes("rlw1\x09\0\0\0\0\0\0", 12), EPROTO,
		    "12 unknown bytes"); /* CT_ERROR */
	CHECK_FAILS(hear_bytes("rlw1\xff\xff\xff\xff\0\0\0", 12), EPROTO, "12 unknown bytes");
	CHECK_FAILS(hear_bytes(&record, sizeof(record)), EPROTO, "malformed");
	CHECK_FAILS(hear_bytes(&record, sizeof(record) - 1), EPROTO, "unknown bytes");
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

TEST(a_descriptor_comes_along)
{
	struct rl_fd RL_AUTO_FD passed = { 0 }, RL_AUTO_FD file = { 0 };
	struct pair AUTO_PAIR p = { 0 };

	rl_fd_set(&file, open(scratch_file("f", "x"), O_RDONLY | O_CLOEXEC));
	CHECK_OK(ct_talk_pair(&p.runtime, &p.init));
	CHECK_OK(ct_say_fd(THEIRS, CT_READY, rl_fd_get(&file)));
	CHECK_OK(ct_expect(OURS, CT_READY, &passed));
	CHECK(rl_fd_get(&passed) != rl_fd_get(&file));
	CHECK(same_file(rl_fd_get(&passed), rl_fd_get(&file)));
	CHECK_INT(fcntl(rl_fd_get(&passed), F_GETFD), FD_CLOEXEC);
}

TEST(a_descriptor_that_nobody_wants_is_closed)
{
	struct pair AUTO_PAIR p = { 0 };
	int before;

	CHECK_OK(ct_talk_pair(&p.runtime, &p.init));
	before = open_descriptors();
	CHECK_OK(ct_say_fd(THEIRS, CT_READY, 0));
	CHECK_OK(ct_expect(OURS, CT_READY, NULL));
	CHECK_INT(open_descriptors(), before);
}

/* More than one is not in the protocol; the kernel must not put them into our table. */
TEST(more_descriptors_than_one_do_not_leak)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control = { 0 };
	char word[12] = { 'r', 'l', 'w', '1', CT_READY };
	struct iovec iov = { word, sizeof(word) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	int four[4] = { 0, 0, 0, 0 }, before;
	struct pair AUTO_PAIR p = { 0 };

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(four));
	memcpy(CMSG_DATA(&control.header), four, sizeof(four));
	CHECK_OK(ct_talk_pair(&p.runtime, &p.init));
	before = open_descriptors();
	CHECK(sendmsg(THEIRS, &msg, 0) == 12);
	CHECK_OK(ct_expect(OURS, CT_READY, NULL));
	CHECK_INT(open_descriptors(), before);
}

RUN_TESTS()

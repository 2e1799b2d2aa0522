/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "scratch.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int fresh(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

TEST(zero_owns_nothing)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };

	CHECK(!rl_fd_has(&fd));
	CHECK_INT(rl_fd_get(&fd), -1);
	CHECK_INT(rl_fd_take(&fd), -1);
	rl_fd_close(&fd);
	/* 0 is a descriptor like any other, and owning nothing must not close it. */
	CHECK(is_open(0));
	fd = rl_fd_own(-1);
	CHECK(!rl_fd_has(&fd));
	fd = rl_fd_own(0);
	CHECK(rl_fd_has(&fd));
	CHECK_INT(rl_fd_take(&fd), 0);
}

TEST(closed_at_the_end_of_the_scope)
{
	int number = fresh();

	{
		struct rl_fd RL_AUTO_FD fd = rl_fd_own(number);

		CHECK_INT(rl_fd_get(&fd), number);
		CHECK(is_open(number));
	}
	CHECK(!is_open(number));
}

TEST(taking_moves_it_out)
{
	int number = fresh();

	{
		struct rl_fd RL_AUTO_FD fd = rl_fd_own(number);

		CHECK_INT(rl_fd_take(&fd), number);
		CHECK(!rl_fd_has(&fd));
	}
	CHECK(is_open(number));
	close(number);
}

TEST(closing_twice_closes_once)
{
	struct rl_fd fd = rl_fd_own(fresh());
	int number = rl_fd_get(&fd), again;

	rl_fd_close(&fd);
	again = fresh(); /* the same number, another's file */
	CHECK_INT(again, number);
	rl_fd_close(&fd);
	CHECK(is_open(again));
	close(again);
}

TEST(closing_keeps_errno)
{
	struct rl_fd fd = rl_fd_own(1000000); /* not open: close sets EBADF */

	errno = ENOENT;
	rl_fd_close(&fd);
	CHECK_INT(errno, ENOENT);
}

TEST(setting_replaces)
{
	struct rl_fd RL_AUTO_FD fd = rl_fd_own(fresh());
	int first = rl_fd_get(&fd), second = fresh();

	rl_fd_set(&fd, second);
	CHECK(!is_open(first));
	CHECK_INT(rl_fd_get(&fd), second);
	rl_fd_set(&fd, second); /* itself: stays open */
	CHECK(is_open(second));
	rl_fd_set(&fd, -1);
	CHECK(!is_open(second));
	CHECK(!rl_fd_has(&fd));
}

TEST(from_a_system_call)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	int number;

	CHECK_OK(rl_fd_from(fresh(), &fd, "open %s", "/dev/null"));
	number = rl_fd_get(&fd);
	CHECK(is_open(number));
	CHECK_FAILS(rl_fd_from(open("/nonexistent", O_RDONLY | O_CLOEXEC), &fd, "open %s", "/x"),
		    ENOENT, "open /x: No such file or directory");
	/* Results are written on success only. */
	CHECK_INT(rl_fd_get(&fd), number);
	CHECK_FAILS(rl_fd_from(-5, &fd, "odd"), EPROTO, "odd");
}

RUN_TESTS()

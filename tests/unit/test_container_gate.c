/* SPDX-License-Identifier: Apache-2.0 */
#include "container/gate.h"
#include "container/talk.h"
#include "scratch.h"

static int dir_fd(const char *name)
{
	mkdir(scratch("%s", name), 0700);
	return open(scratch("%s", name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

TEST(create_waits_until_start)
{
	struct rl_fd RL_AUTO_FD dir = rl_fd_own(dir_fd("a")), RL_AUTO_FD listener = { 0 },
				RL_AUTO_FD talk = { 0 };
	pid_t pid;

	CHECK(!ct_gate_exists(rl_fd_get(&dir)));
	CHECK_OK(ct_gate_open(rl_fd_get(&dir), &listener));
	CHECK(ct_gate_exists(rl_fd_get(&dir)));
	CHECK_INT(fcntl(rl_fd_get(&listener), F_GETFD), FD_CLOEXEC);
	pid = fork();
	if (pid == 0) { /* init */
		struct rl_fd heard = { 0 };

		alarm(10);
		if (rl_drop_failed(ct_gate_wait(rl_fd_get(&listener), &heard)) ||
		    rl_drop_failed(ct_expect(rl_fd_get(&heard), CT_START, NULL)) ||
		    rl_drop_failed(ct_say(rl_fd_get(&heard), CT_HELD)))
			_exit(1);
		_exit(0);
	}
	rl_fd_close(&listener);
	CHECK_OK(ct_gate_enter(rl_fd_get(&dir), &talk));
	CHECK_INT(fcntl(rl_fd_get(&talk), F_GETFD), FD_CLOEXEC);
	CHECK_OK(ct_say(rl_fd_get(&talk), CT_START));
	CHECK_OK(ct_expect(rl_fd_get(&talk), CT_HELD, NULL));
	CHECK_INT(exit_status(pid), 0);
	/* Init is gone and so is whoever listened; the name is still there. */
	CHECK(ct_gate_exists(rl_fd_get(&dir)));
	CHECK_FAILS(ct_gate_enter(rl_fd_get(&dir), &talk), ECONNREFUSED, "enter the gate");
	CHECK_OK(ct_gate_remove(rl_fd_get(&dir)));
	CHECK(!ct_gate_exists(rl_fd_get(&dir)));
}

TEST(nobody_starts_twice)
{
	struct rl_fd RL_AUTO_FD dir = rl_fd_own(dir_fd("b")), RL_AUTO_FD listener = { 0 },
				RL_AUTO_FD talk = { 0 };

	CHECK_OK(ct_gate_open(rl_fd_get(&dir), &listener));
	CHECK_OK(ct_gate_remove(rl_fd_get(&dir)));
	CHECK_FAILS(ct_gate_remove(rl_fd_get(&dir)), ENOENT, "remove the gate");
	CHECK_FAILS(ct_gate_enter(rl_fd_get(&dir), &talk), ENOENT, "enter the gate");
	CHECK(!rl_fd_has(&talk));
}

TEST(a_second_gate_is_refused)
{
	struct rl_fd RL_AUTO_FD dir = rl_fd_own(dir_fd("c")), RL_AUTO_FD listener = { 0 },
				RL_AUTO_FD second = { 0 };

	CHECK_OK(ct_gate_open(rl_fd_get(&dir), &listener));
	CHECK_FAILS(ct_gate_open(rl_fd_get(&dir), &second), EADDRINUSE, "bind the gate");
	CHECK(!rl_fd_has(&second));
}

/* sun_path has 108 bytes, a state directory may be deeper. */
TEST(however_long_the_path_is)
{
	struct rl_fd RL_AUTO_FD dir = { 0 }, RL_AUTO_FD listener = { 0 }, RL_AUTO_FD talk = { 0 };
	char name[256];

	memset(name, 'n', 250);
	name[250] = '\0';
	rl_fd_set(&dir, dir_fd(name));
	CHECK(rl_fd_has(&dir));
	CHECK_OK(ct_gate_open(rl_fd_get(&dir), &listener));
	CHECK_OK(ct_gate_enter(rl_fd_get(&dir), &talk));
}

TEST(a_link_is_a_gate_for_nobody)
{
	struct rl_fd RL_AUTO_FD dir = rl_fd_own(dir_fd("d"));

	CHECK(symlink("nowhere", scratch("d/gate")) == 0);
	CHECK(ct_gate_exists(rl_fd_get(&dir))); /* it is there, and start fails */
	CHECK_OK(ct_gate_remove(rl_fd_get(&dir)));
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"
#include "base/proc.h"
#include "scratch.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

/* A child that waits for its end of the pipe to close, with a name of its own choice. */
static pid_t child_named(const char *name, int *ret_hold)
{
	int hold[2], ready[2];
	char byte;
	pid_t pid;

	if (pipe2(hold, O_CLOEXEC) < 0 || pipe2(ready, O_CLOEXEC) < 0)
		abort();
	pid = fork();
	if (pid == 0) {
		close(hold[1]);
		prctl(PR_SET_NAME, name);
		close(ready[1]);
		close(ready[0]);
		_exit(read(hold[0], &byte, 1) == 0 ? 7 : 8);
	}
	close(hold[0]);
	close(ready[1]);
	while (read(ready[0], &byte, 1) < 0)
		;
	close(ready[0]);
	*ret_hold = hold[1];
	return pid;
}

/* Field 22, found by the fields behind the last ')', in the plainest way. */
static uint64_t start_time_by_hand(pid_t pid)
{
	char path[64];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	at = strrchr(scratch_read(path), ')');
	for (int blanks = 0; blanks < 20; at++)
		blanks += *at == ' ';
	return strtoull(at, NULL, 10);
}

TEST(start_time_whatever_the_name)
{
	static const char *const names[] = {
		"plain", "a) S 1 2 3", "))) ((", " ", ") Z 1 1", "\n"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int hold;
		pid_t pid = child_named(names[i], &hold);
		uint64_t ticks = 0;
		char state = '?';

		CHECK_OK(rl_proc_start_time(pid, &ticks, &state));
		CHECK_INT(ticks, start_time_by_hand(pid));
		CHECK(ticks > 0);
		CHECK(state == 'S' || state == 'R' || state == 'D');
		close(hold);
		CHECK_INT(exit_status(pid), 7);
	}
}

TEST(a_zombie_is_not_alive)
{
	struct timespec tenth = { .tv_nsec = 100000000 };
	struct rl_fd RL_AUTO_FD pidfd = { 0 };
	uint64_t ticks = 0, now;
	char state;
	int hold;
	pid_t pid = child_named("child", &hold);

	CHECK_OK(rl_proc_start_time(pid, &ticks, &state));
	CHECK(rl_proc_alive(pid, ticks));
	CHECK(!rl_proc_alive(pid, ticks + 1)); /* the pid of another process */
	CHECK_OK(rl_pidfd_open(pid, &pidfd));
	close(hold);
	CHECK_OK(rl_pidfd_wait(rl_fd_get(&pidfd), 10000));
	CHECK_OK(rl_proc_start_time(pid, &now, &state));
	for (int i = 0; i < 50 && state != 'Z'; i++) {
		nanosleep(&tenth, NULL);
		CHECK_OK(rl_proc_start_time(pid, &now, &state));
	}
	CHECK_INT(state, 'Z');
	CHECK(!rl_proc_alive(pid, ticks));
	CHECK_INT(exit_status(pid), 7);
	CHECK_FAILS(rl_proc_start_time(pid, &now, &state), ESRCH, "process ");
	CHECK(!rl_proc_alive(pid, ticks));
}

TEST(no_process)
{
	struct rl_fd RL_AUTO_FD pidfd = { 0 };
	uint64_t ticks;
	char state;

	CHECK(!rl_proc_alive(0, 0));
	CHECK(!rl_proc_alive(-1, 0));
	CHECK_FAILS(rl_proc_start_time(0x7fffffff, &ticks, &state), ESRCH,
		    "process 2147483647: No such process");
	CHECK_FAILS(rl_pidfd_open(0x7fffffff, &pidfd), ESRCH, "open a pidfd of process 2147483647");
	CHECK(!rl_fd_has(&pidfd));
}

TEST(waiting_with_a_timeout)
{
	struct rl_fd RL_AUTO_FD pidfd = { 0 };
	int hold;
	pid_t pid = child_named("child", &hold);

	CHECK_OK(rl_pidfd_open(pid, &pidfd));
	CHECK_FAILS(rl_pidfd_wait(rl_fd_get(&pidfd), 20), ETIMEDOUT, "wait for a process to end");
	CHECK_FAILS(rl_pidfd_wait(rl_fd_get(&pidfd), 0), ETIMEDOUT, "");
	close(hold);
	CHECK_OK(rl_pidfd_wait(rl_fd_get(&pidfd), -1));
	CHECK_INT(exit_status(pid), 7);
}

static void nothing(int signal_number)
{
	(void)signal_number;
}

TEST(a_signal_does_not_end_the_waiting)
{
	const struct sigaction act = { .sa_handler = nothing }; /* without SA_RESTART */
	struct itimerval every = { { 0, 5000 }, { 0, 5000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct rl_fd RL_AUTO_FD pidfd = { 0 };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct timespec some = { .tv_nsec = 60000000 };

		nanosleep(&some, NULL);
		_exit(3);
	}
	CHECK_OK(rl_pidfd_open(pid, &pidfd));
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	CHECK_OK(rl_pidfd_wait(rl_fd_get(&pidfd), -1));
	CHECK_OK(rl_wait_status(pid, &status));
	setitimer(ITIMER_REAL, &never, NULL);
	CHECK_INT(status, 3);
}

TEST(status_of_a_child)
{
	struct rl_fd RL_AUTO_FD pidfd = { 0 };
	int hold, status = -1;
	pid_t pid = child_named("child", &hold);

	CHECK_OK(rl_pidfd_open(pid, &pidfd));
	CHECK_OK(rl_pidfd_signal(rl_fd_get(&pidfd), 0));
	CHECK_OK(rl_pidfd_signal(rl_fd_get(&pidfd), SIGKILL));
	CHECK_OK(rl_wait_status(pid, &status));
	CHECK_INT(status, 128 + SIGKILL);
	close(hold);
	CHECK_FAILS(rl_wait_status(pid, &status), ECHILD, "wait for process");
	/* It is gone, and its number may be another's: the descriptor knows. */
	CHECK_FAILS(rl_pidfd_signal(rl_fd_get(&pidfd), SIGTERM), ESRCH, "send signal 15");
}

TEST(sealed_memory_is_sealed)
{
	struct rl_fd RL_AUTO_FD fd = { 0 }, RL_AUTO_FD again = { 0 };
	char byte, path[64];
	int seals;

	CHECK_OK(rl_sealed_memfd("sealed", "content", 7, &fd));
	seals = fcntl(rl_fd_get(&fd), F_GET_SEALS);
	CHECK_INT(seals & (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
		  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	CHECK(pwrite(rl_fd_get(&fd), "x", 1, 0) < 0 && errno == EPERM);
	CHECK(pwrite(rl_fd_get(&fd), "x", 1, 7) < 0 && errno == EPERM);
	CHECK(ftruncate(rl_fd_get(&fd), 0) < 0 && errno == EPERM);
	CHECK(mmap(NULL, 7, PROT_READ | PROT_WRITE, MAP_SHARED, rl_fd_get(&fd), 0) == MAP_FAILED);
	CHECK(fcntl(rl_fd_get(&fd), F_ADD_SEALS, F_SEAL_FUTURE_WRITE) < 0 && errno == EPERM);
	/* Nor by another way to the same file, as a process of a container would try it. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", rl_fd_get(&fd));
	rl_fd_set(&again, open(path, O_RDWR | O_CLOEXEC));
	if (rl_fd_has(&again))
		CHECK(pwrite(rl_fd_get(&again), "x", 1, 0) < 0 && errno == EPERM);
	CHECK(pread(rl_fd_get(&fd), &byte, 1, 0) == 1 && byte == 'c');
	CHECK_INT(fcntl(rl_fd_get(&fd), F_GETFD), FD_CLOEXEC);
}

TEST(sealed_memory_can_be_executed)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	struct rl_fd RL_AUTO_FD fd = { 0 };
	char *argv[] = { (char[]){ "true" }, NULL };
	const char *bytes;
	size_t len;
	pid_t pid;

	CHECK_OK(rl_arena_new(64 << 20, &a));
	CHECK_OK(rl_read_file(&a, AT_FDCWD, "/bin/true", 32 << 20, &bytes, &len));
	CHECK_OK(rl_sealed_memfd("true", bytes, len, &fd));
	pid = fork();
	if (pid == 0) {
		syscall(SYS_execveat, rl_fd_get(&fd), "", argv, NULL, AT_EMPTY_PATH);
		_exit(99);
	}
	CHECK_INT(exit_status(pid), 0);
}

RUN_TESTS()

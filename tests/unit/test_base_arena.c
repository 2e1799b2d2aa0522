/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "scratch.h"

#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>

TEST(memory_is_zeroed_and_aligned)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	char *p, *previous = NULL;

	CHECK_OK(rl_arena_new(1 << 20, &a));
	for (size_t size = 1; size < 100; size++) {
		CHECK_OK(rl_arena_get(&a, 1, size, &p));
		CHECK_INT((uintptr_t)p % _Alignof(max_align_t), 0);
		CHECK(p > previous);
		for (size_t i = 0; i < size; i++)
			CHECK_INT(p[i], 0);
		memset(p, 0xee, size); /* must not reach the next one */
		previous = p;
	}
}

TEST(an_array_of_nothing_is_no_error)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	int *p = NULL;

	CHECK_OK(rl_arena_new(4096, &a));
	CHECK_OK(rl_new_array(&a, 0, &p));
	CHECK(p != NULL);
}

TEST(the_limit_is_an_error)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	char *p = NULL, *kept;
	size_t got = 0;

	CHECK_OK(rl_arena_new(8192, &a));
	while (!rl_drop_failed(rl_arena_get(&a, 1, 100, &p)))
		got++;
	CHECK(got >= 70 && got <= 8192 / 100);
	kept = p;
	CHECK_FAILS(rl_arena_get(&a, 1, 4000, &p), ENOMEM, "out of memory");
	CHECK(p == kept); /* written on success only */
}

TEST(sizes_that_overflow)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	char *p;

	CHECK_OK(rl_arena_new(1 << 20, &a));
	CHECK_FAILS(rl_arena_get(&a, SIZE_MAX, 2, &p), ENOMEM, "");
	CHECK_FAILS(rl_arena_get(&a, SIZE_MAX / 2 + 2, 2, &p), ENOMEM, "");
	CHECK_FAILS(rl_arena_get(&a, 1, SIZE_MAX, &p), ENOMEM, "");
	CHECK_FAILS(rl_arena_get(&a, 1, SIZE_MAX - 8, &p), ENOMEM, "");
	CHECK_FAILS(rl_arena_get(&a, 1, 1 << 20, &p), ENOMEM, "");
	CHECK_OK(rl_arena_get(&a, 1, (1 << 20) - 16, &p));
}

TEST(a_limit_that_cannot_be)
{
	struct rl_arena a = { 0 };

	CHECK_FAILS(rl_arena_new(SIZE_MAX, &a), ENOMEM, "");
	CHECK_FAILS(rl_arena_new(SIZE_MAX / 2, &a), ENOMEM, "");
	CHECK_FAILS(rl_arena_new(0, &a), ENOMEM, "");
	CHECK(a.base == NULL);
	rl_arena_free(&a); /* of nothing */
}

TEST(strings)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	const char *s;

	CHECK_OK(rl_arena_new(1 << 20, &a));
	CHECK_OK(rl_arena_str(&a, "", &s));
	CHECK_STR(s, "");
	CHECK_OK(rl_arena_str(&a, "abc", &s));
	CHECK_STR(s, "abc");
	CHECK_OK(rl_arena_strn(&a, "abcdef", 4, &s));
	CHECK_STR(s, "abcd");
	CHECK_OK(rl_arena_fmt(&a, &s, "%s/%d", "x", 42));
	CHECK_STR(s, "x/42");
	CHECK_OK(rl_arena_fmt(&a, &s, "%5000d", 1)); /* longer than any buffer on the way */
	CHECK_INT(strlen(s), 5000);
	CHECK_FAILS(rl_arena_fmt(&a, &s, "%*d", 2 << 20, 1), ENOMEM, "");
}

/* What a child that writes there ends by. */
static int signal_of_writing(char *p)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit none = { 0 };

		/* ASan would turn the fault into a report. */
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL);
		*(volatile char *)p = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(sealed_memory_cannot_be_written)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	char *p, *q;

	CHECK_OK(rl_arena_new(1 << 20, &a));
	CHECK_OK(rl_arena_get(&a, 1, 10, &p));
	p[0] = 'x';
	CHECK_INT(signal_of_writing(p), 0);
	CHECK_OK(rl_arena_seal(&a));
	CHECK_INT(p[0], 'x');
	CHECK_INT(signal_of_writing(p), SIGSEGV);
	/* What was never handed out as well. */
	CHECK_INT(signal_of_writing(p + 100000), SIGSEGV);
	CHECK_FAILS(rl_arena_get(&a, 1, 1, &q), ENOMEM, "");
}

TEST(only_what_is_used_becomes_memory)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	struct rusage before, after;
	char *p;

	getrusage(RUSAGE_SELF, &before);
	CHECK_OK(rl_arena_new((size_t)1 << 30, &a));
	CHECK_OK(rl_arena_get(&a, 1, (size_t)1 << 29, &p));
	p[0] = 1;
	getrusage(RUSAGE_SELF, &after);
	CHECK(after.ru_maxrss - before.ru_maxrss < 8 << 10);
}

TEST(freeing_keeps_errno)
{
	struct rl_arena a;

	CHECK_OK(rl_arena_new(4096, &a));
	errno = ENOENT;
	rl_arena_free(&a);
	CHECK_INT(errno, ENOENT);
	CHECK(a.base == NULL);
	rl_arena_free(&a);
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "test.h"

/* Lets the next allocation fail: the program is linked with --wrap=malloc. */
static bool no_memory;
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return no_memory ? NULL : __real_malloc(size);
}

#define CHECK_TEXT(e, want)                                            \
	do {                                                           \
		rl_err error_ = (e);                                   \
		char copy_[RL_ERROR_TEXT];                             \
		snprintf(copy_, sizeof(copy_), "%s", rl_text(error_)); \
		rl_drop(error_);                                       \
		CHECK_STR(copy_, want);                                \
	} while (0)

static rl_err sys_with(long ret, int errnum)
{
	errno = errnum;
	return rl_sys(ret, "open /x");
}

TEST(success_is_nothing)
{
	CHECK(!rl_failed(RL_OK));
	CHECK_INT(rl_errno(RL_OK), 0);
	CHECK_STR(rl_text(RL_OK), "");
	CHECK_STR(rl_hint_text(RL_OK), "");
	CHECK(!rl_failed(rl_wrap(RL_OK, "context")));
	CHECK(!rl_failed(rl_hint(RL_OK, "hint")));
	CHECK(!rl_drop_failed(RL_OK));
	rl_drop(RL_OK);
}

TEST(door_of_system_calls)
{
	CHECK_OK(rl_sys(0, "x"));
	CHECK_OK(rl_sys(7, "x"));
	CHECK_FAILS(sys_with(-1, ENOENT), ENOENT, "open /x: No such file or directory");
	CHECK_FAILS(sys_with(-1, 4095), 4095, "open /x: ");
	/* What the convention does not allow is never a success. */
	CHECK_FAILS(sys_with(-1, 0), EPROTO, "Protocol error");
	CHECK_FAILS(sys_with(-1, -22), EPROTO, "Protocol error");
	CHECK_FAILS(sys_with(-1, 4096), EPROTO, "Protocol error");
	CHECK_FAILS(sys_with(-22, ENOENT), EPROTO, "Protocol error");
}

TEST(door_of_negative_numbers)
{
	CHECK_OK(rl_neg(0, "x"));
	CHECK_OK(rl_neg(3, "x"));
	CHECK_FAILS(rl_neg(-EINVAL, "start the machine"), EINVAL,
		    "start the machine: Invalid argument");
	CHECK_FAILS(rl_neg(-4095, "x"), 4095, "");
	CHECK_FAILS(rl_neg(-4096, "x"), EPROTO, "");
	CHECK_FAILS(rl_neg(INT32_MIN, "x"), EPROTO, "");
	CHECK_FAILS(rl_neg(INT64_MIN, "x"), EPROTO, "");
}

TEST(door_of_positive_numbers)
{
	CHECK_OK(rl_pos(0, "x"));
	CHECK_FAILS(rl_pos(EAGAIN, "spawn"), EAGAIN, "spawn: Resource temporarily unavailable");
	CHECK_FAILS(rl_pos(-EAGAIN, "spawn"), EPROTO, "");
	CHECK_FAILS(rl_pos(4096, "spawn"), EPROTO, "");
}

TEST(doors_of_our_own)
{
	CHECK_TEXT(rl_fail(RL_E(EBUSY), "mount %s", "/proc"),
		   "mount /proc: Device or resource busy");
	CHECK_TEXT(rl_refuse(RL_E(EBUSY), "mount %s is taken", "/proc"), "mount /proc is taken");
	CHECK_FAILS(rl_refuse(RL_E(EBUSY), "x"), EBUSY, "x");
}

TEST(contexts_stand_outermost_first)
{
	rl_err e = rl_fail(RL_E(ENOENT), "open /proc");

	e = rl_wrap(e, "mount %s", "/proc");
	e = rl_wrap(e, "%s", "");
	e = rl_wrap(e, "create c1");
	CHECK_TEXT(e, "create c1: mount /proc: open /proc: No such file or directory");
	/* A context around an error without a text of its own has no lonely colon. */
	CHECK_TEXT(rl_wrap(rl_refuse(RL_E(EINVAL), "%s", ""), "outer"), "outer");
}

static rl_err inner(bool fail)
{
	return fail ? rl_refuse(RL_E(EIO), "inner") : RL_OK;
}

static rl_err with_context(bool fail)
{
	RL_TRY(inner(fail), "outer %d", 1);
	return RL_OK;
}

static rl_err without_context(bool fail)
{
	RL_TRY(inner(fail));
	return RL_OK;
}

TEST(try_leaves_with_and_without_context)
{
	CHECK_OK(with_context(false));
	CHECK_OK(without_context(false));
	CHECK_TEXT(with_context(true), "outer 1: inner");
	CHECK_TEXT(without_context(true), "inner");
}

TEST(the_inner_hint_stays)
{
	rl_err e = rl_hint(rl_refuse(RL_E(EINVAL), "x"), "do %s", "this");

	e = rl_hint(rl_wrap(e, "outer"), "do that");
	CHECK_STR(rl_hint_text(e), "do this");
	CHECK_STR(rl_text(e), "outer: x");
	rl_drop(e);
}

TEST(a_long_hint_is_cut)
{
	char hint[2000];
	rl_err e;

	memset(hint, 'h', sizeof(hint));
	hint[sizeof(hint) - 1] = '\0';
	e = rl_hint(rl_refuse(RL_E(EINVAL), "x"), "%s", hint);
	CHECK_INT(strlen(rl_hint_text(e)), RL_ERROR_HINT - 1);
	rl_drop(e);
}

/* The reason is what counts: a long text loses its outermost part, and says so. */
TEST(a_long_text_loses_its_left)
{
	rl_err e = rl_fail(RL_E(ENOENT), "open the last file");

	for (int i = 0; i < 300; i++)
		e = rl_wrap(e, "context %d", i);
	CHECK_INT(strlen(rl_text(e)), RL_ERROR_TEXT - 1);
	CHECK(strncmp(rl_text(e), "...", 3) == 0);
	CHECK(strstr(rl_text(e), "context 0: open the last file: No such file") != NULL);
	CHECK(strstr(rl_text(e), "context 299") == NULL);
	rl_drop(e);
}

TEST(one_context_longer_than_everything)
{
	char context[4000];
	rl_err e;

	memset(context, 'c', sizeof(context));
	context[sizeof(context) - 1] = '\0';
	e = rl_fail(RL_E(ENOENT), "%s", context);
	CHECK_INT(strlen(rl_text(e)), RL_ERROR_TEXT - 1);
	CHECK(strncmp(rl_text(e), "...ccc", 6) == 0);
	CHECK(strstr(rl_text(e), "cc: No such file or directory") != NULL);
	rl_drop(e);
}

TEST(a_text_that_just_fits_is_whole)
{
	char text[RL_ERROR_TEXT];
	rl_err e;

	memset(text, 't', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	e = rl_refuse(RL_E(EINVAL), "%s", text);
	CHECK_STR(rl_text(e), text);
	e = rl_wrap(e, "o");
	CHECK(strncmp(rl_text(e), "...t", 4) == 0);
	CHECK_INT(strlen(rl_text(e)), RL_ERROR_TEXT - 1);
	rl_drop(e);
}

TEST(codes_are_compared_by_number)
{
	rl_err e = rl_fail(RL_E(ENOENT), "x");

	CHECK(rl_is(e, RL_E(ENOENT)));
	CHECK(!rl_is(e, RL_E(EEXIST)));
	CHECK(!rl_is(RL_OK, RL_E(ENOENT)));
	CHECK(rl_drop_failed(e));
}

TEST(the_first_error_is_kept)
{
	CHECK_OK(rl_first(RL_OK, RL_OK));
	CHECK_TEXT(rl_first(rl_refuse(RL_E(EIO), "a"), rl_refuse(RL_E(EIO), "b")), "a");
	CHECK_TEXT(rl_first(RL_OK, rl_refuse(RL_E(EIO), "b")), "b");
	CHECK_TEXT(rl_first(rl_refuse(RL_E(EIO), "a"), RL_OK), "a");
}

TEST(a_record_crosses_unchanged)
{
	rl_err e = rl_hint(rl_wrap(rl_fail(RL_E(EACCES), "open"), "outer"), "try sudo"), copy;
	struct rl_error datagram = *e.p;

	rl_drop(e);
	copy = rl_from_record(&datagram);
	CHECK_INT(rl_errno(copy), EACCES);
	CHECK_STR(rl_text(copy), "outer: open: Permission denied");
	CHECK_STR(rl_hint_text(copy), "try sudo");
	/* It goes on being an error like any other. */
	CHECK_TEXT(rl_wrap(copy, "create c1"), "create c1: outer: open: Permission denied");
}

static rl_err from_spoilt(void (*spoil)(struct rl_error *))
{
	rl_err e = rl_hint(rl_refuse(RL_E(EACCES), "text"), "hint");
	struct rl_error datagram = *e.p;

	rl_drop(e);
	spoil(&datagram);
	return rl_from_record(&datagram);
}

static void no_code(struct rl_error *r)
{
	r->code = 0;
}

static void negative_code(struct rl_error *r)
{
	r->code = -EACCES;
}

static void large_code(struct rl_error *r)
{
	r->code = 4096;
}

static void text_outside(struct rl_error *r)
{
	r->text = RL_ERROR_TEXT;
}

static void text_without_end(struct rl_error *r)
{
	memset(r->buf, 'x', sizeof(r->buf));
}

static void hint_without_end(struct rl_error *r)
{
	memset(r->hint, 'x', sizeof(r->hint));
}

TEST(a_malformed_record_is_an_error_of_its_own)
{
	CHECK_FAILS(from_spoilt(no_code), EPROTO, "malformed");
	CHECK_FAILS(from_spoilt(negative_code), EPROTO, "malformed");
	CHECK_FAILS(from_spoilt(large_code), EPROTO, "malformed");
	CHECK_FAILS(from_spoilt(text_outside), EPROTO, "malformed");
	CHECK_FAILS(from_spoilt(text_without_end), EPROTO, "malformed");
	CHECK_FAILS(from_spoilt(hint_without_end), EPROTO, "malformed");
}

/* The records that need no malloc: more than there are, so that the next one needs it. */
#define MANY 16
static rl_err held[MANY];

static void use_up_the_pool(void)
{
	for (int i = 0; i < MANY; i++)
		held[i] = rl_fail(RL_E(EIO), "record %d", i);
}

static void give_back(void)
{
	for (int i = 0; i < MANY; i++)
		rl_drop(held[i]);
}

TEST(many_records_at_once_are_all_different)
{
	char want[32];

	use_up_the_pool();
	for (int i = 0; i < MANY; i++) {
		snprintf(want, sizeof(want), "record %d: %s", i, strerror(EIO));
		CHECK_STR(rl_text(held[i]), want);
	}
	give_back();
}

TEST(out_of_memory_needs_no_memory)
{
	rl_err e;

	use_up_the_pool();
	no_memory = true;
	e = rl_fail(RL_E(ENOENT), "open");
	no_memory = false;
	give_back();
	CHECK_INT(rl_errno(e), ENOMEM);
	CHECK_STR(rl_text(e), "out of memory");
	/* One record serves all: nothing may be written into it, and nobody frees it. */
	e = rl_hint(rl_wrap(e, "outer"), "hint");
	CHECK_STR(rl_text(e), "out of memory");
	CHECK_STR(rl_hint_text(e), "");
	rl_drop(e);
	rl_drop(e);
	CHECK_STR(rl_text(rl_nomem()), "out of memory");
}

TEST(out_of_memory_for_a_record_from_elsewhere)
{
	rl_err e = rl_refuse(RL_E(EACCES), "text"), copy;
	struct rl_error datagram = *e.p;

	rl_drop(e);
	use_up_the_pool();
	no_memory = true;
	copy = rl_from_record(&datagram);
	no_memory = false;
	give_back();
	CHECK_INT(rl_errno(copy), ENOMEM);
	rl_drop(copy);
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the numbers and words of a libkrun. */
#include "handlers/krun_api.h"
#include "test.h"

#include <unistd.h>

static const char *words = "";

static int32_t say(uint32_t ctx, char *buf, size_t len)
{
	(void)ctx;
	return snprintf(buf, len, "%s", words);
}

static const struct krun_api with_words = { .krun_get_last_error = say };
static const struct krun_api without_words = { 0 };

#define RESULT(api, number) krun_result(&(api), 0, number, "could not start the VM")

/* The number is an errno with a sign, never a text of its own. */
TEST(the_article)
{
	CHECK_FAILS(RESULT(without_words, -22), EINVAL, "could not start the VM: Invalid argument");
}

TEST(success_is_not_negative)
{
	CHECK_OK(RESULT(with_words, 0));
	CHECK_OK(RESULT(with_words, 7));
}

TEST(a_number_that_is_no_errno)
{
	CHECK_FAILS(RESULT(without_words, -5000), EPROTO, "could not start the VM");
	CHECK_FAILS(RESULT(without_words, INT32_MIN), EPROTO, "could not start the VM");
}

TEST(the_librarys_words)
{
	rl_err e;

	words = "9 vCPUs: this host's KVM allows 8";
	e = RESULT(with_words, -ERANGE);
	CHECK_STR(rl_text(e), "could not start the VM: 9 vCPUs: this host's KVM allows 8: "
			      "Numerical result out of range");
	rl_drop(e);
}

/* Said once, though both the library and the number know it. */
TEST(the_reason_is_not_said_twice)
{
	rl_err e;

	words = "open /dev/kvm: Permission denied";
	e = RESULT(with_words, -EACCES);
	CHECK_STR(rl_text(e), "could not start the VM: open /dev/kvm: Permission denied");
	rl_drop(e);
	/* Another errno than the one of the number stays. */
	words = "open the kernel: No such file or directory";
	e = RESULT(with_words, -EINVAL);
	CHECK_STR(rl_text(e), "could not start the VM: open the kernel: No such file or directory: "
			      "Invalid argument");
	rl_drop(e);
}

TEST(the_hint_is_a_hint)
{
	rl_err e;

	words = "no kernel was found (install libkrunfw, or a kernel (linux-image, kernel-core))";
	e = RESULT(with_words, -ENOENT);
	CHECK_STR(rl_text(e),
		  "could not start the VM: no kernel was found: No such file or directory");
	CHECK_STR(rl_hint_text(e), "install libkrunfw, or a kernel (linux-image, kernel-core)");
	rl_drop(e);
}

TEST(parentheses_that_are_no_hint)
{
	static const char *const texts[] = { "f()", "(all of it)", "unbalanced)", ")", "a (b" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		rl_err e;

		words = texts[i];
		e = RESULT(with_words, -EINVAL);
		CHECK(strstr(rl_text(e), texts[i]) != NULL);
		CHECK_STR(rl_hint_text(e), "");
		rl_drop(e);
	}
}

TEST(words_without_end)
{
	static char endless[4 * RL_ERROR_TEXT];
	rl_err e;

	memset(endless, 'x', sizeof(endless) - 1);
	words = endless;
	e = RESULT(with_words, -EIO);
	CHECK_INT(rl_errno(e), EIO);
	rl_drop(e);
}

TEST(every_place_is_named)
{
	struct rl_arena RL_AUTO_ARENA arena = { 0 };
	const char *places[KRUN_PLACES_MAX];
	struct krun_api api;

	CHECK_OK(rl_arena_new(1 << 20, &arena));
	setenv("RUNLET_LIBKRUN", "/no/such/library", 1);
	CHECK_FAILS(krun_api_load(&arena, NULL, &api), ENOENT,
		    "load libkrun: /no/such/library: cannot open");
	/* The configuration's word before the environment's. */
	CHECK_FAILS(krun_api_load(&arena, "/no/other", &api), ENOENT, "/no/other: cannot open");
	unsetenv("RUNLET_LIBKRUN");
	krun_places(NULL, places);
	CHECK_STR(places[1], "libkrun.so.1");
	CHECK(places[0][0] == '/' && places[2] == NULL);
}

TEST(a_library_of_something_else)
{
	struct rl_arena RL_AUTO_ARENA arena = { 0 };
	struct krun_api api;

	CHECK_OK(rl_arena_new(1 << 20, &arena));
	CHECK_FAILS(krun_api_load(&arena, "libc.so.6", &api), ENOSYS,
		    "has no function krun_create_ctx");
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest test frame that reports in TAP: TEST(name) { CHECK(...); } and RUN_TESTS() at the
 * end of the file. A failed check ends its case, not the program.
 */
#pragma once

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rl_test {
	const char *name;
	void (*run)(void);
};

extern struct rl_test rl_tests[];
extern int rl_test_count;
extern bool rl_test_failed;
extern const char *rl_test_skipped;

#define TEST(id)                                                                \
	static void test_##id(void);                                            \
	__attribute__((constructor)) static void register_##id(void)            \
	{                                                                       \
		rl_tests[rl_test_count++] = (struct rl_test){ #id, test_##id }; \
	}                                                                       \
	static void test_##id(void)

#define FAIL_(...)                                       \
	do {                                             \
		printf("# %s:%d: ", __FILE__, __LINE__); \
		printf(__VA_ARGS__);                     \
		printf("\n");                            \
		rl_test_failed = true;                   \
		return;                                  \
	} while (0)

/* Ends the case: this machine cannot show what it is about. The reason is reported. */
#define SKIP(reason)                        \
	do {                                \
		rl_test_skipped = (reason); \
		return;                     \
	} while (0)

#define CHECK(cond)                         \
	do {                                \
		if (!(cond))                \
			FAIL_("%s", #cond); \
	} while (0)

#define CHECK_INT(got, want)                                                  \
	do {                                                                  \
		long long got_ = (long long)(got), want_ = (long long)(want); \
		if (got_ != want_)                                            \
			FAIL_("%s is %lld, want %lld", #got, got_, want_);    \
	} while (0)

#define CHECK_STR(got, want)                                                                     \
	do {                                                                                     \
		const char *got_ = (got), *want_ = (want);                                       \
		if (got_ == NULL || strcmp(got_, want_) != 0)                                    \
			FAIL_("%s is \"%s\", want \"%s\"", #got, got_ ? got_ : "(null)", want_); \
	} while (0)

/* The call must succeed. */
#define CHECK_OK(call)                                 \
	do {                                           \
		rl_err e_ = (call);                    \
		if (rl_failed(e_)) {                   \
			printf("# %s\n", rl_text(e_)); \
			rl_drop(e_);                   \
			FAIL_("%s failed", #call);     \
		}                                      \
	} while (0)

/* The call must fail with this errno, and its text must contain `part`. */
#define CHECK_FAILS(call, errnum, part)                                                   \
	do {                                                                              \
		rl_err e_ = (call);                                                       \
		char text_[RL_ERROR_TEXT];                                                \
		int code_ = rl_errno(e_);                                                 \
		snprintf(text_, sizeof(text_), "%s", rl_text(e_));                        \
		rl_drop(e_);                                                              \
		if (code_ == 0)                                                           \
			FAIL_("%s succeeded", #call);                                     \
		if (code_ != (errnum) || strstr(text_, (part)) == NULL)                   \
			FAIL_("%s: errno %d \"%s\", want %d \"%s\"", #call, code_, text_, \
			      (errnum), (part));                                          \
	} while (0)

#define RUN_TESTS()                                                                       \
	struct rl_test rl_tests[512];                                                     \
	int rl_test_count;                                                                \
	bool rl_test_failed;                                                              \
	const char *rl_test_skipped;                                                      \
	int main(void)                                                                    \
	{                                                                                 \
		int failures = 0;                                                         \
		printf("1..%d\n", rl_test_count);                                         \
		for (int i = 0; i < rl_test_count; i++) {                                 \
			rl_test_failed = false;                                           \
			rl_test_skipped = NULL;                                           \
			rl_tests[i].run();                                                \
			failures += rl_test_failed;                                       \
			printf("%sok %d - %s%s%s\n", rl_test_failed ? "not " : "", i + 1, \
			       rl_tests[i].name, rl_test_skipped ? " # SKIP " : "",       \
			       rl_test_skipped ? rl_test_skipped : "");                   \
			fflush(stdout);                                                   \
		}                                                                         \
		return failures ? 1 : 0;                                                  \
	}

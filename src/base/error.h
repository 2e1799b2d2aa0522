/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error convention.
 *
 * A function that can fail returns rl_err and nothing else; its results go through trailing
 * `ret_*` parameters, which are written on success only. rl_err is a struct around one pointer:
 * it has no sign, no order and no truth value, so `return -EINVAL;`, `return 0;` and
 * `if (e < 0)` do not compile.
 *
 * An error holds a positive errno, a chain of contexts (outermost first) and an optional hint
 * that tells a person what to do:
 *
 *     create c1: mount /proc: open /proc: No such file or directory
 *
 * Ownership: an rl_err that failed owns its record. Whoever receives it returns it, wraps it,
 * or drops it with rl_drop(). There is one static record for "out of memory"; every function
 * here accepts it.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RL_MUST __attribute__((warn_unused_result))
#define RL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* The longest text of an error, contexts included, and of its hint, with the final NUL. */
#define RL_ERROR_TEXT 1536
#define RL_ERROR_HINT 500

/*
 * What went wrong. The record is plain data of fixed size: it crosses fork as one datagram.
 */
struct rl_error {
	int32_t code;  /* positive errno */
	uint32_t text; /* offset in buf of the first byte of the text; text grows to the left */
	char hint[RL_ERROR_HINT];
	char buf[RL_ERROR_TEXT];
};

typedef struct rl_err {
	struct rl_error *p;
} rl_err;

#define RL_OK ((rl_err){ NULL })

static inline bool rl_failed(rl_err e)
{
	return e.p != NULL;
}

/* A positive errno, proven positive when the program is compiled. */
struct rl_code {
	int errnum;
};
#define RL_E(code) \
	((struct rl_code){ (int)((code) + 0 * sizeof(char[(code) > 0 && (code) < 4096 ? 1 : -1])) })

/*
 * Four doors in, each named after the foreign convention it reads. A result that the convention
 * does not allow becomes EPROTO, never a success.
 *
 * rl_sys:  a system call as libc gives it: >= 0 is success, -1 is failure with errno set. errno is
 *          taken at once; nothing may come between the call and rl_sys.
 * rl_neg:  >= 0 is success, -errno is failure (libkrun, libseccomp, sd-bus).
 * rl_pos:  0 is success, +errno is failure (posix_spawn, pthread).
 * rl_fail: our own refusal.
 */
RL_MUST RL_PRINTF(2, 3) rl_err rl_sys(long ret, const char *fmt, ...);
RL_MUST RL_PRINTF(2, 3) rl_err rl_neg(long ret, const char *fmt, ...);
RL_MUST RL_PRINTF(2, 3) rl_err rl_pos(long ret, const char *fmt, ...);
RL_MUST RL_PRINTF(2, 3) rl_err rl_fail(struct rl_code code, const char *fmt, ...);

/* Like rl_fail, but `text` is the whole message: strerror(code) is not appended to it. */
RL_MUST RL_PRINTF(2, 3) rl_err rl_refuse(struct rl_code code, const char *fmt, ...);

/* Out of memory: never fails, needs no memory. */
RL_MUST rl_err rl_nomem(void);

/* Puts a context in front of the text. Success passes unchanged, as does an empty context. */
RL_MUST RL_PRINTF(2, 3) rl_err rl_wrap(rl_err e, const char *fmt, ...);

/* Sets the hint unless an inner one is there already (the inner one knows more). */
RL_MUST RL_PRINTF(2, 3) rl_err rl_hint(rl_err e, const char *fmt, ...);

/* The positive errno, 0 for success. */
int rl_errno(rl_err e);
bool rl_is(rl_err e, struct rl_code code);

/* "outer: inner: reason", valid until the error is wrapped or dropped. "" for success. */
const char *rl_text(rl_err e);
/* The hint or "". */
const char *rl_hint_text(rl_err e);

/* Gives the record back. Dropping success is harmless. */
void rl_drop(rl_err e);
/* Drops and forgets: true if it had failed. For failures that are answered by another way. */
bool rl_drop_failed(rl_err e);

/*
 * Keeps the first of two errors, drops the second: for clean-up that may fail as well.
 */
RL_MUST rl_err rl_first(rl_err first, rl_err second);

/* Copies a record that came in a datagram. A malformed record becomes EPROTO. */
RL_MUST rl_err rl_from_record(const struct rl_error *record);

/*
 * Leaves the function when `call` failed, with an optional context:
 *     RL_TRY(rl_open(...));
 *     RL_TRY(rl_open(...), "read the id map of %d", pid);
 * Resources are owned by variables with a cleanup attribute, so leaving is always safe.
 */
#define RL_TRY(call, ...)                                        \
	do {                                                     \
		rl_err rl_try_ = (call);                         \
		if (__builtin_expect(rl_failed(rl_try_), 0))     \
			return rl_wrap(rl_try_, "" __VA_ARGS__); \
	} while (0)

#if defined(__clang_analyzer__) && !defined(RL_ERROR_C)
#include "base/error_analyzer.h"
#endif

/* SPDX-License-Identifier: Apache-2.0 */
#define RL_ERROR_C 1 /* this file defines what the others call */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERRNO_MAX 4095

/* Read only by contract: every writer below checks for it first. */
static struct rl_error out_of_memory = {
	.code = ENOMEM,
	.text = 0,
	.buf = "out of memory",
};

/*
 * Failures that are expected and answered by another way (a file that need not be there) are many
 * on the way to a container; a few records that need no malloc serve them all.
 */
#define POOL 4
static struct {
	bool taken; /* by __atomic builtins: virtual machines have threads */
	struct rl_error record;
} pool[POOL];

static struct rl_error *record_get(void)
{
	for (int i = 0; i < POOL; i++)
		if (!__atomic_exchange_n(&pool[i].taken, true, __ATOMIC_ACQUIRE))
			return &pool[i].record;
	return malloc(sizeof(struct rl_error));
}

static void record_put(struct rl_error *record)
{
	for (int i = 0; i < POOL; i++)
		if (record == &pool[i].record) {
			__atomic_store_n(&pool[i].taken, false, __ATOMIC_RELEASE);
			return;
		}
	free(record);
}

static bool is_static(const struct rl_error *record)
{
	return record == &out_of_memory;
}

/* Puts `len` bytes in front of the text; what does not fit is cut at its left and marked. */
static void prepend(struct rl_error *r, const char *bytes, size_t len)
{
	bool cut = len > r->text;

	if (cut) {
		bytes += len - r->text;
		len = r->text;
	}
	r->text -= (uint32_t)len;
	memcpy(r->buf + r->text, bytes, len);
	if (cut)
		memcpy(r->buf, "...", 3);
}

RL_PRINTF(2, 0)
static void prepend_context(struct rl_error *r, const char *fmt, va_list ap)
{
	char context[RL_ERROR_TEXT];
	int n = vsnprintf(context, sizeof(context), fmt, ap);

	if (n <= 0)
		return;
	if ((size_t)n >= sizeof(context))
		n = sizeof(context) - 1;
	if (r->buf[r->text] != '\0')
		prepend(r, ": ", 2);
	prepend(r, context, (size_t)n);
}

RL_PRINTF(3, 0)
static rl_err make(int code, bool with_reason, const char *fmt, va_list ap)
{
	struct rl_error *r = record_get();

	if (r == NULL)
		return rl_nomem();
	r->code = code;
	r->text = sizeof(r->buf) - 1;
	r->hint[0] = '\0';
	r->buf[r->text] = '\0';
	if (with_reason) {
		const char *reason = strerror(code);

		prepend(r, reason, strlen(reason));
	}
	prepend_context(r, fmt, ap);
	return (rl_err){ r };
}

rl_err rl_nomem(void)
{
	return (rl_err){ &out_of_memory };
}

rl_err rl_sys(long ret, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	rl_err e;

	if (ret >= 0)
		return RL_OK;
	if (ret != -1 || saved <= 0 || saved > ERRNO_MAX)
		saved = EPROTO;
	va_start(ap, fmt);
	e = make(saved, true, fmt, ap);
	va_end(ap);
	return e;
}

rl_err rl_neg(long ret, const char *fmt, ...)
{
	va_list ap;
	rl_err e;

	if (ret >= 0)
		return RL_OK;
	va_start(ap, fmt);
	e = make(ret < -ERRNO_MAX ? EPROTO : (int)-ret, true, fmt, ap);
	va_end(ap);
	return e;
}

rl_err rl_pos(long ret, const char *fmt, ...)
{
	va_list ap;
	rl_err e;

	if (ret == 0)
		return RL_OK;
	va_start(ap, fmt);
	e = make(ret < 0 || ret > ERRNO_MAX ? EPROTO : (int)ret, true, fmt, ap);
	va_end(ap);
	return e;
}

rl_err rl_fail(struct rl_code code, const char *fmt, ...)
{
	va_list ap;
	rl_err e;

	va_start(ap, fmt);
	e = make(code.errnum, true, fmt, ap);
	va_end(ap);
	return e;
}

rl_err rl_refuse(struct rl_code code, const char *fmt, ...)
{
	va_list ap;
	rl_err e;

	va_start(ap, fmt);
	e = make(code.errnum, false, fmt, ap);
	va_end(ap);
	return e;
}

rl_err rl_wrap(rl_err e, const char *fmt, ...)
{
	va_list ap;

	if (e.p == NULL || is_static(e.p))
		return e;
	va_start(ap, fmt);
	prepend_context(e.p, fmt, ap);
	va_end(ap);
	return e;
}

rl_err rl_hint(rl_err e, const char *fmt, ...)
{
	va_list ap;

	if (e.p == NULL || is_static(e.p) || e.p->hint[0] != '\0')
		return e;
	va_start(ap, fmt);
	vsnprintf(e.p->hint, sizeof(e.p->hint), fmt, ap);
	va_end(ap);
	return e;
}

int rl_errno(rl_err e)
{
	return e.p == NULL ? 0 : e.p->code;
}

bool rl_is(rl_err e, struct rl_code code)
{
	return rl_errno(e) == code.errnum;
}

const char *rl_text(rl_err e)
{
	return e.p == NULL ? "" : e.p->buf + e.p->text;
}

const char *rl_hint_text(rl_err e)
{
	return e.p == NULL ? "" : e.p->hint;
}

void rl_drop(rl_err e)
{
	if (e.p != NULL && !is_static(e.p))
		record_put(e.p);
}

bool rl_drop_failed(rl_err e)
{
	rl_drop(e);
	return e.p != NULL;
}

rl_err rl_first(rl_err first, rl_err second)
{
	if (!rl_failed(first))
		return second;
	rl_drop(second);
	return first;
}

static bool well_formed(const struct rl_error *r)
{
	return r->code > 0 && r->code <= ERRNO_MAX && r->text < sizeof(r->buf) &&
	       memchr(r->hint, '\0', sizeof(r->hint)) != NULL &&
	       memchr(r->buf + r->text, '\0', sizeof(r->buf) - r->text) != NULL;
}

rl_err rl_from_record(const struct rl_error *record)
{
	struct rl_error *r;

	if (!well_formed(record))
		return rl_fail(RL_E(EPROTO), "an error record that crossed a process is malformed");
	r = record_get();
	if (r == NULL)
		return rl_nomem();
	*r = *record;
	return (rl_err){ r };
}

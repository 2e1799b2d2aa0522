/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 16u
#define PAGE 4096u

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

rl_err rl_arena_new(size_t limit, struct rl_arena *ret)
{
	size_t size = (limit + PAGE - 1) & ~(size_t)(PAGE - 1);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return rl_nomem();
	*ret = (struct rl_arena){ .base = p, .size = size };
	return RL_OK;
}

void rl_arena_warm(struct rl_arena *a, size_t bytes)
{
	int saved = errno;

	(void)madvise(a->base, bytes, MADV_POPULATE_WRITE);
	errno = saved;
}

void rl_arena_free(struct rl_arena *a)
{
	int saved = errno;

	if (a->base != NULL)
		(void)munmap(a->base, a->size);
	*a = (struct rl_arena){ 0 };
	errno = saved;
}

rl_err rl_arena_seal(struct rl_arena *a)
{
	RL_TRY(rl_sys(mprotect(a->base, a->size, PROT_READ), "seal the plan"));
	a->sealed = true;
	return RL_OK;
}

rl_err rl_arena_get(struct rl_arena *a, size_t count, size_t size, void *ret_pointer)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > a->size ||
	    a->size - a->used < bytes + ALIGNMENT || a->sealed)
		return rl_nomem();
	p = a->base + a->used;
	a->used += (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	/* The mapping was zeroed by the kernel and is never handed out twice. */
	memcpy(ret_pointer, &p, sizeof(p));
	return RL_OK;
}

rl_err rl_arena_strn(struct rl_arena *a, const char *s, size_t len, const char **ret)
{
	char *copy = NULL;

	RL_TRY(rl_arena_get(a, 1, len + 1, &copy));
	memcpy(copy, s, len);
	*ret = copy;
	return RL_OK;
}

rl_err rl_arena_str(struct rl_arena *a, const char *s, const char **ret)
{
	return rl_arena_strn(a, s, strlen(s), ret);
}

rl_err rl_arena_fmt(struct rl_arena *a, const char **ret, const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return rl_fail(RL_E(EINVAL), "format \"%s\"", fmt);
	RL_TRY(rl_arena_get(a, 1, (size_t)n + 1, &text));
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	*ret = text;
	return RL_OK;
}

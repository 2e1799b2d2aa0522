/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debian's static libraries (yajl, libseccomp, libcap) are compiled with _FORTIFY_SOURCE against
 * glibc and call its checking variants of four functions. musl has none of these, and the lean
 * `runlet` is linked with musl (docs/adr/0002). Here they are, each with its check.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the names are libc's */
void *__memcpy_chk(void *to, const void *from, size_t len, size_t room);
RL_PRINTF(5, 6)
int __snprintf_chk(char *to, size_t len, int flag, size_t room, const char *fmt, ...);
RL_PRINTF(4, 5) int __sprintf_chk(char *to, int flag, size_t room, const char *fmt, ...);
RL_PRINTF(3, 4) int __fprintf_chk(FILE *to, int flag, const char *fmt, ...);
RL_PRINTF(3, 4) int __asprintf_chk(char **to, int flag, const char *fmt, ...);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* NOLINTBEGIN(clang-diagnostic-format-nonliteral): each passes its caller's format on */
void *__memcpy_chk(void *to, const void *from, size_t len, size_t room)
{
	if (len > room)
		abort();
	return memcpy(to, from, len);
}

int __snprintf_chk(char *to, size_t len, int flag, size_t room, const char *fmt, ...)
{
	va_list ap;
	int n;

	(void)flag;
	if (len > room)
		abort();
	va_start(ap, fmt);
	n = vsnprintf(to, len, fmt, ap);
	va_end(ap);
	return n;
}

int __sprintf_chk(char *to, int flag, size_t room, const char *fmt, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, fmt);
	n = vsnprintf(to, room, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n >= room)
		abort();
	return n;
}

int __fprintf_chk(FILE *to, int flag, const char *fmt, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, fmt);
	n = vfprintf(to, fmt, ap);
	va_end(ap);
	return n;
}

int __asprintf_chk(char **to, int flag, const char *fmt, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, fmt);
	n = vasprintf(to, fmt, ap);
	va_end(ap);
	return n;
}
/* NOLINTEND(clang-diagnostic-format-nonliteral) */

/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/fail.h"

#include "guest/device.h"
#include "guest/proto.h"
#include "guest/shutdown.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int parent_fd = -1;
static bool to_log;

void gst_fail_to_parent(int fd)
{
	parent_fd = fd;
}

void gst_fail_to_log(void)
{
	to_log = true;
}

__attribute__((format(printf, 3, 0))) static _Noreturn void end(int status, int code,
								const char *fmt, va_list ap)
{
	struct gst_last_words words = { .status = status, .code = code };

	vsnprintf(words.text, sizeof(words.text), fmt, ap);
	if (to_log) {
		gst_note("%s%s%s", words.text, code ? ": " : "", code ? strerror(code) : "");
		_exit(status);
	}
	if (parent_fd >= 0) {
		/* Below PIPE_BUF, so whole or not at all. */
		if (write(parent_fd, &words, sizeof(words)) < 0)
			_exit(GST_STATUS_SETUP);
		_exit(status);
	}
	gst_device_report(GST_REPORT_FAILED, (uint32_t)code, words.text);
	dprintf(STDERR_FILENO, "init: %s%s%s\n", words.text, code ? ": " : "",
		code ? strerror(code) : "");
	gst_shutdown((uint32_t)status);
}

void gst_fail(const char *fmt, ...)
{
	int code = errno;
	va_list ap;

	va_start(ap, fmt);
	end(GST_STATUS_SETUP, code, fmt, ap);
}

void gst_refuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end(GST_STATUS_SETUP, 0, fmt, ap);
}

void gst_fail_exec(int status, const char *fmt, ...)
{
	int code = errno;
	va_list ap;

	va_start(ap, fmt);
	end(status, code, fmt, ap);
}

void gst_note(const char *fmt, ...)
{
	char text[GST_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	gst_device_report(GST_REPORT_NOTE, 0, text);
}

void *gst_alloc(uint64_t count, uint64_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (p == NULL)
		/* NOLINTNEXTLINE(bugprone-misplaced-widening-cast): of the same width, for %llu */
		gst_fail("allocate %llu bytes", (unsigned long long)(count * size));
	return p;
}

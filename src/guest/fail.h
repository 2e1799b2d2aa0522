/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How init fails: it says why, to the host and on the console, and stops the machine with status
 * 125. So nothing here returns an error that a caller could lose. A child that sets the workload
 * up says it to its parent instead, with the status that fits.
 */
#pragma once

#include <stdint.h>

#define GST_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define GST_TEXT_MAX 512

/* "what: strerror(errno)"; never returns. */
GST_PRINTF(1, 2) _Noreturn void gst_fail(const char *fmt, ...);
/* The text is the whole reason. */
GST_PRINTF(1, 2) _Noreturn void gst_refuse(const char *fmt, ...);
/* The same with a status of 126 or 127; only in the workload's process. */
GST_PRINTF(2, 3) _Noreturn void gst_fail_exec(int status, const char *fmt, ...);
/* A warning for the host's log. */
GST_PRINTF(1, 2) void gst_note(const char *fmt, ...);

/* From here on this process is the workload's: failures go to `fd`, and it ends by _exit. */
void gst_fail_to_parent(int fd);

/* From here on this process is a helper of init's: a failure is a note, and ends it alone. */
void gst_fail_to_log(void);

/* What a child wrote before it ended. */
struct gst_last_words {
	int32_t status; /* 125, 126 or 127 */
	int32_t code;	/* errno, 0: none */
	char text[GST_TEXT_MAX];
};

/* malloc and strdup that never fail otherwise than by gst_fail. */
void *gst_alloc(uint64_t count, uint64_t size);

/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the machine. */
#pragma once

#include <stdint.h>

/*
 * Ends every process, writes everything back, reports the value (a status, and GST_EXIT_* flags)
 * and powers off.
 */
_Noreturn void gst_shutdown(uint32_t value);

/* How many processes the kernel killed for want of memory since boot. */
unsigned long gst_oom_kills(void);

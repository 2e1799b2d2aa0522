/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent needs of a machine that is none: no device, and an end that ends the process. */
#include "guest/device.h"
#include "guest/shutdown.h"

#include <stdio.h>
#include <unistd.h>

void gst_device_report(uint32_t type, uint32_t value, const char *text)
{
	(void)type;
	(void)value;
	printf("# the agent says: %s\n", text);
}

void gst_device_close(void)
{
}

_Noreturn void gst_shutdown(uint32_t value)
{
	_exit((int)value);
}

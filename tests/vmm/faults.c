/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct fault fault;

void fault_set(const struct fault *f)
{
	fault = *f;
}

int ioctl(int fd, unsigned long request, ...)
{
	unsigned long argument;
	va_list args;

	va_start(args, request);
	argument = va_arg(args, unsigned long);
	va_end(args);
	if (fault.count == 0 || request != fault.request ||
	    (fault.argument != FAULT_ANY && argument != fault.argument))
		return (int)syscall(SYS_ioctl, fd, request, argument);
	fault.count--;
	errno = fault.errnum;
	return fault.result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel that does not do what the library asks of /dev/kvm. The program's own ioctl() is found
 * before the C library's, by the library as well.
 */
#pragma once

#define FAULT_ANY (~0ul) /* whatever the argument is */

struct fault {
	unsigned long request, argument;
	unsigned count; /* so often, then the kernel's own answer */
	int result;	/* -1: with this errno */
	int errnum;
};

/* One at a time; of this process. */
void fault_set(const struct fault *f);

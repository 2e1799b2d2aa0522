// SPDX-License-Identifier: Apache-2.0
//
// The payload of the benchmark: a program that costs what the kernel's execve and exit cost and
// nothing else. No C library is linked, because a library's start-up (glibc runs dozens of CPUID
// instructions, and each of them traps in a virtual machine) would be counted as container start.
//
// Built twice: as `true`, and with -DPAUSE as `pause`, the long-lived container that the cases
// `exec` and `state` work on.

#include <asm/unistd.h>

static long system_call(long number, long argument)
{
#if defined(__x86_64__)
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(argument), "S"(0), "d"(0)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = argument;
	register long x1 __asm__("x1") = 0;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
#else
#error "write the system call instruction of this architecture here"
#endif
}

void _start(void);

void _start(void)
{
#ifdef PAUSE
	// ppoll(NULL, 0, NULL, NULL) sleeps until a signal ends the process; every architecture has
	// it.
	for (;;)
		system_call(__NR_ppoll, 0);
#endif
	for (;;)
		system_call(__NR_exit_group, 0);
}

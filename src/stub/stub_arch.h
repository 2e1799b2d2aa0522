/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stub needs of an architecture: its entry, which hands the initial stack pointer to
 * stub_main, one system call of three arguments, and four numbers.
 */
#pragma once

#if defined(__x86_64__)

__asm__(".globl _start\n"
	".type _start, @function\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call stub_main\n"
	"	hlt\n");

#define STUB_NR_write 1
#define STUB_NR_execve 59
#define STUB_NR_fcntl 72
#define STUB_NR_exit_group 231

static inline long stub_call3(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

#else
#error "no stub for this architecture yet: add its entry, its system call and its numbers above"
#endif

/* The same on every architecture. */
#define STUB_F_SETFD 2
#define STUB_FD_CLOEXEC 1
#define STUB_ENOENT 2

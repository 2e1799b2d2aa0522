/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes this process and its children live on an older kernel: a seccomp filter answers ENOSYS to
 * the calls given. Only for children of a test: a filter stays until the end.
 */
#pragma once

#include <errno.h>
#include <linux/filter.h>
#include <sys/prctl.h>

#define ENOSYS_MAX 16

/* <linux/seccomp.h> would find our own header of that name. */
#define SECCOMP_MODE_FILTER_ 2
#define SECCOMP_ALLOW_ 0x7fff0000u
#define SECCOMP_ERRNO_ 0x00050000u

static inline int enosys_for(const int *calls, unsigned short count)
{
	struct sock_filter code[ENOSYS_MAX + 3];
	struct sock_fprog program = { .len = (unsigned short)(count + 3), .filter = code };

	if (count > ENOSYS_MAX)
		return -1;
	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0 /* seccomp_data.nr */);
	for (unsigned short i = 0; i < count; i++)
		code[1 + i] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i],
						     (unsigned char)(count - i), 0);
	code[1 + count] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_ALLOW_);
	code[2 + count] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_ERRNO_ | (ENOSYS & 0xffff));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER_, &program, 0, 0);
}

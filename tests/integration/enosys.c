// SPDX-License-Identifier: Apache-2.0
//
// Runs a program on a kernel that lacks some system calls, as far as the program can tell.
//
//     enosys NAME[,NAME]... PROGRAM [ARGUMENT]...
//
// A seccomp filter answers ENOSYS to them. As root no_new_privs is not needed, so that programs
// with a set-user-id bit and the capabilities of containers keep working below it.

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "name the audit architecture here"
#endif

static const struct {
	const char *name;
	long number;
} calls[] = {
	{ "openat2", 437 },
	{ "clone3", 435 },
	{ "mount_setattr", 442 },
	{ "open_tree", 428 },
	{ "move_mount", 429 },
	{ "fsopen", 430 },
	{ "fsmount", 432 },
	{ "fsconfig", 431 },
	{ "fspick", 433 },
	{ "pidfd_open", 434 },
	{ "pidfd_send_signal", 424 },
	{ "close_range", 436 },
	{ "pidfd_getfd", 438 },
	{ "faccessat2", 439 },
	{ "statx", SYS_statx },
	{ "execveat", SYS_execveat },
	{ "memfd_create", SYS_memfd_create },
};

enum { CALLS = sizeof calls / sizeof *calls };

static long number_of(const char *name)
{
	for (size_t i = 0; i < CALLS; i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	fprintf(stderr, "enosys: no system call '%s'; there are:", name);
	for (size_t i = 0; i < CALLS; i++)
		fprintf(stderr, " %s", calls[i].name);
	fprintf(stderr, "\n");
	exit(2);
}

// arch != ours -> allow; one of the numbers -> ENOSYS; allow.
static size_t build(char *names, struct sock_filter *f)
{
	const unsigned refuse = SECCOMP_RET_ERRNO | ENOSYS;
	size_t n = 0;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, nr));
	for (char *name = strtok(names, ","); name != NULL && n < 4 + 2 * CALLS;
	     name = strtok(NULL, ",")) {
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						      (unsigned)number_of(name), 0, 1);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, refuse);
	}
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return n;
}

int main(int argc, char **argv)
{
	struct sock_filter filter[5 + 2 * CALLS];
	struct sock_fprog program = { .filter = filter };

	if (argc < 3) {
		fprintf(stderr, "usage: enosys NAME[,NAME]... PROGRAM [ARGUMENT]...\n");
		return 2;
	}
	program.len = (unsigned short)build(argv[1], filter);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0 &&
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	     prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)) {
		perror("enosys: seccomp");
		return 2;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}

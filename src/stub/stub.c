/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that stub.h describes. No library, no data, no writable memory but the stack. What is
 * particular to an architecture is in stub_arch.h.
 */
#include "stub_arch.h"

#define NO_REPORT (-1)
#define MALFORMED (-2)

/* Reads "R " and leaves *at on what follows. */
static int report_fd(const char **at)
{
	const char *s = *at;
	int fd = 0;

	if (s[0] == '-' && s[1] == ' ') {
		*at = s + 2;
		return NO_REPORT;
	}
	if (*s < '0' || *s > '9')
		return MALFORMED;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (fd > 100000000)
			return MALFORMED;
		fd = fd * 10 + (*s - '0');
	}
	if (*s != ' ')
		return MALFORMED;
	*at = s + 1;
	return fd;
}

static _Noreturn void stub_exit(int status)
{
	for (;;)
		stub_call3(STUB_NR_exit_group, status, 0, 0);
}

/* `stack` is what the kernel gives a new program: argc, argv, NULL, envp, NULL. */
_Noreturn void stub_main(long *stack);
_Noreturn void stub_main(long *stack)
{
	long argc = stack[0];
	char **argv = (char **)(stack + 1);
	char **envp = argv + argc + 1;
	const char *path;
	unsigned char record[4];
	long error;
	int fd;

	if (argc < 2)
		stub_exit(127);
	path = argv[0];
	fd = report_fd(&path);
	if (fd == MALFORMED || *path == '\0')
		stub_exit(127);
	if (fd != NO_REPORT && stub_call3(STUB_NR_fcntl, fd, STUB_F_SETFD, STUB_FD_CLOEXEC) != 0)
		stub_exit(127);

	error = -stub_call3(STUB_NR_execve, (long)path, (long)(argv + 1), (long)envp);
	if (fd != NO_REPORT) {
		for (int i = 0; i < 4; i++)
			record[i] = (unsigned char)(error >> (8 * i));
		stub_call3(STUB_NR_write, fd, (long)record, sizeof(record));
	}
	stub_exit(error == STUB_ENOENT ? 127 : 126);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/again.h"

#include "base/io.h"
#include "base/proc.h"
#include "linux/sys.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef F_SEAL_WRITE
#define F_SEAL_WRITE 0x0008
#define F_GET_SEALS 1034
#endif

/* Our own program is some hundred kilobytes, its arguments some kilobytes. */
#define SELF_LIMIT ((size_t)64 << 20)

/* /proc/self/cmdline: argv as it was given, before anyone permuted it. */
static rl_err read_argv(struct rl_arena *a, const char ***ret)
{
	const char *text, **argv = NULL;
	size_t len, count = 0, n = 0;

	RL_TRY(rl_read_file(a, AT_FDCWD, "/proc/self/cmdline", SELF_LIMIT, &text, &len));
	for (size_t i = 0; i < len; i++)
		count += text[i] == '\0';
	RL_TRY(rl_new_array(a, count + 1, &argv));
	for (size_t at = 0; n < count; n++) {
		argv[n] = text + at;
		at += strlen(text + at) + 1;
	}
	*ret = argv;
	return RL_OK;
}

/* ---- sealed ---------------------------------------------------------------------------------- */

static rl_err execute_copy(struct rl_arena *a, int self_fd)
{
	struct rl_fd RL_AUTO_FD copy = { 0 };
	const char *bytes, **argv = NULL;
	size_t len;

	RL_TRY(rl_read_fd(a, self_fd, SELF_LIMIT, &bytes, &len), "read our own executable");
	RL_TRY(rl_sealed_memfd("runlet", bytes, len, &copy));
	RL_TRY(read_argv(a, &argv));
	(void)syscall(SYS_execveat, rl_fd_get(&copy), "", argv, environ, AT_EMPTY_PATH);
	return rl_sys(-1, "execute a sealed copy of this program");
}

rl_err ct_again_sealed(void)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	struct rl_fd RL_AUTO_FD self = { 0 };
	int seals;

	RL_TRY(rl_fd_from(openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC), &self,
			  "open our own executable"));
	/* A file that cannot have seals answers EINVAL: not a copy. */
	seals = fcntl(rl_fd_get(&self), F_GET_SEALS);
	if (seals >= 0 && (seals & F_SEAL_WRITE) != 0)
		return RL_OK;
	RL_TRY(rl_arena_new(4 * SELF_LIMIT, &a));
	return execute_copy(&a, rl_fd_get(&self));
}

bool ct_exec_must_seal(const struct oci_record *record, const struct plan_process *process,
		       const struct plan_seccomp *seccomp)
{
	bool may_look =
		(record->bounding >> CAP_SYS_PTRACE & 1) != 0 && !record->own_user_namespace;

	return may_look || plan_exe_defence_for(process, seccomp) == PLAN_EXE_SEALED;
}

/* ---- full ------------------------------------------------------------------------------------ */

#ifdef RL_LEAN

/* Beside us first: that is where a build directory has it. */
static void beside_us(char path[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof("/runlet-full"));
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL)
		strcpy(slash, "/runlet-full");
}

rl_err ct_again_full(const char *reason)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	char beside[PATH_MAX];
	const char **argv = NULL;

	RL_TRY(rl_arena_new(SELF_LIMIT, &a));
	RL_TRY(read_argv(&a, &argv));
	beside_us(beside);
	(void)execve(beside, (char *const *)(uintptr_t)argv, environ);
	(void)execve(RL_FULL_PROGRAM, (char *const *)(uintptr_t)argv, environ);
	return rl_hint(rl_sys(-1, "%s needs the program " RL_FULL_PROGRAM ": execute it", reason),
		       "install all of runlet, or build with -Dlean=disabled");
}

#else

rl_err ct_again_full(const char *reason)
{
	(void)reason;
	return RL_OK;
}

#endif

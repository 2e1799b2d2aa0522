/* SPDX-License-Identifier: Apache-2.0 */
#include "container/program.h"

#include "base/io.h"
#include "linux/sys.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SYS_faccessat2
#define SYS_faccessat2 439 /* Linux 5.8 */
#endif

/* Where the shells of Debian look when the environment has no PATH. */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

rl_err ct_program_none(void)
{
	return rl_hint(rl_refuse(RL_E(EINVAL), "$.process: is missing"),
		       "a container without a process can be created, not started");
}

/* ---- finding -------------------------------------------------------------------------------- */

/* 0 if it can be executed, else the errno that says why not. */
static int check_executable(const char *path)
{
	struct stat st;
	long r;

	if (stat(path, &st) != 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	/* With the effective ids and capabilities, as execve will look. */
	r = syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS);
	if (r != 0 && errno == ENOSYS)
		r = access(path, X_OK);
	return r == 0 ? 0 : errno;
}

static const char *path_variable(const char *const *env)
{
	for (size_t i = 0; env[i] != NULL; i++)
		if (strncmp(env[i], "PATH=", 5) == 0)
			return env[i] + 5;
	return DEFAULT_PATH;
}

static rl_err refuse(const char *name, int reason)
{
	if (reason == EACCES)
		return rl_refuse(RL_E(EACCES), "exec: \"%s\": permission denied", name);
	if (reason == EISDIR)
		return rl_refuse(RL_E(EISDIR), "exec: \"%s\": is a directory", name);
	if (strchr(name, '/') == NULL)
		return rl_hint(rl_refuse(RL_E(ENOENT),
					 "exec: \"%s\": executable file not found in $PATH", name),
			       "process.args[0] is looked up in the PATH of process.env, inside "
			       "the container");
	if (reason == ENOENT)
		return rl_refuse(RL_E(ENOENT), "exec: \"%s\": stat %s: no such file or directory",
				 name, name);
	errno = reason;
	return rl_sys(-1, "exec: \"%s\": stat %s", name, name);
}

static rl_err search_path(struct rl_arena *a, const char *name, const char *path,
			  const char **ret_path)
{
	int reason = ENOENT;

	for (const char *at = path, *end;; at = end + 1) {
		const char *candidate;
		int why;

		end = strchrnul(at, ':');
		/* An empty element is the current directory. */
		RL_TRY(rl_arena_fmt(a, &candidate, "%.*s%s%s", (int)(end - at), at,
				    end == at ? "./" : "/", name));
		why = check_executable(candidate);
		if (why == 0) {
			*ret_path = candidate;
			return RL_OK;
		}
		if (why == EACCES)
			reason = EACCES;
		if (*end == '\0')
			break;
	}
	return refuse(name, reason);
}

rl_err ct_program_find(struct rl_arena *a, const struct plan_process *p, const char *const *env,
		       const char **ret_path)
{
	const char *name = p->args[0];
	int why;

	if (*name == '\0')
		return refuse(name, ENOENT);
	if (strchr(name, '/') == NULL)
		return search_path(a, name, path_variable(env), ret_path);
	why = check_executable(name);
	if (why != 0)
		return refuse(name, why);
	*ret_path = name;
	return RL_OK;
}

/* ---- becoming ------------------------------------------------------------------------------- */

rl_err ct_program_close_from(unsigned first)
{
	struct rlimit limit;

	if (lx_sys_close_range(first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return RL_OK;
	if (errno != ENOSYS && errno != EINVAL)
		return rl_sys(-1, "make descriptors from %u on close-on-exec", first);
	/* Before Linux 5.11. The hard limit, as a descriptor may be older than the soft one. */
	RL_TRY(rl_sys(getrlimit(RLIMIT_NOFILE, &limit), "read the limit of descriptors"));
	if (limit.rlim_max > 1U << 20)
		limit.rlim_max = 1U << 20; /* fs.nr_open of such kernels */
	for (unsigned fd = first; fd < limit.rlim_max; fd++)
		if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0 && errno != EBADF)
			return rl_sys(-1, "make descriptor %u close-on-exec", fd);
	return RL_OK;
}

static int by_number(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* close_range(2) is older than some kernels that have KVM. */
static void close_one_by_one(unsigned first, unsigned last)
{
	for (unsigned fd = first; fd <= last && fd < 1U << 16; fd++)
		(void)close((int)fd);
}

void ct_program_close_others(int *keeps, size_t count)
{
	unsigned first = STDERR_FILENO + 1;

	qsort(keeps, count, sizeof(*keeps), by_number);
	for (size_t i = 0; i <= count; i++) {
		unsigned last = i < count ? (unsigned)keeps[i] - 1 : ~0U;

		if (i < count && (unsigned)keeps[i] < first)
			continue;
		if (first <= last && lx_sys_close_range(first, last, 0) != 0)
			close_one_by_one(first, last);
		first = last + 2;
	}
}

rl_err ct_program_by_stub(struct rl_arena *a, int stub_fd, int report_fd, const char *path,
			  const char *const *args, const char *const *env)
{
	const char **argv;
	size_t count = 0;

	while (args[count] != NULL)
		count++;
	RL_TRY(rl_new_array(a, count + 2, &argv));
	memcpy(argv + 1, args, count * sizeof(*args));
	if (report_fd < 0) {
		RL_TRY(rl_arena_fmt(a, &argv[0], "- %s", path));
	} else {
		RL_TRY(rl_arena_fmt(a, &argv[0], "%d %s", report_fd, path));
		RL_TRY(rl_sys(fcntl(report_fd, F_SETFD, 0), "keep the report descriptor open"));
	}
	/* Not fexecve(3): it would go through /proc, which is the container's. */
	return rl_sys(syscall(SYS_execveat, stub_fd, "", argv, env, AT_EMPTY_PATH),
		      "execute the stub for %s", path);
}

rl_err ct_program_exec(const char *path, const char *const *args, const char *const *env)
{
	return rl_sys(execve(path, (char *const *)args, (char *const *)env), "exec: \"%s\"", path);
}

/* One datagram (or, from a pipe, what was written at once), or the end of file. */
static rl_err read_report(int fd, void *buf, size_t size, size_t *ret_len)
{
	ssize_t n;

	/* Whoever ended with unread words causes one ECONNRESET; what it said comes after that. */
	do
		n = read(fd, buf, size);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	RL_TRY(rl_sys(n, "read the report of the program's start"));
	*ret_len = (size_t)n;
	return RL_OK;
}

rl_err ct_program_report(int fd, const char *path)
{
	union {
		uint8_t errnum[4];
		struct rl_error error;
	} report;
	uint32_t code;
	size_t len = 0;

	RL_TRY(read_report(fd, &report, sizeof(report), &len));
	if (len == 0)
		return RL_OK;
	if (len == sizeof(report.error))
		return rl_from_record(&report.error);
	code = (uint32_t)report.errnum[0] | (uint32_t)report.errnum[1] << 8 |
	       (uint32_t)report.errnum[2] << 16 | (uint32_t)report.errnum[3] << 24;
	if (len != sizeof(report.errnum) || code == 0 || code >= 4096)
		return rl_fail(RL_E(EPROTO), "read the report of the start of %s", path);
	return rl_pos((long)code, "exec: \"%s\"", path);
}

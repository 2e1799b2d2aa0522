/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/rlimit.h"

#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's struct rlimit64; libc's follows its own macros. */
struct lx_rlimit64 {
	uint64_t soft, hard;
};

rl_err lx_rlimit_set(pid_t pid, int resource, const char *name, uint64_t soft, uint64_t hard)
{
	struct lx_rlimit64 limit = { soft, hard };
	rl_err e = rl_sys(syscall(SYS_prlimit64, pid, resource, &limit, NULL),
			  "set %s to %llu, at most %llu", name, (unsigned long long)soft,
			  (unsigned long long)hard);

	if (rl_is(e, RL_E(EPERM)))
		return rl_hint(e, "a hard limit rises only with CAP_SYS_RESOURCE; the limits of "
				  "whoever started the runtime are the highest possible else");
	return e;
}

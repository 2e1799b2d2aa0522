/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void rl_fd_close(struct rl_fd *owner)
{
	int saved = errno;

	/* EINTR from close(2) on Linux means closed: a retry could close another's descriptor. */
	if (owner->plus_one != 0)
		(void)close(rl_fd_take(owner));
	errno = saved;
}

void rl_fd_set(struct rl_fd *owner, int fd)
{
	if (rl_fd_get(owner) != fd)
		rl_fd_close(owner);
	*owner = rl_fd_own(fd);
}

rl_err rl_fd_from(long ret, struct rl_fd *ret_fd, const char *fmt, ...)
{
	char context[512];
	int saved = errno;
	va_list ap;

	if (ret >= 0) {
		rl_fd_set(ret_fd, (int)ret);
		return RL_OK;
	}
	va_start(ap, fmt);
	vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	errno = saved;
	return rl_sys(ret, "%s", context);
}

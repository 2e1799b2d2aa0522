/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/sysctl.h"

#include <stdio.h>
#include <string.h>

rl_err lx_sysctl_write(const struct lx_proc *proc, const char *path, const char *value)
{
	char full[256];

	if ((size_t)snprintf(full, sizeof(full), "sys/%s", path) >= sizeof(full))
		return rl_fail(RL_E(ENAMETOOLONG), "set the sysctl %s", path);
	RL_TRY(lx_proc_write(proc, full, value), "set the sysctl %s to \"%s\"", path, value);
	return RL_OK;
}

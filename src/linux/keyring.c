/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/keyring.h"

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

rl_err lx_keyring_new_session(bool *ret_made)
{
	long r = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0);

	if (r < 0 && errno == ENOSYS) {
		*ret_made = false;
		return RL_OK;
	}
	RL_TRY(rl_hint(rl_sys(r, "make a session keyring"),
		       "EDQUOT is the quota of /proc/sys/kernel/keys; --no-new-keyring does "
		       "without"));
	*ret_made = true;
	return RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/caps.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

rl_err lx_caps_get(struct lx_caps *ret)
{
	struct __user_cap_header_struct h = header;
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = { 0 };

	RL_TRY(rl_sys(syscall(SYS_capget, &h, d), "read our capabilities"));
	ret->effective = d[0].effective | (uint64_t)d[1].effective << 32;
	ret->permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	ret->inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
	return RL_OK;
}

rl_err lx_caps_set(const struct lx_caps *caps)
{
	struct __user_cap_header_struct h = header;
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = {
		{ (uint32_t)caps->effective, (uint32_t)caps->permitted,
		  (uint32_t)caps->inheritable },
		{ (uint32_t)(caps->effective >> 32), (uint32_t)(caps->permitted >> 32),
		  (uint32_t)(caps->inheritable >> 32) },
	};

	return rl_sys(syscall(SYS_capset, &h, d),
		      "set the capabilities: effective %llx, permitted %llx, inheritable %llx",
		      (unsigned long long)caps->effective, (unsigned long long)caps->permitted,
		      (unsigned long long)caps->inheritable);
}

rl_err lx_caps_bound(uint64_t keep, int last)
{
	for (int cap = 0; cap <= last; cap++) {
		rl_err e;

		if (keep & lx_cap_bit(cap))
			continue;
		e = rl_sys(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0),
			   "drop capability %d from the bounding set", cap);
		/* Without CAP_SETPCAP it is still right when there was nothing to drop. */
		if (rl_failed(e) && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
			return e;
		rl_drop(e);
	}
	return RL_OK;
}

rl_err lx_caps_ambient(uint64_t ambient, int last)
{
	/* Before Linux 4.3 there is no ambient set, which then is as good as empty. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 &&
	    (errno != EINVAL || ambient != 0))
		return rl_sys(-1, "clear the ambient capabilities");
	for (int cap = 0; cap <= last; cap++)
		if (ambient & lx_cap_bit(cap))
			RL_TRY(rl_sys(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0),
				      "raise ambient capability %d", cap));
	return RL_OK;
}

rl_err lx_caps_keep(bool keep)
{
	return rl_sys(prctl(PR_SET_KEEPCAPS, keep, 0, 0, 0), "keep capabilities across user ids");
}

rl_err lx_no_new_privileges(void)
{
	return rl_sys(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs");
}

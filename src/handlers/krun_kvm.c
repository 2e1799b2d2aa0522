/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/krun.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#define DEVICE "/dev/kvm"

static rl_err explain(rl_err e)
{
	switch (rl_errno(e)) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return rl_hint(e,
			       "load kvm_intel or kvm_amd; virtualisation may be switched off in "
			       "the firmware, or not passed on to this virtual machine");
	case EACCES:
	case EPERM:
		return rl_hint(e, "not in group kvm? The device belongs to it on most systems");
	default:
		return e;
	}
}

rl_err krun_kvm_open(struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD kvm = { 0 };
	int version;

	RL_TRY(explain(rl_fd_from(open(DEVICE, O_RDWR | O_CLOEXEC), &kvm, DEVICE)));
	version = ioctl(rl_fd_get(&kvm), KVM_GET_API_VERSION, 0);
	RL_TRY(rl_sys(version, DEVICE ": ask for its version"));
	if (version != KVM_API_VERSION)
		return rl_refuse(RL_E(ENOTSUP), DEVICE ": has API version %d, not %d", version,
				 KVM_API_VERSION);
	*ret = rl_fd_own(rl_fd_take(&kvm));
	return RL_OK;
}

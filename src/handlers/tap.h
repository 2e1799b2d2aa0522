/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tap device of the container's network namespace, attached while there are the device node and
 * the rights for it: the machine's process has neither.
 */
#pragma once

#include "base/fd.h"

/* What the kernel takes for the name of an interface, and not for a pattern. */
bool tap_name_is_valid(const char *name);

/*
 * *ret_tap: of the device of this name, for frames behind a struct virtio_net_hdr. NULL: makes one,
 * with the first free name of tap0, tap1 ..., and brings it up; it goes when nobody has it open.
 * In the namespace of the caller, which stays the device's. ENODEV: there is none of this name.
 * ENOENT: no /dev/net/tun. EPERM: another user's device, or no CAP_NET_ADMIN to make one. EBUSY: a
 * machine has it. EINVAL: it is an interface of another kind.
 */
RL_MUST rl_err tap_attach(const char *name, struct rl_fd *ret_tap);

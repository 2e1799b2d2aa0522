/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block device (virtio 1.2, 5.2) on a raw image or a block device of the host. The format is
 * what the caller says and never looked for in the image: a guest could write another one there.
 * Requests are served by a thread of the disk's own.
 */
#pragma once

#include "vmm/virtio/device.h"

struct vmm_blk_config {
	const char *id;	  /* the guest reads its first 20 bytes as the serial number */
	const char *path; /* opened, and locked against other machines, when the device is made */
	bool read_only;
	bool direct_io; /* O_DIRECT */
	bool flush;	/* offer FLUSH: the guest can make its writes durable */
};

/*
 * The open's errno; EBUSY: another process has the image locked; EINVAL: neither a file nor a
 * block device.
 */
RL_MUST rl_err vmm_blk_new(const struct vmm_virtio_env *env, const struct vmm_blk_config *config,
			   struct vmm_virtio_device **ret);

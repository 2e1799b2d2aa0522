/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small initramfs for a kernel whose drivers are modules: our init and those modules that this
 * machine's devices need, decompressed and in the order of loading (guest/proto.h,
 * GST_MODULE_LIST). It is kept in the cache.
 */
#pragma once

#include "vmm/boot/image.h"

struct vmm_initramfs_wish {
	int modules_fd;		  /* /lib/modules/VERSION, borrowed */
	const char *version;	  /* for messages and the cache */
	bool fs, blk, net, vsock; /* devices beside the console */
};

/* ENOENT: the kernel has no such module, neither built in nor as a file. ENOTSUP: no init. */
RL_MUST rl_err vmm_initramfs_make(const struct vmm_initramfs_wish *wish, struct vmm_image *ret);

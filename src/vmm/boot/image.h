/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that becomes guest memory: kernel, initramfs, firmware. Where offset and address allow
 * it the file is mapped into the guest's RAM, private and copy-on-write, instead of being copied:
 * what the guest does not touch costs neither time nor memory, and machines share the rest.
 */
#pragma once

#include "base/fd.h"
#include "vmm/mem/guest_memory.h"

struct vmm_image {
	const uint8_t *bytes; /* read-only view */
	size_t size;
	struct rl_fd fd;    /* none: memory of somebody else, which can only be copied */
	uint64_t fd_offset; /* of bytes[0] in the file */
	bool mapped;	    /* `bytes` is our mapping */
};

/* A regular file of the host, not empty. dir_fd as for openat(2). */
RL_MUST rl_err vmm_image_open(int dir_fd, const char *path, struct vmm_image *ret);
/* The same for a descriptor, taken over even on failure. `name` is for errors. */
RL_MUST rl_err vmm_image_from_fd(int fd, const char *name, struct vmm_image *ret);
void vmm_image_close(struct vmm_image *image);
#define VMM_AUTO_IMAGE __attribute__((cleanup(vmm_image_close)))

/*
 * Guest memory [at, at + len) becomes bytes [offset, offset + len) of the image. ENOMEM: that is
 * not RAM. EINVAL: beyond the image.
 */
RL_MUST rl_err vmm_image_place(const struct vmm_image *image, uint64_t offset, uint64_t len,
			       const struct vmm_mem *mem, struct gpa at);

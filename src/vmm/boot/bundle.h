/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel in a shared library, by the ABI of libkrunfw 5: krunfw_get_kernel() gives a loaded
 * image (flattened segments), where it wants to lie and where it is entered by the 64-bit boot
 * protocol. The library is looked for once per process, when the first context is made, because
 * a caller may change its root before it starts the machine.
 */
#pragma once

#include "vmm/boot/image.h"

struct vmm_bundle {
	struct vmm_image image;
	uint64_t load, entry; /* guest physical addresses */
	const char *name;     /* of the library */
};

/* libkrunfw.so.5 by the usual search path, then our own bundle. Idempotent; not thread-safe. */
void vmm_bundle_look(void);
bool vmm_bundle_there(void);
/*
 * ENOENT: there is none (the text says where was looked). ENOTSUP: a library without the ABI.
 */
RL_MUST rl_err vmm_bundle_get(struct vmm_bundle *ret);

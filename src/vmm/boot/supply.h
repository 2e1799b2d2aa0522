/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the kernel comes from, in this order: what the caller named (krun_set_kernel,
 * krun_set_firmware), libkrunfw.so.5, a bundle of our own, the newest kernel of the distribution
 * that has its modules installed.
 */
#pragma once

#include "vmm/boot/bundle.h"
#include "vmm/plan.h"

enum vmm_supply_kind {
	VMM_SUPPLY_FILE,     /* krun_set_kernel */
	VMM_SUPPLY_FIRMWARE, /* krun_set_firmware without a kernel */
	VMM_SUPPLY_BUNDLE,
	VMM_SUPPLY_DISTRIBUTION,
};

#define VMM_VERSION_MAX 128

struct vmm_supply {
	enum vmm_supply_kind kind;
	enum vmm_boot boot;
	char name[VMM_VERSION_MAX + 32]; /* for messages */
	char version[VMM_VERSION_MAX];	 /* with modules: what uname -r will say */
	struct vmm_image kernel, initramfs, firmware;
	struct vmm_bundle bundle;
	struct rl_fd modules; /* /lib/modules/VERSION */
};

/*
 * Remembers the distribution's kernel while the caller's file system is in sight, like
 * vmm_bundle_look. Idempotent, not thread-safe, no error: what is missing is missed later.
 */
void vmm_supply_look(void);

/* Gives back what vmm_supply_look opened: directories of the host, which no guest must reach. */
void vmm_supply_forget(void);

/*
 * ENOENT: no kernel anywhere, with a list of the places and a hint what to install; or the named
 * file does not exist.
 */
RL_MUST rl_err vmm_supply_find(const struct vmm_config *c, struct vmm_supply *ret);
/* Makes the initramfs, if this kernel needs one of ours. */
RL_MUST rl_err vmm_supply_prepare(struct vmm_supply *supply, const struct vmm_plan *plan);
void vmm_supply_free(struct vmm_supply *supply);
#define VMM_AUTO_SUPPLY __attribute__((cleanup(vmm_supply_free)))

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kind of machine is wished for, from the places where it can be said. Of two that name the
 * same thing the earlier one counts:
 *
 *     annotations krun.*    the user's word
 *     vm.hwConfig           the configuration's
 *     .krun_vm.json         the image's: hostile, so every value has a type and a range
 *     linux.resources       what the container may use
 */
#pragma once

#include "handlers/handler.h"

/* A number with the key it came from; key NULL: nobody said anything. */
struct krun_number {
	const char *key;
	int64_t value;
};

struct krun_settings {
	struct krun_number cpus, ram_mib, gpu_flags, use_passt, nested_virt;
	struct krun_number dhcp;   /* an annotation only, as the next two */
	const char *network, *tap; /* NULL: not said */
	struct krun_number kernel_format, window;
	const char *kernel, *initrd, *cmdline, *tag; /* of the image: paths in it */
};

/*
 * Reads annotations and .krun_vm.json. EINVAL: not of the type that the key has, no JSON; ERANGE:
 * out of the key's range; ENOTSUP: a variant of libkrun that is not used here.
 */
RL_MUST rl_err krun_settings_read(struct rl_arena *a, const struct oci_config *config,
				  const struct hdl_facts *facts, struct plan_warnings *warnings,
				  struct krun_settings *ret);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's command line. The workload is not on it: that goes to init by the guest device,
 * without the kernel's limits. Only when the caller brings an init of its own
 * (krun_disable_implicit_init) does it get what the original library would give it, within those
 * limits: 2048 bytes, 32 arguments, 32 variables, printable ASCII.
 */
#pragma once

#include "vmm/plan.h"

#define VMM_CMDLINE_MAX 2048 /* with the final NUL: COMMAND_LINE_SIZE of x86 */

/* E2BIG: over a limit. EILSEQ: a character that the kernel's command line cannot carry. */
RL_MUST rl_err vmm_cmdline_make(struct vmm_plan *plan, const struct vmm_facts *facts,
				const char **ret);

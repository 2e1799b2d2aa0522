/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Can this machine make virtual machines, and if not, why not? Looks at everything, in the order in
 * which a start would need it, and goes on behind what is missing.
 */
#pragma once

#include "base/arena.h"

enum hdl_verdict {
	HDL_GOOD,
	HDL_LACKING, /* machines start, but something will be missing in them */
	HDL_FATAL,   /* no machine starts */
};

struct hdl_finding {
	enum hdl_verdict verdict;
	const char *subject; /* "KVM" */
	const char *text;
	const char *advice; /* what to do; NULL: nothing */
};

#define HDL_FINDINGS_MAX 16

struct hdl_diagnosis {
	struct hdl_finding finding[HDL_FINDINGS_MAX];
	size_t count;
};

/* Fails only for want of memory: what is wrong with the machine is in the diagnosis. */
RL_MUST rl_err hdl_examine(struct rl_arena *a, struct hdl_diagnosis *ret);

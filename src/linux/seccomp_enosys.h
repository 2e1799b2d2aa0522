/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a program, which answers -ENOSYS to calls that are newer than the profile. Part of
 * linux/seccomp.h.
 *
 * A C library tries a new call and falls back when the kernel has none (ENOSYS). A profile that
 * was written before the call existed refuses it with its default, mostly EPERM, which says
 * something else, and programs fail. Numbers rise with time on every architecture: what is beyond
 * the largest number that the profile names did not exist for its author.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More architectures than one kernel can run. */
#define LX_SECCOMP_ARCHS 16
/* Load, at most 7 instructions an architecture. */
#define LX_SECCOMP_ENOSYS_MAX (1 + 7 * LX_SECCOMP_ARCHS)

/* The newest call that the profile names, on one architecture. */
struct lx_seccomp_newest_call {
	uint32_t token; /* as libseccomp has it: AUDIT_ARCH_*, or SCMP_ARCH_X32 */
	uint32_t number;
	bool any;
};

struct lx_seccomp_newest {
	struct lx_seccomp_newest_call archs[LX_SECCOMP_ARCHS];
	size_t count;
};

/*
 * Writes the head and returns its number of instructions; behind the last of them the program
 * goes on. 0 where nothing is to be added: the default does not refuse, or says ENOSYS already.
 */
size_t lx_seccomp_enosys(const struct lx_seccomp_newest *newest, uint32_t default_action,
			 struct sock_filter ret[static LX_SECCOMP_ENOSYS_MAX]);

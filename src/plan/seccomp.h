/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system call filter as data: the profile of linux.seccomp (runtime-spec config-linux.md,
 * "Seccomp") normalised, so that two profiles mean the same exactly when they look the same. The
 * filter itself is compiled by linux/seccomp.h and kept in a cache under the key made here.
 */
#pragma once

#include "base/arena.h"
#include "linux/host.h"
#include "oci/config.h"
#include "plan/warn.h"

#include <sys/types.h>

/* At most six arguments, each index at most once, all of them must match. */
struct plan_seccomp_arg {
	uint32_t index; /* 0 to 5 */
	enum oci_seccomp_operator op;
	uint64_t value;	    /* the operand; for OCI_CMP_MASKED_EQ the mask */
	uint64_t value_two; /* for OCI_CMP_MASKED_EQ the value compared with, else 0 */
};

struct plan_seccomp_rule {
	const char *const *names; /* of system calls, at least one */
	size_t name_count;
	uint32_t action; /* SECCOMP_RET_*, an errno or trace message in the low 16 bits */
	const struct plan_seccomp_arg *args;
	size_t arg_count; /* 0: whatever the arguments are */
};

struct plan_seccomp {
	bool enabled;		 /* false: no filter; nothing below counts */
	uint32_t default_action; /* SECCOMP_RET_* | errno */
	/* Words of libseccomp ("x86_64", "x32"). The native one is always part of the filter. */
	const char *const *archs;
	size_t arch_count;
	uint32_t flags; /* SECCOMP_FILTER_FLAG_*, without NEW_LISTENER */
	/* Rules that do the same as the default are left out, unless they were the only mention of
	 * a system call: `known` still has its name. */
	const struct plan_seccomp_rule *rules;
	size_t rule_count;
	/* Every name of the profile. A call newer than the newest of these was unknown to whoever
	 * wrote it, and gets -ENOSYS instead of a default that refuses. */
	const char *const *known;
	size_t known_count;
	bool refuse_unknown; /* run.oci.seccomp_fail_unknown_syscall: a name nobody knows is an
				error */
	bool notify; /* some action is SECCOMP_RET_USER_NOTIF; listener_path or plugins is set then
		      */
	const char *listener_path;
	const char *listener_metadata; /* NULL: none */
	const char *plugins; /* run.oci.seccomp.plugins: instead of a listener; NULL: none */
	/* run.oci.seccomp_bpf_data: struct sock_filter[], used instead of everything above but the
	 * flags. NULL: none. */
	const uint8_t *program;
	size_t program_size; /* bytes, a multiple of 8 */
};

/*
 * Pure. Errors begin with the JSON path. `receiver`: who gets the listener where the configuration
 * names nobody; NULL: nobody.
 */
RL_MUST rl_err plan_seccomp_make(struct rl_arena *a, const struct oci_config *config,
				 const char *receiver, struct plan_warnings *warnings,
				 struct plan_seccomp *ret);

/*
 * True if the filter surely lets this system call pass with any arguments (ALLOW or LOG). A raw
 * program is not looked into: false.
 */
bool plan_seccomp_allows(const struct plan_seccomp *s, const char *name);

/* Length of a cache key: SHA-256 in hexadecimal and a NUL. */
#define PLAN_SECCOMP_KEY 65

/*
 * The name of the compiled filter in the cache: a hash over a length-prefixed form of everything
 * that shapes the filter. `compiler` names the rest of it: library and version, native
 * architecture (lx_seccomp_compiler()).
 */
void plan_seccomp_key(const struct plan_seccomp *s, const char *compiler,
		      char ret_key[static PLAN_SECCOMP_KEY]);

/* libseccomp's word for an architecture ("x86_64"), NULL for OCI_ARCH_ABSENT. */
const char *plan_seccomp_arch_word(enum oci_seccomp_arch arch);

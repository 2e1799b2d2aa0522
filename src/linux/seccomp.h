/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System call filters: made by libseccomp, loaded by seccomp(2).
 *
 * A filter is compiled in the runtime, before the container's process exists, so that the
 * container's memory is not charged for it; init only loads the finished program.
 *
 *     lx_seccomp_begin -> lx_seccomp_arch* -> lx_seccomp_known* -> lx_seccomp_rule* -> _finish
 */
#pragma once

#include "base/arena.h"
#include "base/fd.h"

/* One struct sock_filter each; the kernel takes at most 4096 (BPF_MAXINSNS). */
struct lx_seccomp_program {
	const uint8_t *bytes;
	size_t size; /* bytes, a multiple of 8 */
};

enum lx_seccomp_compare {
	LX_CMP_NE,
	LX_CMP_LT,
	LX_CMP_LE,
	LX_CMP_EQ,
	LX_CMP_GE,
	LX_CMP_GT,
	LX_CMP_MASKED_EQ, /* (argument & value) == value_two */
};

struct lx_seccomp_arg {
	uint32_t index;
	enum lx_seccomp_compare op;
	uint64_t value, value_two;
};

struct lx_seccomp_builder; /* lives in the arena and in libseccomp's heap */

/* `default_action`: SECCOMP_RET_* with its data. Native architecture only, until told more. */
RL_MUST rl_err lx_seccomp_begin(struct rl_arena *a, uint32_t default_action,
				struct lx_seccomp_builder **ret);
/* Safe with NULL. */
void lx_seccomp_abandon(struct lx_seccomp_builder **b);
#define LX_AUTO_SECCOMP __attribute__((cleanup(lx_seccomp_abandon)))

/* Whether this libseccomp makes filters for an architecture. */
bool lx_seccomp_knows_arch(const char *arch);
/*
 * Adds an architecture by libseccomp's word ("x86", "x32"). *ret_added is false when this
 * libseccomp does not know it; such calls are then refused by the filter, as those of every
 * architecture that was not added.
 */
RL_MUST rl_err lx_seccomp_arch(struct lx_seccomp_builder *b, const char *arch, bool *ret_added);
/*
 * Says that the author of the profile knew this call. Where a call's number is beyond the largest
 * known one of its architecture, a default that refuses becomes -ENOSYS, so that programs fall
 * back as they would on an old kernel. *ret_known is false for a name that libseccomp lacks.
 */
RL_MUST rl_err lx_seccomp_known(struct lx_seccomp_builder *b, const char *name, bool *ret_known);
/*
 * All `args` must match. A name that no architecture has is passed over. Of two rules that hold for
 * the same call and arguments the first counts.
 */
RL_MUST rl_err lx_seccomp_rule(struct lx_seccomp_builder *b, const char *name, uint32_t action,
			       const struct lx_seccomp_arg *args, size_t arg_count);
RL_MUST rl_err lx_seccomp_finish(struct lx_seccomp_builder *b, struct rl_arena *a,
				 struct lx_seccomp_program *ret);

/* Library, version, native architecture and our own format: what shapes a program besides rules. */
const char *lx_seccomp_compiler(void);

/*
 * ENOTSUP naming the action (`name` for the error) when this kernel cannot do it. Actions of the
 * first kernels are not asked for.
 */
RL_MUST rl_err lx_seccomp_check_action(uint32_t action);
/* ENOTSUP naming the flag that this kernel does not know. */
RL_MUST rl_err lx_seccomp_check_flags(uint32_t flags);

/*
 * Loads the program for the calling thread, for ever. Needs no_new_privs or CAP_SYS_ADMIN in the
 * user namespace. Flags are used as given: never again without them.
 *
 * ret_listener: not NULL asks for a notify descriptor (SECCOMP_FILTER_FLAG_NEW_LISTENER,
 * Linux 5.0), close-on-exec.
 */
RL_MUST rl_err lx_seccomp_load(const struct lx_seccomp_program *program, uint32_t flags,
			       struct rl_fd *ret_listener);

/* ---- the cache (seccomp_cache.c) ---------------------------------------------------------------
 */

/*
 * Compiled programs in STATE_ROOT/.cache/seccomp/KEY. Whatever is wrong with an entry or with the
 * directories (another owner, writable for others, a link, cut short, a checksum that differs)
 * makes it as if it were not there: the program is compiled and stored anew. The cache never makes
 * an error.
 */
RL_MUST rl_err lx_seccomp_cache_open(const char *state_root, struct rl_fd *ret_dir);
bool lx_seccomp_cache_get(struct rl_arena *a, int dir_fd, const char *key,
			  struct lx_seccomp_program *ret);
void lx_seccomp_cache_put(int dir_fd, const char *key, const struct lx_seccomp_program *program);

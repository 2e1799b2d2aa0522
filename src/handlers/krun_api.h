/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libkrun.so.1 as a table of functions, and the only way back in from its results: whatever a
 * libkrun answers is read by krun_result(), nowhere else.
 */
#pragma once

#include "base/arena.h"
#include "libkrun.h"

/* Without these there is no machine. */
#define KRUN_REQUIRED(X)      \
	X(krun_create_ctx)    \
	X(krun_free_ctx)      \
	X(krun_set_vm_config) \
	X(krun_set_root)      \
	X(krun_start_enter)

/* What older libraries lack, or other builds; a container that needs one is refused by name. */
#define KRUN_OPTIONAL(X)               \
	X(krun_set_log_level)          \
	X(krun_has_feature)            \
	X(krun_get_max_vcpus)          \
	X(krun_check_nested_virt)      \
	X(krun_add_virtiofs2)          \
	X(krun_fs_add_overlay_file)    \
	X(krun_set_root_disk_remount)  \
	X(krun_add_disk2)              \
	X(krun_add_net_unixstream)     \
	X(krun_add_net_tap)            \
	X(krun_add_net_tap_fd)         \
	X(krun_add_vsock_port2)        \
	X(krun_disable_implicit_vsock) \
	X(krun_set_exec)               \
	X(krun_set_env)                \
	X(krun_set_workdir)            \
	X(krun_set_rlimits)            \
	X(krun_set_kernel)             \
	X(krun_set_nested_virt)        \
	X(krun_set_gpu_options)        \
	X(krun_get_last_error)         \
	X(krun_set_kvm_fd)             \
	X(krun_set_container_config)   \
	X(krun_set_ready_fd)           \
	X(krun_get_kernel_name)

#define KRUN_MEMBER(name) __typeof__(name) *name;

struct krun_api {
	void *handle;
	const char *path; /* of the file that was loaded */
	KRUN_REQUIRED(KRUN_MEMBER)
	KRUN_OPTIONAL(KRUN_MEMBER) /* NULL: this library does not have it */
};

/*
 * Where a library is looked for: `chosen` alone if it is not NULL, $RUNLET_LIBKRUN alone if that
 * is set. `places` ends with NULL.
 */
#define KRUN_PLACES_MAX 4
void krun_places(const char *chosen, const char *places[static KRUN_PLACES_MAX]);

/*
 * ENOENT: none of the places has a library that can be loaded; the text has the reason of each.
 * ENOSYS: one has, and lacks a function, which is named. Strings live in the arena.
 */
RL_MUST rl_err krun_api_load(struct rl_arena *a, const char *chosen, struct krun_api *ret);
void krun_api_close(struct krun_api *api);

/* Stands for the context of calls that have none. */
#define KRUN_NO_CONTEXT KRUN_LAST_ERROR_ANY

/*
 * A result of the library: negative is -errno of a failing call. The error says what was tried,
 * then the library's own words where it has some (its hint becomes the error's), then the errno.
 */
RL_MUST RL_PRINTF(4, 5) rl_err
	krun_result(const struct krun_api *api, uint32_t ctx, int32_t result, const char *fmt, ...);

/* ENOTSUP for a function that this library lacks. `what` is what needs it. */
RL_MUST rl_err krun_lacks(const struct krun_api *api, const char *function, const char *what);

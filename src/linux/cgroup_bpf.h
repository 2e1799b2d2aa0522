/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which device nodes a cgroup of version 2 may use: a program of BPF_PROG_TYPE_CGROUP_DEVICE
 * (Linux 4.15), asked by the kernel at every open and mknod of a device.
 */
#pragma once

#include "base/arena.h"
#include "linux/cgroup_spec.h"

/* struct bpf_insn of <linux/bpf.h>. */
struct bpf_insn;

/*
 * The program for these rules: of the rules that match a node, the last that names an access right
 * decides about it. Pure; at most about 9 instructions a rule, in the arena.
 */
RL_MUST rl_err lx_bpf_device_program(struct rl_arena *a, const struct lx_device_rule *rules,
				     size_t count, const struct bpf_insn **ret, size_t *ret_count);

/*
 * Loads the program and attaches it to a cgroup. `fresh`: nothing of ours can be there yet. Else
 * the program attached by an earlier call is replaced: in one step (BPF_F_REPLACE, Linux 5.6), or
 * both count for a moment. Programs of others stay, and all have to allow an access. EPERM: needs
 * CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, in the initial user namespace.
 */
RL_MUST rl_err lx_bpf_attach_devices(int cgroup_fd, const struct lx_device_rule *rules,
				     size_t count, bool fresh);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `exec` into a container that is a virtual machine. The process is the guest's; on the host a
 * process of ours stands for it: it has its standard streams or terminal, passes signals on, and
 * ends with its status.
 */
#pragma once

#include "container/container.h"
#include "container/record.h"

struct ct_machine_exec {
	struct rl_arena *arena;
	const struct plan_request *request;
	const struct ct_options *options;
	const struct ct_exec_options *wanted;
	const struct ct_store *store;
	const struct oci_record *record;
};

/* The container runs. *ret_status: when not detached. */
RL_MUST rl_err ct_exec_machine(const struct ct_machine_exec *x, int *ret_status);

/* SPDX-License-Identifier: Apache-2.0 */
/* What the files share that plan a machine. */
#pragma once

#include "handlers/handler.h"
#include "handlers/krun_settings.h"

struct krun_making {
	struct rl_arena *arena;
	const struct oci_config *config;
	const struct plan_request *request;
	const struct hdl_facts *facts;
	struct plan_warnings *warnings;
	struct krun_settings settings;
	struct hdl_plan *plan;
};

/* The network interface, and by what it is connected. krun_network.c */
RL_MUST rl_err krun_plan_network(struct krun_making *m);

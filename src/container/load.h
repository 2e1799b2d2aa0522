/* SPDX-License-Identifier: Apache-2.0 */
/* READ, PROBE, PLAN: from a bundle to a sealed plan. Nothing is touched. */
#pragma once

#include "base/arena.h"
#include "handlers/handler.h"
#include "linux/host.h"
#include "linux/net_maker.h"
#include "oci/config.h"
#include "plan/plan.h"

struct ct_loaded {
	struct rl_arena arena; /* of everything below; sealed */
	const char *text;      /* the configuration as it was read */
	size_t len;
	const struct oci_config *config;
	struct lx_host host;
	struct hdl_session *handler; /* NULL: native */
	const struct plan *plan;
};

void ct_loaded_free(struct ct_loaded *l);
#define CT_AUTO_LOADED __attribute__((cleanup(ct_loaded_free)))

/*
 * `config_file`: a name in the bundle or an absolute path; NULL: config.json.
 * `network` (NULL: nobody will take it) is started when the configuration asks for a new network
 * namespace that can as well come later: the plan is made meanwhile.
 */
RL_MUST rl_err ct_load(const struct plan_request *request, const char *config_file,
		       struct lx_net_maker *network, struct ct_loaded *ret);

/* Executes the full program when the configuration needs a library and this one cannot load any. */
RL_MUST rl_err ct_load_full(const struct oci_config *config);

/* READ and PROBE of a configuration that a container was created from; no plan, not sealed. */
RL_MUST rl_err ct_load_copy(int store_dir_fd, struct ct_loaded *ret);

/* SPDX-License-Identifier: Apache-2.0 */
/* What checkpoint and restore have in common. */
#pragma once

#include "container/container.h"
#include "container/criu.h"
#include "container/load.h"

/* Beside the images: what the container's standard streams were, as runc has it. */
#define CT_DESCRIPTORS "descriptors.json"

/* The images' directory and the one for logs; descriptors that the request borrows. */
struct ct_checkpoint_dirs {
	struct rl_fd images, work;
};

void ct_checkpoint_dirs_close(struct ct_checkpoint_dirs *dirs);
RL_MUST rl_err ct_checkpoint_dirs_open(const struct ct_checkpoint_options *o, bool make,
				       struct ct_checkpoint_dirs *ret);

/* What the options and the configuration say about both. */
RL_MUST rl_err ct_checkpoint_request(struct rl_arena *a, const struct ct_checkpoint_options *o,
				     const struct ct_checkpoint_dirs *dirs,
				     const struct ct_loaded *loaded, struct ct_criu_request *ret);

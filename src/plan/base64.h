/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"

/* RFC 4648, the standard alphabet with padding. EINVAL for anything else, blanks included. */
RL_MUST rl_err plan_base64_decode(struct rl_arena *a, const char *text, const uint8_t **ret_bytes,
				  size_t *ret_size);

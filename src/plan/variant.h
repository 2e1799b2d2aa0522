/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values in the text form of GVariant, as the annotations org.systemd.property.* have them:
 *
 *     true   5   uint64 5   1.5   'text'   ['a', 'b']   [('/dev/sda', uint64 5)]
 *
 * A number without a word before it is an int32, as in GLib.
 */
#pragma once

#include "base/arena.h"
#include "linux/unit_spec.h"

/* Fills in type, values, count and real. `origin` begins the error: EINVAL. */
RL_MUST rl_err plan_variant_parse(struct rl_arena *a, const char *origin, const char *text,
				  struct lx_unit_property *ret);

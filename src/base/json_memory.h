/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yajl's memory comes out of an arena and goes back with it: no free, and a realloc that copies.
 * yajl does not look whether it got any, so the arena has more than all it can ask for.
 */
#pragma once

#include "base/arena.h"

#include <yajl/yajl_common.h>

yajl_alloc_funcs rl_json_in_arena(struct rl_arena *a);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plan/plan.h"

#include <stdio.h>

/*
 * The plan in a stable text form: one decision a line, sections in the order of the walk. Debugging
 * tool, format of the golden tests and documentation in one.
 */
void plan_print(const struct plan *p, FILE *to);

/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzz target: one function, called with hostile bytes. It aborts when a promise is broken. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define FUZZ_CHECK(cond)         \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

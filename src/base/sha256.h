/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), for names of cached files: nothing here is secret or timed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RL_SHA256_SIZE 32

struct rl_sha256 {
	uint32_t state[8];
	uint64_t length; /* bytes so far */
	uint8_t block[64];
};

void rl_sha256_begin(struct rl_sha256 *h);
/* `len` may be 0, `bytes` then NULL. */
void rl_sha256_add(struct rl_sha256 *h, const void *bytes, size_t len);
void rl_sha256_end(struct rl_sha256 *h, uint8_t ret_sum[static RL_SHA256_SIZE]);

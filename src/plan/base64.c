/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/base64.h"

#include <string.h>

/* 0 to 63, or -1. */
static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

rl_err plan_base64_decode(struct rl_arena *a, const char *text, const uint8_t **ret_bytes,
			  size_t *ret_size)
{
	size_t len = strlen(text), padding = 0, at = 0;
	uint8_t *out;

	if (len % 4 != 0)
		return rl_refuse(RL_E(EINVAL), "base64 of %zu characters is cut short", len);
	while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
		padding++;
	RL_TRY(rl_arena_get(a, len / 4 * 3 + 1, 1, &out));
	for (size_t i = 0; i < len; i += 4) {
		uint32_t quantum = 0;

		for (size_t j = 0; j < 4; j++) {
			bool pad = i + j >= len - padding;
			int value = pad ? 0 : digit(text[i + j]);

			if (value < 0)
				return rl_refuse(RL_E(EINVAL), "character %zu is not base64",
						 i + j + 1);
			quantum = quantum << 6 | (uint32_t)value;
		}
		out[at++] = (uint8_t)(quantum >> 16);
		out[at++] = (uint8_t)(quantum >> 8);
		out[at++] = (uint8_t)quantum;
	}
	*ret_bytes = out;
	*ret_size = at - padding;
	return RL_OK;
}

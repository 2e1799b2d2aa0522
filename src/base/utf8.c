/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdint.h>

/*
 * Well-formed sequences by their first byte (Unicode, table 3-7): how many bytes follow, and the
 * range of the first of them. The others are from 0x80 to 0xbf.
 */
static const struct {
	uint8_t first, last; /* of the leading byte */
	uint8_t following;
	uint8_t low, high; /* of the byte behind it */
} forms[] = {
	{ 0x00, 0x7f, 0, 0, 0 },       { 0xc2, 0xdf, 1, 0x80, 0xbf }, { 0xe0, 0xe0, 2, 0xa0, 0xbf },
	{ 0xe1, 0xec, 2, 0x80, 0xbf }, { 0xed, 0xed, 2, 0x80, 0x9f }, { 0xee, 0xef, 2, 0x80, 0xbf },
	{ 0xf0, 0xf0, 3, 0x90, 0xbf }, { 0xf1, 0xf3, 3, 0x80, 0xbf }, { 0xf4, 0xf4, 3, 0x80, 0x8f },
};

/* Bytes of the character at `at`, 0 if it is none. */
static size_t character(const uint8_t *at, size_t left)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (at[0] < forms[i].first || at[0] > forms[i].last)
			continue;
		if (left <= forms[i].following)
			return 0;
		for (size_t k = 1; k <= forms[i].following; k++) {
			uint8_t low = k == 1 ? forms[i].low : 0x80;
			uint8_t high = k == 1 ? forms[i].high : 0xbf;

			if (at[k] < low || at[k] > high)
				return 0;
		}
		return 1U + forms[i].following;
	}
	return 0;
}

size_t rl_utf8_check(const char *text, size_t len)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t at = 0;

	while (at < len) {
		size_t n = character(bytes + at, len - at);

		if (n == 0)
			break;
		at += n;
	}
	return at;
}

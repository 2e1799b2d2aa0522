/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/net/csum.h"

#include <string.h>

/* One's complement does not care for the order of bytes, nor for the width of what is added. */
static uint16_t sum(const uint8_t *bytes, size_t len)
{
	uint64_t total = 0;

	for (; len >= 4; bytes += 4, len -= 4) {
		uint32_t word;

		memcpy(&word, bytes, sizeof(word));
		total += word;
	}
	if (len > 0) {
		uint32_t word = 0;

		memcpy(&word, bytes, len);
		total += word;
	}
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

bool net_complete_checksum(uint8_t *frame, size_t len, uint16_t start, uint16_t offset)
{
	size_t at = (size_t)start + offset;
	uint16_t result;

	if (start >= len || at + sizeof(result) > len)
		return false;
	result = (uint16_t)~sum(frame + start, len - start);
	/* 0 means "none" to UDP, and is the same number to the others. */
	if (result == 0)
		result = 0xffff;
	memcpy(frame + at, &result, sizeof(result));
	return true;
}

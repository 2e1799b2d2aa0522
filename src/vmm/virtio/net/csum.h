/* SPDX-License-Identifier: Apache-2.0 */
/* The checksum of the internet (RFC 1071), where a guest has left it to us. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Sums the frame from `start` on, with the sum of the pseudo header in its place already, and puts
 * the result at `start + offset`. False: that does not lie in the frame.
 */
bool net_complete_checksum(uint8_t *frame, size_t len, uint16_t start, uint16_t offset);

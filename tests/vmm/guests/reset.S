/* SPDX-License-Identifier: Apache-2.0 */
/* No status, and a reset by the keyboard controller. */
#include "guest.inc"
	.globl _start
_start:
	reset

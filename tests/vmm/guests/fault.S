/* SPDX-License-Identifier: Apache-2.0 */
/* An exception without an interrupt table: the processor gives up. */
#include "guest.inc"
	.globl _start
_start:
	puts	text
	ud2
text:	.asciz	"falling\n"

/* SPDX-License-Identifier: Apache-2.0 */
/* Says that it is there, and never ends. */
#include "guest.inc"
	.globl _start
_start:
	puts	text
1:	hlt
	jmp	1b
text:	.asciz	"ready\n"

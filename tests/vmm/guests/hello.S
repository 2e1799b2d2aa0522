/* SPDX-License-Identifier: Apache-2.0 */
/* Entered in long mode: a line, status 42, off by the ACPI sleep register. */
#include "guest.inc"
	.globl _start
_start:
	puts	text
	report	42
	poweroff
text:	.asciz	"hello from the guest\n"

/* SPDX-License-Identifier: Apache-2.0 */
/* Goes on where no memory is: there is no instruction that KVM could execute. */
#include "guest.inc"
	.globl _start
_start:
	puts	text
	mov	$0x30000000, %eax
	jmp	*%rax
text:	.asciz	"leaving\n"

/* SPDX-License-Identifier: Apache-2.0 */
/* Entered by its PVH note in 32-bit mode: repeats the command line that start_info names. */
#include "guest.inc"
	.globl _start
	.code32
_start:
	cmpl	$0x336ec578, (%ebx)
	jne	1f
	mov	24(%ebx), %eax		/* cmdline, low half */
	mov	%eax, %esi
	mov	$COM1, %edx
2:	lodsb
	test	%al, %al
	jz	3f
	outb	%al, %dx
	jmp	2b
3:	report	7
1:	poweroff

	.section .note.Xen, "a", @note
	.balign	4
	.long	4, 4, 18
	.asciz	"Xen"
	.long	_start

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 64 KiB of firmware: entered in real mode by the reset vector, at the end of the first 4 GiB. Then
 * it jumps to its copy below 1 MiB, where that of a PC goes on.
 */
#define COM1 0x3f8
#define GUEST_PORT 0x520
#define SLEEP_PORT 0x600
	.code16
	.globl _start
_start:
	mov	$COM1, %dx
	mov	$'R', %al		/* at the reset vector's segment */
	outb	%al, %dx
	ljmp	$0xf000, $below
below:
	mov	%cs, %ax
	mov	%ax, %ds
	mov	$text, %si
1:	lodsb
	test	%al, %al
	jz	2f
	outb	%al, %dx
	jmp	1b
2:	mov	$report, %si
	mov	$8, %cx
	mov	$(GUEST_PORT + 8), %dx
3:	lodsb
	outb	%al, %dx
	loop	3b
	mov	$GUEST_PORT, %dx
	mov	$8, %eax
	outl	%eax, %dx
	mov	$SLEEP_PORT, %dx
	mov	$0x34, %al
	outb	%al, %dx
4:	hlt
	jmp	4b
report:	.long	4, 17
text:	.asciz	" is where it began\n"
	.org	0xfff0
	jmp	_start
	.org	0x10000

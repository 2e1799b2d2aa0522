/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest guest: entered in long mode, writes a line to the first serial port, reports
 * status 42 to the guest device and turns the machine off by the ACPI sleep register.
 */
	.globl _start
	.text
_start:
	lea	text(%rip), %rsi
	mov	$0x3f8, %dx
1:	lodsb
	test	%al, %al
	jz	2f
	outb	%al, %dx
	jmp	1b
2:	/* struct gst_report { EXIT, 42 }, byte by byte, then its length */
	lea	report(%rip), %rsi
	mov	$8, %ecx
	mov	$0x528, %dx
	rep outsb
	mov	$0x520, %dx
	mov	$8, %eax
	outl	%eax, %dx
	mov	$0x600, %dx
	mov	$0x34, %al
	outb	%al, %dx
3:	hlt
	jmp	3b
text:	.asciz	"hello from the guest\n"
report:	.long	4, 42

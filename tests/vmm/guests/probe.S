/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at the first three virtio-mmio windows as a driver does - magic, version, device type -
 * and at the guest device's configuration. A letter each for what it finds.
 */
#include "guest.inc"
	.globl _start
_start:
	mov	$0xd0000000, %ebx
	mov	$3, %ebp
1:	cmpl	$0x74726976, (%rbx)
	jne	2f
	cmpl	$2, 4(%rbx)
	jne	2f
	mov	8(%rbx), %eax
	add	$'a', %al		/* type 1 is b, 26 is { */
	jmp	3f
2:	mov	$'?', %al
3:	mov	$COM1, %edx
	outb	%al, %dx
	add	$0x1000, %ebx
	dec	%ebp
	jnz	1b
	mov	$GUEST_PORT, %edx
	inl	%dx, %eax
	cmp	$0x31545347, %eax
	jne	4f
	mov	$(GUEST_PORT + 8), %edx
	mov	$buffer, %edi
	mov	$7, %ecx
	rep insb
	puts	buffer
	report	0
4:	poweroff
	.data
buffer:	.fill	16, 1, 0

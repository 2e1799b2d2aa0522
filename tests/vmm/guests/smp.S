/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wakes every other processor by INIT and SIPI; each counts itself. The status is their number when
 * they are as many as CPUID says.
 */
#include "guest.inc"
#define LAPIC 0xfee00000
#define SPURIOUS 0xf0
#define COMMAND 0x300
#define ALL_OTHERS_INIT 0xc4500
#define ALL_OTHERS_STARTUP 0xc4600
#define START_PAGE 0x8
#define START (START_PAGE << 12)
#define COUNT 0x8800
	.globl _start
_start:
	mov	$trampoline, %esi
	mov	$START, %edi
	mov	$(trampoline_end - trampoline), %ecx
	rep movsb
	movl	$1, COUNT		/* this one */
	mov	$LAPIC, %ebp
	movl	$0x1ff, SPURIOUS(%rbp)	/* on */
	movl	$ALL_OTHERS_INIT, COMMAND(%rbp)
	call	pause_a_while
	movl	$(ALL_OTHERS_STARTUP | START_PAGE), COMMAND(%rbp)
	mov	$0xb, %eax
	mov	$1, %ecx
	cpuid
	mov	%ebx, status		/* processors of the package */
1:	pause
	cmp	COUNT, %ebx
	jne	1b
	puts	text
	mov	$report, %esi
	mov	$8, %ecx
	mov	$(GUEST_PORT + 8), %edx
	rep outsb
	mov	$GUEST_PORT, %edx
	mov	$8, %eax
	outl	%eax, %dx
	poweroff

pause_a_while:
	mov	$100000, %ecx
2:	pause
	dec	%ecx
	jnz	2b
	ret

	.code16
trampoline:
	xor	%ax, %ax
	mov	%ax, %ds
	lock incl COUNT
3:	cli
	hlt
	jmp	3b
trampoline_end:

	.data
report:	.long	4			/* GST_REPORT_EXIT */
status:	.long	0
text:	.asciz	"all there\n"

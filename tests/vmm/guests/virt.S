/* SPDX-License-Identifier: Apache-2.0 */
/* Does the processor offer VMX or SVM? Status 1 if so, 0 if not. */
#include "guest.inc"
	.globl _start
_start:
	mov	$1, %eax
	xor	%ecx, %ecx
	cpuid
	bt	$5, %ecx		/* VMX */
	jc	yes
	mov	$0x80000001, %eax
	cpuid
	bt	$2, %ecx		/* SVM */
	jc	yes
	report	0
	poweroff
yes:	report	1
	poweroff

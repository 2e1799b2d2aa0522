/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/seccomp_enosys.h"

#include "linux/abi.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>

/* struct seccomp_data of the kernel begins with these. */
#define OFFSET_NR 0
#define OFFSET_ARCH 4

/* x32 programs share the architecture of x86-64 and set this bit in the number. */
#define X32_BIT 0x40000000u
/* What syscall(-1) and a tracer that skips a call use; no architecture has it. */
#define NO_CALL 0xffffffffu

struct emitter {
	struct sock_filter *to;
	size_t count;
};

static void emit(struct emitter *e, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	e->to[e->count++] = (struct sock_filter){ code, jt, jf, k };
}

static void emit_load(struct emitter *e, uint32_t offset)
{
	emit(e, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

/* Jumps are counted from the next instruction: 0 goes on. */
static void emit_if(struct emitter *e, uint16_t test, uint32_t k, uint8_t then, uint8_t otherwise)
{
	emit(e, (uint16_t)(BPF_JMP | test | BPF_K), k, then, otherwise);
}

static void emit_enosys(struct emitter *e)
{
	emit(e, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
}

/* To the program itself; the distance is filled in when the head is complete. */
static void emit_leave(struct emitter *e)
{
	emit(e, BPF_JMP | BPF_JA, 0, 0, 0);
}

static void emit_arch(struct emitter *e, const struct lx_seccomp_newest_call *arch)
{
	emit_if(e, BPF_JEQ, arch->token, 0, 4);
	emit_load(e, OFFSET_NR);
	emit_if(e, BPF_JGT, arch->number, 0, 1);
	emit_enosys(e);
	emit_leave(e);
}

/* Without x32 in the profile its numbers are left to the program, which takes them for foreign. */
static void emit_x86_64(struct emitter *e, const struct lx_seccomp_newest_call *arch,
			const struct lx_seccomp_newest_call *x32)
{
	uint32_t limit = x32 != NULL ? x32->number : NO_CALL - 1;

	emit_if(e, BPF_JEQ, arch->token, 0, 6);
	emit_load(e, OFFSET_NR);
	emit_if(e, BPF_JGE, X32_BIT, 0, 1); /* x32? */
	emit_if(e, BPF_JGT, limit, 1, 2);   /*   beyond x32's newest, or no call at all */
	emit_if(e, BPF_JGT, arch->number, 0, 1);
	emit_enosys(e);
	emit_leave(e);
}

static const struct lx_seccomp_newest_call *find(const struct lx_seccomp_newest *newest,
						 uint32_t token)
{
	for (size_t i = 0; i < newest->count; i++)
		if (newest->archs[i].token == token && newest->archs[i].any)
			return &newest->archs[i];
	return NULL;
}

/* A tracer decides for itself what is missing, and so does who listens. */
static bool refuses(uint32_t action)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
		return true;
	case SECCOMP_RET_ERRNO:
		return (action & SECCOMP_RET_DATA) != ENOSYS;
	default:
		return false;
	}
}

size_t lx_seccomp_enosys(const struct lx_seccomp_newest *newest, uint32_t default_action,
			 struct sock_filter ret[static LX_SECCOMP_ENOSYS_MAX])
{
	struct emitter e = { ret, 0 };

	if (!refuses(default_action))
		return 0;
	emit_load(&e, OFFSET_ARCH);
	for (size_t i = 0; i < newest->count; i++) {
		const struct lx_seccomp_newest_call *arch = &newest->archs[i];

		if (!arch->any || arch->token == SCMP_ARCH_X32)
			continue;
		if (arch->token == AUDIT_ARCH_X86_64)
			emit_x86_64(&e, arch, find(newest, SCMP_ARCH_X32));
		else
			emit_arch(&e, arch);
	}
	for (size_t i = 0; i < e.count; i++)
		if (ret[i].code == (BPF_JMP | BPF_JA))
			ret[i].k = (uint32_t)(e.count - i - 1);
	return e.count == 1 ? 0 : e.count;
}

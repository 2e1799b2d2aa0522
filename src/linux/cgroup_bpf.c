/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program walks the rules from the last to the first and keeps in a register the access rights
 * that are asked for and not yet allowed:
 *
 *     r2 = what is asked for, less what was allowed; r3 = type; r4 = major; r5 = minor
 *     allow rule:  the node matches?  r2 &= ~access;  r2 == 0 ? allow
 *     deny rule:   the node matches?  r2 & access     ? refuse
 *     end:         refuse
 *
 * So every right is decided by the last rule that names it, also where one rule allows "rw" and a
 * later one refuses "w".
 */
#include "linux/cgroup_bpf.h"

#include "base/fd.h"
#include "linux/cgroup_parts.h"

#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef BPF_F_REPLACE
#define BPF_F_REPLACE (1U << 2)
#endif

/* Shown by bpftool, and how a later `update` knows the program that is ours. */
#define PROGRAM_NAME "runlet_devices"

/* Instructions before the rules, and at most for one. */
#define PROLOGUE 6
#define RULE_MAX 9
#define EPILOGUE 2

/* Instructions for struct bpf_cgroup_dev_ctx; offsets of jumps are relative to the next one. */
#define LOAD(dst, member)                                              \
	{                                                              \
		BPF_LDX | BPF_MEM | BPF_W, (dst), BPF_REG_1,           \
			offsetof(struct bpf_cgroup_dev_ctx, member), 0 \
	}
#define ALU(op, dst, number)                                           \
	{                                                              \
		BPF_ALU | (op) | BPF_K, (dst), 0, 0, (int32_t)(number) \
	}
#define COPY(dst, src)                                        \
	{                                                     \
		BPF_ALU | BPF_MOV | BPF_X, (dst), (src), 0, 0 \
	}
#define JUMP(op, dst, number, offset)                                                  \
	{                                                                              \
		BPF_JMP | (op) | BPF_K, (dst), 0, (int16_t)(offset), (int32_t)(number) \
	}
#define EXIT                                   \
	{                                      \
		BPF_JMP | BPF_EXIT, 0, 0, 0, 0 \
	}

#define ASKED BPF_REG_2
#define TYPE BPF_REG_3
#define MAJOR BPF_REG_4
#define MINOR BPF_REG_5
#define SCRATCH BPF_REG_6
#define RESULT BPF_REG_0

struct program {
	struct bpf_insn *insns;
	size_t count;
};

static void add(struct program *p, struct bpf_insn insn)
{
	p->insns[p->count++] = insn;
}

static uint32_t access_bits(unsigned access)
{
	return (access & LX_DEVICE_READ ? BPF_DEVCG_ACC_READ : 0u) |
	       (access & LX_DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0u) |
	       (access & LX_DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0u);
}

static void add_rule(struct program *p, const struct lx_device_rule *r)
{
	uint32_t access = access_bits(r->access);
	struct bpf_insn *next[3];
	size_t conditions = 0;

	/* A jump to the next rule gets its offset when the end of this one is known. */
	if (r->type != 'a') {
		next[conditions++] = &p->insns[p->count];
		add(p, (struct bpf_insn)JUMP(
			       BPF_JNE, TYPE,
			       r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, 0));
	}
	if (r->major >= 0) {
		next[conditions++] = &p->insns[p->count];
		add(p, (struct bpf_insn)JUMP(BPF_JNE, MAJOR, r->major, 0));
	}
	if (r->minor >= 0) {
		next[conditions++] = &p->insns[p->count];
		add(p, (struct bpf_insn)JUMP(BPF_JNE, MINOR, r->minor, 0));
	}
	if (r->access == LX_DEVICE_RWM) {
		/* Nothing can be left over. */
	} else if (r->allow) {
		add(p, (struct bpf_insn)ALU(BPF_AND, ASKED, ~access));
		add(p, (struct bpf_insn)JUMP(BPF_JNE, ASKED, 0, 2));
	} else {
		add(p, (struct bpf_insn)COPY(SCRATCH, ASKED));
		add(p, (struct bpf_insn)ALU(BPF_AND, SCRATCH, access));
		add(p, (struct bpf_insn)JUMP(BPF_JEQ, SCRATCH, 0, 2));
	}
	add(p, (struct bpf_insn)ALU(BPF_MOV, RESULT, r->allow));
	add(p, (struct bpf_insn)EXIT);
	for (size_t i = 0; i < conditions; i++)
		next[i]->off = (int16_t)(&p->insns[p->count] - next[i] - 1);
}

/* Nodes have 12 bits of major number and 20 of minor: a rule beyond matches none. */
static bool can_match(const struct lx_device_rule *r)
{
	return r->access != 0 && r->major <= 0xfff && r->minor <= 0xfffff;
}

static bool decides_all(const struct lx_device_rule *r)
{
	return r->type == 'a' && r->major < 0 && r->minor < 0 && r->access == LX_DEVICE_RWM;
}

rl_err lx_bpf_device_program(struct rl_arena *a, const struct lx_device_rule *rules, size_t count,
			     const struct bpf_insn **ret, size_t *ret_count)
{
	struct program p = { 0 };
	bool decided = false;

	RL_TRY(rl_new_array(a, PROLOGUE + count * RULE_MAX + EPILOGUE, &p.insns));
	add(&p, (struct bpf_insn)LOAD(TYPE, access_type));
	add(&p, (struct bpf_insn)COPY(ASKED, TYPE));
	add(&p, (struct bpf_insn)ALU(BPF_RSH, ASKED, 16));
	add(&p, (struct bpf_insn)ALU(BPF_AND, TYPE, 0xffff));
	add(&p, (struct bpf_insn)LOAD(MAJOR, major));
	add(&p, (struct bpf_insn)LOAD(MINOR, minor));
	for (size_t i = count; i-- > 0 && !decided;) {
		if (can_match(&rules[i]))
			add_rule(&p, &rules[i]);
		/* The verifier refuses a program with instructions that are never reached. */
		decided = decides_all(&rules[i]);
	}
	if (!decided) {
		add(&p, (struct bpf_insn)ALU(BPF_MOV, RESULT, 0));
		add(&p, (struct bpf_insn)EXIT);
	}
	*ret = p.insns;
	*ret_count = p.count;
	return RL_OK;
}

/* ---- attaching ------------------------------------------------------------------------------- */

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static rl_err load(const struct bpf_insn *insns, size_t count, struct rl_fd *ret)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = address(insns);
	attr.insn_cnt = (uint32_t)count;
	attr.license = address("Apache-2.0");
	memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
	return rl_fd_from(bpf(BPF_PROG_LOAD, &attr), ret, "load the program for device rules");
}

static rl_err attach(int cgroup_fd, int program_fd, int replaced_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replaced_fd >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replaced_fd;
	}
	return rl_sys(bpf(BPF_PROG_ATTACH, &attr), "attach the program for device rules");
}

static rl_err detach(int cgroup_fd, int program_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return rl_sys(bpf(BPF_PROG_DETACH, &attr), "detach the old program for device rules");
}

static rl_err open_program(uint32_t id, struct rl_fd *ret)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	return rl_fd_from(bpf(BPF_PROG_GET_FD_BY_ID, &attr), ret, "open program %u", id);
}

static bool is_ours(int program_fd)
{
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)program_fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = address(&info);
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 && strcmp(info.name, PROGRAM_NAME) == 0;
}

/* The program that an earlier call attached here; ret owns nothing if there is none. */
static rl_err find_ours(int cgroup_fd, struct rl_fd *ret)
{
	uint32_t ids[64];
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)cgroup_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = address(ids);
	attr.query.prog_cnt = sizeof(ids) / sizeof(*ids);
	RL_TRY(rl_sys(bpf(BPF_PROG_QUERY, &attr), "list the programs of the cgroup"));
	for (uint32_t i = 0; i < attr.query.prog_cnt; i++) {
		struct rl_fd RL_AUTO_FD program = { 0 };

		RL_TRY(open_program(ids[i], &program));
		if (is_ours(rl_fd_get(&program))) {
			rl_fd_set(ret, rl_fd_take(&program));
			return RL_OK;
		}
	}
	return RL_OK;
}

rl_err lx_bpf_attach_devices(int cgroup_fd, const struct lx_device_rule *rules, size_t count,
			     bool fresh)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	struct rl_fd RL_AUTO_FD program = { 0 };
	struct rl_fd RL_AUTO_FD old = { 0 };
	const struct bpf_insn *insns;
	size_t insn_count;
	rl_err e;

	RL_TRY(rl_arena_new((count + 4) * RULE_MAX * sizeof(struct bpf_insn), &a));
	RL_TRY(lx_bpf_device_program(&a, rules, count, &insns, &insn_count));
	RL_TRY(load(insns, insn_count, &program));
	if (!fresh)
		RL_TRY(find_ours(cgroup_fd, &old));
	e = attach(cgroup_fd, rl_fd_get(&program), rl_fd_get(&old));
	if (!rl_fd_has(&old) || !rl_is(e, RL_E(EINVAL)))
		return e;
	/* No BPF_F_REPLACE: for a moment both programs have to allow. */
	rl_drop(e);
	RL_TRY(attach(cgroup_fd, rl_fd_get(&program), -1));
	return detach(cgroup_fd, rl_fd_get(&old));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program for device rules, run by a small interpreter of the instructions that it uses and
 * compared with the definition of the rules.
 */
#include "linux/cgroup_bpf.h"
#include "test.h"

#include <linux/bpf.h>

#define MAX_STEPS 10000
#define BROKEN (-1)

/* What the verifier would insist on is insisted on here: offsets inside, initialised registers, no
 * unreachable instruction (counted in `reached`). */
static int interpret(const struct bpf_insn *p, size_t count, const struct bpf_cgroup_dev_ctx *ctx,
		     bool *reached)
{
	uint64_t r[11] = { 0 };
	bool set[11] = { [BPF_REG_1] = true };
	size_t pc = 0;

	for (int step = 0; step < MAX_STEPS && pc < count; step++) {
		const struct bpf_insn *i = &p[pc];

		reached[pc++] = true;
		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			if (i->src_reg != BPF_REG_1 || i->off < 0 ||
			    (size_t)i->off + 4 > sizeof(*ctx))
				return BROKEN;
			r[i->dst_reg] = *(const uint32_t *)((const char *)ctx + i->off);
			set[i->dst_reg] = true;
			break;
		case BPF_ALU | BPF_MOV | BPF_K:
			r[i->dst_reg] = (uint32_t)i->imm;
			set[i->dst_reg] = true;
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
			if (!set[i->src_reg])
				return BROKEN;
			r[i->dst_reg] = (uint32_t)r[i->src_reg];
			set[i->dst_reg] = true;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			r[i->dst_reg] = (uint32_t)r[i->dst_reg] & (uint32_t)i->imm;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			r[i->dst_reg] = (uint32_t)r[i->dst_reg] >> i->imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			if (!set[i->dst_reg])
				return BROKEN;
			if (r[i->dst_reg] != (uint64_t)(int64_t)i->imm)
				pc += (size_t)i->off;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			if (!set[i->dst_reg])
				return BROKEN;
			if (r[i->dst_reg] == (uint64_t)(int64_t)i->imm)
				pc += (size_t)i->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return set[BPF_REG_0] ? (int)r[BPF_REG_0] : BROKEN;
		default:
			return BROKEN;
		}
	}
	return BROKEN;
}

static int by_definition(const struct lx_device_rule *rules, size_t count, char type,
			 uint32_t major, uint32_t minor, unsigned access)
{
	for (unsigned bit = 1; bit < 8; bit <<= 1) {
		bool allowed = false;

		for (size_t i = 0; i < count; i++)
			if ((rules[i].type == 'a' || rules[i].type == type) &&
			    (rules[i].major < 0 || rules[i].major == major) &&
			    (rules[i].minor < 0 || rules[i].minor == minor) &&
			    (rules[i].access & bit))
				allowed = rules[i].allow;
		if ((access & bit) && !allowed)
			return 0;
	}
	return 1;
}

static uint32_t kernel_access(unsigned access, char type)
{
	uint32_t bits = (access & LX_DEVICE_READ ? BPF_DEVCG_ACC_READ : 0u) |
			(access & LX_DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0u) |
			(access & LX_DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0u);

	return bits << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
}

/* Every node and access of a small world. The number of instructions that were never reached, -1
 * for a wrong answer. */
static int compare(const struct lx_device_rule *rules, size_t count)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	const struct bpf_insn *program;
	bool reached[1024] = { false };
	size_t n;
	int idle = 0;

	if (rl_drop_failed(rl_arena_new(1 << 20, &a)) ||
	    rl_drop_failed(lx_bpf_device_program(&a, rules, count, &program, &n)) || n > 1024)
		return -1;
	for (unsigned k = 0; k < 2 * 4 * 4 * 7; k++) {
		char type = "bc"[k % 2];
		uint32_t major = k / 2 % 4, minor = k / 8 % 4;
		unsigned access = 1 + k / 32 % 7;
		struct bpf_cgroup_dev_ctx ctx = { kernel_access(access, type), major, minor };
		int got = interpret(program, n, &ctx, reached);

		if (got != by_definition(rules, count, type, major, minor, access)) {
			printf("# %c %u:%u access %u: %d\n", type, major, minor, access, got);
			return -1;
		}
	}
	for (size_t i = 0; i < n; i++)
		idle += !reached[i];
	return idle;
}

TEST(no_rules_refuse_everything)
{
	CHECK_INT(compare(NULL, 0), 0);
}

TEST(one_rule_of_each_shape)
{
	for (unsigned k = 0; k < 2 * 3 * 8 * 4; k++) {
		struct lx_device_rule r = {
			.allow = k % 2,
			.type = "abc"[k / 2 % 3],
			.access = k / 6 % 8,
			.major = k / 48 % 2 ? 2 : -1,
			.minor = k / 96 % 2 ? 1 : -1,
		};
		CHECK(compare(&r, 1) >= 0);
	}
}

TEST(the_last_rule_wins_for_each_right)
{
	struct lx_device_rule rules[] = {
		{ false, 'a', LX_DEVICE_RWM, -1, -1 }, { true, 'c', LX_DEVICE_RWM, 1, -1 },
		{ false, 'c', LX_DEVICE_WRITE, 1, 2 }, { true, 'b', LX_DEVICE_READ, -1, 1 },
		{ true, 'b', LX_DEVICE_WRITE, 3, -1 },
	};

	CHECK_INT(compare(rules, 5), 0);
	/* Opened for both: one right from each of two rules. */
	CHECK_INT(by_definition(rules, 5, 'b', 3, 1, LX_DEVICE_READ | LX_DEVICE_WRITE), 1);
	CHECK_INT(by_definition(rules, 5, 'c', 1, 2, LX_DEVICE_READ | LX_DEVICE_WRITE), 0);
}

/* Rules before one that decides everything are dead code, which the verifier refuses. */
TEST(nothing_is_generated_that_cannot_be_reached)
{
	struct lx_device_rule rules[] = {
		{ true, 'c', LX_DEVICE_RWM, 1, 3 },
		{ false, 'a', LX_DEVICE_RWM, -1, -1 },
		{ true, 'c', LX_DEVICE_RWM, 1, 1 },
	};
	struct lx_device_rule all = { true, 'a', LX_DEVICE_RWM, -1, -1 };

	CHECK_INT(compare(rules, 3), 0);
	CHECK_INT(compare(&all, 1), 0);
	CHECK_INT(compare(rules, 2), 0);
}

TEST(numbers_that_no_node_has)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	struct lx_device_rule rules[] = { { true, 'c', LX_DEVICE_RWM, 0xffffffff, -1 },
					  { true, 'c', LX_DEVICE_RWM, 1, 0x100000 },
					  { true, 'c', LX_DEVICE_RWM, 0x1000, 1 } };
	const struct bpf_insn *program;
	size_t with, without;

	CHECK_OK(rl_arena_new(1 << 20, &a));
	CHECK_OK(lx_bpf_device_program(&a, rules, 3, &program, &with));
	CHECK_OK(lx_bpf_device_program(&a, rules, 0, &program, &without));
	CHECK_INT(with, without);
}

TEST(random_rules)
{
	unsigned seed = 7;

	for (int round = 0; round < 4000; round++) {
		struct lx_device_rule rules[8];
		size_t count = (size_t)(rand_r(&seed) % 9);

		for (size_t i = 0; i < count; i++)
			rules[i] = (struct lx_device_rule){
				.allow = rand_r(&seed) % 2,
				.type = "abc"[rand_r(&seed) % 3],
				.access = (unsigned)rand_r(&seed) % 8,
				.major = rand_r(&seed) % 4 - 1,
				.minor = rand_r(&seed) % 4 - 1,
			};
		CHECK(compare(rules, count) >= 0);
	}
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/seccomp.h"

#include "linux/abi.h"
#include "plan/base64.h"

#include <string.h>

#define ARGUMENTS 6
#define MAX_ERRNO 4095u
#define PROGRAM_LIMIT (4096 * 8) /* BPF_MAXINSNS of struct sock_filter */

/* ---- words to numbers ----------------------------------------------------------------------- */

/* libseccomp's words, by enum oci_seccomp_arch. */
static const char *const archs[] = {
	[OCI_ARCH_X86] = "x86",
	[OCI_ARCH_X86_64] = "x86_64",
	[OCI_ARCH_X32] = "x32",
	[OCI_ARCH_ARM] = "arm",
	[OCI_ARCH_AARCH64] = "aarch64",
	[OCI_ARCH_LOONGARCH64] = "loongarch64",
	[OCI_ARCH_M68K] = "m68k",
	[OCI_ARCH_MIPS] = "mips",
	[OCI_ARCH_MIPS64] = "mips64",
	[OCI_ARCH_MIPS64N32] = "mips64n32",
	[OCI_ARCH_MIPSEL] = "mipsel",
	[OCI_ARCH_MIPSEL64] = "mipsel64",
	[OCI_ARCH_MIPSEL64N32] = "mipsel64n32",
	[OCI_ARCH_PPC] = "ppc",
	[OCI_ARCH_PPC64] = "ppc64",
	[OCI_ARCH_PPC64LE] = "ppc64le",
	[OCI_ARCH_S390] = "s390",
	[OCI_ARCH_S390X] = "s390x",
	[OCI_ARCH_SH] = "sh",
	[OCI_ARCH_SHEB] = "sheb",
	[OCI_ARCH_PARISC] = "parisc",
	[OCI_ARCH_PARISC64] = "parisc64",
	[OCI_ARCH_RISCV64] = "riscv64",
};

static uint32_t kernel_action(enum oci_seccomp_action action)
{
	switch (action) {
	case OCI_SECCOMP_KILL_PROCESS:
		return SECCOMP_RET_KILL_PROCESS;
	case OCI_SECCOMP_TRAP:
		return SECCOMP_RET_TRAP;
	case OCI_SECCOMP_ERRNO:
		return SECCOMP_RET_ERRNO;
	case OCI_SECCOMP_TRACE:
		return SECCOMP_RET_TRACE;
	case OCI_SECCOMP_ALLOW:
		return SECCOMP_RET_ALLOW;
	case OCI_SECCOMP_LOG:
		return SECCOMP_RET_LOG;
	case OCI_SECCOMP_NOTIFY:
		return SECCOMP_RET_USER_NOTIF;
	case OCI_SECCOMP_KILL:
	case OCI_SECCOMP_KILL_THREAD:
	case OCI_SECCOMP_ABSENT:
		break;
	}
	return SECCOMP_RET_KILL_THREAD;
}

/*
 * Only ERRNO and TRACE carry a number, EPERM unless given. With another action the specification
 * has the number refused.
 */
static rl_err make_action(const char *path, const char *errno_path, enum oci_seccomp_action action,
			  const struct oci_u32 *number, uint32_t *ret)
{
	if (action == OCI_SECCOMP_ABSENT)
		return rl_refuse(RL_E(EINVAL), "%s: is missing", path);
	*ret = kernel_action(action);
	if (*ret != SECCOMP_RET_ERRNO && *ret != SECCOMP_RET_TRACE) {
		if (number->set)
			return rl_refuse(RL_E(EINVAL),
					 "%s: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE have a number",
					 errno_path);
		return RL_OK;
	}
	if (number->set && number->value > (*ret == SECCOMP_RET_ERRNO ? MAX_ERRNO : 0xffffu))
		return rl_refuse(RL_E(EINVAL), "%s: %u is too large", errno_path, number->value);
	*ret |= number->set ? number->value : EPERM;
	return RL_OK;
}

/* ---- rules ---------------------------------------------------------------------------------- */

struct making {
	struct rl_arena *arena;
	const struct oci_seccomp *in;
	struct plan_seccomp *out;
	struct plan_seccomp_rule *rules;
	const char **known;
	size_t rule_room, known_room;
};

static rl_err grow(struct rl_arena *a, size_t count, size_t *room, size_t size, void *pp)
{
	void *more;
	size_t bigger = *room ? *room * 2 : 32;

	if (count < *room)
		return RL_OK;
	RL_TRY(rl_arena_get(a, bigger, size, &more));
	if (count > 0)
		memcpy(more, *(void **)pp, count * size);
	*(void **)pp = more;
	*room = bigger;
	return RL_OK;
}

static rl_err add_rule(struct making *m, const struct oci_strings *names, uint32_t action,
		       const struct plan_seccomp_arg *args, size_t arg_count)
{
	RL_TRY(grow(m->arena, m->out->rule_count, &m->rule_room, sizeof(*m->rules), &m->rules));
	m->rules[m->out->rule_count++] = (struct plan_seccomp_rule){
		.names = names->items,
		.name_count = names->count,
		.action = action,
		.args = args,
		.arg_count = arg_count,
	};
	return RL_OK;
}

static rl_err add_known(struct making *m, const struct oci_strings *names)
{
	for (size_t i = 0; i < names->count; i++) {
		RL_TRY(grow(m->arena, m->out->known_count, &m->known_room, sizeof(*m->known),
			    &m->known));
		m->known[m->out->known_count++] = names->items[i];
	}
	return RL_OK;
}

/* The arguments in the kernel's terms; *ret_repeated: an index occurs more than once. */
static rl_err make_args(struct rl_arena *a, size_t at, const struct oci_seccomp_syscall *call,
			struct plan_seccomp_arg **ret, bool *ret_repeated)
{
	struct plan_seccomp_arg *args = NULL;
	unsigned seen = 0;

	*ret_repeated = false;
	if (call->arg_count > 0)
		RL_TRY(rl_new_array(a, call->arg_count, &args));
	for (size_t i = 0; i < call->arg_count; i++) {
		const struct oci_seccomp_arg *in = &call->args[i];

		if (in->index >= ARGUMENTS || in->op == OCI_CMP_ABSENT)
			return rl_refuse(RL_E(EINVAL),
					 "$.linux.seccomp.syscalls[%zu].args[%zu]: needs an index "
					 "of 0 to 5 and an op",
					 at, i);
		args[i] = (struct plan_seccomp_arg){ in->index, in->op, in->value, 0 };
		if (in->op == OCI_CMP_MASKED_EQ)
			args[i].value_two = in->value_two;
		*ret_repeated = *ret_repeated || (seen >> in->index & 1);
		seen |= 1u << in->index;
	}
	*ret = args;
	return RL_OK;
}

static rl_err make_syscall(struct making *m, size_t at)
{
	const struct oci_seccomp_syscall *call = &m->in->syscalls[at];
	struct plan_seccomp_arg *args = NULL;
	const char *path, *errno_path;
	uint32_t action;
	bool repeated;

	RL_TRY(rl_arena_fmt(m->arena, &path, "$.linux.seccomp.syscalls[%zu].action", at));
	RL_TRY(rl_arena_fmt(m->arena, &errno_path, "$.linux.seccomp.syscalls[%zu].errnoRet", at));
	RL_TRY(make_action(path, errno_path, call->action, &call->errno_ret, &action));
	if (action == SECCOMP_RET_USER_NOTIF) {
		for (size_t i = 0; i < call->names.count; i++)
			if (strcmp(call->names.items[i], "write") == 0)
				return rl_refuse(RL_E(EINVAL),
						 "$.linux.seccomp.syscalls[%zu]: SCMP_ACT_NOTIFY "
						 "cannot be used for write: the descriptor could "
						 "not be handed over",
						 at);
		m->out->notify = true;
	}
	RL_TRY(add_known(m, &call->names));
	RL_TRY(make_args(m->arena, at, call, &args, &repeated));
	if (action == m->out->default_action || call->names.count == 0)
		return RL_OK;
	/* Several conditions on one argument are alternatives, by agreement of the runtimes. */
	if (!repeated)
		return add_rule(m, &call->names, action, args, call->arg_count);
	for (size_t i = 0; i < call->arg_count; i++)
		RL_TRY(add_rule(m, &call->names, action, &args[i], 1));
	return RL_OK;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static uint32_t make_flags(const struct oci_flags *flags)
{
	uint32_t out = 0;

	if (!flags->set)
		return SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	if (flags->bits & OCI_SECCOMP_FLAG_TSYNC)
		out |= SECCOMP_FILTER_FLAG_TSYNC;
	if (flags->bits & OCI_SECCOMP_FLAG_LOG)
		out |= SECCOMP_FILTER_FLAG_LOG;
	if (flags->bits & OCI_SECCOMP_FLAG_SPEC_ALLOW)
		out |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	if (flags->bits & OCI_SECCOMP_FLAG_WAIT_KILLABLE_RECV)
		out |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	return out;
}

const char *plan_seccomp_arch_word(enum oci_seccomp_arch arch)
{
	return archs[arch];
}

static rl_err make_archs(struct making *m)
{
	const char **out;
	size_t count = 0;

	if (m->in->architecture_count == 0)
		return RL_OK;
	RL_TRY(rl_new_array(m->arena, m->in->architecture_count, &out));
	for (size_t i = 0; i < m->in->architecture_count; i++) {
		enum oci_seccomp_arch arch = m->in->architectures[i];

		if (arch <= OCI_ARCH_ABSENT || arch >= sizeof(archs) / sizeof(archs[0]))
			return rl_refuse(RL_E(EINVAL),
					 "$.linux.seccomp.architectures[%zu]: is unknown", i);
		out[count++] = archs[arch];
	}
	m->out->archs = out;
	m->out->arch_count = count;
	return RL_OK;
}

static rl_err make_listener(struct making *m, const struct oci_map *annotations,
			    const char *fallback, struct plan_warnings *warnings)
{
	struct plan_seccomp *s = m->out;
	const char *receiver = oci_map_get(annotations, "run.oci.seccomp.receiver");

	s->plugins = oci_map_get(annotations, "run.oci.seccomp.plugins");
	if (s->plugins != NULL && (m->in->listener_path != NULL || receiver != NULL))
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "$.annotations[\"run.oci.seccomp.plugins\"]: there is a "
					 "listener as well"),
			       "only one of them can answer");
	if (s->default_action == SECCOMP_RET_USER_NOTIF)
		return rl_refuse(RL_E(EINVAL), "$.linux.seccomp.defaultAction: cannot be "
					       "SCMP_ACT_NOTIFY: the descriptor could not be "
					       "handed over");
	s->listener_path = m->in->listener_path != NULL ? m->in->listener_path : receiver;
	if (s->listener_path == NULL && s->plugins == NULL)
		s->listener_path = fallback;
	s->listener_metadata = m->in->listener_metadata;
	if (s->notify && s->listener_path == NULL && s->plugins == NULL)
		return rl_hint(
			rl_refuse(RL_E(EINVAL),
				  "$.linux.seccomp.listenerPath: is missing while a rule has "
				  "SCMP_ACT_NOTIFY"),
			"SCMP_ACT_NOTIFY asks an agent that listens there; an annotation or "
			"RUN_OCI_SECCOMP_RECEIVER can name one as well");
	if (!s->notify)
		s->listener_path = s->plugins = NULL; /* nothing to listen for */
	if ((s->flags & SECCOMP_FILTER_FLAG_TSYNC) && s->notify)
		/* The kernel wants TSYNC_ESRCH with both; for one thread TSYNC changes nothing. */
		s->flags &= ~SECCOMP_FILTER_FLAG_TSYNC;
	if ((s->flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) && !s->notify) {
		s->flags &= ~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
		return plan_warn(m->arena, warnings,
				 "$.linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV "
				 "ignored: no call has SCMP_ACT_NOTIFY");
	}
	return RL_OK;
}

static rl_err make_program(struct rl_arena *a, const char *text, struct plan_seccomp *s)
{
	const char *path = "$.annotations[\"run.oci.seccomp_bpf_data\"]";

	RL_TRY(plan_base64_decode(a, text, &s->program, &s->program_size), "%s", path);
	if (s->program_size == 0 || s->program_size % 8 != 0 || s->program_size > PROGRAM_LIMIT)
		return rl_refuse(RL_E(EINVAL), "%s: %zu bytes are not 1 to 4096 instructions", path,
				 s->program_size);
	return RL_OK;
}

rl_err plan_seccomp_make(struct rl_arena *a, const struct oci_config *config, const char *receiver,
			 struct plan_warnings *warnings, struct plan_seccomp *ret)
{
	const struct oci_seccomp *in = config->linux_.seccomp;
	const char *strict =
		oci_map_get(&config->annotations, "run.oci.seccomp_fail_unknown_syscall");
	const char *raw = oci_map_get(&config->annotations, "run.oci.seccomp_bpf_data");
	struct plan_seccomp s = { 0 };
	struct making m = { .arena = a, .in = in, .out = &s };

	if (in == NULL && raw == NULL) {
		*ret = s;
		return RL_OK;
	}
	s.enabled = true;
	s.flags = in != NULL ? make_flags(&in->flags) : SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	s.refuse_unknown = strict != NULL && strcmp(strict, "0") != 0;
	if (raw != NULL) {
		RL_TRY(make_program(a, raw, &s));
		*ret = s;
		return RL_OK;
	}
	RL_TRY(make_action("$.linux.seccomp.defaultAction", "$.linux.seccomp.defaultErrnoRet",
			   in->default_action, &in->default_errno_ret, &s.default_action));
	RL_TRY(make_archs(&m));
	for (size_t i = 0; i < in->syscall_count; i++)
		RL_TRY(make_syscall(&m, i));
	s.rules = m.rules;
	s.known = m.known;
	RL_TRY(make_listener(&m, &config->annotations, receiver, warnings));
	*ret = s;
	return RL_OK;
}

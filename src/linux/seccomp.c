/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/seccomp.h"

#include "base/io.h"
#include "linux/abi.h"
#include "linux/seccomp_enosys.h"

#include <linux/filter.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Raised when our own part of a program changes, so that no older one is taken from a cache. */
#define FORM 1

#define ARGUMENTS 6

/*
 * Every action and flag is known at this level of the library's interface. Told so, it does not
 * ask the kernel: programs depend on the profile alone, and what the kernel lacks is found by
 * lx_seccomp_check_*, by name.
 */
#define API_LEVEL 6

struct lx_seccomp_builder {
	scmp_filter_ctx filter;
	uint32_t default_action;
	struct lx_seccomp_newest newest; /* per architecture, for -ENOSYS */
};

/* ---- building ----------------------------------------------------------------------------------
 */

static void add_newest(struct lx_seccomp_builder *b, uint32_t token)
{
	b->newest.archs[b->newest.count++] = (struct lx_seccomp_newest_call){ .token = token };
}

rl_err lx_seccomp_begin(struct rl_arena *a, uint32_t default_action,
			struct lx_seccomp_builder **ret)
{
	struct lx_seccomp_builder *b;

	RL_TRY(rl_neg(seccomp_api_set(API_LEVEL), "prepare libseccomp"));
	RL_TRY(rl_new(a, &b));
	b->filter = seccomp_init(default_action);
	if (b->filter == NULL)
		return rl_fail(RL_E(EINVAL), "begin a filter with the default action %#x",
			       default_action);
	b->default_action = default_action;
	add_newest(b, seccomp_arch_native());
	*ret = b;
	/* A tree over the numbers instead of a list: a container pays for it with every call. */
	return rl_neg(seccomp_attr_set(b->filter, SCMP_FLTATR_CTL_OPTIMIZE, 2),
		      "have the filter sorted");
}

void lx_seccomp_abandon(struct lx_seccomp_builder **b)
{
	if (*b != NULL && (*b)->filter != NULL)
		seccomp_release((*b)->filter);
	*b = NULL;
}

bool lx_seccomp_knows_arch(const char *arch)
{
	return seccomp_arch_resolve_name(arch) != 0;
}

rl_err lx_seccomp_arch(struct lx_seccomp_builder *b, const char *arch, bool *ret_added)
{
	uint32_t token = seccomp_arch_resolve_name(arch);
	rl_err e;

	*ret_added = false;
	if (token == 0 || b->newest.count == LX_SECCOMP_ARCHS)
		return RL_OK;
	if (token == seccomp_arch_native()) {
		*ret_added = true;
		return RL_OK;
	}
	e = rl_neg(seccomp_arch_add(b->filter, token), "add the architecture %s", arch);
	/* EDOM: of the other byte order; this kernel has no such programs. EEXIST: named twice. */
	*ret_added = !rl_is(e, RL_E(EDOM));
	if (rl_is(e, RL_E(EDOM)) || rl_is(e, RL_E(EEXIST))) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e);
	add_newest(b, token);
	return RL_OK;
}

rl_err lx_seccomp_known(struct lx_seccomp_builder *b, const char *name, bool *ret_known)
{
	*ret_known = seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
	for (size_t i = 0; *ret_known && i < b->newest.count; i++) {
		struct lx_seccomp_newest_call *arch = &b->newest.archs[i];
		int number = seccomp_syscall_resolve_name_arch(arch->token, name);

		/* Negative: this architecture does not have it, or has it under another call. */
		if (number >= 0 && (!arch->any || (uint32_t)number > arch->number)) {
			arch->number = (uint32_t)number;
			arch->any = true;
		}
	}
	return RL_OK;
}

static const enum scmp_compare compares[] = {
	[LX_CMP_NE] = SCMP_CMP_NE,
	[LX_CMP_LT] = SCMP_CMP_LT,
	[LX_CMP_LE] = SCMP_CMP_LE,
	[LX_CMP_EQ] = SCMP_CMP_EQ,
	[LX_CMP_GE] = SCMP_CMP_GE,
	[LX_CMP_GT] = SCMP_CMP_GT,
	[LX_CMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
};

rl_err lx_seccomp_rule(struct lx_seccomp_builder *b, const char *name, uint32_t action,
		       const struct lx_seccomp_arg *args, size_t arg_count)
{
	struct scmp_arg_cmp cmp[ARGUMENTS];
	int number = seccomp_syscall_resolve_name(name);

	if (number == __NR_SCMP_ERROR)
		return RL_OK;
	if (arg_count > ARGUMENTS)
		return rl_fail(RL_E(EINVAL), "filter %s by %zu arguments", name, arg_count);
	for (size_t i = 0; i < arg_count; i++)
		cmp[i] = (struct scmp_arg_cmp){ args[i].index, compares[args[i].op], args[i].value,
						args[i].value_two };
	return rl_neg(seccomp_rule_add_array(b->filter, action, number, (unsigned)arg_count, cmp),
		      "filter %s (action %#x)", name, action);
}

/* ---- finishing ---------------------------------------------------------------------------------
 */

/* The library of Debian 12 writes to descriptors only. */
static rl_err export(const struct lx_seccomp_builder *b, struct rl_arena *a, size_t room,
		     uint8_t **ret, size_t *ret_size)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct stat st;
	uint8_t *bytes;

	RL_TRY(rl_fd_from(syscall(SYS_memfd_create, "seccomp", MFD_CLOEXEC), &fd,
			  "make a memory file"));
	RL_TRY(rl_neg(seccomp_export_bpf(b->filter, rl_fd_get(&fd)), "export the filter"));
	RL_TRY(rl_sys(fstat(rl_fd_get(&fd), &st), "measure the filter"));
	RL_TRY(rl_arena_get(a, room + (size_t)st.st_size, 1, &bytes));
	if (pread(rl_fd_get(&fd), bytes + room, (size_t)st.st_size, 0) != st.st_size)
		return rl_fail(RL_E(EIO), "read the filter back");
	*ret = bytes;
	*ret_size = room + (size_t)st.st_size;
	return RL_OK;
}

rl_err lx_seccomp_finish(struct lx_seccomp_builder *b, struct rl_arena *a,
			 struct lx_seccomp_program *ret)
{
	struct sock_filter head[LX_SECCOMP_ENOSYS_MAX];
	size_t count = lx_seccomp_enosys(&b->newest, b->default_action, head);
	uint8_t *bytes = NULL;
	size_t size = 0;

	RL_TRY(export(b, a, count * sizeof(*head), &bytes, &size));
	memcpy(bytes, head, count * sizeof(*head));
	if (size > BPF_MAXINSNS * sizeof(struct sock_filter))
		return rl_hint(rl_fail(RL_E(E2BIG), "the filter has %zu instructions",
				       size / sizeof(struct sock_filter)),
			       "the kernel takes %d", BPF_MAXINSNS);
	*ret = (struct lx_seccomp_program){ bytes, size };
	return RL_OK;
}

const char *lx_seccomp_compiler(void)
{
	static char text[64];
	const struct scmp_version *v = seccomp_version();

	snprintf(text, sizeof(text), "libseccomp %u.%u.%u, architecture %#x, form %d", v->major,
		 v->minor, v->micro, seccomp_arch_native(), FORM);
	return text;
}

/* ---- the kernel --------------------------------------------------------------------------------
 */

static const char *action_name(uint32_t action)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
		return "SCMP_ACT_KILL_PROCESS";
	case SECCOMP_RET_LOG:
		return "SCMP_ACT_LOG";
	case SECCOMP_RET_USER_NOTIF:
		return "SCMP_ACT_NOTIFY";
	default:
		return NULL; /* as old as filters are */
	}
}

rl_err lx_seccomp_check_action(uint32_t action)
{
	uint32_t kind = action & SECCOMP_RET_ACTION_FULL;
	const char *name = action_name(action);

	if (name == NULL || syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kind) == 0)
		return RL_OK;
	return rl_fail(RL_E(ENOTSUP), "this kernel has no seccomp action %s", name);
}

static const struct {
	uint32_t flag;
	const char *name;
} flag_names[] = {
	{ SECCOMP_FILTER_FLAG_TSYNC, "SECCOMP_FILTER_FLAG_TSYNC" },
	{ SECCOMP_FILTER_FLAG_LOG, "SECCOMP_FILTER_FLAG_LOG" },
	{ SECCOMP_FILTER_FLAG_SPEC_ALLOW, "SECCOMP_FILTER_FLAG_SPEC_ALLOW" },
	{ SECCOMP_FILTER_FLAG_NEW_LISTENER, "SECCOMP_FILTER_FLAG_NEW_LISTENER" },
	{ SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" },
};

/* Flags are looked at before the program is: with none, EFAULT says that they are good. */
static bool kernel_knows(uint32_t flags)
{
	if (flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER; /* is about a listener */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) == 0 || errno == EFAULT;
}

rl_err lx_seccomp_check_flags(uint32_t flags)
{
	if (flags == 0 || kernel_knows(flags))
		return RL_OK;
	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
		if ((flags & flag_names[i].flag) && !kernel_knows(flag_names[i].flag))
			return rl_fail(RL_E(ENOTSUP), "this kernel has no %s", flag_names[i].name);
	return rl_fail(RL_E(ENOTSUP), "this kernel does not take the seccomp flags %#x together",
		       flags);
}

rl_err lx_seccomp_load(const struct lx_seccomp_program *program, uint32_t flags,
		       struct rl_fd *ret_listener)
{
	struct sock_fprog prog = {
		.len = (unsigned short)(program->size / sizeof(struct sock_filter)),
		/* The kernel copies it; the type has no const. */
		.filter = (struct sock_filter *)(uintptr_t)program->bytes,
	};
	long r;

	if (program->size == 0 || program->size > BPF_MAXINSNS * sizeof(struct sock_filter))
		return rl_fail(RL_E(EINVAL), "load a filter of %zu bytes", program->size);
	if (ret_listener != NULL)
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	RL_TRY(rl_hint(
		rl_sys(r, "load the seccomp filter (%u instructions, flags %#x)", prog.len, flags),
		"EACCES: it needs no_new_privs or CAP_SYS_ADMIN"));
	if (ret_listener != NULL)
		*ret_listener = rl_fd_own((int)r);
	else if (r != 0) /* TSYNC: the thread that could not take the filter */
		return rl_fail(RL_E(EBUSY), "load the seccomp filter for thread %ld", r);
	return RL_OK;
}

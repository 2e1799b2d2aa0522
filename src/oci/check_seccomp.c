/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of `linux.seccomp` (config-linux.md#seccomp). */
#include "oci/check.h"

#include <stdio.h>
#include <string.h>

/* MAX_ERRNO of the kernel; a tracer gets 16 bits. */
#define ERRNO_MAX 4095
#define TRACE_MAX 65535

static void check_errno(struct oci_problems *p, const char *base, const char *member,
			enum oci_seccomp_action action, struct oci_u32 value)
{
	uint32_t max = action == OCI_SECCOMP_TRACE ? TRACE_MAX : ERRNO_MAX;

	if (!value.set || action == OCI_SECCOMP_ABSENT)
		return;
	if (action != OCI_SECCOMP_ERRNO && action != OCI_SECCOMP_TRACE)
		oci_error(p, oci_text(p, "%s.%s", base, member),
			  "only SCMP_ACT_ERRNO and SCMP_ACT_TRACE give a value to the caller", NULL,
			  "%s returns no errno", oci_seccomp_action_name(action));
	else if (value.value > max)
		oci_error(p, oci_text(p, "%s.%s", base, member), NULL, NULL,
			  "must be in 0..%u, is %u", max, value.value);
}

static void check_names(struct oci_problems *p, const char *base,
			const struct oci_seccomp_syscall *rule)
{
	if (rule->names.items != NULL && rule->names.count == 0)
		oci_error(p, oci_text(p, "%s.names", base), "a rule is about some system call",
			  NULL, "must not be empty");
	for (size_t i = 0; i < rule->names.count; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what is counted is there */
		const char *name = rule->names.items[i];

		if (name[0] == '\0')
			oci_error(p, oci_text(p, "%s.names[%zu]", base, i), NULL, NULL,
				  "must not be empty");
		if (rule->action == OCI_SECCOMP_NOTIFY && strcmp(name, "write") == 0)
			oci_error(p, oci_text(p, "%s.names[%zu]", base, i),
				  "the runtime itself writes to hand over the listener, and would "
				  "wait for it for ever",
				  NULL, "SCMP_ACT_NOTIFY cannot be used for write");
	}
}

static void check_rule(struct oci_problems *p, size_t index, const struct oci_seccomp_syscall *rule)
{
	char base[64];

	snprintf(base, sizeof(base), "$.linux.seccomp.syscalls[%zu]", index);
	check_names(p, base, rule);
	check_errno(p, base, "errnoRet", rule->action, rule->errno_ret);
	for (size_t i = 0; i < rule->arg_count; i++)
		if (rule->args[i].index > 5)
			oci_error(p, oci_text(p, "%s.args[%zu].index", base, i),
				  "a system call has six arguments", NULL, "must be in 0..5, is %u",
				  rule->args[i].index);
}

/* Two annotations name a listener as well; engines set them instead of listenerPath. */
static bool has_listener(const struct oci_config *config)
{
	return config->linux_.seccomp->listener_path != NULL ||
	       oci_map_get(&config->annotations, "run.oci.seccomp.receiver") != NULL ||
	       oci_map_get(&config->annotations, "run.oci.seccomp.plugins") != NULL;
}

void oci_check_seccomp(struct oci_problems *p, const struct oci_config *config)
{
	const struct oci_seccomp *s = config->linux_.seccomp;

	check_errno(p, "$.linux.seccomp", "defaultErrnoRet", s->default_action,
		    s->default_errno_ret);
	for (size_t i = 0; i < s->syscall_count; i++)
		check_rule(p, i, &s->syscalls[i]);
	if (s->default_action == OCI_SECCOMP_NOTIFY)
		oci_error(p, "$.linux.seccomp.defaultAction",
			  "it would hold for write, which the runtime needs to hand over the "
			  "listener",
			  NULL, "SCMP_ACT_NOTIFY cannot be the default");
	if (s->listener_metadata != NULL && !has_listener(config))
		oci_error(p, "$.linux.seccomp.listenerMetadata",
			  "the specification forbids it without listenerPath", NULL,
			  "is given for no listener");
}

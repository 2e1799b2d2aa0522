/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/names.h"

#include <string.h>
#include <strings.h>

#define WORDS(id, what, ...)                                    \
	static const char *const id##_list[] = { __VA_ARGS__ }; \
	const struct oci_words id = { what, id##_list, sizeof(id##_list) / sizeof(*id##_list) }

WORDS(oci_namespace_words, "namespace type", [OCI_NS_PID] = "pid", [OCI_NS_NETWORK] = "network",
      [OCI_NS_MOUNT] = "mount", [OCI_NS_IPC] = "ipc", [OCI_NS_UTS] = "uts", [OCI_NS_USER] = "user",
      [OCI_NS_CGROUP] = "cgroup", [OCI_NS_TIME] = "time");

WORDS(oci_device_words, "device type", [OCI_DEVICE_ALL] = "a", [OCI_DEVICE_BLOCK] = "b",
      [OCI_DEVICE_CHAR] = "c", [OCI_DEVICE_UNBUFFERED] = "u", [OCI_DEVICE_FIFO] = "p");

WORDS(oci_propagation_words,
      "propagation", [OCI_PROPAGATION_SHARED] = "shared", [OCI_PROPAGATION_SLAVE] = "slave",
      [OCI_PROPAGATION_PRIVATE] = "private", [OCI_PROPAGATION_UNBINDABLE] = "unbindable",
      [OCI_PROPAGATION_RSHARED] = "rshared", [OCI_PROPAGATION_RSLAVE] = "rslave",
      [OCI_PROPAGATION_RPRIVATE] = "rprivate", [OCI_PROPAGATION_RUNBINDABLE] = "runbindable");

WORDS(oci_seccomp_action_words, "seccomp action", [OCI_SECCOMP_KILL] = "SCMP_ACT_KILL",
      [OCI_SECCOMP_KILL_PROCESS] = "SCMP_ACT_KILL_PROCESS",
      [OCI_SECCOMP_KILL_THREAD] = "SCMP_ACT_KILL_THREAD", [OCI_SECCOMP_TRAP] = "SCMP_ACT_TRAP",
      [OCI_SECCOMP_ERRNO] = "SCMP_ACT_ERRNO", [OCI_SECCOMP_TRACE] = "SCMP_ACT_TRACE",
      [OCI_SECCOMP_ALLOW] = "SCMP_ACT_ALLOW", [OCI_SECCOMP_LOG] = "SCMP_ACT_LOG",
      [OCI_SECCOMP_NOTIFY] = "SCMP_ACT_NOTIFY");

WORDS(oci_seccomp_operator_words,
      "seccomp operator", [OCI_CMP_NE] = "SCMP_CMP_NE", [OCI_CMP_LT] = "SCMP_CMP_LT",
      [OCI_CMP_LE] = "SCMP_CMP_LE", [OCI_CMP_EQ] = "SCMP_CMP_EQ", [OCI_CMP_GE] = "SCMP_CMP_GE",
      [OCI_CMP_GT] = "SCMP_CMP_GT", [OCI_CMP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ");

WORDS(oci_seccomp_arch_words, "seccomp architecture", [OCI_ARCH_X86] = "SCMP_ARCH_X86",
      [OCI_ARCH_X86_64] = "SCMP_ARCH_X86_64", [OCI_ARCH_X32] = "SCMP_ARCH_X32",
      [OCI_ARCH_ARM] = "SCMP_ARCH_ARM", [OCI_ARCH_AARCH64] = "SCMP_ARCH_AARCH64",
      [OCI_ARCH_LOONGARCH64] = "SCMP_ARCH_LOONGARCH64", [OCI_ARCH_M68K] = "SCMP_ARCH_M68K",
      [OCI_ARCH_MIPS] = "SCMP_ARCH_MIPS", [OCI_ARCH_MIPS64] = "SCMP_ARCH_MIPS64",
      [OCI_ARCH_MIPS64N32] = "SCMP_ARCH_MIPS64N32", [OCI_ARCH_MIPSEL] = "SCMP_ARCH_MIPSEL",
      [OCI_ARCH_MIPSEL64] = "SCMP_ARCH_MIPSEL64", [OCI_ARCH_MIPSEL64N32] = "SCMP_ARCH_MIPSEL64N32",
      [OCI_ARCH_PPC] = "SCMP_ARCH_PPC", [OCI_ARCH_PPC64] = "SCMP_ARCH_PPC64",
      [OCI_ARCH_PPC64LE] = "SCMP_ARCH_PPC64LE", [OCI_ARCH_S390] = "SCMP_ARCH_S390",
      [OCI_ARCH_S390X] = "SCMP_ARCH_S390X", [OCI_ARCH_SH] = "SCMP_ARCH_SH",
      [OCI_ARCH_SHEB] = "SCMP_ARCH_SHEB", [OCI_ARCH_PARISC] = "SCMP_ARCH_PARISC",
      [OCI_ARCH_PARISC64] = "SCMP_ARCH_PARISC64", [OCI_ARCH_RISCV64] = "SCMP_ARCH_RISCV64");

WORDS(oci_seccomp_flag_words, "seccomp flag", "SECCOMP_FILTER_FLAG_TSYNC",
      "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
      "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");

WORDS(oci_personality_words, "personality domain", [OCI_PERSONALITY_LINUX] = "LINUX",
      [OCI_PERSONALITY_LINUX32] = "LINUX32");

WORDS(oci_memory_policy_words, "memory policy mode", [OCI_MPOL_DEFAULT] = "MPOL_DEFAULT",
      [OCI_MPOL_BIND] = "MPOL_BIND", [OCI_MPOL_INTERLEAVE] = "MPOL_INTERLEAVE",
      [OCI_MPOL_WEIGHTED_INTERLEAVE] = "MPOL_WEIGHTED_INTERLEAVE",
      [OCI_MPOL_PREFERRED] = "MPOL_PREFERRED", [OCI_MPOL_PREFERRED_MANY] = "MPOL_PREFERRED_MANY",
      [OCI_MPOL_LOCAL] = "MPOL_LOCAL");

WORDS(oci_memory_policy_flag_words, "memory policy flag", "MPOL_F_NUMA_BALANCING",
      "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES");

WORDS(oci_scheduler_words,
      "scheduler policy", [OCI_SCHED_OTHER] = "SCHED_OTHER", [OCI_SCHED_FIFO] = "SCHED_FIFO",
      [OCI_SCHED_RR] = "SCHED_RR", [OCI_SCHED_BATCH] = "SCHED_BATCH", [OCI_SCHED_ISO] = "SCHED_ISO",
      [OCI_SCHED_IDLE] = "SCHED_IDLE", [OCI_SCHED_DEADLINE] = "SCHED_DEADLINE");

WORDS(oci_scheduler_flag_words, "scheduler flag", "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM",
      "SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS",
      "SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX");

WORDS(oci_io_class_words, "I/O priority class", [OCI_IO_CLASS_RT] = "IOPRIO_CLASS_RT",
      [OCI_IO_CLASS_BE] = "IOPRIO_CLASS_BE", [OCI_IO_CLASS_IDLE] = "IOPRIO_CLASS_IDLE");

WORDS(oci_image_format_words, "image format", [OCI_IMAGE_RAW] = "raw", [OCI_IMAGE_QCOW2] = "qcow2",
      [OCI_IMAGE_VDI] = "vdi", [OCI_IMAGE_VMDK] = "vmdk", [OCI_IMAGE_VHD] = "vhd");

WORDS(oci_rlimit_words, "resource limit", "RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA",
      "RLIMIT_FSIZE", "RLIMIT_LOCKS", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE",
      "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
      "RLIMIT_SIGPENDING", "RLIMIT_STACK");

int oci_word_find(const struct oci_words *list, const char *word)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (list->words[i] != NULL && strcmp(list->words[i], word) == 0)
			return (int)i;
	return -1;
}

/* One edit apart: after the common start the rests are equal when one step is taken. */
static bool one_edit(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	if (*a == '\0' && *b == '\0')
		return false;
	if (*a != '\0' && strcmp(a + 1, b) == 0)
		return true;
	if (*b != '\0' && strcmp(a, b + 1) == 0)
		return true;
	if (*a == '\0' || *b == '\0')
		return false;
	if (strcmp(a + 1, b + 1) == 0)
		return true;
	return a[0] == b[1] && a[1] == b[0] && a[1] != '\0' && strcmp(a + 2, b + 2) == 0;
}

const char *oci_word_near(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++) {
		if (words[i] == NULL)
			continue;
		if (strcasecmp(words[i], word) == 0)
			return words[i];
		/* Of very short words everything is one edit away. */
		if (strlen(words[i]) > 3 && one_edit(words[i], word))
			return words[i];
	}
	return NULL;
}

static const char *name(const struct oci_words *list, uint32_t value)
{
	return value < list->count && list->words[value] != NULL ? list->words[value] : "?";
}

const char *oci_namespace_name(enum oci_namespace_type type)
{
	return name(&oci_namespace_words, type);
}

const char *oci_device_type_name(enum oci_device_type type)
{
	return name(&oci_device_words, type);
}

const char *oci_propagation_name(enum oci_propagation propagation)
{
	return name(&oci_propagation_words, propagation);
}

const char *oci_seccomp_action_name(enum oci_seccomp_action action)
{
	return name(&oci_seccomp_action_words, action);
}

const char *oci_seccomp_operator_name(enum oci_seccomp_operator op)
{
	return name(&oci_seccomp_operator_words, op);
}

const char *oci_seccomp_arch_name(enum oci_seccomp_arch arch)
{
	return name(&oci_seccomp_arch_words, arch);
}

const char *oci_seccomp_flag_name(enum oci_seccomp_flag flag)
{
	return flag == 0 ? "?" : name(&oci_seccomp_flag_words, (uint32_t)__builtin_ctz(flag));
}

const char *oci_memory_policy_mode_name(enum oci_memory_policy_mode mode)
{
	return name(&oci_memory_policy_words, mode);
}

const char *oci_scheduler_policy_name(enum oci_scheduler_policy policy)
{
	return name(&oci_scheduler_words, policy);
}

const char *oci_io_class_name(enum oci_io_class class)
{
	return name(&oci_io_class_words, class);
}

const char *oci_map_get(const struct oci_map *map, const char *key)
{
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->items[i].key, key) == 0)
			return map->items[i].value;
	return NULL;
}

const struct oci_namespace *oci_namespace_get(const struct oci_linux *l,
					      enum oci_namespace_type type)
{
	for (size_t i = 0; i < l->namespace_count; i++)
		if (l->namespaces[i].type == type)
			return &l->namespaces[i];
	return NULL;
}

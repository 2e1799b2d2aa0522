/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of `linux.seccomp` (config-linux.md#seccomp). */
#include "oci/read_core.h"

OCI_OBJECT(oci_seccomp_arg, "a seccomp argument",
	   OCI_ROW(oci_seccomp_arg, "index", index, OCI_REQUIRED),
	   OCI_ROW(oci_seccomp_arg, "value", value, OCI_REQUIRED),
	   OCI_ROW(oci_seccomp_arg, "valueTwo", value_two, OCI_OPTIONAL),
	   OCI_ROW_WORD(oci_seccomp_arg, "op", op, oci_seccomp_operator, oci_seccomp_operator_words,
			OCI_REQUIRED));

OCI_OBJECT(oci_seccomp_syscall, "a seccomp rule",
	   OCI_ROW(oci_seccomp_syscall, "names", names, OCI_REQUIRED),
	   OCI_ROW_WORD(oci_seccomp_syscall, "action", action, oci_seccomp_action,
			oci_seccomp_action_words, OCI_REQUIRED),
	   OCI_ROW(oci_seccomp_syscall, "errnoRet", errno_ret, OCI_OPTIONAL),
	   OCI_ROW_ARRAY(oci_seccomp_syscall, "args", args, arg_count, oci_seccomp_arg));

OCI_OBJECT(oci_seccomp, "a seccomp profile",
	   OCI_ROW_WORD(oci_seccomp, "defaultAction", default_action, oci_seccomp_action,
			oci_seccomp_action_words, OCI_REQUIRED),
	   OCI_ROW(oci_seccomp, "defaultErrnoRet", default_errno_ret, OCI_OPTIONAL),
	   OCI_ROW_WORDS(oci_seccomp, "architectures", architectures, architecture_count,
			 oci_seccomp_arch, oci_seccomp_arch_words),
	   OCI_ROW_FLAGS(oci_seccomp, "flags", flags, oci_seccomp_flag_words),
	   OCI_ROW(oci_seccomp, "listenerPath", listener_path, OCI_OPTIONAL),
	   OCI_ROW(oci_seccomp, "listenerMetadata", listener_metadata, OCI_OPTIONAL),
	   OCI_ROW_ARRAY(oci_seccomp, "syscalls", syscalls, syscall_count, oci_seccomp_syscall));

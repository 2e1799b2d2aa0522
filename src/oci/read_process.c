/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of `process` and `hooks` (config.md#process, config.md#posix-platform-hooks). */
#include "oci/read_core.h"

OCI_OBJECT(oci_console_size, "a console size",
	   OCI_ROW(oci_console_size, "height", height, OCI_REQUIRED),
	   OCI_ROW(oci_console_size, "width", width, OCI_REQUIRED));

OCI_OBJECT(oci_user, "a user", OCI_ROW(oci_user, "uid", uid, OCI_OPTIONAL),
	   OCI_ROW(oci_user, "gid", gid, OCI_OPTIONAL),
	   OCI_ROW(oci_user, "umask", umask, OCI_OPTIONAL),
	   OCI_ROW(oci_user, "additionalGids", additional_gids, OCI_OPTIONAL),
	   OCI_ROW(oci_user, "username", username, OCI_OPTIONAL));

OCI_OBJECT(oci_capabilities, "the capabilities object",
	   OCI_ROW(oci_capabilities, "bounding", bounding, OCI_OPTIONAL),
	   OCI_ROW(oci_capabilities, "effective", effective, OCI_OPTIONAL),
	   OCI_ROW(oci_capabilities, "inheritable", inheritable, OCI_OPTIONAL),
	   OCI_ROW(oci_capabilities, "permitted", permitted, OCI_OPTIONAL),
	   OCI_ROW(oci_capabilities, "ambient", ambient, OCI_OPTIONAL));

OCI_OBJECT(oci_rlimit, "a resource limit", OCI_ROW(oci_rlimit, "type", type, OCI_REQUIRED),
	   OCI_ROW(oci_rlimit, "hard", hard, OCI_REQUIRED),
	   OCI_ROW(oci_rlimit, "soft", soft, OCI_REQUIRED));

OCI_OBJECT(oci_scheduler, "a scheduler object",
	   OCI_ROW_WORD(oci_scheduler, "policy", policy, oci_scheduler_policy, oci_scheduler_words,
			OCI_REQUIRED),
	   OCI_ROW(oci_scheduler, "nice", nice, OCI_OPTIONAL),
	   OCI_ROW(oci_scheduler, "priority", priority, OCI_OPTIONAL),
	   OCI_ROW_FLAGS(oci_scheduler, "flags", flags, oci_scheduler_flag_words),
	   OCI_ROW(oci_scheduler, "runtime", runtime, OCI_OPTIONAL),
	   OCI_ROW(oci_scheduler, "deadline", deadline, OCI_OPTIONAL),
	   OCI_ROW(oci_scheduler, "period", period, OCI_OPTIONAL));

OCI_OBJECT(oci_io_priority, "an I/O priority",
	   OCI_ROW_WORD(oci_io_priority, "class", class, oci_io_class, oci_io_class_words,
			OCI_REQUIRED),
	   OCI_ROW(oci_io_priority, "priority", priority, OCI_OPTIONAL));

OCI_OBJECT(oci_exec_cpu_affinity, "an exec CPU affinity",
	   OCI_ROW(oci_exec_cpu_affinity, "initial", initial, OCI_OPTIONAL),
	   OCI_ROW(oci_exec_cpu_affinity, "final", final, OCI_OPTIONAL));

OCI_OBJECT(oci_process, "a process", OCI_ROW(oci_process, "terminal", terminal, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_process, "consoleSize", console_size, oci_console_size, OCI_OPTIONAL),
	   OCI_ROW_EMBEDDED(oci_process, "user", user, oci_user, OCI_OPTIONAL),
	   OCI_ROW(oci_process, "args", args, OCI_REQUIRED),
	   OCI_ROW(oci_process, "commandLine", command_line, OCI_OPTIONAL),
	   OCI_ROW(oci_process, "env", env, OCI_OPTIONAL),
	   OCI_ROW(oci_process, "cwd", cwd, OCI_REQUIRED),
	   OCI_ROW_OBJECT(oci_process, "capabilities", capabilities, oci_capabilities,
			  OCI_OPTIONAL),
	   OCI_ROW_ARRAY(oci_process, "rlimits", rlimits, rlimit_count, oci_rlimit),
	   OCI_ROW(oci_process, "noNewPrivileges", no_new_privileges, OCI_OPTIONAL),
	   OCI_ROW(oci_process, "apparmorProfile", apparmor_profile, OCI_OPTIONAL),
	   OCI_ROW(oci_process, "oomScoreAdj", oom_score_adj, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_process, "scheduler", scheduler, oci_scheduler, OCI_OPTIONAL),
	   OCI_ROW(oci_process, "selinuxLabel", selinux_label, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_process, "ioPriority", io_priority, oci_io_priority, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_process, "execCPUAffinity", exec_cpu_affinity, oci_exec_cpu_affinity,
			  OCI_OPTIONAL));

OCI_OBJECT(oci_hook, "a hook", OCI_ROW(oci_hook, "path", path, OCI_REQUIRED),
	   OCI_ROW(oci_hook, "args", args, OCI_OPTIONAL),
	   OCI_ROW(oci_hook, "env", env, OCI_OPTIONAL),
	   OCI_ROW(oci_hook, "timeout", timeout, OCI_OPTIONAL));

OCI_OBJECT(oci_hooks, "the hooks object",
	   OCI_ROW_ARRAY(oci_hooks, "prestart", prestart.items, prestart.count, oci_hook),
	   OCI_ROW_ARRAY(oci_hooks, "createRuntime", create_runtime.items, create_runtime.count,
			 oci_hook),
	   OCI_ROW_ARRAY(oci_hooks, "createContainer", create_container.items,
			 create_container.count, oci_hook),
	   OCI_ROW_ARRAY(oci_hooks, "startContainer", start_container.items, start_container.count,
			 oci_hook),
	   OCI_ROW_ARRAY(oci_hooks, "poststart", poststart.items, poststart.count, oci_hook),
	   OCI_ROW_ARRAY(oci_hooks, "poststop", poststop.items, poststop.count, oci_hook));

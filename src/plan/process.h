/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process of the container shall be: its program, its identity and the limits around it.
 * The same struct serves the container's first process and those that `exec` adds; it holds
 * numbers the kernel takes, no words of the specification.
 */
#pragma once

#include "base/arena.h"
#include "linux/host.h"
#include "oci/config.h"
#include "plan/request.h"
#include "plan/warn.h"

#include <sys/types.h>

struct plan_seccomp;

/* Where the relay of NOTIFY_SOCKET is found inside the container. */
#define PLAN_NOTIFY_SOCKET "/run/notify/notify"

/* The five sets of capabilities(7), each a mask with bit n for capability number n. */
struct plan_capabilities {
	uint64_t bounding;
	uint64_t effective;
	uint64_t inheritable;
	uint64_t permitted;
	uint64_t ambient;
};

struct plan_rlimit {
	int resource;	     /* RLIMIT_* of this architecture */
	const char *name;    /* "RLIMIT_NOFILE" */
	uint64_t soft, hard; /* UINT64_MAX is RLIM_INFINITY */
};

/* Arguments of sched_setattr(2). */
struct plan_scheduler {
	bool set;
	uint32_t policy; /* SCHED_* */
	uint64_t flags;	 /* SCHED_FLAG_* */
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period; /* nanoseconds */
};

/* A set of CPUs of any size, as sched_setaffinity(2) takes it. */
struct plan_cpus {
	const uint8_t *bits; /* little-endian bit order, NULL: not asked for */
	size_t bytes;	     /* a multiple of 8 */
};

/* How a process becomes the user's program without showing it our own executable. */
enum plan_exe_defence {
	PLAN_EXE_STUB,	 /* the last step is executed by a sealed stub (stub/stub.h) */
	PLAN_EXE_SEALED, /* the whole runtime runs from a sealed copy of itself */
};

struct plan_process {
	const char *const *args; /* NULL-terminated, at least one */
	size_t arg_count;
	/*
	 * The environment that is known when planning, NULL-terminated, a name never twice. What
	 * only the process can know is added there: HOME from the container's /etc/passwd when it
	 * was unset or empty, LISTEN_PID when descriptors are passed.
	 */
	const char *const *env;
	size_t env_count;
	bool find_home;
	bool set_listen_pid;
	unsigned listen_fds; /* descriptors from 3 on that are LISTEN_FDS */
	unsigned keep_fds;   /* descriptors from 3 on that the program gets in all */
	const char *cwd;     /* absolute */

	uid_t uid; /* ids of the container; never (uid_t)-1 */
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
	bool keep_original_groups; /* run.oci.keep_original_groups: no setgroups at all */
	mode_t umask;

	struct plan_capabilities caps;
	bool no_new_privileges;

	const struct plan_rlimit *rlimits;
	size_t rlimit_count;

	bool set_oom_score_adj;
	int oom_score_adj;
	struct plan_scheduler scheduler;
	int io_priority;	     /* value for ioprio_set(2), -1: leave it */
	struct plan_cpus cpus_first; /* exec: before the move into the cgroup */
	struct plan_cpus cpus_last;  /* exec: after it */
	bool set_memory_policy;
	int memory_policy;	       /* MPOL_* with MPOL_F_* */
	struct plan_cpus memory_nodes; /* a set of nodes; NULL bits: none */
	bool set_personality;
	unsigned long personality; /* PER_* */

	const char *apparmor_profile; /* NULL: none */
	const char *selinux_label;    /* NULL: none */

	bool terminal;
	unsigned short console_rows, console_columns; /* 0: not asked for */
};

/*
 * Pure. `process` is config->process, or what `exec` was given; `config` tells namespaces and
 * annotations. Capabilities that are unknown or cannot be granted become warnings; every other
 * problem is an error that begins with the JSON path ("process.rlimits[1].type: ...").
 *
 * For exec, `process` is another object than config->process, perhaps a copy, and `request` carries
 * the descriptors and environment of that exec; notify_socket is NULL.
 */
RL_MUST rl_err plan_process_make(struct rl_arena *a, const struct oci_process *process,
				 const struct oci_config *config,
				 const struct plan_request *request, const struct lx_host *host,
				 struct plan_warnings *warnings, struct plan_process *ret);

/*
 * Which defence the last step takes. The stub is the cheap one. It is one execve more between the
 * runtime and the program, and that shows in two cases, which take the sealed copy instead: a
 * label for the next execve would be used up by the stub, and a seccomp profile may not allow the
 * execveat that starts it.
 */
enum plan_exe_defence plan_exe_defence_for(const struct plan_process *p,
					   const struct plan_seccomp *s);

/* Labels and the OOM score are files of procfs. */
bool plan_process_writes_to_proc(const struct plan_process *p);

/* Number of a capability by its name ("CAP_CHOWN", any case, prefix optional), -1 if unknown. */
int plan_capability_number(const char *name);
/* The name with its prefix, NULL beyond the table. */
const char *plan_capability_name(int number);

/*
 * A list of CPUs or memory nodes as cpuset files have it ("0-3,7"). `what` is the JSON path for
 * errors. EINVAL: malformed, empty, or beyond the largest number Linux can be built for.
 */
RL_MUST rl_err plan_cpus_parse(struct rl_arena *a, const char *what, const char *text,
			       struct plan_cpus *ret);

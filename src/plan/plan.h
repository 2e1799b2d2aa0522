/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a container: every decision, as data.
 *
 * plan_make() is pure: it makes no system call, reads no clock, environment or global. What can
 * be refused is refused here, before anything was touched. The finished plan is sealed
 * (mprotect PROT_READ); the steps of the walk execute it and decide nothing.
 *
 * The parts are declared beside the code that makes them.
 */
#pragma once

#include "handlers/handler.h"
#include "plan/cgroup.h"
#include "plan/furnish.h"
#include "plan/process.h"
#include "plan/rdt.h"
#include "plan/request.h"
#include "plan/seccomp.h"
#include "plan/sysctl.h"

#include <sys/types.h>

/* ---- namespaces and id maps (ns.c, ids.c) -------------------------------------------------- */

/* In the order in which they are joined: the user namespace first, it gives the right to others. */
enum plan_ns_kind {
	PLAN_NS_USER,
	PLAN_NS_CGROUP,
	PLAN_NS_IPC,
	PLAN_NS_UTS,
	PLAN_NS_NET,
	PLAN_NS_PID,
	PLAN_NS_MOUNT,
	PLAN_NS_TIME,
	PLAN_NS_KINDS,
};

struct plan_namespaces {
	uint64_t create;		   /* CLONE_NEW* of those made new */
	uint64_t late;			   /* of these: by init, once it is in its cgroup */
	const char *join[PLAN_NS_KINDS];   /* path to join, NULL if none */
	const char *hostname, *domainname; /* NULL: left as they are */
	const char *time_offsets;	   /* text for /proc/PID/timens_offsets, NULL: none */
};

struct plan_id_map {
	const char *uid_lines, *gid_lines; /* "0 100000 65536\n": text for /proc/PID/uid_map */
	const char **newuidmap,
		**newgidmap; /* arguments after the pid when a helper must write it */
	bool deny_setgroups; /* single mapping written without privilege */
	uid_t root_uid;	     /* host ids of the container's 0; -1 if unmapped */
	gid_t root_gid;
};

/* ---- hooks (hooks.c) ------------------------------------------------------------------------ */

enum plan_hook_phase {
	PLAN_HOOK_PRESTART,
	PLAN_HOOK_CREATE_RUNTIME,
	PLAN_HOOK_CREATE_CONTAINER,
	PLAN_HOOK_START_CONTAINER,
	PLAN_HOOK_POSTSTART,
	PLAN_HOOK_POSTSTOP,
	PLAN_HOOK_PHASES,
};

struct plan_hook {
	const char *path;
	const char *const *argv; /* NULL-terminated, argv[0] included */
	const char *const *envp; /* NULL: the spec leaves it open; the caller's environment */
	int timeout_seconds;	 /* 0: none */
};

struct plan_hooks {
	const struct plan_hook *items;
	size_t count;
};

/* linux.netDevices: into the container's network namespace, under another name. */
struct plan_net_device {
	const char *name, *new_name; /* the new one may be a template with %d */
};

struct plan_annotation {
	const char *key, *value;
};

struct plan {
	const char *id, *bundle, *oci_version;
	const char *handler;	   /* NULL: native */
	const struct hdl_plan *vm; /* what it will make; NULL: native */
	struct plan_namespaces ns;
	bool has_user_namespace; /* new or joined */
	struct plan_id_map ids;
	struct plan_furnish furnish;
	const struct plan_sysctl *sysctls;
	size_t sysctl_count;
	const struct plan_net_device *net_devices;
	size_t net_device_count;
	struct plan_cgroup cgroup;
	struct plan_rdt rdt;
	bool has_process; /* the specification allows a create without one, a start needs it */
	struct plan_process process;
	struct plan_seccomp seccomp;
	struct plan_hooks hooks[PLAN_HOOK_PHASES];
	const char *pidfd_receiver; /* run.oci.pidfd_receiver: socket that gets init's pidfd */
	const char *hook_stdout, *hook_stderr; /* run.oci.hooks.*: append there */
	enum plan_exe_defence exe_defence;
	bool new_session_keyring; /* else the caller's is kept */
	bool detach;
	const struct plan_annotation *annotations;
	size_t annotation_count;
	/* What the specification lets us pass over, each with its JSON path: printed once. */
	const char *const *warnings;
	size_t warning_count;
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a container: the record on disk (ROOT/ID/status), and what `state`, `list` and the
 * hooks are told (runtime-spec runtime.md, "State").
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "oci/config.h"

#include <sys/types.h>

enum oci_status {
	OCI_CREATING,
	OCI_CREATED,
	OCI_RUNNING,
	OCI_PAUSED,
	OCI_STOPPED,
};
const char *oci_status_name(enum oci_status status);

/* One directory of the container's cgroup, as lx_cgroup_dir has it. */
struct oci_record_cgroup {
	const char *path;
	const char *controllers;
	uint32_t mount_len;
	int version;
};

/*
 * The record. It is written twice: before anything is touched (pid 0; it names what will be made,
 * so that `delete` can undo a half-made container), and when the container is created.
 */
struct oci_record {
	const char *id;
	const char *oci_version; /* of the configuration */
	const char *bundle, *rootfs;
	const char *created; /* RFC3339, UTC */
	const char *handler; /* NULL: native */
	int64_t machine_mib; /* memory of a virtual machine, 0: native */
	pid_t pid;	     /* 0: not yet */
	uint64_t start_time; /* of that process, clock ticks since boot */
	const char *program; /* args[0], for messages; NULL: no process */
	uid_t owner;
	const char *owner_name; /* of that uid on the host; NULL: it has none */
	bool detached;
	uint64_t namespaces;  /* CLONE_NEW*: those that are not the runtime's own, new or joined */
	bool no_pivot;	      /* the root was entered by chroot */
	bool poststart_hooks; /* start has some to run */
	bool poststop_hooks;
	uint64_t bounding; /* capability bounding set of its first process */
	bool own_user_namespace;
	bool new_session_keyring; /* processes get one, not the caller's */

	const char *cgroup_manager; /* "cgroupfs", "systemd", "disabled" */
	const char *cgroup_path;    /* NULL: no cgroup of its own */
	const char *systemd_unit;   /* NULL: none */
	bool systemd_user;
	const struct oci_record_cgroup *cgroups;
	size_t cgroup_count;

	const char *rdt_group, *rdt_monitor; /* of resctrl; NULL: none */
	bool rdt_made;			     /* the class was not there before */

	const struct oci_key_value *annotations;
	size_t annotation_count;
};

/* One line of JSON with a version number of its own. */
RL_MUST rl_err oci_record_write(struct rl_json_writer *w, const struct oci_record *record);
/* Unknown members are passed over, so that an older program can read a newer record. */
RL_MUST rl_err oci_record_read(struct rl_arena *a, const char *name, const char *text, size_t len,
			       struct oci_record *ret);

/* The state as the specification has it; `pid` and `status` as the reader should see them. */
void oci_state_put(struct rl_json_writer *w, const struct oci_record *record,
		   enum oci_status status, pid_t pid);

/*
 * [A-Za-z0-9_+.-]+, at most 255 bytes, not "." or "..", no leading dot or dash. EINVAL:
 * "invalid container ID format".
 */
RL_MUST rl_err oci_id_check(const char *id);

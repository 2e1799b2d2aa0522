/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/state.h"

#include "oci/read_core.h"

#include <limits.h>
#include <string.h>

/* The first program that reads a record differently takes the next number. */
#define RECORD_VERSION 1

const char *oci_status_name(enum oci_status status)
{
	static const char *const names[] = {
		[OCI_CREATING] = "creating", [OCI_CREATED] = "created", [OCI_RUNNING] = "running",
		[OCI_PAUSED] = "paused",     [OCI_STOPPED] = "stopped",
	};

	return names[status];
}

/* ---- the record on disk --------------------------------------------------------------------- */

/*
 * As the file has it. What crun's status file has as well is spelt as there, because monitors and
 * GPU hooks read such files.
 */
struct record_cgroup_file {
	uint32_t line;
	const char *path;
	const char *controllers;
	uint32_t mount_len;
	uint32_t version;
};

struct record_file {
	uint32_t line;
	struct oci_u32 version;
	const char *id, *oci_version, *bundle, *rootfs, *created, *handler;
	struct oci_i64 machine_mib;
	uint32_t pid;
	uint64_t start_time;
	const char *program;
	uint32_t uid;
	const char *owner;
	bool detached, no_pivot, poststart_hooks, poststop_hooks, own_user_namespace,
		new_session_keyring;
	uint64_t namespaces, bounding;
	const char *cgroup_manager, *cgroup_path, *scope;
	bool systemd_user;
	const struct record_cgroup_file *cgroups;
	size_t cgroup_count;
	const char *rdt_group, *rdt_monitor;
	bool rdt_made;
	struct oci_map annotations;
};

OCI_OBJECT(record_cgroup_file, "a cgroup of a record",
	   OCI_ROW(record_cgroup_file, "path", path, OCI_REQUIRED),
	   OCI_ROW(record_cgroup_file, "controllers", controllers, OCI_OPTIONAL),
	   OCI_ROW(record_cgroup_file, "mount-len", mount_len, OCI_REQUIRED),
	   OCI_ROW(record_cgroup_file, "version", version, OCI_REQUIRED));

/* In the order in which oci_record_write() writes. */
OCI_OBJECT(record_file, "a record", OCI_ROW(record_file, "version", version, OCI_REQUIRED),
	   OCI_ROW(record_file, "id", id, OCI_REQUIRED),
	   OCI_ROW(record_file, "ociVersion", oci_version, OCI_OPTIONAL),
	   OCI_ROW(record_file, "bundle", bundle, OCI_REQUIRED),
	   OCI_ROW(record_file, "rootfs", rootfs, OCI_OPTIONAL),
	   OCI_ROW(record_file, "created", created, OCI_OPTIONAL),
	   OCI_ROW(record_file, "handler", handler, OCI_OPTIONAL),
	   OCI_ROW(record_file, "machine-mib", machine_mib, OCI_OPTIONAL),
	   OCI_ROW(record_file, "pid", pid, OCI_REQUIRED),
	   OCI_ROW(record_file, "process-start-time", start_time, OCI_REQUIRED),
	   OCI_ROW(record_file, "program", program, OCI_OPTIONAL),
	   OCI_ROW(record_file, "uid", uid, OCI_OPTIONAL),
	   OCI_ROW(record_file, "owner", owner, OCI_OPTIONAL),
	   OCI_ROW(record_file, "detached", detached, OCI_OPTIONAL),
	   OCI_ROW(record_file, "namespaces", namespaces, OCI_OPTIONAL),
	   OCI_ROW(record_file, "no-pivot", no_pivot, OCI_OPTIONAL),
	   OCI_ROW(record_file, "poststart-hooks", poststart_hooks, OCI_OPTIONAL),
	   OCI_ROW(record_file, "poststop-hooks", poststop_hooks, OCI_OPTIONAL),
	   OCI_ROW(record_file, "bounding", bounding, OCI_OPTIONAL),
	   OCI_ROW(record_file, "own-user-namespace", own_user_namespace, OCI_OPTIONAL),
	   OCI_ROW(record_file, "new-session-keyring", new_session_keyring, OCI_OPTIONAL),
	   OCI_ROW(record_file, "cgroup-manager", cgroup_manager, OCI_OPTIONAL),
	   OCI_ROW(record_file, "cgroup-path", cgroup_path, OCI_OPTIONAL),
	   OCI_ROW(record_file, "scope", scope, OCI_OPTIONAL),
	   OCI_ROW(record_file, "systemd-user", systemd_user, OCI_OPTIONAL),
	   OCI_ROW_ARRAY(record_file, "cgroups", cgroups, cgroup_count, record_cgroup_file),
	   OCI_ROW(record_file, "rdt-group", rdt_group, OCI_OPTIONAL),
	   OCI_ROW(record_file, "rdt-monitor", rdt_monitor, OCI_OPTIONAL),
	   OCI_ROW(record_file, "rdt-made", rdt_made, OCI_OPTIONAL),
	   OCI_ROW(record_file, "annotations", annotations, OCI_OPTIONAL));

/* A member that is NULL is left out. */
static void put(struct rl_json_writer *w, const char *key, const char *value)
{
	if (value != NULL)
		rl_json_put(w, key, value);
}

static void put_annotations(struct rl_json_writer *w, const struct oci_record *record)
{
	if (record->annotation_count == 0)
		return;
	rl_json_key(w, "annotations");
	rl_json_object(w);
	for (size_t i = 0; i < record->annotation_count; i++)
		rl_json_put(w, record->annotations[i].key, record->annotations[i].value);
	rl_json_object_end(w);
}

static void put_cgroups(struct rl_json_writer *w, const struct oci_record *record)
{
	put(w, "cgroup-manager", record->cgroup_manager);
	put(w, "cgroup-path", record->cgroup_path);
	put(w, "scope", record->systemd_unit);
	rl_json_put_b(w, "systemd-user", record->systemd_user);
	if (record->cgroup_count == 0)
		return;
	rl_json_key(w, "cgroups");
	rl_json_array(w);
	for (size_t i = 0; i < record->cgroup_count; i++) {
		const struct oci_record_cgroup *g = &record->cgroups[i];

		rl_json_object(w);
		rl_json_put(w, "path", g->path);
		put(w, "controllers", g->controllers);
		rl_json_put_u(w, "mount-len", g->mount_len);
		rl_json_put_i(w, "version", g->version);
		rl_json_object_end(w);
	}
	rl_json_array_end(w);
}

rl_err oci_record_write(struct rl_json_writer *w, const struct oci_record *record)
{
	if (record->id == NULL || record->bundle == NULL)
		return rl_fail(RL_E(EINVAL),
			       "write the record of a container without id or bundle");
	rl_json_object(w);
	rl_json_put_u(w, "version", RECORD_VERSION);
	rl_json_put(w, "id", record->id);
	put(w, "ociVersion", record->oci_version);
	rl_json_put(w, "bundle", record->bundle);
	put(w, "rootfs", record->rootfs);
	put(w, "created", record->created);
	put(w, "handler", record->handler);
	if (record->handler != NULL)
		rl_json_put_i(w, "machine-mib", record->machine_mib);
	rl_json_put_i(w, "pid", record->pid);
	rl_json_put_u(w, "process-start-time", record->start_time);
	put(w, "program", record->program);
	rl_json_put_u(w, "uid", record->owner);
	put(w, "owner", record->owner_name);
	rl_json_put_b(w, "detached", record->detached);
	rl_json_put_u(w, "namespaces", record->namespaces);
	rl_json_put_b(w, "no-pivot", record->no_pivot);
	rl_json_put_b(w, "poststart-hooks", record->poststart_hooks);
	rl_json_put_b(w, "poststop-hooks", record->poststop_hooks);
	rl_json_put_u(w, "bounding", record->bounding);
	rl_json_put_b(w, "own-user-namespace", record->own_user_namespace);
	rl_json_put_b(w, "new-session-keyring", record->new_session_keyring);
	put_cgroups(w, record);
	put(w, "rdt-group", record->rdt_group);
	put(w, "rdt-monitor", record->rdt_monitor);
	if (record->rdt_made)
		rl_json_put_b(w, "rdt-made", true);
	put_annotations(w, record);
	rl_json_object_end(w);
	return RL_OK;
}

static rl_err take_cgroups(struct rl_arena *a, const struct record_file *file,
			   struct oci_record *record)
{
	struct oci_record_cgroup *cgroups;

	RL_TRY(rl_new_array(a, file->cgroup_count, &cgroups));
	for (size_t i = 0; i < file->cgroup_count; i++) {
		const struct record_cgroup_file *g = &file->cgroups[i];

		cgroups[i] = (struct oci_record_cgroup){
			.path = g->path,
			/* Version 2 has none of its own, and "" reads as absent. */
			.controllers = g->controllers != NULL ? g->controllers : "",
			.mount_len = g->mount_len,
			.version = (int)g->version,
		};
	}
	record->cgroups = cgroups;
	record->cgroup_count = file->cgroup_count;
	return RL_OK;
}

/* What would send a signal or a removal somewhere else is refused. */
static void check_record(struct oci_problems *p, const struct record_file *file)
{
	if (file->version.set && file->version.value == 0)
		oci_error(p, "$.version", NULL, NULL, "must be at least 1");
	if (file->pid > INT_MAX)
		oci_error(p, "$.pid", NULL, NULL, "is no process: %u", file->pid);
	for (size_t i = 0; i < file->cgroup_count; i++) {
		const struct record_cgroup_file *g = &file->cgroups[i];

		if (g->path == NULL)
			continue;
		if (g->path[0] != '/' || g->mount_len > strlen(g->path))
			oci_error(p, oci_text(p, "$.cgroups[%zu].path", i), NULL, NULL,
				  "is no path beneath a mount: %s", oci_quote(p, g->path));
		if (g->version != 1 && g->version != 2)
			oci_error(p, oci_text(p, "$.cgroups[%zu].version", i), NULL, NULL,
				  "must be 1 or 2, is %u", g->version);
	}
}

rl_err oci_record_read(struct rl_arena *a, const char *name, const char *text, size_t len,
		       struct oci_record *ret)
{
	struct oci_problems problems = oci_problems_in(a);
	const struct rl_json *json;
	struct record_file file = { 0 };
	struct oci_record record;

	RL_TRY(rl_json_parse(a, name, text, len, &json));
	RL_TRY(oci_read_object(&problems, json, &record_file_object, &file));
	check_record(&problems, &file);
	RL_TRY(oci_problems_error(&problems, name));
	record = (struct oci_record){
		.id = file.id,
		.oci_version = file.oci_version,
		.bundle = file.bundle,
		.rootfs = file.rootfs,
		.created = file.created,
		.handler = file.handler,
		.machine_mib = file.machine_mib.set ? file.machine_mib.value : 0,
		.pid = (pid_t)file.pid,
		.start_time = file.start_time,
		.program = file.program,
		.owner = file.uid,
		.owner_name = file.owner,
		.detached = file.detached,
		.namespaces = file.namespaces,
		.no_pivot = file.no_pivot,
		.poststart_hooks = file.poststart_hooks,
		.poststop_hooks = file.poststop_hooks,
		.bounding = file.bounding,
		.own_user_namespace = file.own_user_namespace,
		.new_session_keyring = file.new_session_keyring,
		.cgroup_manager = file.cgroup_manager,
		.cgroup_path = file.cgroup_path,
		.systemd_unit = file.scope,
		.systemd_user = file.systemd_user,
		.rdt_group = file.rdt_group,
		.rdt_monitor = file.rdt_monitor,
		.rdt_made = file.rdt_made,
		.annotations = file.annotations.items,
		.annotation_count = file.annotations.count,
	};
	RL_TRY(take_cgroups(a, &file, &record));
	*ret = record;
	return RL_OK;
}

/* ---- the state as others see it ------------------------------------------------------------- */

void oci_state_put(struct rl_json_writer *w, const struct oci_record *record,
		   enum oci_status status, pid_t pid)
{
	rl_json_object(w);
	rl_json_put(w, "ociVersion", record->oci_version != NULL ? record->oci_version : "1.0.0");
	rl_json_put(w, "id", record->id);
	rl_json_put_i(w, "pid", status == OCI_STOPPED ? 0 : pid);
	rl_json_put(w, "status", oci_status_name(status));
	rl_json_put(w, "bundle", record->bundle);
	put(w, "rootfs", record->rootfs);
	put(w, "created", record->created);
	put(w, "systemd-scope", record->systemd_unit);
	put(w, "owner", record->owner_name);
	put_annotations(w, record);
	rl_json_object_end(w);
}

/* ---- names of containers -------------------------------------------------------------------- */

rl_err oci_id_check(const char *id)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_+.-";
	char quoted[OCI_QUOTED];
	const char *why = NULL;

	if (id[0] == '\0')
		why = "it is empty";
	else if (id[0] == '.' || id[0] == '-')
		why = "it begins with a dot or a dash";
	else if (strlen(id) > NAME_MAX)
		why = "it is longer than 255 bytes";
	else if (id[strspn(id, allowed)] != '\0')
		why = "only letters, digits and _ + . - are allowed";
	if (why == NULL)
		return RL_OK;
	oci_quote_to(quoted, id);
	return rl_refuse(RL_E(EINVAL), "invalid container ID format: %s: %s", quoted, why);
}

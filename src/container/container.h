/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be done with containers: the verbs of the command line, without its syntax. Each reads
 * the state directory, does one thing under the container's lock, and leaves the host unchanged
 * when it fails.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "plan/request.h"

#include <sys/types.h>

/* What the caller of create, run and exec wants beside the plan. */
struct ct_options {
	const char *console_socket;
	const char *pid_file;
	const char *pidfd_socket;
	const char *config_file; /* name of the configuration in the bundle */
	bool keep;		 /* run: leave state and cgroup */
	bool no_subreaper;
};

/* `create`: everything but the user's program. */
RL_MUST rl_err ct_create(struct rl_arena *a, const struct plan_request *request,
			 const struct ct_options *options);
/* `run`: with detach it returns 0 at once, else the program's exit status. */
RL_MUST rl_err ct_run(struct rl_arena *a, const struct plan_request *request,
		      const struct ct_options *options, int *ret_status);
/* `notify_socket`: NOTIFY_SOCKET of the caller, NULL: none. */
RL_MUST rl_err ct_start(struct rl_arena *a, const char *root, const char *id,
			const char *notify_socket);

/* The plan as text on stdout; nothing is made. */
RL_MUST rl_err ct_print_plan(const struct plan_request *request, const char *config_file);

/* `exec`: what the command line changes of the container's own process. */
struct ct_exec_options {
	const char *process_file; /* an OCI process object; nothing else below counts then */
	const char *cwd;
	const char *const *env; /* K=V, added */
	size_t env_count;
	const char *user; /* "UID[:GID]" */
	const char *const *groups;
	size_t group_count;
	bool terminal;
	bool no_new_privileges;
	const char *selinux_label;
	const char *apparmor_profile;
	const char *const *capabilities;
	size_t capability_count;
	/* Existing cgroups below the container's, "[CONTROLLER[,CONTROLLER]:]PATH". */
	const char *const *cgroups;
	size_t cgroup_count;
	bool ignore_paused;
	char **argv;
};

RL_MUST rl_err ct_exec(struct rl_arena *a, const struct plan_request *request,
		       const struct ct_options *options, const struct ct_exec_options *exec,
		       int *ret_status);

RL_MUST rl_err ct_state(struct rl_arena *a, const char *root, const char *id,
			struct rl_json_writer *w);
RL_MUST rl_err ct_kill(struct rl_arena *a, const char *root, const char *id, int signal, bool all);
/* force: kills first, and succeeds when there is nothing. */
RL_MUST rl_err ct_delete(struct rl_arena *a, const char *root, const char *id, bool force);
RL_MUST rl_err ct_pause(struct rl_arena *a, const char *root, const char *id);
RL_MUST rl_err ct_resume(struct rl_arena *a, const char *root, const char *id);

/* `update`: new limits, as a linux.resources object in JSON. */
struct ct_update_options {
	const char *name; /* what messages call the text */
	const char *text;
	const char *l3_cache_schema, *mem_bw_schema; /* of linux.intelRdt; NULL: stay */
};

/* All of the limits or none: a value that is refused leaves the container as it was. */
RL_MUST rl_err ct_update(struct rl_arena *a, const char *root, const char *id,
			 const struct ct_update_options *options);

/* `events`: one JSON object a call, without a newline. */
struct ct_event_options {
	bool once;	     /* statistics now, and no more */
	int64_t interval_ms; /* between statistics, > 0 */
	rl_err (*emit)(void *context, const char *line, size_t len);
	void *context;
};

/* Returns when the container has ended, or after the first line. */
RL_MUST rl_err ct_events(struct rl_arena *a, const char *root, const char *id,
			 const struct ct_event_options *options);

/* `mounts`: an array of entries as config.json has them. */
struct ct_mounts_options {
	const char *file; /* "-": standard input */
	bool remove;	  /* of the entries only the destination counts */
};

/* All of them or none. */
RL_MUST rl_err ct_mounts(struct rl_arena *a, const char *root, const char *id,
			 const struct ct_mounts_options *options);

/* `checkpoint` and `restore`; the modes are those of container/criu_message.h. */
struct ct_checkpoint_options {
	const char *image_path;	 /* absolute */
	const char *work_path;	 /* absolute; NULL: with the images */
	const char *parent_path; /* relative to the images */
	const char *page_server; /* address; NULL: none */
	int page_server_port;
	const char *lsm_profile, *lsm_mount_context;
	bool leave_running, pre_dump, lazy_pages, auto_dedup;
	bool tcp_established, tcp_skip_in_flight, tcp_close;
	bool ext_unix_sockets, shell_job, file_locks, link_remap;
	int cgroups;
	uint32_t empty_namespaces; /* CLONE_NEW* */
	int network_lock;
	const char *criu; /* a program for execvp(3); NULL: "criu" */
	int status_fd;	  /* told when pages are served; -1: none */
};

/* Its processes end, and it is deleted, unless it is left running or dumped beforehand only. */
RL_MUST rl_err ct_checkpoint(struct rl_arena *a, const char *root, const char *id,
			     const struct ct_checkpoint_options *options);
/* A container of that bundle, with processes out of images. Returns as ct_run() does. */
RL_MUST rl_err ct_restore(struct rl_arena *a, const struct plan_request *request,
			  const struct ct_options *options,
			  const struct ct_checkpoint_options *checkpoint, int *ret_status);

/* Every process in the container's cgroups, as pids of the host. */
RL_MUST rl_err ct_pids(struct rl_arena *a, const char *root, const char *id, const pid_t **ret_pids,
		       size_t *ret_count);

/* One process in a virtual machine: numbers are the guest's. */
struct ct_guest_process {
	uint32_t pid, ppid, uid;
	char state;
	uint64_t cpu_ms, rss_kib;
	const char *command; /* printable */
};

/*
 * The processes in the guest; *ret_machine false: the container is native, and nothing else is
 * set. ENOTSUP: no agent.
 */
RL_MUST rl_err ct_guest_processes(struct rl_arena *a, const char *root, const char *id,
				  bool *ret_machine, const struct ct_guest_process **ret,
				  size_t *ret_count);

/* One row of `list`. */
struct ct_row {
	const char *id, *status, *bundle, *created, *owner;
	pid_t pid;
};

/* Containers that vanish or cannot be read meanwhile are left out. */
RL_MUST rl_err ct_list(struct rl_arena *a, const char *root, struct ct_row **ret_rows,
		       size_t *ret_count);

/* Ids that match a POSIX extended regular expression, whole or in part. */
RL_MUST rl_err ct_match(struct rl_arena *a, const char *root, const char *regex,
			const char ***ret_ids, size_t *ret_count);

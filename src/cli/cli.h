/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: global options, and one table row a command. */
#pragma once

#include "base/arena.h"
#include "cli/options.h"
#include "container/container.h"

#define CLI_EXIT_USAGE 1

/* Options before the command's name. */
struct cli_globals {
	const char *root; /* absolute */
	const char *log, *log_format, *log_level;
	bool debug;
	bool systemd_cgroup;
	const char *cgroup_manager;
	const char *rootless;
	const char *criu;
	bool version, help;
	const char *handler; /* by argv[0] */
	unsigned inherited;  /* descriptors from 3 on that were open when we started */
};

struct cli_call {
	struct rl_arena *arena;
	const struct cli_globals *globals;
	const struct cli_words *words; /* behind the options */
	void *options;		       /* the command's own struct, filled in */
	char **argv;		       /* of the process, for a new execution of ourselves */
};

struct cli_command {
	const char *name;
	const char *words; /* what follows the options: "CONTAINER [SIGNAL]" */
	const char *help;
	const struct cli_option *options;
	int least_words, most_words; /* -1: any number */
	bool stop_at_word;
	bool hidden;
	/* *ret_status is the exit status on success; 0 when it is not touched. */
	rl_err (*run)(const struct cli_call *call, int *ret_status);
	/* The exit status on failure. 0: 1. runc tells a failed exec by 255. */
	int failure_status;
};

/* The structs of options are larger than needed by most: one buffer serves all commands. */
union cli_options {
	max_align_t align;
	char room[24 * 1024];
};

extern const struct cli_command cli_checkpoint, cli_create, cli_delete, cli_doctor, cli_events,
	cli_exec, cli_features, cli_kill, cli_list, cli_mounts, cli_pause, cli_plan, cli_ps,
	cli_restore, cli_resume, cli_run, cli_spec, cli_start, cli_state, cli_update;

/* The request that create, run and plan make of options and environment. */
struct cli_create_options {
	const char *bundle;
	const char *config;
	const char *console_socket;
	const char *pid_file;
	const char *pidfd_socket;
	bool no_pivot, no_new_keyring, no_subreaper, detach, keep;
	unsigned preserve_fds;
};

RL_MUST rl_err cli_make_request(const struct cli_call *call, const struct cli_create_options *o,
				const char *id, struct plan_request *ret_request,
				struct ct_options *ret_options);

/* --cgroup-manager and --systemd-cgroup. */
RL_MUST rl_err cli_cgroup_manager(const struct cli_globals *g, enum plan_cgroup_manager *ret);
/* "15", "TERM", "SIGTERM", "rtmin+3" in any case. */
RL_MUST rl_err cli_signal(const char *word, int *ret);
/* Absolute form of a path that need not exist. */
RL_MUST rl_err cli_absolute(struct rl_arena *a, const char *path, const char **ret);

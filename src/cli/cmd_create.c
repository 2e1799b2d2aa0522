/* SPDX-License-Identifier: Apache-2.0 */
/* create, run and plan: what begins with a bundle. */
#include "cli/cli.h"

#define O(field) offsetof(struct cli_create_options, field)

#define BUNDLE_OPTIONS                                                                          \
	{ "bundle", 'b', CLI_TEXT, O(bundle), "DIR", "directory of config.json (default: .)" }, \
	{                                                                                       \
		"config", 'f', CLI_TEXT, O(config), "FILE", "instead of config.json"            \
	}

#define CREATE_OPTIONS                                                                           \
	BUNDLE_OPTIONS, { "console-socket",  0,	     CLI_TEXT,                                   \
			  O(console_socket), "PATH", "socket that receives the terminal" },      \
		{ "pid-file", 'p', CLI_TEXT, O(pid_file), "FILE", "file for the pid" },          \
		{ "pidfd-socket",  0,	   CLI_TEXT,                                             \
		  O(pidfd_socket), "PATH", "socket that receives a pidfd of the process" },      \
		{ "no-pivot",  0,    CLI_FLAG,                                                   \
		  O(no_pivot), NULL, "move the root mount instead of pivot_root" },              \
		{ "no-new-keyring",  0,	   CLI_FLAG,                                             \
		  O(no_new_keyring), NULL, "keep the caller's session keyring" },                \
		{ "preserve-fds",  0,	CLI_NUMBER,                                              \
		  O(preserve_fds), "N", "pass N descriptors on, from 3 and behind LISTEN_FDS" }, \
	{                                                                                        \
		"no-subreaper", 0, CLI_FLAG, O(no_subreaper), NULL,                              \
			"do not adopt the processes that the container leaves"                   \
	}

static const struct cli_option create_options[] = { CREATE_OPTIONS, { 0 } };
static const struct cli_option run_options[] = {
	CREATE_OPTIONS,
	{ "detach", 'd', CLI_FLAG, O(detach), NULL, "return when the program runs" },
	{ "keep", 0, CLI_FLAG, O(keep), NULL, "leave state and cgroup when it has ended" },
	{ 0 },
};
static const struct cli_option plan_options[] = { BUNDLE_OPTIONS, { 0 } };

static rl_err run_create(const struct cli_call *call, int *ret_status)
{
	struct cli_create_options *o = call->options;
	struct plan_request request;
	struct ct_options options;

	(void)ret_status;
	o->detach = true;
	RL_TRY(cli_make_request(call, o, call->words->items[0], &request, &options));
	return ct_create(call->arena, &request, &options);
}

static rl_err run_run(const struct cli_call *call, int *ret_status)
{
	struct plan_request request;
	struct ct_options options;

	RL_TRY(cli_make_request(call, call->options, call->words->items[0], &request, &options));
	return ct_run(call->arena, &request, &options, ret_status);
}

/* A plan needs a name for the container, but nobody has to invent one. */
static rl_err run_plan(const struct cli_call *call, int *ret_status)
{
	const char *id = call->words->count > 1 ? call->words->items[1] : "plan";
	struct cli_create_options *o = call->options;
	struct plan_request request;
	struct ct_options options;

	(void)ret_status;
	if (call->words->count > 0)
		o->bundle = call->words->items[0];
	RL_TRY(cli_make_request(call, o, id, &request, &options));
	return ct_print_plan(&request, options.config_file);
}

const struct cli_command cli_create = {
	.name = "create",
	.words = "CONTAINER",
	.help = "make a container; `start` runs its program",
	.options = create_options,
	.least_words = 1,
	.most_words = 1,
	.run = run_create,
};

const struct cli_command cli_run = {
	.name = "run",
	.words = "CONTAINER",
	.help = "create, start and, unless detached, wait and delete",
	.options = run_options,
	.least_words = 1,
	.most_words = 1,
	.run = run_run,
};

const struct cli_command cli_plan = {
	.name = "plan",
	.words = "[BUNDLE [CONTAINER]]",
	.help = "check a bundle and print what create would do",
	.options = plan_options,
	.most_words = 2,
	.run = run_plan,
};

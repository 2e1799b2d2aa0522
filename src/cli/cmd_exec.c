/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <string.h>

struct options {
	struct cli_create_options common; /* sockets, files and descriptors */
	const char *process, *cwd, *user, *process_label, *apparmor;
	struct cli_list env, groups, caps, cgroups;
	bool tty, no_new_privs, ignore_paused;
};

#define O(field) offsetof(struct options, field)

static const struct cli_option options[] = {
	{ "process", 'p', CLI_TEXT, O(process), "FILE", "OCI process object; replaces the rest" },
	{ "console-socket", 0, CLI_TEXT, O(common.console_socket), "PATH",
	  "socket that receives the terminal" },
	{ "pid-file", 0, CLI_TEXT, O(common.pid_file), "FILE", "file for the pid" },
	{ "pidfd-socket", 0, CLI_TEXT, O(common.pidfd_socket), "PATH",
	  "socket that receives a pidfd of the process" },
	{ "detach", 'd', CLI_FLAG, O(common.detach), NULL, "return when the program runs" },
	{ "preserve-fds", 0, CLI_NUMBER, O(common.preserve_fds), "N", "pass N descriptors on" },
	{ "cwd", 0, CLI_TEXT, O(cwd), "DIR", "working directory" },
	{ "env", 'e', CLI_LIST, O(env), "NAME=VALUE", "add to the environment (repeatable)" },
	{ "user", 'u', CLI_TEXT, O(user), "UID[:GID]", "numeric ids" },
	{ "additional-gids", 'g', CLI_LIST, O(groups), "GID", "one more group (repeatable)" },
	{ "tty", 't', CLI_FLAG, O(tty), NULL, "allocate a terminal" },
	{ "process-label", 0, CLI_TEXT, O(process_label), "LABEL", "SELinux label" },
	{ "apparmor", 0, CLI_TEXT, O(apparmor), "PROFILE", "AppArmor profile" },
	{ "no-new-privs", 0, CLI_FLAG, O(no_new_privs), NULL, "set no_new_privs" },
	{ "cap", 'c', CLI_LIST, O(caps), "CAP", "one more capability (repeatable)" },
	{ "cgroup", 0, CLI_LIST, O(cgroups), "[CONTROLLER:]PATH",
	  "a cgroup below the container's (repeatable)" },
	{ "ignore-paused", 0, CLI_FLAG, O(ignore_paused), NULL, "even if it is paused" },
	{ "no-subreaper", 0, CLI_FLAG, O(common.no_subreaper), NULL,
	  "do not adopt the processes that it leaves behind" },
	{ 0 },
};

static rl_err run(const struct cli_call *call, int *ret_status)
{
	struct options *o = call->options;
	const struct ct_exec_options wanted = {
		.process_file = o->process,
		.cwd = o->cwd,
		.env = o->env.items,
		.env_count = o->env.count,
		.user = o->user,
		.groups = o->groups.items,
		.group_count = o->groups.count,
		.terminal = o->tty,
		.no_new_privileges = o->no_new_privs,
		.selinux_label = o->process_label,
		.apparmor_profile = o->apparmor,
		.capabilities = o->caps.items,
		.capability_count = o->caps.count,
		.cgroups = o->cgroups.items,
		.cgroup_count = o->cgroups.count,
		.ignore_paused = o->ignore_paused,
		.argv = call->words->items + 1,
	};
	struct plan_request request;
	struct ct_options general;

	RL_TRY(cli_make_request(call, &o->common, call->words->items[0], &request, &general));
	return ct_exec(call->arena, &request, &general, &wanted, ret_status);
}

const struct cli_command cli_exec = {
	.name = "exec",
	.words = "CONTAINER [COMMAND [ARGUMENT...]]",
	.help = "run one more program in a container",
	.options = options,
	.least_words = 1,
	.most_words = -1,
	.stop_at_word = true,
	.run = run,
	.failure_status = 255,
};
_Static_assert(sizeof(struct options) <= sizeof(union cli_options), "room for the options");

/* SPDX-License-Identifier: Apache-2.0 */
/* start, kill, delete, pause, resume: one container by name, or many by a regular expression. */
#include "base/log.h"
#include "cli/cli.h"

#include <signal.h>
#include <stdlib.h>

struct options {
	bool all, force, regex;
	int signal; /* kill: of the second word */
};

#define O(field) offsetof(struct options, field)

typedef rl_err verb(const struct cli_call *call, const struct options *o, const char *id);

/* Every match is tried; the first failure is returned, the others are logged. */
static rl_err for_each(const struct cli_call *call, verb *do_it)
{
	const struct options *o = call->options;
	const char **ids;
	rl_err first = RL_OK;
	size_t count;

	if (!o->regex)
		return do_it(call, o, call->words->items[0]);
	RL_TRY(ct_match(call->arena, call->globals->root, call->words->items[0], &ids, &count));
	for (size_t i = 0; i < count; i++) {
		rl_err e = do_it(call, o, ids[i]);

		if (rl_failed(e) && rl_failed(first))
			rl_log(RL_LOG_WARNING, "%s: %s", ids[i], rl_text(e));
		first = rl_first(first, e);
	}
	return first;
}

static rl_err kill_one(const struct cli_call *call, const struct options *o, const char *id)
{
	return ct_kill(call->arena, call->globals->root, id, o->signal, o->all);
}

static rl_err delete_one(const struct cli_call *call, const struct options *o, const char *id)
{
	return ct_delete(call->arena, call->globals->root, id, o->force);
}

static rl_err run_kill(const struct cli_call *call, int *ret_status)
{
	struct options *o = call->options;

	(void)ret_status;
	o->signal = SIGTERM;
	if (call->words->count > 1)
		RL_TRY(cli_signal(call->words->items[1], &o->signal));
	return for_each(call, kill_one);
}

static rl_err run_delete(const struct cli_call *call, int *ret_status)
{
	(void)ret_status;
	return for_each(call, delete_one);
}

static rl_err run_start(const struct cli_call *call, int *ret_status)
{
	(void)ret_status;
	return ct_start(call->arena, call->globals->root, call->words->items[0],
			getenv("NOTIFY_SOCKET"));
}

static rl_err run_pause(const struct cli_call *call, int *ret_status)
{
	(void)ret_status;
	return ct_pause(call->arena, call->globals->root, call->words->items[0]);
}

static rl_err run_resume(const struct cli_call *call, int *ret_status)
{
	(void)ret_status;
	return ct_resume(call->arena, call->globals->root, call->words->items[0]);
}

static const struct cli_option no_options[] = { { 0 } };
static const struct cli_option kill_options[] = {
	{ "all", 'a', CLI_FLAG, O(all), NULL, "every process of the container" },
	{ "regex", 'r', CLI_FLAG, O(regex), NULL, "CONTAINER is a regular expression" },
	{ 0 },
};
static const struct cli_option delete_options[] = {
	{ "force", 'f', CLI_FLAG, O(force), NULL, "kill it first; succeed when there is none" },
	{ "regex", 'r', CLI_FLAG, O(regex), NULL, "CONTAINER is a regular expression" },
	{ 0 },
};

#define ONE_WORD .least_words = 1, .most_words = 1

const struct cli_command cli_start = {
	.name = "start",
	.words = "CONTAINER",
	.help = "run the program of a created container",
	.options = no_options,
	ONE_WORD,
	.run = run_start,
};
const struct cli_command cli_kill = {
	.name = "kill",
	.words = "CONTAINER [SIGNAL]",
	.help = "send a signal (default TERM)",
	.options = kill_options,
	.least_words = 1,
	.most_words = 2,
	.stop_at_word = true,
	.run = run_kill,
};
const struct cli_command cli_delete = {
	.name = "delete",
	.words = "CONTAINER",
	.help = "remove a stopped container",
	.options = delete_options,
	ONE_WORD,
	.run = run_delete,
};
const struct cli_command cli_pause = {
	.name = "pause",
	.words = "CONTAINER",
	.help = "freeze all processes of a container",
	.options = no_options,
	ONE_WORD,
	.run = run_pause,
};
const struct cli_command cli_resume = {
	.name = "resume",
	.words = "CONTAINER",
	.help = "let a paused container go on",
	.options = no_options,
	ONE_WORD,
	.run = run_resume,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* mounts add, mounts remove: mounts of a container that is there already. */
#include "cli/cli.h"

#include <string.h>

static rl_err run_mounts(const struct cli_call *call, int *ret_status)
{
	char **words = call->words->items;
	const struct ct_mounts_options options = { .file = words[2],
						   .remove = strcmp(words[0], "remove") == 0 };

	(void)ret_status;
	if (!options.remove && strcmp(words[0], "add") != 0)
		return rl_hint(rl_refuse(RL_E(EINVAL), "mounts: \"%s\" is neither add nor remove",
					 words[0]),
			       "see `runlet mounts --help`");
	return ct_mounts(call->arena, call->globals->root, words[1], &options);
}

static const struct cli_option no_options[] = { { 0 } };

const struct cli_command cli_mounts = {
	.name = "mounts",
	.words = "add|remove CONTAINER FILE",
	.help = "mount in a container that is there already, or unmount",
	.options = no_options,
	.least_words = 3,
	.most_words = 3,
	.run = run_mounts,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command line options as tables. Accepted are the spellings that engines use: --name value,
 * --name=value, -n value, -nvalue, and a single dash before a long name (go-runc emits
 * -no-subreaper). "--" ends options.
 */
#pragma once

#include "base/error.h"

enum cli_kind {
	CLI_FLAG,   /* bool; --flag=false and -tfalse clear it */
	CLI_TEXT,   /* const char * */
	CLI_NUMBER, /* unsigned */
	CLI_LIST,   /* struct cli_list: may be given again */
};

struct cli_option {
	const char *name;
	char letter; /* 0: none */
	enum cli_kind kind;
	size_t offset;	   /* in the command's struct of options */
	const char *value; /* how help calls the value: "PATH" */
	const char *help;
};

#define CLI_LIST_MAX 256

struct cli_list {
	const char *items[CLI_LIST_MAX + 1]; /* NULL-terminated */
	size_t count;
};

/* Words that are no options, in order. */
struct cli_words {
	char **items;
	int count;
};

/*
 * Reads argv[1..argc-1] into `options`. Stops at the first word that is no option when
 * `stop_at_word` (what follows belongs to someone else); otherwise words and options may be mixed.
 * argv is permuted in place.
 */
RL_MUST rl_err cli_parse(const struct cli_option *table, int argc, char **argv, bool stop_at_word,
			 void *options, struct cli_words *ret_words);

/* The part of a help text that lists the options. */
void cli_print_options(const struct cli_option *table);

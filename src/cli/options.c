/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool takes_value(enum cli_kind kind)
{
	return kind != CLI_FLAG;
}

static rl_err store_flag(void *at, const char *name, const char *value)
{
	bool off = value != NULL && strcmp(value, "false") == 0;

	if (value != NULL && !off && strcmp(value, "true") != 0)
		return rl_refuse(RL_E(EINVAL), "option %s: \"%s\" is neither true nor false", name,
				 value);
	*(bool *)at = !off;
	return RL_OK;
}

static rl_err store_number(unsigned *at, const char *name, const char *value)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end != '\0' || errno != 0 || number > INT32_MAX)
		return rl_refuse(RL_E(EINVAL), "option %s: \"%s\" is not a number", name, value);
	*at = (unsigned)number;
	return RL_OK;
}

static rl_err store(const struct cli_option *o, const char *name, const char *value, void *options)
{
	void *at = (char *)options + o->offset;
	struct cli_list *list = at;

	switch (o->kind) {
	case CLI_FLAG:
		return store_flag(at, name, value);
	case CLI_TEXT:
		*(const char **)at = value;
		return RL_OK;
	case CLI_NUMBER:
		return store_number(at, name, value);
	case CLI_LIST:
		if (list->count == CLI_LIST_MAX)
			return rl_refuse(RL_E(E2BIG), "option %s: given more than %d times", name,
					 CLI_LIST_MAX);
		list->items[list->count++] = value;
		return RL_OK;
	}
	return RL_OK;
}

static const struct cli_option *by_name(const struct cli_option *table, const char *name,
					size_t len)
{
	for (; table->name != NULL; table++)
		if (strlen(table->name) == len && strncmp(table->name, name, len) == 0)
			return table;
	return NULL;
}

static const struct cli_option *by_letter(const struct cli_option *table, char letter)
{
	for (; table->name != NULL; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

static rl_err unknown(const char *word)
{
	return rl_hint(rl_refuse(RL_E(EINVAL), "unknown option %s", word),
		       "see `runlet COMMAND --help`");
}

/* One option at argv[i]; *ret_used tells how many words it took. */
static rl_err parse_one(const struct cli_option *table, int left, char **argv, void *options,
			int *ret_used)
{
	const char *word = argv[0], *name = word + (word[1] == '-' ? 2 : 1);
	const char *equals = strchr(name, '='), *value = equals != NULL ? equals + 1 : NULL;
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct cli_option *o = NULL;

	*ret_used = 1;
	if (word[1] == '-' || len > 1)
		o = by_name(table, name, len);
	if (o == NULL && word[1] != '-') {
		o = by_letter(table, *name);
		if (o != NULL && len > 1)
			value = name + 1;
	}
	if (o == NULL)
		return unknown(word);
	if (takes_value(o->kind) && value == NULL) {
		if (left < 2)
			return rl_refuse(RL_E(EINVAL), "option %s needs a value", word);
		value = argv[1];
		*ret_used = 2;
	}
	return store(o, word, value, options);
}

rl_err cli_parse(const struct cli_option *table, int argc, char **argv, bool stop_at_word,
		 void *options, struct cli_words *ret_words)
{
	int kept = 1, i = 1;

	while (i < argc) {
		int used;

		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		/* A single dash is a word: it names standard input. */
		if (argv[i][0] != '-' || argv[i][1] == '\0') {
			if (stop_at_word)
				break;
			argv[kept++] = argv[i++];
			continue;
		}
		RL_TRY(parse_one(table, argc - i, argv + i, options, &used));
		i += used;
	}
	while (i < argc)
		argv[kept++] = argv[i++];
	/* What is passed on as an argv needs its end. */
	argv[kept] = NULL;
	*ret_words = (struct cli_words){ argv + 1, kept - 1 };
	return RL_OK;
}

void cli_print_options(const struct cli_option *table)
{
	for (; table->name != NULL; table++) {
		char left[64];
		int n;

		if (table->help == NULL)
			continue;
		n = table->letter != 0
			    ? snprintf(left, sizeof(left), "-%c, --%s", table->letter, table->name)
			    : snprintf(left, sizeof(left), "    --%s", table->name);
		if (table->value != NULL)
			snprintf(left + n, sizeof(left) - (size_t)n, " %s", table->value);
		printf("  %-34s %s\n", left, table->help);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* state, list, ps: what is there. */
#include "base/log.h"
#include "cli/cli.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct options {
	const char *format;
	bool quiet;
};

#define O(field) offsetof(struct options, field)

static rl_err wants_json(const struct options *o, bool *ret)
{
	*ret = o->format != NULL && strcmp(o->format, "json") == 0;
	if (o->format == NULL || *ret || strcmp(o->format, "table") == 0)
		return RL_OK;
	return rl_refuse(RL_E(EINVAL), "option --format: \"%s\" is neither table nor json",
			 o->format);
}

static rl_err print_document(struct rl_json_writer *w)
{
	const char *text;
	size_t len;

	RL_TRY(rl_json_end(w, &text, &len));
	printf("%.*s\n", (int)len, text);
	return rl_sys(fflush(stdout), "write to standard output");
}

static rl_err run_state(const struct cli_call *call, int *ret_status)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };

	(void)ret_status;
	RL_TRY(rl_json_begin(&w, true));
	RL_TRY(ct_state(call->arena, call->globals->root, call->words->items[0], &w));
	return print_document(&w);
}

static rl_err list_json(const struct cli_call *call, const struct ct_row *rows, size_t count)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };

	RL_TRY(rl_json_begin(&w, false));
	rl_json_array(&w);
	for (size_t i = 0; i < count; i++)
		rl_drop(ct_state(call->arena, call->globals->root, rows[i].id, &w));
	rl_json_array_end(&w);
	return print_document(&w);
}

static rl_err run_list(const struct cli_call *call, int *ret_status)
{
	const struct options *o = call->options;
	struct ct_row *rows;
	size_t count;
	bool json;

	(void)ret_status;
	RL_TRY(wants_json(o, &json));
	RL_TRY(ct_list(call->arena, call->globals->root, &rows, &count));
	if (json && !o->quiet)
		return list_json(call, rows, count);
	if (!o->quiet)
		printf("%-12s %-8s %-10s %-32s %-31s %s\n", "ID", "PID", "STATUS", "BUNDLE",
		       "CREATED", "OWNER");
	for (size_t i = 0; i < count; i++) {
		if (o->quiet)
			printf("%s\n", rows[i].id);
		else
			printf("%-12s %-8d %-10s %-32s %-31s %s\n", rows[i].id, (int)rows[i].pid,
			       rows[i].status, rows[i].bundle, rows[i].created, rows[i].owner);
	}
	return rl_sys(fflush(stdout), "write to standard output");
}

/* ---- ps ---------------------------------------------------------------------------------------
 */

static bool is_member(pid_t pid, const pid_t *pids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Which column of the heading says PID, counted in words. */
static int pid_column(const char *heading)
{
	int column = 0;
	size_t at = strspn(heading, " ");

	while (heading[at] != '\0') {
		size_t len = strcspn(heading + at, " \n");

		if (len == 3 && strncmp(heading + at, "PID", 3) == 0)
			return column;
		at += len;
		at += strspn(heading + at, " \n");
		column++;
	}
	return -1;
}

static long word_as_number(const char *line, int column)
{
	long number = -1;

	line += strspn(line, " ");
	for (; column > 0; column--) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	return sscanf(line, "%ld", &number) == 1 ? number : -1;
}

/* Prints the heading and the container's lines of `ps`, whatever columns were asked for. */
static rl_err filter_ps(FILE *f, const pid_t *pids, size_t count)
{
	char line[4096];
	int column;

	if (fgets(line, sizeof(line), f) == NULL)
		return rl_refuse(RL_E(EPROTO), "ps printed nothing");
	column = pid_column(line);
	if (column < 0)
		return rl_hint(rl_refuse(RL_E(EINVAL), "the output of ps has no column PID"),
			       "add pid to the options given to ps");
	fputs(line, stdout);
	while (fgets(line, sizeof(line), f) != NULL)
		if (is_member((pid_t)word_as_number(line, column), pids, count))
			fputs(line, stdout);
	return RL_OK;
}

static rl_err run_ps_program(char *const *arguments, const pid_t *pids, size_t count)
{
	char ps[] = "ps", every_process[] = "-ef";
	char *const usual[] = { every_process, NULL };
	char *argv[CLI_LIST_MAX] = { ps };
	int pair[2], status, n = 1;
	pid_t pid;
	FILE *f;
	rl_err e;

	if (arguments[0] == NULL)
		arguments = usual;
	for (; arguments[n - 1] != NULL && n < CLI_LIST_MAX - 1; n++)
		argv[n] = arguments[n - 1];
	RL_TRY(rl_sys(pipe2(pair, O_CLOEXEC), "make a pipe for ps"));
	pid = fork();
	RL_TRY(rl_sys(pid, "fork for ps"));
	if (pid == 0) {
		dup2(pair[1], STDOUT_FILENO);
		execvp("ps", argv);
		_exit(127);
	}
	close(pair[1]);
	f = fdopen(pair[0], "r");
	e = f != NULL ? filter_ps(f, pids, count) : rl_nomem();
	if (f != NULL)
		fclose(f);
	(void)waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		rl_drop(e);
		return rl_hint(rl_fail(RL_E(ENOENT), "execute ps"),
			       "install procps, or use --format json");
	}
	return e;
}

static void print_guest(const struct ct_guest_process *rows, size_t count)
{
	printf("%-6s %6s %6s %1s %8s %8s %s\n", "UID", "PID", "PPID", "S", "TIME", "RSS", "CMD");
	for (size_t i = 0; i < count; i++)
		printf("%-6u %6u %6u %c %5llu.%02llu %8llu %s\n", rows[i].uid, rows[i].pid,
		       rows[i].ppid, rows[i].state, (unsigned long long)rows[i].cpu_ms / 1000,
		       (unsigned long long)rows[i].cpu_ms / 10 % 100,
		       (unsigned long long)rows[i].rss_kib, rows[i].command);
}

/* Pids for a program are the host's, those for a person the guest's. */
static rl_err look_into_guest(const struct cli_call *call, bool *ret_machine)
{
	const struct ct_guest_process *rows;
	size_t count;

	RL_TRY(ct_guest_processes(call->arena, call->globals->root, call->words->items[0],
				  ret_machine, &rows, &count));
	if (!*ret_machine)
		return RL_OK;
	if (call->words->count > 1)
		return rl_refuse(RL_E(ENOTSUP), "ps: the options of ps(1) are of no use for the "
						"processes of a virtual machine");
	print_guest(rows, count);
	return rl_sys(fflush(stdout), "write to standard output");
}

static rl_err run_ps(const struct cli_call *call, int *ret_status)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const pid_t *pids;
	bool json, machine;
	size_t count;

	(void)ret_status;
	RL_TRY(wants_json(call->options, &json));
	if (!json) {
		RL_TRY(look_into_guest(call, &machine));
		if (machine)
			return RL_OK;
	}
	RL_TRY(ct_pids(call->arena, call->globals->root, call->words->items[0], &pids, &count));
	if (!json)
		return run_ps_program(call->words->items + 1, pids, count);
	RL_TRY(rl_json_begin(&w, false));
	rl_json_array(&w);
	for (size_t i = 0; i < count; i++)
		rl_json_integer(&w, pids[i]);
	rl_json_array_end(&w);
	return print_document(&w);
}

static const struct cli_option no_options[] = { { 0 } };
static const struct cli_option list_options[] = {
	{ "format", 'f', CLI_TEXT, O(format), "FORMAT", "table or json" },
	{ "quiet", 'q', CLI_FLAG, O(quiet), NULL, "ids only" },
	{ 0 },
};
static const struct cli_option ps_options[] = {
	{ "format", 'f', CLI_TEXT, O(format), "FORMAT", "table or json" },
	{ 0 },
};

const struct cli_command cli_state = {
	.name = "state",
	.words = "CONTAINER",
	.help = "print the state of a container as JSON",
	.options = no_options,
	.least_words = 1,
	.most_words = 1,
	.run = run_state,
};
const struct cli_command cli_list = {
	.name = "list",
	.words = "",
	.help = "list containers",
	.options = list_options,
	.run = run_list,
};
const struct cli_command cli_ps = {
	.name = "ps",
	.words = "CONTAINER [PS OPTION...]",
	.help = "list processes of a container",
	.options = ps_options,
	.least_words = 1,
	.most_words = -1,
	.stop_at_word = true,
	.run = run_ps,
};

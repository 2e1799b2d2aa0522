/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runlet [GLOBAL OPTIONS] COMMAND [OPTIONS] WORDS: finds the command, prints a failure once, picks
 * the exit status. One of the two doors out of the error convention.
 */
#include "base/io.h"
#include "base/log.h"
#include "cli/cli.h"
#include "linux/sys.h"
#include "version.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A config.json of some megabytes with its plan; only what is used becomes memory. */
#define ARENA_SIZE ((size_t)256 << 20)

static const struct cli_command *const commands[] = {
	&cli_checkpoint, &cli_create,	&cli_delete, &cli_doctor,  &cli_events,
	&cli_exec,	 &cli_features, &cli_kill,   &cli_list,	   &cli_mounts,
	&cli_pause,	 &cli_plan,	&cli_ps,     &cli_restore, &cli_resume,
	&cli_run,	 &cli_spec,	&cli_start,  &cli_state,   &cli_update,
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

#define GLOBAL(field) offsetof(struct cli_globals, field)
static const struct cli_option global_options[] = {
	{ "root", 0, CLI_TEXT, GLOBAL(root), "DIR", "directory for the state of containers" },
	{ "log", 0, CLI_TEXT, GLOBAL(log), "DEST", "[file:]PATH, journald:ID or syslog:ID" },
	{ "log-format", 0, CLI_TEXT, GLOBAL(log_format), "FORMAT", "text or json" },
	{ "log-level", 0, CLI_TEXT, GLOBAL(log_level), "LEVEL", "error, warning, info or debug" },
	{ "debug", 0, CLI_FLAG, GLOBAL(debug), NULL, "the same as --log-level debug" },
	{ "systemd-cgroup", 0, CLI_FLAG, GLOBAL(systemd_cgroup), NULL,
	  "the same as --cgroup-manager systemd" },
	{ "cgroup-manager", 0, CLI_TEXT, GLOBAL(cgroup_manager), "MANAGER",
	  "cgroupfs, systemd or disabled" },
	{ "rootless", 0, CLI_TEXT, GLOBAL(rootless), "BOOL",
	  "true, false or auto: forgive missing rights on cgroups" },
	{ "criu", 0, CLI_TEXT, GLOBAL(criu), "PATH",
	  "the program for checkpoint and restore (default: criu)" },
	{ "version", 'v', CLI_FLAG, GLOBAL(version), NULL, "print the version" },
	{ "version", 'V', CLI_FLAG, GLOBAL(version), NULL, NULL },
	{ "help", 'h', CLI_FLAG, GLOBAL(help), NULL, "print this text" },
	{ 0 },
};

static void print_help(void)
{
	printf("Usage: runlet [OPTION...] COMMAND [OPTION...] WORD...\n\n"
	       "An OCI container runtime.\n\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-12s %s\n", commands[i]->name, commands[i]->help);
	printf("\nOptions:\n");
	cli_print_options(global_options);
	printf("\n`runlet COMMAND --help` tells about one command.\n");
}

static void print_command_help(const struct cli_command *c)
{
	printf("Usage: runlet %s [OPTION...] %s\n\n%s\n", c->name, c->words, c->help);
	if (c->options[0].name != NULL)
		printf("\nOptions:\n");
	cli_print_options(c->options);
}

/* Engines parse lines that start "NAME version", "commit:" and "spec:". */
static void print_version(void)
{
	printf("runlet version %s\ncommit: %s\nspec: %s\n", RL_VERSION, RL_COMMIT, RL_SPEC);
}

/* ---- global options ------------------------------------------------------------------------- */

static rl_err open_log(const struct cli_globals *g)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	enum rl_log_format format = RL_LOG_TEXT;
	enum rl_log_level level = RL_LOG_WARNING;
	size_t i = g->debug ? RL_LOG_DEBUG : RL_LOG_WARNING;

	if (g->log_format != NULL && strcmp(g->log_format, "json") == 0)
		format = RL_LOG_JSON;
	else if (g->log_format != NULL && strcmp(g->log_format, "text") != 0)
		return rl_refuse(RL_E(EINVAL),
				 "option --log-format: \"%s\" is neither text nor json",
				 g->log_format);
	if (g->log_level != NULL)
		for (i = 0; i < 4 && strcmp(g->log_level, names[i]) != 0; i++)
			;
	if (i == 4)
		return rl_refuse(RL_E(EINVAL), "option --log-level: unknown level \"%s\"",
				 g->log_level);
	level = (enum rl_log_level)i;
	return rl_log_open(g->log, format, level);
}

/* Podman calls us as root of the user's namespace. Who may write the host's ids is not in one. */
static bool in_user_namespace(void)
{
	unsigned inside = 0, outside = 0, count = 0;
	char map[64];

	if (rl_drop_failed(rl_read_small(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map))))
		return false;
	return sscanf(map, "%u %u %u", &inside, &outside, &count) != 3 || inside != 0 ||
	       outside != 0 || count != UINT32_MAX;
}

/* The state of a user's containers lies in the user's runtime directory, root's in /run. */
static rl_err find_root(struct rl_arena *a, struct cli_globals *g)
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");

	if (g->root != NULL) {
		RL_TRY(cli_absolute(a, g->root, &g->root));
		if (strcmp(g->root, "/") == 0)
			return rl_refuse(RL_E(EINVAL), "option --root: not the root directory");
		return RL_OK;
	}
	if (geteuid() == 0 && (runtime_dir == NULL || !in_user_namespace())) {
		g->root = "/run/runlet";
		return RL_OK;
	}
	if (runtime_dir == NULL || *runtime_dir != '/')
		return rl_hint(rl_refuse(RL_E(EINVAL), "no directory for the state of containers"),
			       "set XDG_RUNTIME_DIR or give --root");
	return rl_arena_fmt(a, &g->root, "%s/runlet", runtime_dir);
}

/* Before we open any: afterwards nobody can tell ours from those that were passed to us. */
static unsigned count_inherited(void)
{
	unsigned count = 0;

	while (fcntl((int)(3 + count), F_GETFD) >= 0)
		count++;
	return count;
}

/*
 * Descriptors that we were started with and that nobody announced stay out of hooks and
 * containers (CVE-2024-21626): all but the standard ones become close-on-exec at once. What is
 * announced (LISTEN_FDS, --preserve-fds) is given on deliberately, at the last step.
 */
static void shield_descriptors(void)
{
	(void)lx_sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

/* ---- one command ---------------------------------------------------------------------------- */

static const struct cli_command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static bool wants_help(int argc, char **argv)
{
	return argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

static rl_err run_command(const struct cli_command *c, struct rl_arena *a,
			  const struct cli_globals *g, int argc, char **argv, int *ret_status)
{
	static union cli_options options; /* zeroed, and too large for a stack */
	struct cli_words words;
	struct cli_call call = { a, g, &words, &options, argv };

	RL_TRY(cli_parse(c->options, argc, argv, c->stop_at_word, &options, &words), "%s", c->name);
	if (words.count < c->least_words || (c->most_words >= 0 && words.count > c->most_words))
		return rl_hint(rl_refuse(RL_E(EINVAL), "%s: takes %s", c->name, c->words),
			       "see `runlet %s --help`", c->name);
	return c->run(&call, ret_status);
}

static int fail(rl_err e, int status)
{
	rl_log_failure(e);
	rl_drop(e);
	return status != 0 ? status : 1;
}

/* A name that ends in "krun", or "crun-NAME", selects a handler. */
static const char *handler_of_name(const char *argv0)
{
	const char *slash = strrchr(argv0, '/'), *name = slash != NULL ? slash + 1 : argv0;
	size_t len = strlen(name);

	if (len >= 4 && strcmp(name + len - 4, "krun") == 0)
		return name + len - 4;
	if (strncmp(name, "crun-", 5) == 0)
		return name + 5;
	return NULL;
}

/* How many words stand before the command: global options and their values. */
static rl_err parse_globals(int argc, char **argv, struct cli_globals *g, struct cli_words *rest)
{
	RL_TRY(cli_parse(global_options, argc, argv, true, g, rest));
	return RL_OK;
}

int main(int argc, char **argv)
{
	struct cli_globals g = { 0 };
	struct rl_arena arena = { 0 };
	struct cli_words rest = { 0 };
	const struct cli_command *c;
	int status = 0;
	rl_err e;

	g.inherited = count_inherited();
	shield_descriptors();
	e = rl_arena_new(ARENA_SIZE, &arena);
	if (!rl_failed(e))
		e = parse_globals(argc, argv, &g, &rest);
	if (rl_failed(e))
		return fail(e, CLI_EXIT_USAGE);
	if (g.version) {
		print_version();
		return 0;
	}
	if (g.help || rest.count == 0 || strcmp(rest.items[0], "help") == 0) {
		print_help();
		return g.help || rest.count > 0 ? 0 : CLI_EXIT_USAGE;
	}
	c = find_command(rest.items[0]);
	if (c != NULL && wants_help(rest.count, rest.items)) {
		print_command_help(c);
		return 0;
	}
	g.handler = handler_of_name(argv[0]);
	e = open_log(&g);
	if (!rl_failed(e) && c == NULL)
		e = rl_hint(rl_refuse(RL_E(EINVAL), "unknown command \"%s\"", rest.items[0]),
			    "see `runlet --help`");
	if (!rl_failed(e))
		e = find_root(&arena, &g);
	if (!rl_failed(e))
		e = run_command(c, &arena, &g, rest.count, rest.items, &status);
	return rl_failed(e) ? fail(e, c != NULL ? c->failure_status : CLI_EXIT_USAGE) : status;
}

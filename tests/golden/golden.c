/* SPDX-License-Identifier: Apache-2.0 */
/*
 * golden [OPTION...] CONFIG HOST: the plan of a configuration on a machine that need not be there,
 * or the refusal, as text. Nothing here comes from the machine it runs on: HOST is a JSON object
 * with every member of struct lx_host, the options stand for the command line of runlet.
 */
#include "base/io.h"
#include "base/json.h"
#include "cli/options.h"
#include "oci/read.h"
#include "plan/make.h"
#include "plan/print.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT ((size_t)1 << 20)

struct options {
	const char *id, *bundle, *manager, *rootless, *handler, *notify, *listen_names;
	unsigned preserve_fds, listen_fds;
	bool detach, console_socket, no_pivot, no_new_keyring;
};

#define O(field) offsetof(struct options, field)

static const struct cli_option option_table[] = {
	{ "id", 0, CLI_TEXT, O(id), "ID", "of the container (default: c1)" },
	{ "bundle", 'b', CLI_TEXT, O(bundle), "DIR", "(default: /bundle)" },
	{ "cgroup-manager", 0, CLI_TEXT, O(manager), "NAME", "cgroupfs, systemd, disabled" },
	{ "rootless", 0, CLI_TEXT, O(rootless), "BOOL", "true, false, auto" },
	{ "handler", 0, CLI_TEXT, O(handler), "NAME", "by the program's name" },
	{ "notify", 0, CLI_TEXT, O(notify), "PATH", "NOTIFY_SOCKET" },
	{ "listen-names", 0, CLI_TEXT, O(listen_names), "NAMES", "LISTEN_FDNAMES" },
	{ "listen-fds", 0, CLI_NUMBER, O(listen_fds), "N", "LISTEN_FDS" },
	{ "preserve-fds", 0, CLI_NUMBER, O(preserve_fds), "N", NULL },
	{ "detach", 'd', CLI_FLAG, O(detach), NULL, "as create does" },
	{ "console-socket", 0, CLI_FLAG, O(console_socket), NULL, "there is one" },
	{ "no-pivot", 0, CLI_FLAG, O(no_pivot), NULL, NULL },
	{ "no-new-keyring", 0, CLI_FLAG, O(no_new_keyring), NULL, NULL },
	{ 0 },
};

static rl_err make_request(const struct options *o, struct plan_request *ret)
{
	static const char *const managers[] = { [PLAN_CGROUPFS] = "cgroupfs",
						[PLAN_CGROUP_SYSTEMD] = "systemd",
						[PLAN_CGROUP_DISABLED] = "disabled" };
	const char *rootless = o->rootless != NULL ? o->rootless : "auto";
	struct plan_request r = {
		.id = o->id != NULL ? o->id : "c1",
		.bundle = o->bundle != NULL ? o->bundle : "/bundle",
		.state_root = "/run/runlet",
		.no_pivot = o->no_pivot,
		.no_new_keyring = o->no_new_keyring,
		.detach = o->detach,
		.console_socket = o->console_socket,
		.preserve_fds = o->preserve_fds,
		.listen_fds = o->listen_fds,
		.listen_fd_names = o->listen_names,
		.notify_socket = o->notify,
		.handler = o->handler,
	};
	size_t m = 0;

	while (o->manager != NULL && m < 3 && strcmp(o->manager, managers[m]) != 0)
		m++;
	if (m == 3)
		return rl_refuse(RL_E(EINVAL), "no cgroup manager \"%s\"", o->manager);
	r.cgroup_manager = (enum plan_cgroup_manager)m;
	r.rootless_cgroups = strcmp(rootless, "auto") == 0 ? -1 : strcmp(rootless, "true") == 0;
	*ret = r;
	return RL_OK;
}

/* ---- the machine ----------------------------------------------------------------------------- */

/* Members of the object that were asked for: one that nobody knows is a mistake. */
struct reader {
	const struct rl_json *object;
	size_t taken;
	rl_err err;
};

static const struct rl_json *take(struct reader *r, const char *key, enum rl_json_type type)
{
	const struct rl_json *m = rl_json_get(r->object, key);

	if (rl_failed(r->err))
		return NULL;
	if (m == NULL || m->type != type) {
		r->err = rl_refuse(RL_E(EINVAL), "the host's %s must be there, a %s", key,
				   rl_json_type_name(type));
		return NULL;
	}
	r->taken++;
	return m;
}

static uint64_t take_number(struct reader *r, const char *key)
{
	uint64_t value = 0;

	if (!rl_json_u64(take(r, key, RL_JSON_NUMBER), &value) && !rl_failed(r->err))
		r->err = rl_refuse(RL_E(EINVAL), "the host's %s is no number", key);
	return value;
}

static bool take_bool(struct reader *r, const char *key)
{
	const struct rl_json *m = take(r, key, RL_JSON_BOOL);

	return m != NULL && m->boolean;
}

static const char *take_text(struct reader *r, const char *key)
{
	const struct rl_json *m = take(r, key, RL_JSON_STRING);

	return m != NULL ? m->text : "";
}

static uint64_t take_bits(struct reader *r, const char *key)
{
	return strtoull(take_text(r, key), NULL, 16);
}

static enum lx_cgroup_layout take_layout(struct reader *r)
{
	static const char *const names[] = { [LX_CGROUP_NONE] = "none",
					     [LX_CGROUP_V1] = "v1",
					     [LX_CGROUP_HYBRID] = "hybrid",
					     [LX_CGROUP_V2] = "v2" };
	const char *name = take_text(r, "cgroupLayout");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return (enum lx_cgroup_layout)i;
	r->err = rl_first(r->err, rl_refuse(RL_E(EINVAL), "no cgroup layout \"%s\"", name));
	return LX_CGROUP_NONE;
}

static rl_err all_taken(struct reader *r)
{
	RL_TRY(r->err);
	if (r->object->count != r->taken)
		return rl_refuse(RL_E(EINVAL), "the host has members that nobody knows");
	return RL_OK;
}

static rl_err read_hierarchies(struct rl_arena *a, const struct rl_json *list, struct lx_host *host)
{
	struct lx_cgroup_hierarchy *items;
	size_t count = 0;

	RL_TRY(rl_new_array(a, list->count, &items));
	for (const struct rl_json *m = list->first; m != NULL; m = m->next) {
		struct reader r = { .object = m };

		items[count++] = (struct lx_cgroup_hierarchy){
			.mount = take_text(&r, "mount"),
			.controllers = take_text(&r, "controllers"),
			.own = take_text(&r, "own"),
			.version = (int)take_number(&r, "version"),
		};
		RL_TRY(all_taken(&r), "hierarchy %zu", count - 1);
	}
	host->hierarchies = items;
	host->hierarchy_count = count;
	return RL_OK;
}

static rl_err read_host(struct rl_arena *a, const char *path, struct lx_host *ret)
{
	const struct rl_json *list;
	struct reader r = { 0 };
	const char *text;
	size_t len;

	RL_TRY(rl_read_file(a, AT_FDCWD, path, FILE_LIMIT, &text, &len));
	RL_TRY(rl_json_parse(a, path, text, len, &r.object));
	*ret = (struct lx_host){
		.euid = (uid_t)take_number(&r, "euid"),
		.egid = (gid_t)take_number(&r, "egid"),
		.in_user_namespace = take_bool(&r, "inUserNamespace"),
		.rootless = take_bool(&r, "rootless"),
		.capabilities = take_bits(&r, "capabilities"),
		.bounding = take_bits(&r, "bounding"),
		.last_capability = (int)take_number(&r, "lastCapability"),
		.ignored_signals = take_bits(&r, "ignoredSignals"),
		.cgroup_layout = take_layout(&r),
		.cgroup2_controllers = take_text(&r, "cgroup2Controllers"),
		.resctrl = take_text(&r, "resctrl"),
		.apparmor = take_bool(&r, "apparmor"),
		.selinux = take_bool(&r, "selinux"),
		.cgroup_namespaces = take_bool(&r, "cgroupNamespaces"),
		.time_namespaces = take_bool(&r, "timeNamespaces"),
		.user_namespaces = take_bool(&r, "userNamespaces"),
	};
	if (ret->resctrl[0] == '\0')
		ret->resctrl = NULL;
	list = take(&r, "hierarchies", RL_JSON_ARRAY);
	RL_TRY(all_taken(&r), "%s", path);
	return rl_wrap(read_hierarchies(a, list, ret), "%s", path);
}

/* ---- the plan ---------------------------------------------------------------------------------
 */

static rl_err make_plan(struct rl_arena *a, const char *config_path, const struct lx_host *host,
			const struct plan_request *request, const struct plan **ret)
{
	struct oci_problems problems = oci_problems_in(a);
	const struct oci_config *config;
	const char *text;
	size_t len;

	RL_TRY(rl_read_file(a, AT_FDCWD, config_path, FILE_LIMIT, &text, &len));
	RL_TRY(oci_config_read(&problems, "config.json", text, len, &config));
	return plan_make(a, config, request, host, NULL, ret);
}

static int fail(rl_err e)
{
	fprintf(stderr, "golden: %s\n", rl_text(e));
	rl_drop(e);
	return 2;
}

int main(int argc, char **argv)
{
	struct rl_arena RL_AUTO_ARENA arena = { 0 };
	const struct plan *plan = NULL;
	struct plan_request request;
	struct options options = { 0 };
	struct cli_words words;
	struct lx_host host;
	rl_err e = cli_parse(option_table, argc, argv, false, &options, &words);

	if (!rl_failed(e) && words.count != 2)
		e = rl_refuse(RL_E(EINVAL), "usage: golden [OPTION...] CONFIG HOST");
	if (!rl_failed(e))
		e = rl_arena_new((size_t)64 << 20, &arena);
	if (!rl_failed(e))
		e = make_request(&options, &request);
	if (!rl_failed(e))
		e = read_host(&arena, words.items[1], &host);
	if (rl_failed(e))
		return fail(e);
	e = make_plan(&arena, words.items[0], &host, &request, &plan);
	if (rl_failed(e)) {
		printf("refused: %s\n", rl_text(e));
		if (*rl_hint_text(e) != '\0')
			printf("hint: %s\n", rl_hint_text(e));
		rl_drop(e);
		return 0;
	}
	plan_print(plan, stdout);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint, restore: a container's processes into images by CRIU, and out of them. */
#include "cli/cli.h"
#include "container/criu_message.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct options {
	struct cli_create_options common; /* restore: bundle, sockets, files */
	const char *image_path, *work_path, *parent_path, *page_server;
	const char *cgroups_mode, *network_lock, *lsm_profile, *lsm_mount_context;
	const char *status_fd;
	struct cli_list empty_ns;
	bool leave_running, pre_dump, lazy_pages, auto_dedup;
	bool tcp_established, tcp_skip_in_flight, tcp_close;
	bool ext_unix_sk, shell_job, file_locks, link_remap;
};

#define O(field) offsetof(struct options, field)

/* ---- words ----------------------------------------------------------------------------------- */

struct word {
	const char *name;
	int value;
};

static rl_err choose(const char *option, const char *name, const struct word *words, int *ret)
{
	if (name == NULL)
		return RL_OK;
	for (; words->name != NULL; words++)
		if (strcmp(words->name, name) == 0) {
			*ret = words->value;
			return RL_OK;
		}
	return rl_hint(rl_refuse(RL_E(EINVAL), "option %s: \"%s\" is not known", option, name),
		       "see `runlet checkpoint --help`");
}

static rl_err choose_cgroups(const struct options *o, int *ret)
{
	static const struct word words[] = { { "soft", CT_CRIU_CGROUPS_SOFT },
					     { "full", CT_CRIU_CGROUPS_FULL },
					     { "strict", CT_CRIU_CGROUPS_STRICT },
					     { "ignore", CT_CRIU_CGROUPS_IGNORE },
					     { NULL, 0 } };

	*ret = CT_CRIU_CGROUPS_SOFT;
	return choose("--manage-cgroups-mode", o->cgroups_mode, words, ret);
}

static rl_err choose_lock(const struct options *o, int *ret)
{
	static const struct word words[] = {
		{ "iptables", 1 }, { "nftables", 2 }, { "skip", 3 }, { NULL, 0 }
	};

	return choose("--network-lock", o->network_lock, words, ret);
}

/* CRIU can do without the content of network namespaces only. */
static rl_err choose_namespaces(const struct options *o, uint32_t *ret)
{
	static const struct word words[] = { { "network", CLONE_NEWNET }, { NULL, 0 } };
	int flag = 0;

	for (size_t i = 0; i < o->empty_ns.count; i++) {
		RL_TRY(choose("--empty-ns", o->empty_ns.items[i], words, &flag));
		*ret |= (uint32_t)flag;
	}
	return RL_OK;
}

/* "ADDRESS:PORT"; an address of version 6 has colons of its own. */
static rl_err parse_page_server(struct rl_arena *a, const char *text,
				struct ct_checkpoint_options *c)
{
	const char *colon = text != NULL ? strrchr(text, ':') : NULL;
	char *end = NULL;
	long port = colon != NULL ? strtol(colon + 1, &end, 10) : 0;

	if (text == NULL)
		return RL_OK;
	if (colon == NULL || colon == text || colon[1] == '\0' || *end != '\0' || port < 1 ||
	    port > 65535)
		return rl_refuse(RL_E(EINVAL), "option --page-server: \"%s\" is not ADDRESS:PORT",
				 text);
	c->page_server_port = (int)port;
	return rl_arena_strn(a, text, (size_t)(colon - text), &c->page_server);
}

static rl_err parse_status_fd(const char *text, int *ret)
{
	char *end;
	long fd;

	*ret = -1;
	if (text == NULL)
		return RL_OK;
	fd = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || fd > 65535)
		return rl_refuse(RL_E(EINVAL), "option --status-fd: \"%s\" is no descriptor", text);
	*ret = (int)fd;
	return RL_OK;
}

static rl_err check_parent(const struct options *o)
{
	if (o->parent_path == NULL || o->parent_path[0] != '/')
		return RL_OK;
	return rl_hint(
		rl_refuse(RL_E(EINVAL), "option --parent-path: \"%s\" is absolute", o->parent_path),
		"it counts from the image path, as in ../parent");
}

static rl_err read_options(const struct cli_call *call, struct ct_checkpoint_options *ret)
{
	const struct options *o = call->options;
	struct ct_checkpoint_options c = {
		.parent_path = o->parent_path,
		.lsm_profile = o->lsm_profile,
		.lsm_mount_context = o->lsm_mount_context,
		.leave_running = o->leave_running,
		.pre_dump = o->pre_dump,
		.lazy_pages = o->lazy_pages,
		.auto_dedup = o->auto_dedup,
		.tcp_established = o->tcp_established,
		.tcp_skip_in_flight = o->tcp_skip_in_flight,
		.tcp_close = o->tcp_close,
		.ext_unix_sockets = o->ext_unix_sk,
		.shell_job = o->shell_job,
		.file_locks = o->file_locks,
		.link_remap = o->link_remap,
	};

	RL_TRY(cli_absolute(call->arena, o->image_path != NULL ? o->image_path : "checkpoint",
			    &c.image_path));
	c.criu = call->globals->criu;
	if (c.criu != NULL && strchr(c.criu, '/') != NULL)
		RL_TRY(cli_absolute(call->arena, c.criu, &c.criu));
	if (o->work_path != NULL)
		RL_TRY(cli_absolute(call->arena, o->work_path, &c.work_path));
	RL_TRY(check_parent(o));
	RL_TRY(choose_cgroups(o, &c.cgroups));
	RL_TRY(choose_lock(o, &c.network_lock));
	RL_TRY(choose_namespaces(o, &c.empty_namespaces));
	RL_TRY(parse_page_server(call->arena, o->page_server, &c));
	RL_TRY(parse_status_fd(o->status_fd, &c.status_fd));
	*ret = c;
	return RL_OK;
}

/* ---- the commands ---------------------------------------------------------------------------- */

static rl_err run_checkpoint(const struct cli_call *call, int *ret_status)
{
	struct ct_checkpoint_options options;

	(void)ret_status;
	RL_TRY(read_options(call, &options));
	return ct_checkpoint(call->arena, call->globals->root, call->words->items[0], &options);
}

static rl_err run_restore(const struct cli_call *call, int *ret_status)
{
	const struct options *o = call->options;
	struct ct_checkpoint_options options;
	struct plan_request request;
	struct ct_options general;

	RL_TRY(read_options(call, &options));
	RL_TRY(cli_make_request(call, &o->common, call->words->items[0], &request, &general));
	return ct_restore(call->arena, &request, &general, &options, ret_status);
}

#define COMMON_OPTIONS                                                                             \
	{ "image-path", 0, CLI_TEXT, O(image_path), "DIR", "the images (default: ./checkpoint)" }, \
		{ "work-path", 0, CLI_TEXT, O(work_path), "DIR", "logs (default: the images)" },   \
		{ "tcp-established",  0,    CLI_FLAG,                                              \
		  O(tcp_established), NULL, "open TCP connections too" },                          \
		{ "ext-unix-sk",  0,	CLI_FLAG,                                                  \
		  O(ext_unix_sk), NULL, "Unix sockets that lead outside too" },                    \
		{ "shell-job", 0, CLI_FLAG, O(shell_job), NULL, "jobs of a shell too" },           \
		{ "file-locks", 0, CLI_FLAG, O(file_locks), NULL, "locks of files too" },          \
		{ "manage-cgroups-mode", 0,	 CLI_TEXT,                                         \
		  O(cgroups_mode),	 "MODE", "soft (default), full, strict or ignore" },       \
		{ "network-lock",  0,	     CLI_TEXT,                                             \
		  O(network_lock), "METHOD", "iptables, nftables or skip" },                       \
		{ "lazy-pages", 0, CLI_FLAG, O(lazy_pages), NULL, "memory when it is needed" },    \
		{ "empty-ns",  0,	    CLI_LIST,                                              \
		  O(empty_ns), "NAMESPACE", "leave its content alone: network" },                  \
	{                                                                                          \
		"auto-dedup", 0, CLI_FLAG, O(auto_dedup), NULL, "drop pages that are there twice"  \
	}

static const struct cli_option checkpoint_options[] = {
	COMMON_OPTIONS,
	{ "leave-running", 0, CLI_FLAG, O(leave_running), NULL, "do not end the container" },
	{ "pre-dump", 0, CLI_FLAG, O(pre_dump), NULL, "memory only, while it runs on" },
	{ "parent-path", 0, CLI_TEXT, O(parent_path), "DIR", "earlier images, from the new ones" },
	{ "page-server", 0, CLI_TEXT, O(page_server), "ADDRESS:PORT", "where memory is sent" },
	{ "status-fd", 0, CLI_TEXT, O(status_fd), "FD", "gets a byte when pages are served" },
	{ "tcp-skip-in-flight", 0, CLI_FLAG, O(tcp_skip_in_flight), NULL,
	  "without connections that are being made" },
	{ "link-remap", 0, CLI_FLAG, O(link_remap), NULL, "files that were unlinked too" },
	{ 0 },
};

static const struct cli_option restore_options[] = {
	COMMON_OPTIONS,
	{ "bundle", 'b', CLI_TEXT, O(common.bundle), "DIR", "the bundle (default: .)" },
	{ "detach", 'd', CLI_FLAG, O(common.detach), NULL, "return when it runs" },
	{ "pid-file", 0, CLI_TEXT, O(common.pid_file), "FILE", "file for the pid" },
	{ "console-socket", 0, CLI_TEXT, O(common.console_socket), "PATH",
	  "socket that receives the terminal" },
	{ "no-pivot", 0, CLI_FLAG, O(common.no_pivot), NULL, "as the container was made" },
	{ "no-subreaper", 0, CLI_FLAG, O(common.no_subreaper), NULL, "adopt no orphans" },
	{ "tcp-close", 0, CLI_FLAG, O(tcp_close), NULL, "close TCP connections" },
	{ "lsm-profile", 0, CLI_TEXT, O(lsm_profile), "TYPE:NAME",
	  "another AppArmor or SELinux profile" },
	{ "lsm-mount-context", 0, CLI_TEXT, O(lsm_mount_context), "CONTEXT",
	  "another context of its mounts" },
	{ 0 },
};

const struct cli_command cli_checkpoint = {
	.name = "checkpoint",
	.words = "CONTAINER",
	.help = "write a running container into images, by CRIU",
	.options = checkpoint_options,
	.least_words = 1,
	.most_words = 1,
	.run = run_checkpoint,
};

const struct cli_command cli_restore = {
	.name = "restore",
	.words = "CONTAINER",
	.help = "make a container out of such images",
	.options = restore_options,
	.least_words = 1,
	.most_words = 1,
	.run = run_restore,
};
_Static_assert(sizeof(struct options) <= sizeof(union cli_options), "room for the options");

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

rl_err cli_absolute(struct rl_arena *a, const char *path, const char **ret)
{
	char cwd[PATH_MAX];

	if (path[0] == '/') {
		*ret = path;
		return RL_OK;
	}
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return rl_sys(-1, "find the working directory");
	if (strcmp(path, ".") == 0)
		return rl_arena_str(a, cwd, ret);
	return rl_arena_fmt(a, ret, "%s/%s", cwd, path);
}

rl_err cli_cgroup_manager(const struct cli_globals *g, enum plan_cgroup_manager *ret)
{
	const char *name = g->cgroup_manager;

	*ret = g->systemd_cgroup ? PLAN_CGROUP_SYSTEMD : PLAN_CGROUPFS;
	if (name == NULL)
		return RL_OK;
	if (strcmp(name, "cgroupfs") == 0)
		*ret = PLAN_CGROUPFS;
	else if (strcmp(name, "systemd") == 0)
		*ret = PLAN_CGROUP_SYSTEMD;
	else if (strcmp(name, "disabled") == 0)
		*ret = PLAN_CGROUP_DISABLED;
	else
		return rl_refuse(RL_E(EINVAL),
				 "option --cgroup-manager: \"%s\" is none of cgroupfs, systemd, "
				 "disabled",
				 name);
	return RL_OK;
}

static rl_err rootless_cgroups(const struct cli_globals *g, int *ret)
{
	const char *word = g->rootless;

	*ret = -1;
	if (word == NULL || strcmp(word, "auto") == 0)
		return RL_OK;
	if (strcmp(word, "true") == 0)
		*ret = 1;
	else if (strcmp(word, "false") == 0)
		*ret = 0;
	else
		return rl_refuse(RL_E(EINVAL),
				 "option --rootless: \"%s\" is none of true, false, auto", word);
	return RL_OK;
}

/* sd_listen_fds(3): the descriptors are ours only if LISTEN_PID names us. */
static unsigned listen_fds(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	long n;

	if (count == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid()))
		return 0;
	n = strtol(count, NULL, 10);
	return n > 0 && n < INT_MAX ? (unsigned)n : 0;
}

rl_err cli_make_request(const struct cli_call *call, const struct cli_create_options *o,
			const char *id, struct plan_request *ret_request,
			struct ct_options *ret_options)
{
	const char *config = NULL;
	struct plan_request r = {
		.id = id,
		.state_root = call->globals->root,
		.no_pivot = o->no_pivot,
		.no_new_keyring = o->no_new_keyring,
		.detach = o->detach,
		.console_socket = o->console_socket != NULL,
		.preserve_fds = o->preserve_fds,
		.listen_fds = listen_fds(),
		.listen_fd_names = getenv("LISTEN_FDNAMES"),
		.notify_socket = getenv("NOTIFY_SOCKET"),
		.seccomp_receiver = getenv("RUN_OCI_SECCOMP_RECEIVER"),
		.handler = call->globals->handler,
	};

	/* What was not passed to us would be a descriptor of our own in the container. */
	if (r.listen_fds > call->globals->inherited ||
	    r.preserve_fds > call->globals->inherited - r.listen_fds)
		return rl_refuse(
			RL_E(EBADF),
			"LISTEN_FDS and --preserve-fds name %llu descriptors from 3 on, but "
			"descriptor %u is not open",
			(unsigned long long)r.listen_fds + r.preserve_fds,
			3 + call->globals->inherited);
	RL_TRY(cli_cgroup_manager(call->globals, &r.cgroup_manager));
	RL_TRY(rootless_cgroups(call->globals, &r.rootless_cgroups));
	RL_TRY(cli_absolute(call->arena, o->bundle != NULL ? o->bundle : ".", &r.bundle));
	/* Relative to the caller, as with crun, not to the bundle. */
	if (o->config != NULL)
		RL_TRY(cli_absolute(call->arena, o->config, &config));
	*ret_request = r;
	*ret_options = (struct ct_options){
		.console_socket = o->console_socket,
		.pid_file = o->pid_file,
		.pidfd_socket = o->pidfd_socket,
		.config_file = config,
		.keep = o->keep,
		.no_subreaper = o->no_subreaper,
	};
	return RL_OK;
}

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "HUP", SIGHUP },	 { "INT", SIGINT },   { "QUIT", SIGQUIT },     { "ILL", SIGILL },
	{ "TRAP", SIGTRAP },	 { "ABRT", SIGABRT }, { "IOT", SIGABRT },      { "BUS", SIGBUS },
	{ "FPE", SIGFPE },	 { "KILL", SIGKILL }, { "USR1", SIGUSR1 },     { "SEGV", SIGSEGV },
	{ "USR2", SIGUSR2 },	 { "PIPE", SIGPIPE }, { "ALRM", SIGALRM },     { "TERM", SIGTERM },
	{ "CHLD", SIGCHLD },	 { "CLD", SIGCHLD },  { "CONT", SIGCONT },     { "STOP", SIGSTOP },
	{ "TSTP", SIGTSTP },	 { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },     { "URG", SIGURG },
	{ "XCPU", SIGXCPU },	 { "XFSZ", SIGXFSZ }, { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF },
	{ "WINCH", SIGWINCH },	 { "IO", SIGIO },     { "POLL", SIGIO },       { "PWR", SIGPWR },
	{ "SYS", SIGSYS },
#ifdef SIGSTKFLT
	{ "STKFLT", SIGSTKFLT },
#endif
};

/* The kernel's own numbers: libc keeps the first real-time signals for itself. */
#define KERNEL_RTMIN 34
#define KERNEL_SIGMAX 64

/* "RTMIN", "RTMIN+3": the number, -1 if it is none. */
static int real_time(const char *name, const char *base, char sign, int from)
{
	size_t n = strlen(base);
	long offset;
	char *end;

	if (strncasecmp(name, base, n) != 0)
		return -1;
	if (name[n] == '\0')
		return from;
	if (name[n] != sign || name[n + 1] < '0' || name[n + 1] > '9')
		return -1;
	offset = strtol(name + n + 1, &end, 10);
	if (*end != '\0' || offset > KERNEL_SIGMAX - KERNEL_RTMIN)
		return -1;
	return sign == '+' ? from + (int)offset : from - (int)offset;
}

static int by_name(const char *name)
{
	int number = real_time(name, "RTMIN", '+', KERNEL_RTMIN);

	for (size_t i = 0; number < 0 && i < sizeof(signals) / sizeof(signals[0]); i++)
		if (strcasecmp(signals[i].name, name) == 0)
			number = signals[i].number;
	return number >= 0 ? number : real_time(name, "RTMAX", '-', KERNEL_SIGMAX);
}

rl_err cli_signal(const char *word, int *ret)
{
	char *end;
	long number = strtol(word, &end, 10);

	if (*word < '0' || *word > '9' || *end != '\0' || number > KERNEL_SIGMAX)
		number = by_name(strncasecmp(word, "SIG", 3) == 0 ? word + 3 : word);
	if (number >= 0) {
		*ret = (int)number;
		return RL_OK;
	}
	return rl_hint(rl_refuse(RL_E(EINVAL), "unknown signal \"%s\"", word),
		       "a number, or a name such as TERM, SIGKILL or RTMIN+3");
}

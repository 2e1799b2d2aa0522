/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_cmd.h"

#include "handlers/agent.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define EXIT_VM 125
#define LIST_LIMIT ((size_t)256 << 20)

static const char usage[] =
	"usage: runlet-vm exec [OPTION...] SOCKET -- CMD [ARG...]\n"
	"       runlet-vm ps SOCKET\n"
	"       runlet-vm kill SOCKET [PID] SIGNAL\n"
	"       runlet-vm stop SOCKET\n"
	"Reaches into a machine that was started with --agent-socket SOCKET. Options of exec:\n"
	"\n"
	"  -t, --tty               a terminal, of this one's size\n"
	"  -d, --detach            do not wait, print the pid\n"
	"  -e, --env NAME=VALUE    a variable (PATH is there if it is not given)\n"
	"  -u, --user UID[:GID]    numbers\n"
	"  -w, --workdir DIR       must exist\n";

static const struct option options[] = {
	{ "tty", no_argument, NULL, 't' },	     { "detach", no_argument, NULL, 'd' },
	{ "env", required_argument, NULL, 'e' },     { "user", required_argument, NULL, 'u' },
	{ "workdir", required_argument, NULL, 'w' }, { NULL, 0, NULL, 0 },
};

static _Noreturn void bad_usage(void)
{
	(void)fputs(usage, stderr);
	exit(EXIT_USAGE);
}

static int fail(rl_err e, int status)
{
	const char *hint = rl_hint_text(e);

	(void)fprintf(stderr, "runlet-vm: %s%s%s%s\n", rl_text(e), *hint ? " (" : "", hint,
		      *hint ? ")" : "");
	rl_drop(e);
	return status;
}

static uint32_t number(const char *text, const char **ret_end)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || n >= UINT32_MAX || (ret_end == NULL && *end))
		bad_usage();
	if (ret_end)
		*ret_end = end;
	return (uint32_t)n;
}

static void set_user(struct hdl_agent_process *p, const char *text)
{
	const char *end;

	p->uid = number(text, &end);
	if (*end == ':')
		p->gid = number(end + 1, NULL);
	else if (*end)
		bad_usage();
}

/* ---- exec ---- */

static struct termios before;

static void restore_terminal(void)
{
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

static void use_terminal(struct hdl_agent_process *p)
{
	struct winsize size;
	struct termios raw;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
		p->rows = size.ws_row;
		p->columns = size.ws_col;
	}
	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return;
	raw = before;
	cfmakeraw(&raw);
	(void)atexit(restore_terminal);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static int relay(struct hdl_agent_session *s, const struct hdl_agent_process *p)
{
	struct hdl_agent_io io = { .fd = { 0, 1, 2 }, .size_fd = -1, .forward_signals = true };
	struct hdl_agent_exit end;
	rl_err e;

	if (p->detach) {
		(void)printf("%" PRIu32 "\n", hdl_agent_pid(s));
		return 0;
	}
	if (p->terminal && isatty(STDIN_FILENO))
		io.size_fd = STDIN_FILENO;
	e = hdl_agent_relay(s, &io, &end);
	return rl_failed(e) ? fail(e, EXIT_VM) : end.status;
}

static int start(const struct hdl_agent_at *at, struct hdl_agent_process *p)
{
	struct hdl_agent_session *s;
	int status;
	rl_err e;

	if (p->terminal)
		use_terminal(p);
	e = hdl_agent_start(at, p, true, &s, &status);
	if (rl_failed(e))
		return fail(e, status);
	status = relay(s, p);
	hdl_agent_free(s);
	return status;
}

static int run_exec(int argc, char **argv)
{
	const char *env[256] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	};
	struct hdl_agent_process p = { .env = env, .umask = HDL_AGENT_UMASK_UNSET };
	struct hdl_agent_at at = { .dir_fd = AT_FDCWD };
	size_t env_count = 1;
	int option;

	while ((option = getopt_long(argc, argv, "+tde:u:w:", options, NULL)) != -1) {
		if (option == 't')
			p.terminal = true;
		else if (option == 'd')
			p.detach = true;
		else if (option == 'w')
			p.cwd = optarg;
		else if (option == 'u')
			set_user(&p, optarg);
		else if (option == 'e' && strncmp(optarg, "PATH=", 5) == 0)
			env[0] = optarg;
		else if (option == 'e' && env_count + 1 < sizeof(env) / sizeof(env[0]))
			env[env_count++] = optarg;
		else
			bad_usage();
	}
	if (argc - optind < 2)
		bad_usage();
	at.path = argv[optind++];
	if (strcmp(argv[optind], "--") == 0)
		optind++;
	if (optind == argc)
		bad_usage();
	p.args = (const char *const *)argv + optind;
	return start(&at, &p);
}

/* ---- The rest ---- */

static int run_ps(const struct hdl_agent_at *at)
{
	struct rl_arena RL_AUTO_ARENA arena = { 0 };
	const struct hdl_agent_ps *ps = NULL;
	size_t count = 0;
	rl_err e = rl_arena_new(LIST_LIMIT, &arena);

	if (!rl_failed(e))
		e = hdl_agent_list(at, &arena, &ps, &count);
	if (rl_failed(e))
		return fail(e, EXIT_VM);
	(void)printf("%7s %7s %6s S %10s %10s COMMAND\n", "PID", "PPID", "UID", "RSS KiB",
		     "CPU ms");
	for (size_t i = 0; i < count; i++)
		(void)printf("%7" PRIu32 " %7" PRIu32 " %6" PRIu32 " %c %10" PRIu64 " %10" PRIu64
			     " %s\n",
			     ps[i].pid, ps[i].ppid, ps[i].uid, ps[i].state, ps[i].rss_kib,
			     ps[i].cpu_ms, ps[i].command);
	return 0;
}

int agent_command(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	struct hdl_agent_at at = { .dir_fd = AT_FDCWD, .path = argc > 2 ? argv[2] : NULL };
	rl_err e;

	if (strcmp(name, "exec") == 0)
		return run_exec(argc - 1, argv + 1);
	if (strcmp(name, "ps") == 0 && argc == 3)
		return run_ps(&at);
	if (strcmp(name, "stop") == 0 && argc == 3)
		e = hdl_agent_shutdown(&at);
	else if (strcmp(name, "kill") == 0 && (argc == 4 || argc == 5))
		e = hdl_agent_signal(&at, argc == 5 ? number(argv[3], NULL) : 0,
				     (int)number(argv[argc - 1], NULL));
	else if (strcmp(name, "ps") == 0 || strcmp(name, "stop") == 0 || strcmp(name, "kill") == 0)
		bad_usage();
	else
		return -1;
	return rl_failed(e) ? fail(e, EXIT_VM) : 0;
}

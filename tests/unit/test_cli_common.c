/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "scratch.h"

#include <signal.h>

static struct rl_arena arena;
static struct cli_globals globals;
static const struct cli_call call = { .arena = &arena, .globals = &globals };

static void fresh(void)
{
	rl_arena_free(&arena);
	rl_drop(rl_arena_new(1 << 20, &arena));
	globals = (struct cli_globals){ .root = "/run/x", .inherited = 8 };
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	unsetenv("NOTIFY_SOCKET");
}

static int signal_of(const char *word)
{
	int number = -1;

	return rl_drop_failed(cli_signal(word, &number)) ? -1 : number;
}

TEST(signals_by_number)
{
	CHECK_INT(signal_of("0"), 0);
	CHECK_INT(signal_of("9"), 9);
	CHECK_INT(signal_of("015"), 15);
	CHECK_INT(signal_of("64"), 64);
	CHECK_INT(signal_of("65"), -1);
	CHECK_INT(signal_of("-9"), -1);
	CHECK_INT(signal_of("+9"), -1);
	CHECK_INT(signal_of(" 9"), -1);
	CHECK_INT(signal_of("9 "), -1);
	CHECK_INT(signal_of("0x9"), -1);
	CHECK_INT(signal_of("4294967305"), -1);
	CHECK_INT(signal_of("18446744073709551625"), -1);
	CHECK_INT(signal_of(""), -1);
}

TEST(signals_by_name)
{
	CHECK_INT(signal_of("TERM"), SIGTERM);
	CHECK_INT(signal_of("SIGTERM"), SIGTERM);
	CHECK_INT(signal_of("term"), SIGTERM);
	CHECK_INT(signal_of("sigKill"), SIGKILL);
	CHECK_INT(signal_of("IOT"), SIGABRT);
	CHECK_INT(signal_of("CLD"), SIGCHLD);
	CHECK_INT(signal_of("POLL"), SIGIO);
	CHECK_INT(signal_of("STKFLT"), 16);
	CHECK_INT(signal_of("PWR"), SIGPWR);
	CHECK_INT(signal_of("SIG"), -1);
	CHECK_INT(signal_of("SIG9"), -1);
	CHECK_INT(signal_of("TERMX"), -1);
	CHECK_INT(signal_of("SIGSIGTERM"), -1);
}

/* Numbers are the kernel's: libc's SIGRTMIN is one or two higher. */
TEST(signals_of_real_time)
{
	CHECK_INT(signal_of("RTMIN"), 34);
	CHECK_INT(signal_of("SIGRTMIN+3"), 37);
	CHECK_INT(signal_of("rtmin+30"), 64);
	CHECK_INT(signal_of("RTMIN+31"), -1);
	CHECK_INT(signal_of("RTMIN-1"), -1);
	CHECK_INT(signal_of("RTMIN+-1"), -1);
	CHECK_INT(signal_of("RTMIN+"), -1);
	CHECK_INT(signal_of("RTMIN+ 3"), -1);
	CHECK_INT(signal_of("RTMIN+3x"), -1);
	CHECK_INT(signal_of("RTMIN3"), -1);
	CHECK_INT(signal_of("RTMIN+4294967299"), -1);
	CHECK_INT(signal_of("RTMAX"), 64);
	CHECK_INT(signal_of("RTMAX-30"), 34);
	CHECK_INT(signal_of("RTMAX-31"), -1);
	CHECK_INT(signal_of("RTMAX+1"), -1);
}

TEST(a_wrong_signal_is_named_and_changes_nothing)
{
	int number = 42;

	CHECK_FAILS(cli_signal("RTMIN+99", &number), EINVAL, "unknown signal \"RTMIN+99\"");
	CHECK_INT(number, 42);
}

TEST(absolute_paths)
{
	char cwd[PATH_MAX], want[PATH_MAX + 10];
	const char *path;

	fresh();
	CHECK(chdir(scratch_dir()) == 0);
	CHECK(getcwd(cwd, sizeof(cwd)) != NULL);
	CHECK_OK(cli_absolute(&arena, "/a/b", &path));
	CHECK_STR(path, "/a/b");
	CHECK_OK(cli_absolute(&arena, ".", &path));
	CHECK_STR(path, cwd);
	CHECK_OK(cli_absolute(&arena, "a/../b", &path));
	snprintf(want, sizeof(want), "%s/a/../b", cwd);
	CHECK_STR(path, want);
	CHECK(mkdir(scratch("gone"), 0700) == 0);
	CHECK(chdir("gone") == 0 && rmdir(scratch("gone")) == 0);
	CHECK_FAILS(cli_absolute(&arena, "x", &path), ENOENT, "find the working directory");
	CHECK(chdir("/") == 0);
}

static enum plan_cgroup_manager manager_of(const char *name, bool systemd)
{
	struct cli_globals g = { .cgroup_manager = name, .systemd_cgroup = systemd };
	enum plan_cgroup_manager m = (enum plan_cgroup_manager)99;

	return rl_drop_failed(cli_cgroup_manager(&g, &m)) ? (enum plan_cgroup_manager)98 : m;
}

TEST(the_cgroup_manager)
{
	struct cli_globals g = { .cgroup_manager = "none" };
	enum plan_cgroup_manager m;

	CHECK_INT(manager_of(NULL, false), PLAN_CGROUPFS);
	CHECK_INT(manager_of(NULL, true), PLAN_CGROUP_SYSTEMD);
	CHECK_INT(manager_of("cgroupfs", false), PLAN_CGROUPFS);
	CHECK_INT(manager_of("systemd", false), PLAN_CGROUP_SYSTEMD);
	CHECK_INT(manager_of("disabled", false), PLAN_CGROUP_DISABLED);
	/* podman --cgroups=disabled gives both. */
	CHECK_INT(manager_of("disabled", true), PLAN_CGROUP_DISABLED);
	CHECK_FAILS(cli_cgroup_manager(&g, &m), EINVAL,
		    "option --cgroup-manager: \"none\" is none of cgroupfs, systemd, disabled");
}

static struct plan_request request;
static struct ct_options options;

static rl_err make(const struct cli_create_options *o)
{
	return cli_make_request(&call, o, "c1", &request, &options);
}

TEST(a_request_of_defaults)
{
	const struct cli_create_options o = { 0 };
	char cwd[PATH_MAX];

	fresh();
	CHECK(getcwd(cwd, sizeof(cwd)) != NULL);
	CHECK_OK(make(&o));
	CHECK_STR(request.id, "c1");
	CHECK_STR(request.bundle, cwd);
	CHECK_STR(request.state_root, "/run/x");
	CHECK_INT(request.cgroup_manager, PLAN_CGROUPFS);
	CHECK_INT(request.rootless_cgroups, -1);
	CHECK(!request.no_pivot && !request.no_new_keyring && !request.detach);
	CHECK(!request.console_socket && request.handler == NULL);
	CHECK_INT(request.preserve_fds, 0);
	CHECK_INT(request.listen_fds, 0);
	CHECK(request.notify_socket == NULL && request.listen_fd_names == NULL);
	CHECK(options.pid_file == NULL && options.config_file == NULL && !options.keep);
}

TEST(a_request_of_everything)
{
	const struct cli_create_options o = {
		.bundle = "/b",
		.config = "other.json",
		.console_socket = "/s",
		.pid_file = "/p",
		.pidfd_socket = "/f",
		.no_pivot = true,
		.no_new_keyring = true,
		.no_subreaper = true,
		.detach = true,
		.keep = true,
		.preserve_fds = 4,
	};

	fresh();
	globals.systemd_cgroup = true;
	globals.rootless = "true";
	globals.handler = "krun";
	setenv("NOTIFY_SOCKET", "/n", 1);
	CHECK_OK(make(&o));
	CHECK_STR(request.bundle, "/b");
	CHECK_INT(request.cgroup_manager, PLAN_CGROUP_SYSTEMD);
	CHECK_INT(request.rootless_cgroups, 1);
	CHECK(request.no_pivot && request.no_new_keyring && request.detach);
	CHECK(request.console_socket);
	CHECK_INT(request.preserve_fds, 4);
	CHECK_STR(request.notify_socket, "/n");
	CHECK_STR(request.handler, "krun");
	CHECK_STR(options.console_socket, "/s");
	CHECK_STR(options.pid_file, "/p");
	CHECK_STR(options.pidfd_socket, "/f");
	CHECK(options.config_file[0] == '/' && strstr(options.config_file, "/other.json") != NULL);
	CHECK(options.keep && options.no_subreaper);
}

TEST(descriptors_that_were_not_passed)
{
	struct cli_create_options o = { .preserve_fds = 3 };

	fresh();
	globals.inherited = 3;
	CHECK_OK(make(&o));
	o.preserve_fds = 4;
	CHECK_FAILS(make(&o), EBADF, "descriptor 6 is not open");
	o.preserve_fds = UINT32_MAX;
	CHECK_FAILS(make(&o), EBADF, "is not open");
}

TEST(rootless_words)
{
	const struct cli_create_options o = { 0 };

	fresh();
	globals.rootless = "false";
	CHECK_OK(make(&o));
	CHECK_INT(request.rootless_cgroups, 0);
	globals.rootless = "auto";
	CHECK_OK(make(&o));
	CHECK_INT(request.rootless_cgroups, -1);
	globals.rootless = "maybe";
	CHECK_FAILS(make(&o), EINVAL, "option --rootless: \"maybe\" is none of true, false, auto");
}

static unsigned listened(const char *pid, const char *count)
{
	const struct cli_create_options o = { 0 };

	fresh();
	if (pid != NULL)
		setenv("LISTEN_PID", pid, 1);
	if (count != NULL)
		setenv("LISTEN_FDS", count, 1);
	setenv("LISTEN_FDNAMES", "a:b", 1);
	return rl_drop_failed(make(&o)) ? 99 : request.listen_fds;
}

TEST(descriptors_of_the_service_manager)
{
	char me[16];

	snprintf(me, sizeof(me), "%d", (int)getpid());
	CHECK_INT(listened(me, "2"), 2);
	CHECK_STR(request.listen_fd_names, "a:b");
	CHECK_INT(listened(NULL, "2"), 2);
	CHECK_INT(listened("1", "2"), 0); /* meant for another */
	CHECK_INT(listened(me, NULL), 0);
	CHECK_INT(listened(me, "0"), 0);
	CHECK_INT(listened(me, "-1"), 0);
	CHECK_INT(listened(me, "x"), 0);
	CHECK_INT(listened(me, "99999999999999999999"), 0);
	fresh();
}

RUN_TESTS()

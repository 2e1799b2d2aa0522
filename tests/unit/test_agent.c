/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's client against the agent itself: what a process gets, and what comes back. */
#include "agent_fixture.h"

#include <pty.h>
#include <sys/resource.h>

static struct agent_fixture f;

/* Runs a command with its streams in pipes; what it wrote is in `out` and `err`. */
struct result {
	char out[200000], err[4096];
	size_t out_len;
	struct hdl_agent_exit exit;
	int failed_status;
	rl_err e;
};
static struct result r;

static void fill(const int pipe_fd[2], const char *text, size_t len)
{
	int fd = pipe_fd[1];

	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pipe_fd[0]);
		while (len > 0) {
			ssize_t n = write(fd, text, len);

			if (n <= 0)
				_exit(1);
			text += n;
			len -= (size_t)n;
		}
		_exit(0);
	}
	close(fd);
}

static int temp(void)
{
	char name[] = "/tmp/agent-out.XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	return fd;
}

static size_t slurp(int fd, char *to, size_t size)
{
	size_t len = 0;
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	while (len < size - 1 && (n = read(fd, to + len, size - 1 - len)) > 0)
		len += (size_t)n;
	to[len] = '\0';
	close(fd);
	return len;
}

static void run(const struct hdl_agent_process *p, const char *input, size_t input_len)
{
	struct hdl_agent_session *s = NULL;
	struct hdl_agent_io io = { .fd = { -1, temp(), temp() }, .size_fd = -1 };
	int in[2] = { -1, -1 };

	memset(&r, 0, sizeof(r));
	if (input && pipe2(in, O_CLOEXEC) == 0) {
		fill(in, input, input_len);
		io.fd[0] = in[0];
	}
	r.e = hdl_agent_start(&f.at, p, input != NULL, &s, &r.failed_status);
	if (!rl_failed(r.e))
		r.e = hdl_agent_relay(s, &io, &r.exit);
	hdl_agent_free(s);
	r.out_len = slurp(io.fd[1], r.out, sizeof(r.out));
	(void)slurp(io.fd[2], r.err, sizeof(r.err));
	if (input)
		close(in[0]);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

static const char *const env[] = { "PATH=/usr/bin:/bin", "A=1 2", NULL };

static struct hdl_agent_process shell(const char *const *args)
{
	return (struct hdl_agent_process){ .args = args,
					   .env = env,
					   .umask = HDL_AGENT_UMASK_UNSET };
}

static void sh(const char *script, const char *input)
{
	const char *args[] = { "sh", "-c", script, NULL };
	struct hdl_agent_process p = shell(args);

	run(&p, input, input ? strlen(input) : 0);
}

TEST(streams_and_status)
{
	CHECK(fixture_start(&f));
	sh("cat; echo \"$A\"; echo err >&2; exit 7", "hello ");
	CHECK_OK(r.e);
	CHECK_STR(r.out, "hello 1 2\n");
	CHECK_STR(r.err, "err\n");
	CHECK_INT(r.exit.status, 7);
	CHECK(!r.exit.signaled);
	sh("kill -9 $$", NULL);
	CHECK_OK(r.e);
	CHECK_INT(r.exit.status, 137);
	CHECK(r.exit.signaled);
	sh("exit 137", NULL);
	CHECK(r.exit.status == 137 && !r.exit.signaled);
	/* Without input there is nothing to read. */
	sh("readlink /proc/self/fd/0", NULL);
	CHECK_STR(r.out, "/dev/null\n");
	fixture_stop(&f);
}

TEST(more_than_every_window)
{
	static char big[190000];

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)('a' + i * 7 % 26 + i / 50000 % 2);
	CHECK(fixture_start(&f));

	const char *args[] = { "cat", NULL };
	struct hdl_agent_process p = shell(args);

	run(&p, big, sizeof(big));
	CHECK_OK(r.e);
	CHECK_INT(r.out_len, sizeof(big));
	CHECK(memcmp(r.out, big, sizeof(big)) == 0);
	/* A process that does not read does not hold up its end. */
	const char *no_read[] = { "sh", "-c", "echo done; exit 3", NULL };

	p = shell(no_read);
	run(&p, big, sizeof(big));
	CHECK_OK(r.e);
	CHECK_STR(r.out, "done\n");
	CHECK_INT(r.exit.status, 3);
	fixture_stop(&f);
}

TEST(whole_process_object)
{
	static const uint32_t groups[] = { 5, 7, 9 };
	static const struct hdl_agent_rlimit limits[] = { { RLIMIT_NOFILE, 111, 222 },
							  { RLIMIT_CORE, 0, 0 } };
	static const struct hdl_agent_caps caps = { .bounding = 1 << 5 | 1 << 13,
						    .effective = 1 << 5,
						    .permitted = 1 << 5,
						    .inheritable = 1 << 5,
						    .ambient = 1 << 5 };
	const char *args[] = {
		"sh", "-c",
		"id -u; id -g; id -G; umask; pwd; ulimit -n; ulimit -Hn; "
		"cat /proc/self/oom_score_adj; grep -E 'Cap|NoNew' /proc/self/status "
		"| tr -d '\\t' | tr '\\n' ' '; echo >/dev/stdout; "
		"env | grep -v PWD | sort | tr '\\n' ' '; grep SigIgn /proc/self/status",
		NULL
	};
	struct hdl_agent_process p = shell(args);
	int32_t score = 321;

	if (geteuid() != 0)
		SKIP("not root");
	p.cwd = "/usr";
	p.uid = 1000;
	p.gid = 100;
	p.umask = 0077;
	p.groups = groups;
	p.group_count = 3;
	p.caps = &caps;
	p.rlimits = limits;
	p.rlimit_count = 2;
	p.oom_score_adj = &score;
	p.no_new_privileges = true;
	CHECK(fixture_start(&f));
	run(&p, NULL, 0);
	CHECK_OK(r.e);
	CHECK_STR(r.err, "");
	CHECK_STR(r.out, "1000\n100\n100 5 7 9\n0077\n/usr\n111\n222\n321\n"
			 "CapInh:0000000000000020 CapPrm:0000000000000020 CapEff:0000000000000020 "
			 "CapBnd:0000000000002020 CapAmb:0000000000000020 NoNewPrivs:1 \n"
			 "A=1 2 PATH=/usr/bin:/bin SigIgn:\t0000000000000000\n");
	fixture_stop(&f);
}

TEST(reasons)
{
	const char *none[] = { "/no/such/program", NULL }, *dir[] = { "/etc", NULL };
	const char *path[] = { "no-such-program", NULL }, *true_[] = { "true", NULL };
	struct hdl_agent_process p = shell(none);

	CHECK(fixture_start(&f));
	run(&p, NULL, 0);
	CHECK_INT(r.failed_status, 127);
	CHECK_FAILS(r.e, ENOENT, "in the guest: execute /no/such/program: No such file");
	p.args = path;
	run(&p, NULL, 0);
	CHECK_INT(r.failed_status, 127);
	CHECK_FAILS(r.e, ENOENT, "find no-such-program in PATH");
	p.args = dir;
	run(&p, NULL, 0);
	CHECK_INT(r.failed_status, 126);
	CHECK_FAILS(r.e, EACCES, "execute /etc");
	p.args = true_;
	p.cwd = "/no/such/directory";
	run(&p, NULL, 0);
	CHECK_INT(r.failed_status, 125);
	CHECK_FAILS(r.e, ENOENT, "enter the working directory /no/such/directory");
	p.args = NULL;
	run(&p, NULL, 0);
	CHECK_FAILS(r.e, EINVAL, "there is no command");
	p = shell(true_);
	p.detach = p.terminal = true;
	run(&p, NULL, 0);
	CHECK_FAILS(r.e, EINVAL, "has no terminal");
	fixture_stop(&f);
}

TEST(many_arguments)
{
	static char words[30000][8];
	static const char *args[30006] = { "sh", "-c", "echo $# $30000", "sh" };
	struct hdl_agent_process p = shell(args);

	for (int i = 0; i < 30000; i++) {
		snprintf(words[i], sizeof(words[i]), "w%d", i + 1);
		args[4 + i] = words[i];
	}
	args[2] = "eval 'echo $# ${30000}'";
	CHECK(fixture_start(&f));
	run(&p, NULL, 0);
	CHECK_OK(r.e);
	CHECK_STR(r.out, "30000 w30000\n");
	fixture_stop(&f);
}

/* What a child of the process holds open does not hold up its end; what it wrote comes out. */
TEST(left_behind)
{
	CHECK(fixture_start(&f));
	sh("(sleep 300 & echo $! >&2); head -c 50000 /dev/zero", NULL);
	CHECK_OK(r.e);
	CHECK_INT(r.out_len, 50000);
	kill(atoi(r.err), SIGKILL);
	/* One that writes for ever does not either. */
	sh("(yes & echo $! >&2); sleep 0.2", NULL);
	CHECK_OK(r.e);
	CHECK_INT(r.exit.status, 0);
	kill(atoi(r.err), SIGKILL);
	fixture_stop(&f);
}

/* Whoever reads our output goes away: the process sees it. */
TEST(reader_gone)
{
	const char *args[] = { "sh", "-c", "trap '' PIPE; while echo x; do :; done 2>&-; exit 9",
			       NULL };
	struct hdl_agent_process p = shell(args);
	struct hdl_agent_session *s;
	struct hdl_agent_exit e;
	int fd[2];

	CHECK(fixture_start(&f));
	CHECK_INT(pipe2(fd, O_CLOEXEC), 0);
	close(fd[0]);

	struct hdl_agent_io io = { .fd = { -1, fd[1], -1 }, .size_fd = -1 };

	CHECK_OK(hdl_agent_start(&f.at, &p, false, &s, NULL));
	CHECK_OK(hdl_agent_relay(s, &io, &e));
	CHECK_INT(e.status, 9);
	hdl_agent_free(s);
	close(fd[1]);
	fixture_stop(&f);
}

static int gone_within(pid_t pid, int ms)
{
	for (; ms > 0; ms -= 10) {
		char name[64];
		int fd;

		snprintf(name, sizeof(name), "/proc/%d/stat", pid);
		fd = open(name, O_RDONLY);
		if (fd < 0)
			return 1;
		close(fd);
		usleep(10000);
	}
	return 0;
}

/* A client that goes away takes its process with it; a detached one stays, and can be signalled. */
TEST(client_gone)
{
	const char *args[] = { "sleep", "300", NULL };
	struct hdl_agent_process p = shell(args);
	struct hdl_agent_session *s;
	pid_t pid;

	CHECK(fixture_start(&f));
	CHECK_OK(hdl_agent_start(&f.at, &p, false, &s, NULL));
	pid = (pid_t)hdl_agent_pid(s);
	CHECK_OK(hdl_agent_signal(&f.at, (uint32_t)pid, 0));
	hdl_agent_free(s);
	CHECK(gone_within(pid, 5000));
	CHECK_FAILS(hdl_agent_signal(&f.at, (uint32_t)pid, 0), ESRCH, "send the signal");

	p.detach = true;
	CHECK_OK(hdl_agent_start(&f.at, &p, false, &s, NULL));
	pid = (pid_t)hdl_agent_pid(s);
	CHECK_FAILS(hdl_agent_relay(s, NULL, NULL), EINVAL, "detached");
	hdl_agent_free(s);
	CHECK(!gone_within(pid, 200));
	CHECK_OK(hdl_agent_signal(&f.at, (uint32_t)pid, SIGTERM));
	CHECK(gone_within(pid, 5000));
	fixture_stop(&f);
}

TEST(signals)
{
	CHECK(fixture_start(&f));
	CHECK_OK(hdl_agent_signal(&f.at, 0, 0));
	CHECK_FAILS(hdl_agent_signal(&f.at, 1, 0), ESRCH, ""); /* nobody's business */
	CHECK_FAILS(hdl_agent_signal(&f.at, (uint32_t)getpid(), 0), ESRCH, "");
	CHECK_FAILS(hdl_agent_signal(&f.at, 0x80000001u, 0), ESRCH, "");
	CHECK_FAILS(hdl_agent_signal(&f.at, 0, 9999), EINVAL, "send the signal");
	CHECK_OK(hdl_agent_signal(&f.at, 0, SIGTERM)); /* the workload dies */
	/* "All" is for an init only: this one would take this machine down. */
	CHECK_FAILS(hdl_agent_signal_all(&f.at, 0), EPERM, "");
	CHECK_FAILS(hdl_agent_resize(&f.at, 1, 1, 1), ESRCH, "size of the terminal");
	fixture_stop(&f);
}

/* Signals to the relaying process are the other's. */
TEST(forwarded_signals)
{
	const char *args[] = {
		"sh", "-c", "trap 'echo got; exit 5' TERM; echo up; while :; do sleep 0.02; done",
		NULL
	};
	struct hdl_agent_process p = shell(args);
	struct hdl_agent_session *s;
	struct hdl_agent_exit e;
	char text[64] = "";
	int fd[2];
	pid_t me = getpid(), helper;

	CHECK(fixture_start(&f));
	CHECK_INT(pipe2(fd, O_CLOEXEC), 0);

	struct hdl_agent_io io = { .fd = { -1, fd[1], -1 },
				   .size_fd = -1,
				   .forward_signals = true };

	CHECK_OK(hdl_agent_start(&f.at, &p, false, &s, NULL));
	helper = fork();
	if (helper == 0) {
		if (read(fd[0], text, 3) == 3)
			kill(me, SIGTERM);
		_exit(0);
	}
	CHECK_OK(hdl_agent_relay(s, &io, &e));
	waitpid(helper, NULL, 0);
	CHECK_INT(e.status, 5);
	CHECK_INT(read(fd[0], text, sizeof(text) - 1), 4);
	CHECK_STR(text, "got\n");
	hdl_agent_free(s);
	close(fd[0]);
	close(fd[1]);
	fixture_stop(&f);
}

TEST(terminal)
{
	const char *args[] = { "sh", "-c",
			       "stty size; test -t 0 && test -t 1 && test -t 2 && tty | cut -c1-9; "
			       "read a; echo \"<$a>\"; stty size; cat; exit 4",
			       NULL };
	struct hdl_agent_process p = shell(args);
	struct hdl_agent_session *s;
	struct hdl_agent_exit e;
	struct winsize size = { 30, 90, 0, 0 };
	char text[512];
	int in[2], out = temp();

	p.terminal = true;
	p.rows = 20;
	p.columns = 70;
	CHECK(fixture_start(&f));
	CHECK_INT(pipe2(in, O_CLOEXEC), 0);
	CHECK_INT(write(in[1], "word\nlast\n", 10), 10);
	close(in[1]);

	int master, slave;

	CHECK_INT(openpty(&master, &slave, NULL, NULL, &size), 0);

	struct hdl_agent_io io = { .fd = { in[0], out, -1 }, .size_fd = slave };

	CHECK_OK(hdl_agent_start(&f.at, &p, true, &s, NULL));
	CHECK_OK(hdl_agent_relay(s, &io, &e));
	CHECK_INT(e.status, 4);
	(void)slurp(out, text, sizeof(text));
	/* The size at the start or the one of size_fd: they are a moment apart. */
	CHECK(strstr(text, "20 70\r\n") == text || strstr(text, "30 90\r\n") == text ||
	      strstr(text, "word") == text);
	CHECK(strstr(text, "/dev/pts/\r\n") != NULL);
	CHECK(strstr(text, "<word>\r\n30 90\r\n") != NULL);
	CHECK(strstr(text, "last\r\n") != NULL); /* and the end of the input ended cat */
	hdl_agent_free(s);
	close(master);
	close(slave);
	close(in[0]);
	fixture_stop(&f);
}

static bool is_this_program(const struct hdl_agent_ps *ps)
{
	return ps->pid == (uint32_t)getpid() && ps->uid == geteuid() &&
	       ps->ppid == (uint32_t)getppid() && strstr(ps->command, "test_agent") != NULL &&
	       ps->rss_kib > 0;
}

TEST(list)
{
	struct rl_arena RL_AUTO_ARENA arena = { 0 };
	const struct hdl_agent_ps *ps;
	const char *args[] = { "sleep", "300", NULL };
	struct hdl_agent_process p = shell(args);
	struct hdl_agent_session *s;
	size_t count;
	bool us = false, it = false;

	CHECK_OK(rl_arena_new(16 << 20, &arena));
	CHECK(fixture_start(&f));
	CHECK_OK(hdl_agent_start(&f.at, &p, false, &s, NULL));
	/* It runs at once, but the shell's exec takes a moment. */
	for (int tries = 0; tries < 500 && !it; tries++) {
		CHECK_OK(hdl_agent_list(&f.at, &arena, &ps, &count));
		CHECK(count > 3);
		for (size_t i = 0; i < count; i++) {
			CHECK(i == 0 || ps[i].pid > ps[i - 1].pid);
			us |= is_this_program(&ps[i]);
			it |= ps[i].pid == hdl_agent_pid(s) && strcmp(ps[i].name, "sleep") == 0 &&
			      strcmp(ps[i].command, "sleep 300") == 0 && ps[i].state == 'S' &&
			      ps[i].ppid == (uint32_t)f.server;
		}
		usleep(it ? 0 : 20000);
	}
	CHECK(us);
	CHECK(it);
	hdl_agent_free(s);
	fixture_stop(&f);
}

/* The machine goes down: a process that runs is told to have been killed. */
TEST(shutdown)
{
	const char *args[] = { "sh", "-c", "echo x; exec sleep 300", NULL };
	struct hdl_agent_process p = shell(args);
	struct hdl_agent_session *s;
	struct hdl_agent_exit e;
	struct hdl_agent_io io = { .fd = { -1, -1, -1 }, .size_fd = -1 };
	pid_t helper;

	CHECK(fixture_start(&f));
	CHECK_OK(hdl_agent_start(&f.at, &p, false, &s, NULL));
	helper = fork();
	if (helper == 0) {
		usleep(100000);
		_exit(rl_drop_failed(hdl_agent_shutdown(&f.at)));
	}
	CHECK_OK(hdl_agent_relay(s, &io, &e));
	CHECK(e.status == 137 && e.signaled);
	CHECK(gone_within((pid_t)hdl_agent_pid(s), 1000));
	hdl_agent_free(s);
	waitpid(helper, NULL, 0);
	/* It no longer listens: that is said, after the time that was given. */
	f.at.wait_ms = 200;
	CHECK_FAILS(hdl_agent_signal(&f.at, 0, 0), ECONNREFUSED, "reach the agent in the guest");
	fixture_stop(&f);
}

TEST(many_at_once)
{
	const char *args[] = { "cat", NULL };
	struct hdl_agent_process p = shell(args);
	struct hdl_agent_session *s[60];

	CHECK(fixture_start(&f));
	for (int i = 0; i < 60; i++)
		CHECK_OK(hdl_agent_start(&f.at, &p, true, &s[i], NULL));
	CHECK_OK(hdl_agent_signal(&f.at, hdl_agent_pid(s[59]), 0));
	for (int i = 0; i < 60; i++)
		hdl_agent_free(s[i]);
	sh("echo still here", NULL);
	CHECK_OK(r.e);
	CHECK_STR(r.out, "still here\n");
	fixture_stop(&f);
}

RUN_TESTS()

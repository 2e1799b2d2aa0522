/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks are shell scripts here: what they see and leave is looked at in files. */
#include "container/hooks.h"
#include "scratch.h"

#include <signal.h>
#include <time.h>

static const char state[] = "{\"id\":\"c1\",\"status\":\"creating\"}";
static const struct ct_hook_output silent;

/* A script in the test's directory, which is its working directory and $DIR. */
static struct plan_hook script(const char *name, const char *body, int timeout)
{
	static struct {
		const char *argv[3];
		char path[PATH_MAX];
	} made[16];
	static unsigned turn;
	const char **argv = made[turn % 16].argv;
	char *path = made[turn++ % 16].path;
	FILE *f;

	snprintf(path, PATH_MAX, "%s", scratch("%s", name));
	f = fopen(path, "we");
	fprintf(f, "#!/bin/sh\ncd %s\n%s\n", scratch_dir(), body);
	fclose(f);
	chmod(path, 0700);
	argv[0] = path;
	argv[1] = "argument";
	return (struct plan_hook){ .path = path, .argv = argv, .timeout_seconds = timeout };
}

static rl_err run(enum plan_hook_phase phase, const struct plan_hook *items, size_t count)
{
	const struct plan_hooks hooks = { items, count };

	return ct_hooks_run(&hooks, phase, state, strlen(state), &silent);
}

static rl_err run_one(const char *body, int timeout)
{
	struct plan_hook hook = script("hook", body, timeout);

	return run(PLAN_HOOK_PRESTART, &hook, 1);
}

TEST(no_hooks)
{
	CHECK_OK(run(PLAN_HOOK_POSTSTOP, NULL, 0));
}

TEST(the_state_is_on_stdin)
{
	CHECK_OK(run_one("cat > state; echo \"$0 $#\" $1 > arguments", 0));
	CHECK_STR(scratch_read(scratch("state")), state);
	CHECK(strstr(scratch_read(scratch("arguments")), "/hook 1 argument\n") != NULL);
}

TEST(each_hook_reads_the_state_from_its_begin)
{
	struct plan_hook hooks[] = { script("h0", "head -c 5 > part; echo 0 >> order", 0),
				     script("h1", "cat > state; echo 1 >> order", 0),
				     script("h2", "echo 2 >> order", 0) };

	unlink(scratch("state"));
	CHECK_OK(run(PLAN_HOOK_POSTSTART, hooks, 3));
	CHECK_STR(scratch_read(scratch("part")), "{\"id\"");
	CHECK_STR(scratch_read(scratch("state")), state);
	CHECK_STR(scratch_read(scratch("order")), "0\n1\n2\n");
}

TEST(the_first_failure_ends_the_phase_and_is_named)
{
	struct plan_hook hooks[] = { script("f0", "echo 0 >> failing", 0),
				     script("f1", "echo 1 >> failing; exit 3", 0),
				     script("f2", "echo 2 >> failing", 0) };
	char want[PATH_MAX + 64];

	snprintf(want, sizeof(want), "createContainer hook 1 (%s): exit status 3", scratch("f1"));
	CHECK_FAILS(run(PLAN_HOOK_CREATE_CONTAINER, hooks, 3), ECANCELED, want);
	CHECK_STR(scratch_read(scratch("failing")), "0\n1\n");
}

TEST(how_a_hook_ended)
{
	CHECK_FAILS(run_one("exit 1", 0), ECANCELED, "prestart hook 0");
	CHECK_FAILS(run_one("exit 255", 0), ECANCELED, "exit status 255");
	CHECK_FAILS(run_one("exit 137", 0), ECANCELED, "exit status 137");
	CHECK_FAILS(run_one("kill -KILL $$", 0), ECANCELED, "ended by signal 9");
	CHECK_FAILS(run_one("kill -TERM $$", 5), ECANCELED, "ended by signal 15");
}

TEST(what_cannot_be_executed)
{
	const char *argv[] = { "x", NULL };
	struct plan_hook hook = { .path = "/nonexistent/hook", .argv = argv };

	CHECK_FAILS(run(PLAN_HOOK_START_CONTAINER, &hook, 1), ENOENT,
		    "startContainer hook 0 (/nonexistent/hook): execute: No such file");
	hook.path = scratch_file("plain", "text");
	CHECK_FAILS(run(PLAN_HOOK_CREATE_RUNTIME, &hook, 1), EACCES, "createRuntime hook 0");
	CHECK(chmod(hook.path, 0700) == 0);
	CHECK_FAILS(run(PLAN_HOOK_POSTSTOP, &hook, 1), ENOEXEC, "poststop hook 0");
}

TEST(the_timeout_kills)
{
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	CHECK_FAILS(run_one("trap '' TERM INT; echo $$ > pid; exec sleep 100", 1), ETIMEDOUT,
		    "did not end within 1 s and was killed");
	clock_gettime(CLOCK_MONOTONIC, &end);
	CHECK(end.tv_sec - begin.tv_sec < 30);
	/* It is gone, and was waited for. */
	CHECK(kill((pid_t)atoi(scratch_read(scratch("pid"))), 0) < 0 && errno == ESRCH);
	CHECK_OK(run_one("exit 0", 1));
	CHECK_FAILS(run_one("exit 4", 1), ECANCELED, "exit status 4");
}

TEST(the_environment)
{
	const char *env[] = { "A=one", "B=two words", NULL };
	struct plan_hook hook =
		script("env", "/usr/bin/env | grep -E '^(A|B|OURS)=' | sort > env.txt", 0);

	setenv("OURS", "inherited", 1);
	hook.envp = env;
	CHECK_OK(run(PLAN_HOOK_PRESTART, &hook, 1));
	CHECK_STR(scratch_read(scratch("env.txt")), "A=one\nB=two words\n");
	hook.envp = NULL;
	CHECK_OK(run(PLAN_HOOK_PRESTART, &hook, 1));
	CHECK_STR(scratch_read(scratch("env.txt")), "OURS=inherited\n");
	unsetenv("OURS");
}

TEST(a_hook_need_not_read)
{
	static char large[4 << 20]; /* more than any pipe holds */
	struct plan_hook hook = script("lazy", "exec 0<&-; exit 0", 0);
	const struct plan_hooks hooks = { &hook, 1 };

	memset(large, ' ', sizeof(large));
	alarm(20);
	CHECK_OK(ct_hooks_run(&hooks, PLAN_HOOK_PRESTART, large, sizeof(large), &silent));
	alarm(0);
}

TEST(a_daemon_does_not_hold_us)
{
	struct plan_hook hook = script("daemon", "sleep 3 & echo $! > daemon-pid; exit 0", 0);
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	CHECK_OK(run(PLAN_HOOK_PRESTART, &hook, 1));
	clock_gettime(CLOCK_MONOTONIC, &end);
	CHECK(end.tv_sec - begin.tv_sec < 3);
	kill((pid_t)atoi(scratch_read(scratch("daemon-pid"))), SIGKILL);
}

TEST(output_is_appended_to_files)
{
	const struct ct_hook_output files = { scratch("out"), scratch("err") };
	const struct ct_hook_output wrong = { scratch("none/out"), NULL };
	struct plan_hook hook = script("talk", "echo said; echo cried >&2", 0);
	const struct plan_hooks hooks = { &hook, 1 };

	scratch_file("out", "before\n");
	CHECK_OK(ct_hooks_run(&hooks, PLAN_HOOK_PRESTART, state, 2, &files));
	CHECK_OK(ct_hooks_run(&hooks, PLAN_HOOK_PRESTART, state, 2, &files));
	CHECK_STR(scratch_read(scratch("out")), "before\nsaid\nsaid\n");
	CHECK_STR(scratch_read(scratch("err")), "cried\ncried\n");
	CHECK_FAILS(ct_hooks_run(&hooks, PLAN_HOOK_PRESTART, state, 2, &wrong), ENOENT,
		    "prestart hook 0");
}

/* The runtime blocks signals and ignores some; a hook begins like any program. */
TEST(signals_are_as_usual)
{
	unsigned long long blocked, ignored;
	sigset_t some, old;
	rl_err e;

	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	sigaddset(&some, SIGUSR1);
	sigprocmask(SIG_BLOCK, &some, &old);
	signal(SIGPIPE, SIG_IGN);
	e = run_one("grep -E '^Sig(Blk|Ign)' /proc/self/status > signals", 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	CHECK_OK(e);
	CHECK(sscanf(scratch_read(scratch("signals")), "SigBlk: %llx SigIgn: %llx", &blocked,
		     &ignored) == 2);
	CHECK_INT(blocked, 0);
	/* Signals 32 and 33 are libc's own: glibc leaves them ignored. */
	CHECK_INT(ignored & ~(3ULL << 31), 0);
}

TEST(descriptors_of_ours_stay_ours)
{
	int before = open_descriptors(), secret = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char number[16];

	snprintf(number, sizeof(number), "%d", secret);
	setenv("SECRET", number, 1);
	CHECK_OK(run_one("test ! -e /proc/self/fd/$SECRET", 0));
	unsetenv("SECRET");
	close(secret);
	CHECK_INT(open_descriptors(), before);
}

RUN_TESTS()

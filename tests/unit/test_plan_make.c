/* SPDX-License-Identifier: Apache-2.0 */
/* What plan_make() decides beyond its parts; the parts have their own tests, the text golden ones.
 */
#include "config_fixture.h"
#include "host_fixture.h"
#include "plan/make.h"
#include "plan/print.h"
#include "scratch.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

#define STRICT_SECCOMP 1 /* SECCOMP_MODE_STRICT of a header that src/linux/seccomp.h hides */

static struct rl_arena arena;
static const struct plan *p;

static struct plan_request a_request(void)
{
	return (struct plan_request){ .id = "c1",
				      .bundle = "/bundle",
				      .state_root = "/run/runlet",
				      .cgroup_manager = PLAN_CGROUPFS,
				      .rootless_cgroups = -1 };
}

#define PLAIN                                            \
	"'ociVersion':'1.2.0','root':{'path':'rootfs'}," \
	"'linux':{'namespaces':[{'type':'mount'},{'type':'pid'}]},"
#define PROCESS "'process':{'args':['sh'],'cwd':'/','terminal':%s}"

static rl_err plan_of(const struct plan_request *request, const struct oci_config *config)
{
	struct lx_host host = host_of_root();

	p = NULL;
	rl_arena_free(&arena);
	RL_TRY(rl_arena_new(8 << 20, &arena));
	return plan_make(&arena, config, request, &host, NULL, &p);
}

static rl_err with(const struct plan_request *request, const char *terminal)
{
	return plan_of(request, config_of("{" PLAIN PROCESS "}", terminal));
}

TEST(the_request_is_in_the_plan)
{
	struct plan_request r = a_request();

	r.detach = true;
	CHECK_OK(with(&r, "false"));
	CHECK_STR(p->id, "c1");
	CHECK_STR(p->bundle, "/bundle");
	CHECK_STR(p->oci_version, "1.2.0");
	CHECK(p->detach);
	CHECK(p->new_session_keyring);
	CHECK(p->has_process);
	CHECK(!p->has_user_namespace);
	CHECK(p->handler == NULL);
	r.no_new_keyring = true;
	CHECK_OK(with(&r, "false"));
	CHECK(!p->new_session_keyring);
}

TEST(a_terminal_needs_someone_at_its_other_end)
{
	struct plan_request r = a_request();

	CHECK_OK(with(&r, "true")); /* run in the foreground: us */
	r.detach = true;
	CHECK_FAILS(with(&r, "true"), EINVAL, "a detached container needs a console socket");
	CHECK(p == NULL);
	r.console_socket = true;
	CHECK_OK(with(&r, "true"));
	CHECK_FAILS(with(&r, "false"), EINVAL,
		    "process.terminal: is false, but there is a console");
}

TEST(a_container_without_a_process)
{
	struct plan_request r = a_request();

	r.detach = true;
	CHECK_OK(plan_of(&r, config_of("{" PLAIN "'hostname':null}")));
	CHECK(!p->has_process);
}

TEST(annotations)
{
	struct plan_request r = a_request();

	CHECK_OK(plan_of(&r, config_of("{" PLAIN PROCESS ",'annotations':{'a':'1',"
				       "'run.oci.hooks.stdout':'/o','run.oci.hooks.stderr':'/e'}}",
				       "false")));
	CHECK_INT(p->annotation_count, 3);
	CHECK_STR(p->annotations[0].key, "a");
	CHECK_STR(p->annotations[0].value, "1");
	CHECK_STR(p->hook_stdout, "/o");
	CHECK_STR(p->hook_stderr, "/e");
}

#define HANDLED "{" PLAIN PROCESS ",'annotations':{'run.oci.handler':'%s'}}"

TEST(unknown_words_of_the_family_are_a_warning)
{
	struct plan_request r = a_request();

	CHECK_OK(plan_of(&r, config_of("{" PLAIN PROCESS
				       ",'annotations':{'run.oci.nonsense':'1','run.other':'1',"
				       "'run.oci.hooks.stdout':'/o'}}",
				       "false")));
	CHECK_INT((int)p->warning_count, 1);
	CHECK(strstr(p->warnings[0], "run.oci.nonsense") != NULL);
}

#define MODULE                                                                    \
	"{" PLAIN "'process':{'cwd':'/','args':['%s'],'user':{'uid':0,'gid':0}}," \
	"'annotations':{'%s':'%s'}}"

/* A module's engine needs no facts: it is planned like any program, but for its executable. */
TEST(a_module_is_confined_like_a_program)
{
	static const struct {
		const char *program, *key, *value, *handler;
	} cases[] = {
		{ "/a.wasm", "run.oci.handler", "wasm", "wasm" },
		{ "/a", "run.oci.handler", "wamr", "wamr" },
		{ "/a", "run.oci.handler", "wasm-smart", NULL },
		{ "/a.WASM", "run.oci.handler", "wasm-smart", "wasm" },
		{ "/a", "module.wasm.image/variant", "compat", "wasm" },
		{ "/a.wasm.sh", "module.wasm.image/variant", "compat-smart", NULL },
		{ "/a.wat", "module.wasm.image/variant", "compat-smart", "wasm" },
		{ "/a.wasm", "module.wasm.image/variant", "other", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan_request r = a_request();

		CHECK_OK(plan_of(
			&r, config_of(MODULE, cases[i].program, cases[i].key, cases[i].value)));
		CHECK(cases[i].handler == NULL ? p->handler == NULL
					       : strcmp(p->handler, cases[i].handler) == 0);
		CHECK(p->vm == NULL);
		CHECK(p->exe_defence == PLAN_EXE_SEALED || cases[i].handler == NULL);
	}
}

TEST(an_unknown_handler_is_refused)
{
	struct plan_request r = a_request();
	/* Running natively what asked for isolation would be a lie. */
	CHECK_FAILS(plan_of(&r, config_of(HANDLED, "false", "no-such-handler")), ENOTSUP,
		    "\"no-such-handler\"");
	r.handler = "krun";
	CHECK_FAILS(plan_of(&r, config_of(HANDLED, "false", "other")), EACCES,
		    "called as \"krun\"");
}

TEST(when_the_whole_runtime_must_be_sealed)
{
	struct plan_request r = a_request();

	CHECK_OK(with(&r, "false"));
	CHECK(p->exe_defence != PLAN_EXE_SEALED);
	CHECK_OK(plan_of(&r, config_of("{'ociVersion':'1.2.0','root':{'path':'r'},'linux':{"
				       "'namespaces':[{'type':'mount'},"
				       "{'type':'pid','path':'/proc/7/ns/pid'}]}," PROCESS "}",
				       "false")));
	CHECK_INT(p->exe_defence, PLAN_EXE_SEALED);
	CHECK_OK(plan_of(&r,
			 config_of("{" PLAIN PROCESS ",'hooks':{'startContainer':[{'path':'/h'}]}}",
				   "false")));
	CHECK_INT(p->exe_defence, PLAN_EXE_SEALED);
}

TEST(warnings_are_collected)
{
	struct plan_request r = a_request();

	CHECK_OK(plan_of(&r, config_of("{" PLAIN "'process':{'args':['sh'],'cwd':'/',"
				       "'capabilities':{'bounding':['CAP_NO_SUCH']}}}")));
	CHECK_INT(p->warning_count, 1);
	CHECK(strstr(p->warnings[0], "CAP_NO_SUCH") != NULL);
}

static const char *printed(const struct plan *plan)
{
	static char text[65536];
	FILE *f = fmemopen(text, sizeof(text), "w");

	plan_print(plan, f);
	fclose(f);
	return text;
}

/* The same input gives the same plan, whoever and wherever we are. */
TEST(a_plan_depends_on_nothing_else)
{
	struct plan_request r = a_request();
	char first[65536];

	CHECK_OK(with(&r, "false"));
	snprintf(first, sizeof(first), "%s", printed(p));
	CHECK(strstr(first, "\"sh\"") != NULL);
	CHECK(chdir("/tmp") == 0);
	setenv("XDG_RUNTIME_DIR", "/elsewhere", 1);
	setenv("PATH", "/elsewhere", 1);
	umask(0777);
	CHECK_OK(with(&r, "false"));
	umask(022);
	CHECK_STR(printed(p), first);
}

/*
 * Pure means: not one system call. In strict mode the kernel kills for anything but read, write
 * and exit.
 */
TEST(planning_makes_no_system_call)
{
	struct plan_request r = a_request();
	struct lx_host host = host_of_root();
	const char *path = getenv("RUNLET_TESTS");
	static char name[PATH_MAX];
	static struct rl_arena all;
	struct oci_problems problems;
	const struct oci_config *config;
	const char *text;
	int status;
	pid_t pid;

	CHECK(path != NULL);
	snprintf(name, sizeof(name), "%s/corpus/config/good/docker.json", path);
	CHECK_OK(rl_arena_new(32 << 20, &all));
	text = scratch_read(name);
	CHECK(*text != '\0');
	problems = oci_problems_in(&all);
	CHECK_OK(oci_config_read(&problems, name, text, strlen(text), &config));
	r.console_socket = config->process->terminal;
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_SECCOMP, STRICT_SECCOMP) < 0)
			syscall(SYS_exit, 77);
		syscall(SYS_exit, rl_failed(plan_make(&all, config, &r, &host, NULL, &p)) ? 1 : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP("this kernel has no seccomp");
	CHECK(!WIFSIGNALED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
}

RUN_TESTS()

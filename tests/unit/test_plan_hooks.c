/* SPDX-License-Identifier: Apache-2.0 */
#include "config_fixture.h"
#include "plan/hooks.h"

static struct rl_arena arena;
static struct plan_hooks hooks[PLAN_HOOK_PHASES];

static rl_err plan(const char *object)
{
	rl_arena_free(&arena);
	RL_TRY(rl_arena_new(1 << 20, &arena));
	memset(hooks, 0xff, sizeof(hooks));
	return plan_hooks_make(&arena,
			       config_of("{'ociVersion':'1.2.0','root':{'path':'r'}%s%s}",
					 *object ? ",'hooks':" : "", object),
			       hooks);
}

TEST(no_hooks)
{
	CHECK_OK(plan(""));
	for (int p = 0; p < PLAN_HOOK_PHASES; p++)
		CHECK_INT(hooks[p].count, 0);
	CHECK_OK(plan("{'prestart':[],'poststop':[]}"));
	CHECK_INT(hooks[PLAN_HOOK_PRESTART].count, 0);
}

TEST(every_phase_by_its_name)
{
	static const char *const names[] = { "prestart",       "createRuntime", "createContainer",
					     "startContainer", "poststart",	"poststop" };
	char object[200];

	for (int p = 0; p < PLAN_HOOK_PHASES; p++) {
		CHECK_STR(plan_hook_phase_name((enum plan_hook_phase)p), names[p]);
		snprintf(object, sizeof(object), "{'%s':[{'path':'/h%d'}]}", names[p], p);
		CHECK_OK(plan(object));
		for (int q = 0; q < PLAN_HOOK_PHASES; q++)
			CHECK_INT(hooks[q].count, p == q);
		CHECK(hooks[p].items[0].path[2] == '0' + p);
	}
}

TEST(arguments_and_environment)
{
	const struct plan_hook *h;

	CHECK_OK(plan("{'prestart':[{'path':'/h'},"
		      "{'path':'/h','args':['name','-x'],'env':['A=1']},"
		      "{'path':'/h','args':[],'env':[]}]}"));
	CHECK_INT(hooks[PLAN_HOOK_PRESTART].count, 3);
	h = hooks[PLAN_HOOK_PRESTART].items;
	/* Without args the program's name is its path; without env it is the caller's. */
	CHECK_STR(h[0].argv[0], "/h");
	CHECK(h[0].argv[1] == NULL);
	CHECK(h[0].envp == NULL);
	CHECK_STR(h[1].argv[0], "name");
	CHECK_STR(h[1].argv[1], "-x");
	CHECK(h[1].argv[2] == NULL);
	CHECK_STR(h[1].envp[0], "A=1");
	CHECK(h[1].envp[1] == NULL);
	CHECK_STR(h[2].argv[0], "/h");
}

TEST(timeouts)
{
	const struct plan_hook *h;

	CHECK_OK(plan("{'poststop':[{'path':'/h'},{'path':'/h','timeout':5},"
		      "{'path':'/h','timeout':9000000}]}"));
	h = hooks[PLAN_HOOK_POSTSTOP].items;
	CHECK_INT(h[0].timeout_seconds, 0);
	CHECK_INT(h[1].timeout_seconds, 5);
	/* Milliseconds are an int: a timeout of months is none. */
	CHECK_INT(h[2].timeout_seconds, 0);
}

RUN_TESTS()

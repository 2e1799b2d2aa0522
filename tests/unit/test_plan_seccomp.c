/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/seccomp.h"

#include "config_fixture.h"
#include "linux/abi.h"

static struct plan_warnings warnings;
static const char *receiver;
static struct plan_seccomp profile;

static rl_err plan(const char *seccomp, const char *rest)
{
	const struct oci_config *c = config_of("{'ociVersion':'1.0.2','root':{'path':'r'},"
					       "'linux':{'seccomp':{%s}}%s}",
					       seccomp, rest);

	warnings = (struct plan_warnings){ 0 };
	memset(&profile, 0x5a, sizeof(profile));
	return plan_seccomp_make(&fixture_arena, c, receiver, &warnings, &profile);
}

#define DENY "'defaultAction':'SCMP_ACT_ERRNO'"

TEST(no_profile_is_no_filter)
{
	const struct oci_config *c = config_of("{'ociVersion':'1.0.2','root':{'path':'r'}}");

	CHECK_OK(plan_seccomp_make(&fixture_arena, c, receiver, &warnings, &profile));
	CHECK(!profile.enabled);
	CHECK(plan_seccomp_allows(&profile, "execveat"));
}

TEST(actions_and_their_numbers)
{
	CHECK_OK(plan("'defaultAction':'SCMP_ACT_ERRNO'", ""));
	CHECK_INT(profile.default_action, SECCOMP_RET_ERRNO | EPERM);
	CHECK_OK(plan("'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38", ""));
	CHECK_INT(profile.default_action, SECCOMP_RET_ERRNO | ENOSYS);
	CHECK_OK(plan("'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':0", ""));
	CHECK_INT(profile.default_action, SECCOMP_RET_ERRNO);
	CHECK_OK(plan("'defaultAction':'SCMP_ACT_KILL'", ""));
	CHECK_INT(profile.default_action, SECCOMP_RET_KILL_THREAD);
	CHECK_OK(plan("'defaultAction':'SCMP_ACT_KILL_PROCESS'", ""));
	CHECK(profile.default_action == SECCOMP_RET_KILL_PROCESS);
	CHECK_OK(plan("'defaultAction':'SCMP_ACT_TRACE','defaultErrnoRet':7", ""));
	CHECK_INT(profile.default_action, SECCOMP_RET_TRACE | 7);
	CHECK_OK(plan("'defaultAction':'SCMP_ACT_ALLOW'", ""));
	CHECK_INT(profile.default_action, SECCOMP_RET_ALLOW);
	CHECK_OK(plan("'defaultAction':'SCMP_ACT_LOG'", ""));
	CHECK_INT(profile.default_action, SECCOMP_RET_LOG);
	CHECK_OK(plan("'defaultAction':'SCMP_ACT_TRAP'", ""));
	CHECK_INT(profile.default_action, SECCOMP_RET_TRAP);
}

TEST(flags_absent_and_empty_differ)
{
	CHECK_OK(plan(DENY, ""));
	CHECK_INT(profile.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	CHECK_OK(plan(DENY ",'flags':[]", ""));
	CHECK_INT(profile.flags, 0);
	CHECK_OK(plan(DENY ",'flags':['SECCOMP_FILTER_FLAG_LOG','SECCOMP_FILTER_FLAG_TSYNC']", ""));
	CHECK_INT(profile.flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC);
	CHECK_OK(plan(DENY ",'flags':['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']", ""));
	CHECK_INT(profile.flags, 0);
	CHECK_INT(warnings.count, 1);
	CHECK(strstr(warnings.items[0], "WAIT_KILLABLE_RECV ignored") != NULL);
}

TEST(architectures_in_words_of_the_library)
{
	CHECK_OK(plan(DENY ",'architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X86','SCMP_ARCH_X32',"
			   "'SCMP_ARCH_LOONGARCH64','SCMP_ARCH_S390X']",
		      ""));
	CHECK_INT(profile.arch_count, 5);
	CHECK_STR(profile.archs[0], "x86_64");
	CHECK_STR(profile.archs[2], "x32");
	CHECK_STR(profile.archs[3], "loongarch64");
	CHECK_STR(profile.archs[4], "s390x");
}

TEST(rules_like_the_default_are_left_out_but_known)
{
	CHECK_OK(plan(DENY ",'syscalls':["
			   "{'names':['read','write'],'action':'SCMP_ACT_ALLOW'},"
			   "{'names':['clone3'],'action':'SCMP_ACT_ERRNO','errnoRet':38},"
			   "{'names':['ptrace'],'action':'SCMP_ACT_ERRNO'},"
			   "{'names':['bpf'],'action':'SCMP_ACT_ERRNO','errnoRet':1}]",
		      ""));
	CHECK_INT(profile.rule_count, 2);
	CHECK_INT(profile.rules[0].name_count, 2);
	CHECK_INT(profile.rules[1].action, SECCOMP_RET_ERRNO | ENOSYS);
	CHECK_INT(profile.known_count, 5);
	CHECK_STR(profile.known[4], "bpf");
}

TEST(conditions_on_one_argument_are_alternatives)
{
	CHECK_OK(plan(DENY ",'syscalls':["
			   "{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':["
			   "{'index':0,'value':0,'op':'SCMP_CMP_EQ'},"
			   "{'index':0,'value':8,'op':'SCMP_CMP_EQ'}]},"
			   "{'names':['socket'],'action':'SCMP_ACT_ALLOW','args':["
			   "{'index':0,'value':1,'op':'SCMP_CMP_EQ'},"
			   "{'index':1,'value':15,'valueTwo':2,'op':'SCMP_CMP_MASKED_EQ'}]}]",
		      ""));
	CHECK_INT(profile.rule_count, 3);
	CHECK_INT(profile.rules[0].arg_count, 1);
	CHECK_INT(profile.rules[1].args[0].value, 8);
	CHECK_INT(profile.rules[2].arg_count, 2);
	CHECK_INT(profile.rules[2].args[1].value, 15);
	CHECK_INT(profile.rules[2].args[1].value_two, 2);
}

TEST(notify_needs_somebody_who_listens)
{
	const char *rule = DENY ",'listenerPath':'/run/agent','listenerMetadata':'m','syscalls':["
				"{'names':['mount'],'action':'SCMP_ACT_NOTIFY'}],"
				"'flags':['SECCOMP_FILTER_FLAG_TSYNC',"
				"'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']";

	CHECK_OK(plan(rule, ""));
	CHECK(profile.notify);
	CHECK_STR(profile.listener_path, "/run/agent");
	CHECK_STR(profile.listener_metadata, "m");
	CHECK_INT(profile.flags, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	CHECK_OK(plan(DENY ",'syscalls':[{'names':['mount'],'action':'SCMP_ACT_NOTIFY'}]",
		      ",'annotations':{'run.oci.seccomp.receiver':'/run/other'}"));
	CHECK_STR(profile.listener_path, "/run/other");
	CHECK_OK(plan(DENY ",'syscalls':[{'names':['mount'],'action':'SCMP_ACT_NOTIFY'}]",
		      ",'annotations':{'run.oci.seccomp.plugins':'/x.so'}"));
	CHECK_STR(profile.plugins, "/x.so");
	CHECK(profile.listener_path == NULL);
	CHECK_FAILS(plan(DENY ",'syscalls':[{'names':['mount'],'action':'SCMP_ACT_NOTIFY'}]", ""),
		    EINVAL, "$.linux.seccomp.listenerPath: is missing");
	CHECK_FAILS(plan(DENY ",'listenerPath':'/run/a',"
			      "'syscalls':[{'names':['mount'],'action':'SCMP_ACT_NOTIFY'}]",
			 ",'annotations':{'run.oci.seccomp.plugins':'/x.so'}"),
		    EINVAL, "listener as well");
}

/* The caller's environment counts least. */
TEST(the_environment_may_name_a_receiver)
{
	const char *notify = DENY ",'syscalls':[{'names':['mount'],'action':'SCMP_ACT_NOTIFY'}]";

	receiver = "/run/environment";
	CHECK_OK(plan(notify, ""));
	CHECK_STR(profile.listener_path, "/run/environment");
	CHECK_OK(plan(notify, ",'annotations':{'run.oci.seccomp.receiver':'/run/other'}"));
	CHECK_STR(profile.listener_path, "/run/other");
	CHECK_OK(plan(notify, ",'annotations':{'run.oci.seccomp.plugins':'/x.so'}"));
	CHECK(profile.listener_path == NULL);
	CHECK_OK(plan(DENY, ""));
	CHECK(profile.listener_path == NULL);
	receiver = NULL;
}

TEST(questions_to_a_profile)
{
	CHECK_OK(plan(DENY ",'syscalls':["
			   "{'names':['execveat'],'action':'SCMP_ACT_ALLOW'},"
			   "{'names':['clone'],'action':'SCMP_ACT_ALLOW','args':["
			   "{'index':0,'value':1,'op':'SCMP_CMP_EQ'}]},"
			   "{'names':['mount'],'action':'SCMP_ACT_LOG'},"
			   "{'names':['mount'],'action':'SCMP_ACT_TRAP','args':["
			   "{'index':0,'value':1,'op':'SCMP_CMP_EQ'}]}]",
		      ""));
	CHECK(plan_seccomp_allows(&profile, "execveat"));
	CHECK(!plan_seccomp_allows(&profile, "clone"));
	CHECK(!plan_seccomp_allows(&profile, "mount"));
	CHECK(!plan_seccomp_allows(&profile, "read"));
	CHECK_OK(plan("'defaultAction':'SCMP_ACT_ALLOW','syscalls':["
		      "{'names':['bpf'],'action':'SCMP_ACT_ERRNO'}]",
		      ""));
	CHECK(plan_seccomp_allows(&profile, "execveat"));
	CHECK(!plan_seccomp_allows(&profile, "bpf"));
}

TEST(raw_program)
{
	CHECK_OK(plan(DENY, ",'annotations':{'run.oci.seccomp_bpf_data':'BgAAAAAA/38='}"));
	CHECK_INT(profile.program_size, 8);
	CHECK_INT(profile.program[0], 6);
	CHECK_INT(profile.program[6], 0xff);
	CHECK_INT(profile.program[7], 0x7f);
	CHECK(!plan_seccomp_allows(&profile, "execveat"));
	CHECK_FAILS(plan(DENY, ",'annotations':{'run.oci.seccomp_bpf_data':'BgAAAAAA/3 ='}"),
		    EINVAL, "character 11 is not base64");
	CHECK_FAILS(plan(DENY, ",'annotations':{'run.oci.seccomp_bpf_data':'BgAAAAAA/w=='}"),
		    EINVAL, "7 bytes are not");
	CHECK_FAILS(plan(DENY, ",'annotations':{'run.oci.seccomp_bpf_data':'BgA'}"), EINVAL,
		    "cut short");
	CHECK_FAILS(plan(DENY, ",'annotations':{'run.oci.seccomp_bpf_data':'===='}"), EINVAL,
		    "base64");
	CHECK_FAILS(plan(DENY, ",'annotations':{'run.oci.seccomp_bpf_data':''}"), EINVAL,
		    "0 bytes");
}

/* ---- the key -------------------------------------------------------------------------------- */

static const char *key_of(const char *seccomp, const char *compiler)
{
	static char keys[16][PLAN_SECCOMP_KEY];
	static int at;
	rl_err e = plan(seccomp, "");

	if (rl_failed(e))
		abort();
	at = (at + 1) % 16;
	plan_seccomp_key(&profile, compiler, keys[at]);
	return keys[at];
}

TEST(equal_profiles_have_one_key)
{
	const char *p = DENY ",'syscalls':[{'names':['read','write'],'action':'SCMP_ACT_ALLOW'}]";

	CHECK_STR(key_of(p, "c"), key_of(p, "c"));
	CHECK_INT(strlen(key_of(p, "c")), 64);
}

#define CALLS(text) DENY ",'syscalls':[" text "]"

/* Each differs from the others in one thing; no two may share a filter. */
TEST(profiles_that_differ_anywhere_never_share_a_key)
{
	static const char *const profiles[] = {
		CALLS(""),
		"'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':2,'syscalls':[]",
		"'defaultAction':'SCMP_ACT_KILL','syscalls':[]",
		DENY ",'flags':[],'syscalls':[]",
		DENY ",'architectures':['SCMP_ARCH_X86'],'syscalls':[]",
		DENY ",'architectures':['SCMP_ARCH_X32'],'syscalls':[]",
		CALLS("{'names':['read','write'],'action':'SCMP_ACT_ALLOW'}"),
		CALLS("{'names':['readwrite'],'action':'SCMP_ACT_ALLOW'}"),
		CALLS("{'names':['rea','dwrite'],'action':'SCMP_ACT_ALLOW'}"),
		CALLS("{'names':['read'],'action':'SCMP_ACT_ALLOW'},"
		      "{'names':['write'],'action':'SCMP_ACT_ALLOW'}"),
		CALLS("{'names':['read'],'action':'SCMP_ACT_ERRNO','errnoRet':2}"),
		CALLS("{'names':['read'],'action':'SCMP_ACT_ERRNO','errnoRet':3}"),
		CALLS("{'names':['read'],'action':'SCMP_ACT_ERRNO','errnoRet':1}"),
		CALLS("{'names':['read'],'action':'SCMP_ACT_TRAP'}"),
		CALLS("{'names':['read'],'action':'SCMP_ACT_ALLOW','args':["
		      "{'index':0,'value':1,'op':'SCMP_CMP_EQ'}]}"),
		CALLS("{'names':['read'],'action':'SCMP_ACT_ALLOW','args':["
		      "{'index':1,'value':1,'op':'SCMP_CMP_EQ'}]}"),
		CALLS("{'names':['read'],'action':'SCMP_ACT_ALLOW','args':["
		      "{'index':0,'value':2,'op':'SCMP_CMP_EQ'}]}"),
		CALLS("{'names':['read'],'action':'SCMP_ACT_ALLOW','args':["
		      "{'index':0,'value':1,'op':'SCMP_CMP_NE'}]}"),
		CALLS("{'names':['read'],'action':'SCMP_ACT_ALLOW','args':["
		      "{'index':0,'value':1,'valueTwo':3,'op':'SCMP_CMP_MASKED_EQ'}]}"),
		CALLS("{'names':['read'],'action':'SCMP_ACT_ALLOW','args':["
		      "{'index':0,'value':1,'valueTwo':4,'op':'SCMP_CMP_MASKED_EQ'}]}"),
		CALLS("{'names':['read'],'action':'SCMP_ACT_ALLOW','args':["
		      "{'index':0,'value':1,'op':'SCMP_CMP_EQ'},"
		      "{'index':1,'value':1,'op':'SCMP_CMP_EQ'}]}"),
		CALLS("{'names':['read'],'action':'SCMP_ACT_ALLOW','args':["
		      "{'index':0,'value':1,'op':'SCMP_CMP_EQ'},"
		      "{'index':0,'value':2,'op':'SCMP_CMP_EQ'}]}"),
	};
	enum { COUNT = sizeof(profiles) / sizeof(profiles[0]) };
	char keys[COUNT + 1][PLAN_SECCOMP_KEY];

	for (int i = 0; i < COUNT; i++)
		snprintf(keys[i], sizeof(keys[i]), "%s", key_of(profiles[i], "libseccomp 2.5.4"));
	snprintf(keys[COUNT], sizeof(keys[COUNT]), "%s", key_of(profiles[0], "libseccomp 2.5.5"));
	for (int i = 0; i <= COUNT; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(keys[i], keys[j]) == 0)
				FAIL_("profiles %d and %d share a key", j, i);
}

RUN_TESTS()

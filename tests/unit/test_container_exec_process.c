/* SPDX-License-Identifier: Apache-2.0 */
#include "config_fixture.h"
#include "container/exec_process.h"
#include "scratch.h"

static struct rl_arena arena;
static char *ls[] = { (char[]){ "ls" }, (char[]){ "-l" }, NULL };

static struct rl_arena *fresh(void)
{
	rl_arena_free(&arena);
	rl_drop(rl_arena_new(4 << 20, &arena));
	return &arena;
}

static const struct oci_config *container(void)
{
	return config_of("{'ociVersion':'1.2.0','root':{'path':'r'},'process':{"
			 "'terminal':true,'consoleSize':{'width':80,'height':25},"
			 "'user':{'uid':1000,'gid':1001,'umask':18,'additionalGids':[5,6]},"
			 "'args':['init'],'env':['PATH=/bin','A=1'],'cwd':'/home',"
			 "'capabilities':{'bounding':['CAP_CHOWN'],'effective':['CAP_CHOWN'],"
			 "'permitted':['CAP_CHOWN'],'inheritable':['CAP_KILL']},"
			 "'apparmorProfile':'docker-default','selinuxLabel':'a:b:c:d',"
			 "'rlimits':[{'type':'RLIMIT_NOFILE','soft':10,'hard':20}]}}");
}

static rl_err make(const struct ct_exec_options *o, const struct oci_process **ret)
{
	return ct_exec_process(fresh(), container(), o, ret);
}

static rl_err only_make(const struct ct_exec_options *o)
{
	const struct oci_process *p;

	return make(o, &p);
}

TEST(what_no_option_changes_is_the_containers)
{
	const struct ct_exec_options o = { .argv = ls };
	const struct oci_process *p = NULL;

	CHECK_OK(make(&o, &p));
	CHECK_INT(p->args.count, 2);
	CHECK_STR(p->args.items[0], "ls");
	CHECK_STR(p->args.items[1], "-l");
	CHECK(p->args.items[2] == NULL);
	CHECK(!p->terminal); /* is asked for by --tty only */
	CHECK(p->console_size == NULL);
	CHECK_INT(p->user.uid, 1000);
	CHECK_INT(p->user.gid, 1001);
	CHECK_INT(p->user.additional_gids.count, 2);
	CHECK_INT(p->env.count, 2);
	CHECK(p->env.items[2] == NULL);
	CHECK_STR(p->cwd, "/home");
	CHECK_STR(p->apparmor_profile, "docker-default");
	CHECK_STR(p->selinux_label, "a:b:c:d");
	CHECK_INT(p->rlimit_count, 1);
	CHECK(!p->no_new_privileges);
}

TEST(what_options_change)
{
	const char *env[] = { "B=2", "A=", "C=x=y" }, *groups[] = { "7", "4294967294" };
	const struct ct_exec_options o = {
		.argv = ls,
		.cwd = "/tmp",
		.env = env,
		.env_count = 3,
		.user = "1:2",
		.groups = groups,
		.group_count = 2,
		.terminal = true,
		.no_new_privileges = true,
		.selinux_label = "e:f:g:h",
		.apparmor_profile = "other",
	};
	const struct oci_process *p = NULL;

	CHECK_OK(make(&o, &p));
	CHECK(p->terminal && p->no_new_privileges);
	CHECK_STR(p->cwd, "/tmp");
	CHECK_INT(p->env.count, 5);
	CHECK_STR(p->env.items[1], "A=1");
	CHECK_STR(p->env.items[2], "B=2");
	CHECK_STR(p->env.items[4], "C=x=y");
	CHECK(p->env.items[5] == NULL);
	CHECK_INT(p->user.uid, 1);
	CHECK_INT(p->user.gid, 2);
	CHECK_INT(p->user.additional_gids.count, 4);
	CHECK_INT(p->user.additional_gids.items[0], 5);
	CHECK_INT(p->user.additional_gids.items[3], 4294967294);
	CHECK_STR(p->selinux_label, "e:f:g:h");
	CHECK_STR(p->apparmor_profile, "other");
}

static rl_err user(const char *text, uint32_t *ret_uid, uint32_t *ret_gid)
{
	const struct ct_exec_options o = { .argv = ls, .user = text };
	const struct oci_process *p;

	RL_TRY(make(&o, &p));
	*ret_uid = p->user.uid;
	*ret_gid = p->user.gid;
	return RL_OK;
}

TEST(a_user_is_numbers)
{
	static const char *const wrong[] = {
		"",
		":",
		"root",
		"0:",
		":0",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1:2:3",
		"0x10",
		"1:root",
		"1.0",
		"4294967295",
		"4294967296",
		"1:-1",
		"1:4294967295",
		"18446744073709551616",
		"99999999999999999999999",
		"1\n",
	};
	uint32_t uid = 77, gid = 77;

	CHECK_OK(user("0", &uid, &gid));
	CHECK_INT(uid, 0);
	CHECK_INT(gid, 1001); /* not given: the container's */
	CHECK_OK(user("4294967294:4294967294", &uid, &gid));
	CHECK_INT(uid, 4294967294);
	CHECK_INT(gid, 4294967294);
	CHECK_OK(user("007:08", &uid, &gid)); /* decimal, whatever zeros */
	CHECK_INT(uid, 7);
	CHECK_INT(gid, 8);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uid = 77;
		CHECK_FAILS(user(wrong[i], &uid, &gid), EINVAL, "--user: ");
		CHECK_INT(uid, 77);
	}
}

TEST(groups_are_numbers)
{
	const char *groups[] = { "wheel" };
	const struct ct_exec_options o = { .argv = ls, .groups = groups, .group_count = 1 };

	CHECK_FAILS(only_make(&o), EINVAL, "--additional-gids: \"wheel\" is not a numeric id");
}

TEST(capabilities_are_added)
{
	const char *caps[] = { "CAP_SYS_ADMIN", "cap_kill" };
	const struct ct_exec_options o = { .argv = ls,
					   .capabilities = caps,
					   .capability_count = 2 };
	const struct oci_process *p = NULL;

	CHECK_OK(make(&o, &p));
	CHECK_INT(p->capabilities->bounding.count, 3);
	CHECK_STR(p->capabilities->bounding.items[0], "CAP_CHOWN");
	CHECK_STR(p->capabilities->effective.items[1], "CAP_SYS_ADMIN");
	CHECK_INT(p->capabilities->permitted.count, 3);
	CHECK_INT(p->capabilities->inheritable.count, 1);
	/* Ambient only where it is inheritable. */
	CHECK_INT(p->capabilities->ambient.count, 1);
	CHECK_STR(p->capabilities->ambient.items[0], "cap_kill");
}

TEST(capabilities_of_a_container_without_any)
{
	const char *caps[] = { "CAP_KILL" };
	const struct ct_exec_options o = { .argv = ls,
					   .capabilities = caps,
					   .capability_count = 1 };
	const struct oci_process *p = NULL;

	CHECK_OK(ct_exec_process(fresh(),
				 config_of("{'ociVersion':'1.2.0','root':{'path':'r'},'process':{"
					   "'args':['x'],'cwd':'/'}}"),
				 &o, &p));
	CHECK_INT(p->capabilities->bounding.count, 1);
	CHECK_INT(p->capabilities->ambient.count, 0);
}

TEST(a_container_without_a_process)
{
	const struct ct_exec_options o = { .argv = ls };
	const struct oci_process *p = NULL;

	CHECK_OK(ct_exec_process(fresh(), config_of("{'ociVersion':'1.2.0','root':{'path':'r'}}"),
				 &o, &p));
	CHECK_STR(p->cwd, "/");
	CHECK_INT(p->user.uid, 0);
	CHECK_INT(p->env.count, 0);
}

TEST(words_that_are_wrong)
{
	char *nothing[] = { NULL };
	const char *no_name[] = { "=x" }, *no_value[] = { "A" };
	struct ct_exec_options o = { 0 };

	CHECK_FAILS(only_make(&o), EINVAL, "exec: no command");
	o.argv = nothing;
	CHECK_FAILS(only_make(&o), EINVAL, "exec: no command");
	o.argv = ls;
	o.cwd = "tmp";
	CHECK_FAILS(only_make(&o), EINVAL, "--cwd: \"tmp\" is not an absolute path");
	o.cwd = NULL;
	o.env_count = 1;
	o.env = no_name;
	CHECK_FAILS(only_make(&o), EINVAL, "--env: \"=x\" is not NAME=VALUE");
	o.env = no_value;
	CHECK_FAILS(only_make(&o), EINVAL, "--env: \"A\" is not NAME=VALUE");
}

TEST(a_process_file_replaces_everything)
{
	struct ct_exec_options o = { .argv = ls, .cwd = "not-looked-at", .user = "x" };
	const struct oci_process *p = NULL;

	o.process_file = scratch_file("process.json", "{\"args\":[\"id\"],\"cwd\":\"/\","
						      "\"user\":{\"uid\":3,\"gid\":4}}");
	CHECK_OK(make(&o, &p));
	CHECK_STR(p->args.items[0], "id");
	CHECK_INT(p->user.uid, 3);
	CHECK_INT(p->env.count, 0); /* nothing of the container's */
}

TEST(a_process_file_is_checked)
{
	struct ct_exec_options o = { 0 };

	o.process_file = scratch("none.json");
	CHECK_FAILS(only_make(&o), ENOENT, "none.json: No such file or directory");
	o.process_file = scratch_dir();
	CHECK_FAILS(only_make(&o), EINVAL, "is not a regular file");
	o.process_file = scratch_file("bad.json", "{\"args\":[],\"cwd\":\"tmp\"}");
	CHECK_FAILS(only_make(&o), EINVAL, "bad.json: 2 problems: line 1: $.args");
	o.process_file = scratch_file("bad.json", "{");
	CHECK_FAILS(only_make(&o), EINVAL, "bad.json: line 1: ");
}

RUN_TESTS()

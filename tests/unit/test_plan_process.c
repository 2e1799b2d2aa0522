/* SPDX-License-Identifier: Apache-2.0 */
#include "config_fixture.h"
#include "plan/process.h"
#include "plan/seccomp.h"

#include <sys/personality.h>
#include <sys/resource.h>

#define CAP(number) (UINT64_C(1) << (number))
#define CHOWN CAP(0)
#define KILL CAP(5)
#define SYS_ADMIN CAP(21)
#define SYS_RESOURCE CAP(24)

static struct lx_host host;
static struct plan_request request;
static struct plan_warnings warnings;
static struct plan_process process;

static void reset(void)
{
	host = (struct lx_host){
		.last_capability = 40,
		.capabilities = ((UINT64_C(1) << 41) - 1) & ~SYS_RESOURCE,
		.bounding = ((UINT64_C(1) << 41) - 1) & ~SYS_RESOURCE,
	};
	request = (struct plan_request){ 0 };
	warnings = (struct plan_warnings){ 0 };
}

/* Plans a process with these additional members, and `rest` behind it. */
static rl_err plan_with(const char *members, const char *rest)
{
	const struct oci_config *c = config_of("{'ociVersion':'1.0.2','root':{'path':'r'},"
					       "'process':{'cwd':'/','args':['a']%s}%s}",
					       members, rest);

	memset(&process, 0x5a, sizeof(process));
	return plan_process_make(&fixture_arena, c->process, c, &request, &host, &warnings,
				 &process);
}

static rl_err plan(const char *members)
{
	reset();
	return plan_with(members, "");
}

static bool warned(const char *part)
{
	for (size_t i = 0; i < warnings.count; i++)
		if (strstr(warnings.items[i], part) != NULL)
			return true;
	return false;
}

TEST(defaults)
{
	CHECK_OK(plan(""));
	CHECK_INT(process.umask, 0022);
	CHECK_INT(process.io_priority, -1);
	CHECK(!process.set_oom_score_adj && !process.scheduler.set && !process.set_personality);
	CHECK(!process.no_new_privileges && !process.terminal);
	CHECK(process.cpus_first.bits == NULL && process.cpus_last.bits == NULL);
	CHECK(process.caps.bounding == 0 && process.caps.permitted == 0);
	CHECK_INT(process.group_count, 0);
	CHECK_INT(process.arg_count, 1);
	CHECK_STR(process.cwd, "/");
	CHECK(process.env[0] == NULL && process.find_home);
	CHECK_INT(warnings.count, 0);
}

TEST(last_of_an_environment_name_counts)
{
	CHECK_OK(plan(",'env':['A=1','B=2','AA=9','A=3','HOME=/h','B=']"));
	CHECK_INT(process.env_count, 4);
	CHECK_STR(process.env[0], "AA=9");
	CHECK_STR(process.env[1], "A=3");
	CHECK_STR(process.env[2], "HOME=/h");
	CHECK_STR(process.env[3], "B=");
	CHECK(process.env[4] == NULL);
	CHECK(!process.find_home);
}

TEST(home_is_looked_for_when_unset_or_empty)
{
	CHECK_OK(plan(",'env':['HOME=/x','A=1','HOME=']"));
	CHECK(process.find_home);
	CHECK_INT(process.env_count, 1);
	CHECK_OK(plan(",'env':['HOMER=1']"));
	CHECK(process.find_home);
	CHECK_INT(process.env_count, 1);
}

TEST(thousands_of_names)
{
	static char text[60000];
	size_t at = (size_t)snprintf(text, sizeof(text), ",'env':['HOME=/'");

	for (int i = 0; i < 3000; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, ",'N%d=%d'", i % 1500, i);
	snprintf(text + at, sizeof(text) - at, "]");
	CHECK_OK(plan(text));
	CHECK_INT(process.env_count, 1501);
	CHECK_STR(process.env[1], "N0=1500");
	CHECK_STR(process.env[1500], "N1499=2999");
}

TEST(passed_descriptors_and_notify_socket_replace_what_env_says)
{
	reset();
	request.listen_fds = 2;
	request.preserve_fds = 3;
	request.listen_fd_names = "a:b";
	request.notify_socket = "/run/host/notify";
	CHECK_OK(plan_with(",'env':['LISTEN_FDS=9','LISTEN_PID=7','LISTEN_FDNAMES=x',"
			   "'NOTIFY_SOCKET=/host','HOME=/']",
			   ""));
	CHECK_INT(process.env_count, 4);
	CHECK_STR(process.env[0], "HOME=/");
	CHECK_STR(process.env[1], "LISTEN_FDS=2");
	CHECK_STR(process.env[2], "LISTEN_FDNAMES=a:b");
	CHECK_STR(process.env[3], "NOTIFY_SOCKET=/run/notify/notify");
	CHECK(process.set_listen_pid);
	CHECK_INT(process.listen_fds, 2);
	CHECK_INT(process.keep_fds, 5);
}

TEST(absurd_numbers_of_descriptors_are_refused)
{
	reset();
	request.preserve_fds = UINT32_MAX;
	request.listen_fds = 2;
	CHECK_FAILS(plan_with("", ""), EINVAL, "descriptors");
}

TEST(ids)
{
	CHECK_OK(plan(",'noNewPrivileges':true,'user':{'uid':7,'gid':8,'umask':63,"
		      "'additionalGids':[1,2]}"));
	CHECK(process.no_new_privileges);
	CHECK_INT(process.uid, 7);
	CHECK_INT(process.gid, 8);
	CHECK_INT(process.umask, 077);
	CHECK_INT(process.group_count, 2);
	CHECK_INT(process.groups[0], 1);
	CHECK_INT(process.groups[1], 2);
}

/* What exec builds from its options has not passed the checks of oci/. */
TEST(minus_one_is_refused_wherever_it_comes_from)
{
	static const uint32_t minus_one[] = { UINT32_MAX };
	const struct oci_config *c =
		config_of("{'ociVersion':'1.0.2','root':{'path':'r'},"
			  "'process':{'cwd':'/','args':['a'],'user':{'uid':1,'gid':1}}}");
	struct oci_process p = *c->process;

	reset();
	p.user.uid = UINT32_MAX;
	CHECK_FAILS(plan_process_make(&fixture_arena, &p, c, &request, &host, &warnings, &process),
		    EINVAL, "$.process.user.uid: 4294967295");
	p.user.uid = 1;
	p.user.gid = UINT32_MAX;
	CHECK_FAILS(plan_process_make(&fixture_arena, &p, c, &request, &host, &warnings, &process),
		    EINVAL, "$.process.user.gid: 4294967295");
	p.user.gid = 1;
	p.user.additional_gids.items = minus_one;
	p.user.additional_gids.count = 1;
	CHECK_FAILS(plan_process_make(&fixture_arena, &p, c, &request, &host, &warnings, &process),
		    EINVAL, "$.process.user.additionalGids: 4294967295");
}

TEST(ids_outside_of_the_new_namespace_are_refused)
{
	const char *linux_ = ",'linux':{'namespaces':[{'type':'user'}],"
			     "'uidMappings':[{'containerID':0,'hostID':1000,'size':1},"
			     "{'containerID':1,'hostID':100000,'size':10}],"
			     "'gidMappings':[{'containerID':0,'hostID':1000,'size':5}]}";

	reset();
	CHECK_OK(plan_with(",'user':{'uid':10,'gid':4,'additionalGids':[3]}", linux_));
	CHECK_FAILS(plan_with(",'user':{'uid':11,'gid':0}", linux_), EINVAL,
		    "$.process.user.uid: 11 is not in $.linux.uidMappings");
	CHECK_FAILS(plan_with(",'user':{'uid':0,'gid':5}", linux_), EINVAL, "gidMappings");
	CHECK_FAILS(plan_with(",'user':{'uid':0,'gid':0,'additionalGids':[0,5]}", linux_), EINVAL,
		    "additionalGids: 5");
}

TEST(original_groups_are_kept_on_request)
{
	reset();
	CHECK_OK(plan_with(",'user':{'uid':0,'gid':0,'additionalGids':[1]}",
			   ",'annotations':{'run.oci.keep_original_groups':'1'}"));
	CHECK(process.keep_original_groups);
	CHECK_INT(process.group_count, 0);
}

TEST(capability_names)
{
	CHECK_INT(plan_capability_number("CAP_CHOWN"), 0);
	CHECK_INT(plan_capability_number("chown"), 0);
	CHECK_INT(plan_capability_number("cap_checkpoint_restore"), 40);
	CHECK_INT(plan_capability_number("CAP_SYS_ADMIN"), 21);
	CHECK_INT(plan_capability_number("CAP_"), -1);
	CHECK_INT(plan_capability_number("CAP_CAP_CHOWN"), -1);
	CHECK_STR(plan_capability_name(21), "CAP_SYS_ADMIN");
	CHECK(plan_capability_name(41) == NULL && plan_capability_name(-1) == NULL);
}

TEST(five_sets)
{
	CHECK_OK(plan(",'capabilities':{'bounding':['CAP_CHOWN','CAP_KILL'],"
		      "'permitted':['CAP_CHOWN','CAP_KILL','CAP_SYS_ADMIN'],"
		      "'effective':['CAP_CHOWN'],'inheritable':['CAP_KILL'],"
		      "'ambient':['CAP_KILL']}"));
	CHECK(process.caps.bounding == (CHOWN | KILL));
	CHECK(process.caps.permitted == (CHOWN | KILL | SYS_ADMIN));
	CHECK(process.caps.effective == CHOWN);
	CHECK(process.caps.inheritable == KILL);
	CHECK(process.caps.ambient == KILL);
	CHECK_INT(warnings.count, 0);
}

TEST(what_cannot_be_granted_is_a_warning)
{
	CHECK_OK(plan(",'capabilities':{'bounding':['CAP_FOO','CAP_CHOWN','CAP_SYS_RESOURCE',"
		      "'CAP_SYS_RESOURCE'],"
		      "'permitted':['CAP_CHOWN'],'effective':['CAP_CHOWN','CAP_KILL'],"
		      "'inheritable':['CAP_KILL'],'ambient':['CAP_CHOWN']}"));
	CHECK(process.caps.bounding == CHOWN && process.caps.effective == CHOWN);
	CHECK(process.caps.inheritable == 0 && process.caps.ambient == 0);
	CHECK_INT(warnings.count, 5);
	CHECK(warned("$.process.capabilities.bounding: CAP_FOO ignored: unknown"));
	CHECK(warned("$.process.capabilities.bounding: CAP_SYS_RESOURCE, CAP_SYS_RESOURCE ignored: "
		     "the runtime"));
	CHECK(warned("$.process.capabilities.effective: CAP_KILL ignored: it is not in the "
		     "permitted"));
	CHECK(warned("$.process.capabilities.inheritable: CAP_KILL"));
	CHECK(warned("$.process.capabilities.ambient: CAP_CHOWN"));
}

TEST(an_old_kernel_lacks_the_newest_capability)
{
	reset();
	host.last_capability = 37;
	CHECK_OK(plan_with(",'capabilities':{'bounding':['CAP_BPF','CAP_KILL']}", ""));
	CHECK(process.caps.bounding == KILL);
	CHECK(warned("this kernel does not have it"));
}

TEST(a_user_namespace_grants_every_capability)
{
	reset();
	host.capabilities = host.bounding = 0;
	CHECK_OK(plan_with(",'capabilities':{'bounding':['CAP_SYS_RESOURCE'],"
			   "'permitted':['CAP_SYS_RESOURCE']}",
			   ",'linux':{'namespaces':[{'type':'user'}],"
			   "'uidMappings':[{'containerID':0,'hostID':1000,'size':1}],"
			   "'gidMappings':[{'containerID':0,'hostID':1000,'size':1}]}"));
	CHECK(process.caps.bounding == SYS_RESOURCE && process.caps.permitted == SYS_RESOURCE);
	CHECK_INT(warnings.count, 0);
}

TEST(rlimits)
{
	CHECK_OK(plan(",'rlimits':[{'type':'RLIMIT_NOFILE','soft':1,'hard':2},"
		      "{'type':'RLIMIT_CORE','soft':0,'hard':18446744073709551615}]"));
	CHECK_INT(process.rlimit_count, 2);
	CHECK_INT(process.rlimits[0].resource, RLIMIT_NOFILE);
	CHECK_STR(process.rlimits[0].name, "RLIMIT_NOFILE");
	CHECK(process.rlimits[0].soft == 1 && process.rlimits[0].hard == 2);
	CHECK_INT(process.rlimits[1].resource, RLIMIT_CORE);
	CHECK(process.rlimits[1].hard == UINT64_MAX);
}

TEST(scheduling)
{
	CHECK_OK(plan(",'scheduler':{'policy':'SCHED_RR','priority':9,"
		      "'flags':['SCHED_FLAG_RESET_ON_FORK','SCHED_FLAG_KEEP_PARAMS']},"
		      "'ioPriority':{'class':'IOPRIO_CLASS_IDLE','priority':3},"
		      "'oomScoreAdj':-7"));
	CHECK(process.scheduler.set);
	CHECK_INT(process.scheduler.policy, 2);
	CHECK_INT(process.scheduler.flags, 0x11);
	CHECK_INT(process.scheduler.priority, 9);
	CHECK_INT(process.io_priority, 3 << 13 | 3);
	CHECK(process.set_oom_score_adj);
	CHECK_INT(process.oom_score_adj, -7);
	CHECK_FAILS(plan(",'scheduler':{'policy':'SCHED_ISO'}"), ENOTSUP, "SCHED_ISO");
}

TEST(cpu_affinity_is_for_exec)
{
	const struct oci_config *c = config_of(
		"{'ociVersion':'1.0.2','root':{'path':'r'},'process':{'cwd':'/','args':['a'],"
		"'execCPUAffinity':{'initial':'0-1,65','final':'7'}}}");
	struct oci_process copy = *c->process;

	reset();
	CHECK_OK(plan_process_make(&fixture_arena, c->process, c, &request, &host, &warnings,
				   &process));
	CHECK(process.cpus_first.bits == NULL && process.cpus_last.bits == NULL);
	CHECK_OK(plan_process_make(&fixture_arena, &copy, c, &request, &host, &warnings, &process));
	CHECK_INT(process.cpus_first.bytes, 16);
	CHECK_INT(process.cpus_first.bits[0], 3);
	CHECK_INT(process.cpus_first.bits[8], 2);
	CHECK_INT(process.cpus_last.bytes, 8);
	CHECK_INT(process.cpus_last.bits[0], 0x80);
}

TEST(lists_of_cpus)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	static const char *const bad[] = { "",	 "-", "1-",   "-1",   "2-1",	"1,,2",
					   "1,", "a", "1 ,2", "8192", "0-8192", "99999999999" };
	struct plan_cpus cpus;

	CHECK_OK(rl_arena_new(1 << 20, &a));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_FAILS(plan_cpus_parse(&a, "$.x", bad[i], &cpus), EINVAL, "$.x: ");
	CHECK_OK(plan_cpus_parse(&a, "$.x", "0-8191", &cpus));
	CHECK_INT(cpus.bytes, 1024);
	CHECK_INT(cpus.bits[1023], 0xff);
	CHECK_OK(plan_cpus_parse(&a, "$.x", "1500", &cpus));
	CHECK_INT(cpus.bits[187], 1 << 4);
}

TEST(personality_flags_are_a_warning)
{
	reset();
	CHECK_OK(plan_with("", ",'linux':{'personality':{'domain':'LINUX32','flags':['X']}}"));
	CHECK(process.set_personality);
	CHECK_INT(process.personality, PER_LINUX32);
	CHECK(warned("$.linux.personality.flags"));
}

TEST(labels_need_their_module)
{
	CHECK_FAILS(plan(",'apparmorProfile':'p'"), ENOTSUP, "$.process.apparmorProfile");
	CHECK_FAILS(plan(",'selinuxLabel':'l'"), ENOTSUP, "$.process.selinuxLabel");
	CHECK_OK(plan(",'apparmorProfile':'unconfined'"));
	CHECK(process.apparmor_profile == NULL);
	CHECK_OK(plan(",'apparmorProfile':'','selinuxLabel':''"));
	reset();
	host.apparmor = host.selinux = true;
	CHECK_OK(plan_with(",'apparmorProfile':'p','selinuxLabel':'l'", ""));
	CHECK_STR(process.apparmor_profile, "p");
	CHECK_STR(process.selinux_label, "l");
}

TEST(console_size_counts_with_a_terminal_only)
{
	CHECK_OK(plan(",'terminal':true,'consoleSize':{'height':24,'width':80}"));
	CHECK_INT(process.console_rows, 24);
	CHECK_INT(process.console_columns, 80);
	CHECK_OK(plan(",'consoleSize':{'height':24,'width':80}"));
	CHECK_INT(process.console_rows, 0);
}

TEST(defence_of_the_executable)
{
	static const char *const call[] = { "execveat", "fcntl" };
	const struct plan_seccomp_rule rule = { .names = call,
						.name_count = 2,
						.action = 0x7fff0000 };
	struct plan_seccomp none = { 0 };
	struct plan_seccomp strict = { .enabled = true, .default_action = 0x50001 };
	struct plan_process p = { 0 };

	CHECK_INT(plan_exe_defence_for(&p, &none), PLAN_EXE_STUB);
	CHECK_INT(plan_exe_defence_for(&p, &strict), PLAN_EXE_SEALED);
	strict.rules = &rule;
	strict.rule_count = 1;
	CHECK_INT(plan_exe_defence_for(&p, &strict), PLAN_EXE_STUB);
	p.apparmor_profile = "x";
	CHECK_INT(plan_exe_defence_for(&p, &none), PLAN_EXE_SEALED);
	p.apparmor_profile = NULL;
	p.selinux_label = "x";
	CHECK_INT(plan_exe_defence_for(&p, &none), PLAN_EXE_SEALED);
}

RUN_TESTS()

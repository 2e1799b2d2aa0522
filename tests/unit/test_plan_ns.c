/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces and id maps. */
#include "config_fixture.h"
#include "host_fixture.h"
#include "plan/ns.h"

#include <linux/capability.h>
#include <sched.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static struct rl_arena arena;
static struct plan_namespaces ns;
static struct plan_id_map ids;

#define BUNDLE "'ociVersion':'1.2.0','root':{'path':'r'}"

static rl_err plan_config(const struct lx_host *host, const struct oci_config *config)
{
	rl_arena_free(&arena);
	RL_TRY(rl_arena_new(4 << 20, &arena));
	memset(&ns, 0xff, sizeof(ns));
	memset(&ids, 0xff, sizeof(ids));
	RL_TRY(plan_namespaces_make(&arena, config, host, &ns));
	return plan_ids_make(&arena, config, host, &ns, &ids);
}

/* Plans namespaces and ids of a configuration with this `linux` object and these properties. */
static rl_err plan(const struct lx_host *host, const char *linux_object, const char *properties)
{
	return plan_config(host,
			   config_of("{" BUNDLE ",'linux':{%s}%s}", linux_object, properties));
}

static rl_err as_root(const char *linux_object, const char *properties)
{
	struct lx_host host = host_of_root();

	return plan(&host, linux_object, properties);
}

TEST(words_and_flags)
{
	CHECK_STR(plan_ns_name(PLAN_NS_MOUNT), "mnt");
	CHECK_STR(plan_ns_name(PLAN_NS_NET), "net");
	CHECK_INT(plan_ns_flag(PLAN_NS_USER), CLONE_NEWUSER);
	CHECK_INT(plan_ns_flag(PLAN_NS_TIME), CLONE_NEWTIME);
	for (int k = 1; k < PLAN_NS_KINDS; k++)
		CHECK((plan_ns_flag(k) & plan_ns_flag(k - 1)) == 0);
}

TEST(none)
{
	CHECK_OK(as_root("", ""));
	CHECK_INT(ns.create, 0);
	for (int k = 0; k < PLAN_NS_KINDS; k++)
		CHECK(ns.join[k] == NULL);
	CHECK(ns.hostname == NULL && ns.domainname == NULL && ns.time_offsets == NULL);
	CHECK(ids.uid_lines == NULL && ids.newuidmap == NULL && !ids.deny_setgroups);
	CHECK_INT(ids.root_uid, 0);
	CHECK_INT(ids.root_gid, 0);
}

#define MAPS                                                              \
	"'uidMappings':[{'containerID':0,'hostID':100000,'size':65536}]," \
	"'gidMappings':[{'containerID':0,'hostID':200000,'size':65536}]"

TEST(all_new)
{
	CHECK_OK(as_root("'namespaces':[{'type':'pid'},{'type':'network'},{'type':'mount'},"
			 "{'type':'ipc'},{'type':'uts'},{'type':'user'},{'type':'cgroup'},"
			 "{'type':'time'}]," MAPS,
			 ""));
	CHECK_INT(ns.create, CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC |
				     CLONE_NEWUTS | CLONE_NEWUSER | CLONE_NEWCGROUP |
				     CLONE_NEWTIME);
	for (int k = 0; k < PLAN_NS_KINDS; k++)
		CHECK(ns.join[k] == NULL);
}

TEST(new_and_joined)
{
	CHECK_OK(as_root("'namespaces':[{'type':'network','path':'/proc/7/ns/net'},"
			 "{'type':'pid'},{'type':'mount','path':'/m'}]",
			 ""));
	CHECK_INT(ns.create, CLONE_NEWPID);
	CHECK_STR(ns.join[PLAN_NS_NET], "/proc/7/ns/net");
	CHECK_STR(ns.join[PLAN_NS_MOUNT], "/m");
	CHECK(ns.join[PLAN_NS_PID] == NULL);
}

TEST(an_empty_path_is_none)
{
	CHECK_OK(as_root("'namespaces':[{'type':'ipc','path':''}]", ""));
	CHECK_INT(ns.create, CLONE_NEWIPC);
	CHECK(ns.join[PLAN_NS_IPC] == NULL);
}

TEST(what_this_kernel_has_not)
{
	struct lx_host old = host_of_root();

	old.cgroup_namespaces = old.time_namespaces = old.user_namespaces = false;
	CHECK_FAILS(plan(&old, "'namespaces':[{'type':'cgroup'}]", ""), ENOTSUP,
		    "$.linux.namespaces: this kernel has no cgroup namespaces");
	CHECK_FAILS(plan(&old, "'namespaces':[{'type':'time'}]", ""), ENOTSUP,
		    "this kernel has no time namespaces");
	CHECK_FAILS(plan(&old, "'namespaces':[{'type':'user'}]," MAPS, ""), ENOTSUP,
		    "this kernel has no user namespaces");
	/* What every kernel since 3.8 has is not asked about. */
	CHECK_OK(plan(&old, "'namespaces':[{'type':'pid'},{'type':'mount'}]", ""));
}

/* That there is a uts namespace to name is the reader's rule. */
TEST(names)
{
	CHECK_OK(as_root("'namespaces':[{'type':'uts'}]", ",'hostname':'h','domainname':'d'"));
	CHECK_STR(ns.hostname, "h");
	CHECK_STR(ns.domainname, "d");
	CHECK_OK(as_root("'namespaces':[{'type':'uts','path':'/u'}]", ",'hostname':'h'"));
	CHECK_STR(ns.hostname, "h");
}

TEST(time_offsets)
{
	CHECK_OK(as_root("'namespaces':[{'type':'time'}],'timeOffsets':{"
			 "'monotonic':{'secs':-5,'nanosecs':7},'boottime':{'secs':172800}}",
			 ""));
	CHECK_STR(ns.time_offsets, "monotonic -5 7\nboottime 172800 0\n");
	CHECK_OK(as_root("'namespaces':[{'type':'time'}],'timeOffsets':{'boottime':{'secs':1}}",
			 ""));
	CHECK_STR(ns.time_offsets, "boottime 1 0\n");
	CHECK_OK(as_root("'namespaces':[{'type':'time'}]", ""));
	CHECK(ns.time_offsets == NULL);
}

TEST(without_rights_a_user_namespace_is_needed)
{
	struct lx_host user = host_of_user(1000, 1001);

	CHECK_FAILS(plan(&user, "'namespaces':[{'type':'mount'}]", ""), EPERM,
		    "$.linux.namespaces: uid 1000 cannot make a container without a user");
	CHECK_OK(plan(&user, "'namespaces':[{'type':'user'}]," MAPS, ""));
	CHECK_OK(plan(&user, "'namespaces':[{'type':'user','path':'/u'}]", ""));
}

TEST(maps_are_the_kernels_text)
{
	CHECK_OK(as_root("'namespaces':[{'type':'user'}],"
			 "'uidMappings':[{'containerID':1,'hostID':5,'size':2},"
			 "{'containerID':0,'hostID':4294967294,'size':1}],"
			 "'gidMappings':[{'containerID':5,'hostID':6,'size':4294967289}]",
			 ""));
	CHECK_STR(ids.uid_lines, "1 5 2\n0 4294967294 1\n");
	CHECK_STR(ids.gid_lines, "5 6 4294967289\n");
	CHECK_INT(ids.root_uid, 4294967294);
	CHECK_INT(ids.root_gid, UINT32_MAX);		       /* not mapped */
	CHECK(ids.newuidmap == NULL && ids.newgidmap == NULL); /* root writes them */
	CHECK(!ids.deny_setgroups);
}

TEST(maps_need_a_new_user_namespace_and_it_needs_them)
{
	struct lx_host host = host_of_root();
	const struct oci_config *whole =
		config_of("{" BUNDLE ",'linux':{'namespaces':[{'type':'user'}]," MAPS "}}");
	struct oci_config config = *whole;

	config.linux_.namespace_count = 0;
	CHECK_FAILS(plan_config(&host, &config), EINVAL,
		    "$.linux.uidMappings: needs a user namespace");
	config = *whole;
	config.linux_.uid_mapping_count = 0;
	CHECK_FAILS(plan_config(&host, &config), EINVAL,
		    "$.linux.uidMappings: a new user namespace needs it");
	config = *whole;
	config.linux_.gid_mapping_count = 0;
	CHECK_FAILS(plan_config(&host, &config), EINVAL,
		    "$.linux.gidMappings: a new user namespace needs it");
	CHECK_OK(as_root("'namespaces':[{'type':'user','path':'/u'}]", ""));
	CHECK(ids.uid_lines == NULL);
	CHECK_INT(ids.root_uid, UINT32_MAX); /* nobody knows before it is joined */
}

TEST(a_users_maps_are_written_by_helpers)
{
	struct lx_host user = host_of_user(1000, 1001);

	CHECK_OK(plan(&user,
		      "'namespaces':[{'type':'user'}],"
		      "'uidMappings':[{'containerID':0,'hostID':1000,'size':1},"
		      "{'containerID':1,'hostID':100000,'size':65536}],"
		      "'gidMappings':[{'containerID':0,'hostID':1001,'size':1},"
		      "{'containerID':1,'hostID':100000,'size':65536}]",
		      ""));
	CHECK(ids.newuidmap != NULL && ids.newgidmap != NULL);
	CHECK_STR(ids.newuidmap[0], "0");
	CHECK_STR(ids.newuidmap[1], "1000");
	CHECK_STR(ids.newuidmap[5], "65536");
	CHECK(ids.newuidmap[6] == NULL);
	CHECK_STR(ids.newgidmap[1], "1001");
	CHECK(!ids.deny_setgroups); /* the helper may leave setgroups allowed */
}

TEST(a_user_alone_needs_no_helper)
{
	struct lx_host user = host_of_user(1000, 1001);

	CHECK_OK(plan(&user,
		      "'namespaces':[{'type':'user'}],"
		      "'uidMappings':[{'containerID':0,'hostID':1000,'size':1}],"
		      "'gidMappings':[{'containerID':5,'hostID':1001,'size':1}]",
		      ""));
	CHECK(ids.newuidmap == NULL && ids.newgidmap == NULL);
	CHECK(ids.deny_setgroups);
	CHECK_INT(ids.root_uid, 1000);
	/* Another's id is not his to map. */
	CHECK_OK(plan(&user,
		      "'namespaces':[{'type':'user'}],"
		      "'uidMappings':[{'containerID':0,'hostID':1002,'size':1}],"
		      "'gidMappings':[{'containerID':0,'hostID':1000,'size':1}]",
		      ""));
	CHECK(ids.newuidmap != NULL && ids.newgidmap != NULL);
}

TEST(the_right_is_the_capability_not_the_number)
{
	struct lx_host user = host_of_user(1000, 1001), crippled = host_of_root();

	user.capabilities = UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID;
	CHECK_OK(plan(&user, "'namespaces':[{'type':'user'}]," MAPS, ""));
	CHECK(ids.newuidmap == NULL && ids.newgidmap == NULL);
	crippled.capabilities = 0;
	CHECK_OK(plan(&crippled, "'namespaces':[{'type':'user'}]," MAPS, ""));
	CHECK(ids.newuidmap != NULL && ids.newgidmap != NULL);
}

static const char *many_mappings(int count)
{
	static char text[60000];
	int n = 0;

	for (int k = 0; k < 2; k++) {
		n += sprintf(text + n, ",'%sMappings':[", k ? "gid" : "uid");
		for (int i = 0; i < count; i++)
			n += sprintf(text + n, "%s{'containerID':%d,'hostID':%d,'size':1}",
				     i ? "," : "", 2 * i, 2 * i);
		n += sprintf(text + n, "]");
	}
	return text;
}

TEST(as_many_lines_as_the_kernel_takes)
{
	char object[60100];

	snprintf(object, sizeof(object), "'namespaces':[{'type':'user'}]%s", many_mappings(340));
	CHECK_OK(as_root(object, ""));
	CHECK_INT(ids.root_uid, 0);
	CHECK(strstr(ids.uid_lines, "\n678 678 1\n") != NULL);
}

RUN_TESTS()

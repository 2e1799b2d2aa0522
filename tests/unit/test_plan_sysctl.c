/* SPDX-License-Identifier: Apache-2.0 */
#include "config_fixture.h"
#include "plan/sysctl.h"

static const struct plan_sysctl *items;
static size_t count;

static rl_err plan(const char *name, const char *namespaces)
{
	const struct oci_config *c = config_of("{'ociVersion':'1.0.2','root':{'path':'r'},"
					       "'linux':{'sysctl':{'%s':'1'},"
					       "'namespaces':[%s]}}",
					       name, namespaces);

	return plan_sysctls_make(&fixture_arena, c, &items, &count);
}

#define NET "{'type':'network'}"
#define IPC "{'type':'ipc'}"
#define UTS "{'type':'uts'}"
#define USER "{'type':'user','path':'/proc/1/ns/user'}"

TEST(dots_and_slashes)
{
	CHECK_OK(plan("net.ipv4.ip_forward", NET));
	CHECK_INT(count, 1);
	CHECK_STR(items[0].path, "net/ipv4/ip_forward");
	CHECK_STR(items[0].value, "1");
	CHECK_OK(plan("net/ipv4/ip_forward", NET));
	CHECK_STR(items[0].path, "net/ipv4/ip_forward");
	CHECK_OK(plan("net.ipv4.conf.eth0/100.forwarding", NET));
	CHECK_STR(items[0].path, "net/ipv4/conf/eth0.100/forwarding");
	CHECK_OK(plan("net/ipv4/conf/eth0.100/forwarding", NET));
	CHECK_STR(items[0].path, "net/ipv4/conf/eth0.100/forwarding");
}

TEST(each_needs_its_namespace)
{
	CHECK_OK(plan("kernel.shmmax", IPC));
	CHECK_OK(plan("fs.mqueue.msg_max", IPC));
	CHECK_OK(plan("kernel.domainname", UTS));
	CHECK_OK(plan("user.max_pid_namespaces", USER));
	CHECK_FAILS(plan("kernel.shmmax", NET), EINVAL,
		    "$.linux.sysctl[\"kernel.shmmax\"]: needs a ipc namespace");
	CHECK_FAILS(plan("net.core.somaxconn", IPC), EINVAL, "network namespace");
	CHECK_FAILS(plan("user.max_pid_namespaces", IPC), EINVAL, "user namespace");
	CHECK_FAILS(plan("kernel.domainname", NET), EINVAL, "uts namespace");
}

TEST(what_belongs_to_the_machine_is_refused)
{
	static const char *const bad[] = {
		"kernel.core_pattern", "vm.swappiness", "kernel.shm", "kernel.shmmaxx",
		"kernel.sem.x",	       "fs.mqueue",	"network.x"
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_FAILS(plan(bad[i], NET "," IPC "," UTS), EINVAL, "no namespace");
}

/* The one writer of these files opens them by a path: nothing may lead out of its directory. */
TEST(no_way_out_of_proc_sys)
{
	static const char *const bad[] = { "net/../kernel/core_pattern",
					   "net//x",
					   "net/./x",
					   "net/",
					   "/net/x",
					   "net...x",
					   "net.ipv4./..x",
					   "net.//.kernel.x",
					   ".net",
					   "net." };

	const struct oci_config *good = config_of("{'ociVersion':'1.0.2','root':{'path':'r'},"
						  "'linux':{'namespaces':[" NET "]}}");

	/* The reader refuses most of these; here they come past it. */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct oci_key_value item = { .key = bad[i], .value = "1" };
		struct oci_config c = *good;

		c.linux_.sysctl = (struct oci_map){ &item, 1 };
		CHECK_FAILS(plan_sysctls_make(&fixture_arena, &c, &items, &count), EINVAL,
			    "is no kernel parameter");
	}
}

RUN_TESTS()

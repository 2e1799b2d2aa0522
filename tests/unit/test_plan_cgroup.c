/* SPDX-License-Identifier: Apache-2.0 */
/* Where the cgroup is and who may use it. */
#include "plan_cgroup_fixture.h"

static const struct plan_request plain = { .id = "c1" };

static const char *dirs_text(const struct lx_cgroup_spec *spec)
{
	const char *text = "";

	for (size_t i = 0; i < spec->dir_count; i++)
		rl_drop(rl_arena_fmt(arena(), &text, "%s%s%.*s+%s", text, i ? " " : "",
				     (int)spec->dirs[i].mount_len, spec->dirs[i].path,
				     spec->dirs[i].path + spec->dirs[i].mount_len));
	return text;
}

/* ---- the path -------------------------------------------------------------------------------- */

TEST(an_absolute_path_is_below_every_mount)
{
	struct planned p;

	CHECK_OK(plan_for(&hybrid_host, &plain, "{\"cgroupsPath\":\"/a/b\"}", "", &p));
	CHECK(p.cg.enabled);
	CHECK_STR(p.cg.path, "/a/b");
	CHECK_STR(dirs_text(&p.cg.spec), "/sys/fs/cgroup/cpu+/a/b /sys/fs/cgroup/memory+/a/b "
					 "/sys/fs/cgroup/devices+/a/b /sys/fs/cgroup/unified+/a/b");
	CHECK_INT(p.cg.spec.into, 3);
	CHECK_INT(p.cg.spec.dirs[3].version, 2);
	CHECK_OK(plan_for(&v2_host, &plain, "{\"cgroupsPath\":\"/a/b\"}", "", &p));
	CHECK_STR(dirs_text(&p.cg.spec), "/sys/fs/cgroup+/a/b");
	CHECK_INT(p.cg.spec.into, 0);
	CHECK_OK(plan_for(&v1_host, &plain, "{\"cgroupsPath\":\"/a/b\"}", "", &p));
	CHECK_INT(p.cg.spec.into, -1);
}

TEST(a_relative_path_is_below_the_caller_on_version_1_and_beside_it_on_version_2)
{
	struct planned p;

	CHECK_OK(plan_for(&hybrid_host, &plain, "{\"cgroupsPath\":\"a/b\"}", "", &p));
	CHECK_STR(dirs_text(&p.cg.spec),
		  "/sys/fs/cgroup/cpu+/a/b /sys/fs/cgroup/memory+/deep/er/a/b "
		  "/sys/fs/cgroup/devices+/a/b /sys/fs/cgroup/unified+/a/b");
	CHECK_OK(plan_for(&v2_host, &plain, "{\"cgroupsPath\":\"a/b\"}", "", &p));
	CHECK_STR(dirs_text(&p.cg.spec), "/sys/fs/cgroup+/user.slice/user-0.slice/a/b");
	CHECK_STR(p.cg.path, "/user.slice/user-0.slice/a/b");
}

TEST(without_a_path_it_is_the_id)
{
	struct planned p;

	CHECK_OK(plan_for(&v2_host, &plain, "{}", "", &p));
	CHECK_STR(dirs_text(&p.cg.spec), "/sys/fs/cgroup+/user.slice/user-0.slice/c1");
	CHECK_OK(plan_for(&hybrid_host, &plain, "{\"cgroupsPath\":\"\"}", "", &p));
	CHECK_STR(p.cg.spec.dirs[1].path, "/sys/fs/cgroup/memory/deep/er/c1");
}

TEST(a_path_is_cleaned_and_never_leads_out)
{
	struct planned p;
	static const char *const bad[] = { "/a/../b", "..", "/..", "../x", "a/..", "/../../etc" };
	char json[64];

	CHECK_OK(plan_for(&v2_host, &plain, "{\"cgroupsPath\":\"//a/./b//\"}", "", &p));
	CHECK_STR(dirs_text(&p.cg.spec), "/sys/fs/cgroup+/a/b");
	CHECK_OK(plan_for(&v2_host, &plain, "{\"cgroupsPath\":\"/..a/b..\"}", "", &p));
	CHECK_STR(p.cg.path, "/..a/b..");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(json, sizeof(json), "{\"cgroupsPath\":\"%s\"}", bad[i]);
		CHECK_FAILS(plan_for(&v2_host, &plain, json, "", &p), EINVAL,
			    "$.linux.cgroupsPath: ");
	}
	CHECK_FAILS(plan_for(&v2_host, &plain, "{\"cgroupsPath\":\"/\"}", "", &p), EINVAL,
		    "is the root of the cgroup tree");
	CHECK_FAILS(plan_for(&v2_host, &plain, "{\"cgroupsPath\":\"/./\"}", "", &p), EINVAL,
		    "is the root of the cgroup tree");
}

TEST(a_path_that_is_too_long)
{
	char json[8192], name[300], *at = json;
	struct planned p;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(json, sizeof(json), "{\"cgroupsPath\":\"/%s\"}", name);
	CHECK_FAILS(plan_for(&v2_host, &plain, json, "", &p), ENAMETOOLONG, "cgroupsPath");
	at += sprintf(at, "{\"cgroupsPath\":\"");
	for (int i = 0; i < 40; i++)
		at += sprintf(at, "/%.100s", name);
	sprintf(at, "\"}");
	CHECK_FAILS(plan_for(&v2_host, &plain, json, "", &p), ENAMETOOLONG, "cgroupsPath");
}

TEST(a_caller_outside_of_the_cgroup_namespace_needs_an_absolute_path)
{
	struct lx_cgroup_hierarchy outside = { "/sys/fs/cgroup", "", "/../other", 2 };
	struct lx_host host = v2_host;
	struct planned p;

	host.hierarchies = &outside;
	CHECK_FAILS(plan_for(&host, &plain, "{}", "", &p), EINVAL, "no place for children");
	CHECK_OK(plan_for(&host, &plain, "{\"cgroupsPath\":\"/a\"}", "", &p));
	outside.own = "/gone (deleted)";
	CHECK_FAILS(plan_for(&host, &plain, "{}", "", &p), EINVAL, "no place for children");
}

/* ---- controllers ----------------------------------------------------------------------------- */

TEST(controllers_are_enabled_for_accounting_and_required_for_limits)
{
	struct planned p;

	CHECK_OK(plan_for(&v2_host, &plain, "{\"cgroupsPath\":\"/a\"}", "", &p));
	CHECK_STR(p.cg.spec.enable, "cpuset cpu io memory hugetlb pids rdma misc");
	CHECK_STR(p.cg.spec.require, "");
	CHECK_OK(plan_for(&v2_host, &plain,
			  "{\"resources\":{\"pids\":{\"limit\":1},\"cpu\":{\"shares\":5,"
			  "\"cpus\":\"0\"},\"unified\":{\"pids.max\":\"3\",\"cgroup.max.depth\":"
			  "\"1\",\"misc.max\":\"a 1\"}}}",
			  "", &p));
	CHECK_STR(p.cg.spec.require, "cpuset cpu pids misc");
	/* Beside version 1 only what is limited is touched. */
	CHECK_OK(plan_for(&hybrid_host, &plain, "{\"cgroupsPath\":\"/a\"}", "", &p));
	CHECK_STR(p.cg.spec.enable, "");
	CHECK_OK(plan_for(&hybrid_host, &plain,
			  "{\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":"
			  "4}]}}",
			  "", &p));
	CHECK_STR(p.cg.spec.enable, "hugetlb");
	CHECK_STR(p.cg.spec.require, "hugetlb");
}

/* ---- who may make it ------------------------------------------------------------------------- */

TEST(permission_errors_are_forgiven_to_rootless_callers_or_on_request)
{
	struct plan_request request = { .id = "c1", .rootless_cgroups = -1 };
	struct lx_host host = v2_host;
	struct planned p;

	CHECK_OK(plan_for(&host, &request, "{}", "", &p));
	CHECK(!p.cg.spec.forgive && !p.cg.devices_forgiven);
	host.rootless = true;
	CHECK_OK(plan_for(&host, &request, "{}", "", &p));
	CHECK(p.cg.spec.forgive && p.cg.devices_forgiven);
	request.rootless_cgroups = 0;
	CHECK_OK(plan_for(&host, &request, "{}", "", &p));
	CHECK(!p.cg.spec.forgive && p.cg.devices_forgiven);
	host.rootless = false;
	request.rootless_cgroups = 1;
	CHECK_OK(plan_for(&host, &request, "{}", "", &p));
	CHECK(p.cg.spec.forgive && p.cg.devices_forgiven);
}

TEST(the_cgroup_is_delegated_only_by_the_rules_of_the_specification)
{
	static const char own[] = "{\"namespaces\":[{\"type\":\"cgroup\"}]}";
	static const char rw[] = ",\"mounts\":[{\"destination\":\"/sys/fs/cgroup\",\"type\":"
				 "\"cgroup\",\"source\":\"cgroup\",\"options\":[\"rw\"]}]";
	static const char ro[] = ",\"mounts\":[{\"destination\":\"/sys/fs/cgroup\",\"type\":"
				 "\"cgroup\",\"source\":\"cgroup\",\"options\":[\"ro\"]}]";
	struct lx_host host = v2_host;
	struct planned p;

	CHECK_OK(plan_for(&host, &plain, own, rw, &p));
	CHECK(p.cg.spec.delegate);
	CHECK_INT(p.cg.spec.owner, 1000);
	CHECK_INT(p.cg.spec.group, 1001);
	CHECK_OK(plan_for(&host, &plain, own, ro, &p));
	CHECK(!p.cg.spec.delegate);
	CHECK_OK(plan_for(&host, &plain, own, "", &p));
	CHECK(!p.cg.spec.delegate);
	CHECK_OK(plan_for(&host, &plain, "{}", rw, &p));
	CHECK(!p.cg.spec.delegate);
	CHECK_OK(plan_for(&host, &plain,
			  "{\"namespaces\":[{\"type\":\"cgroup\",\"path\":\"/proc/1/ns/cgroup\"}]}",
			  rw, &p));
	CHECK(!p.cg.spec.delegate);
	CHECK_OK(plan_for(&hybrid_host, &plain, own, rw, &p));
	CHECK(!p.cg.spec.delegate);
	/* Nothing to do when it belongs to that user by being made. */
	host.euid = 1000;
	host.egid = 1001;
	CHECK_OK(plan_for(&host, &plain, own, rw, &p));
	CHECK(!p.cg.spec.delegate);
}

TEST(the_child_of_the_annotation)
{
	struct planned p;

	CHECK_OK(plan_for(&v2_host, &plain, "{}",
			  ",\"annotations\":{\"run.oci.delegate-cgroup\":\"in\"}", &p));
	CHECK_STR(p.cg.child, "in");
	CHECK_FAILS(plan_for(&v2_host, &plain, "{}",
			     ",\"annotations\":{\"run.oci.delegate-cgroup\":\"../x\"}", &p),
		    EINVAL, "$.annotations[\"run.oci.delegate-cgroup\"]");
	CHECK_FAILS(plan_for(&v2_host, &plain, "{}",
			     ",\"annotations\":{\"run.oci.delegate-cgroup\":\"..\"}", &p),
		    EINVAL, "is no name of a directory");
	CHECK_OK(plan_for(&hybrid_host, &plain, "{}",
			  ",\"annotations\":{\"run.oci.delegate-cgroup\":\"in\"}", &p));
	CHECK(p.cg.child == NULL);
	CHECK_INT(p.warnings.count, 1);
	CHECK(strstr(p.warnings.items[0], "run.oci.delegate-cgroup") != NULL);
}

/* ---- none ------------------------------------------------------------------------------------ */

TEST(without_cgroups)
{
	struct plan_request disabled = { .id = "c1", .cgroup_manager = PLAN_CGROUP_DISABLED };
	static const char limit[] = "{\"resources\":{\"pids\":{\"limit\":5}}}";
	static const char devices[] = "{\"resources\":{\"devices\":[{\"allow\":false}]}}";
	struct planned p;

	CHECK_OK(plan_for(&v2_host, &disabled, devices, "", &p));
	CHECK(!p.cg.enabled);
	CHECK_INT(p.warnings.count, 0);
	CHECK_INT(p.cg.device_count, 0);
	CHECK_OK(plan_for(&v2_host, &disabled, limit, "", &p));
	CHECK_INT(p.warnings.count, 1);
	CHECK_OK(plan_for(&bare_host, &plain, devices, "", &p));
	CHECK(!p.cg.enabled);
	CHECK_FAILS(plan_for(&bare_host, &plain, limit, "", &p), EOPNOTSUPP,
		    "no cgroup file system is mounted");
}

TEST(machines_without_a_device_controller)
{
	static const struct lx_cgroup_hierarchy only_memory[] = {
		{ "/sys/fs/cgroup/memory", "memory", "/", 1 },
	};
	struct lx_host host = { .cgroup_layout = LX_CGROUP_V1,
				.hierarchies = only_memory,
				.hierarchy_count = 1,
				.cgroup2_controllers = "" };
	struct planned p;

	CHECK_OK(plan_for(&host, &plain, "{}", "", &p));
	CHECK_INT(p.cg.device_count, 0);
	CHECK_INT(p.warnings.count, 0);
	CHECK_OK(plan_for(&host, &plain, "{\"resources\":{\"devices\":[{\"allow\":false}]}}", "",
			  &p));
	CHECK_INT(p.cg.device_count, 0);
	CHECK_INT(p.warnings.count, 1);
	CHECK(strstr(p.warnings.items[0], "$.linux.resources.devices") != NULL);
}

RUN_TESTS()

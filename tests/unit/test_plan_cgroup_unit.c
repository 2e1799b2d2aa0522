/* SPDX-License-Identifier: Apache-2.0 */
/* The scope of systemd: where it is, and what systemd is told. */
#include "plan/cgroup_unit.h"
#include "plan/variant.h"
#include "plan_cgroup_fixture.h"

static const struct plan_request systemd = { .id = "c1", .cgroup_manager = PLAN_CGROUP_SYSTEMD };

static const char *property_text(const struct lx_unit_property *p)
{
	const char *text;

	rl_drop(rl_arena_fmt(arena(), &text, "%s %s", p->name ? p->name : "-", p->type));
	if (strcmp(p->type, "d") == 0)
		rl_drop(rl_arena_fmt(arena(), &text, "%s %g", text, p->real));
	for (size_t i = 0; i < p->count && p->type[0] != 'd'; i++) {
		if (strchr(p->type, 's') != NULL)
			rl_drop(rl_arena_fmt(arena(), &text, "%s '%s'", text, p->values[i].text));
		if (strchr(p->type, 's') == NULL || p->type[1] == '(')
			rl_drop(rl_arena_fmt(arena(), &text, "%s %lld", text,
					     (long long)p->values[i].number));
	}
	return text;
}

static const char *properties_text(const struct lx_unit_property *p, size_t count)
{
	const char *text = "";

	for (size_t i = 0; i < count; i++)
		rl_drop(rl_arena_fmt(arena(), &text, "%s%s%s", text, i ? "|" : "",
				     property_text(&p[i])));
	return text;
}

/* What systemd is told for these resources. */
static const char *told(const struct lx_host *host, const char *resources)
{
	struct planned p;
	const char *json, *text;
	rl_err e;

	rl_drop(rl_arena_fmt(arena(), &json, "{\"resources\":%s}", resources));
	e = plan_for(host, &systemd, json, "", &p);
	if (!rl_failed(e))
		return properties_text(p.cg.unit.properties, p.cg.unit.property_count);
	rl_drop(rl_arena_str(arena(), rl_text(e), &text));
	rl_drop(e);
	return text;
}

/* ---- name and place -------------------------------------------------------------------------- */

static const char *place(const struct lx_host *host, const char *path)
{
	struct planned p;
	const char *json, *text;
	rl_err e;

	rl_drop(rl_arena_fmt(arena(), &json, "{\"cgroupsPath\":\"%s\"}", path));
	e = plan_for(host, &systemd, json, "", &p);
	if (!rl_failed(e))
		rl_drop(rl_arena_fmt(arena(), &text, "%s in %s: %s", p.cg.unit.name,
				     p.cg.unit.slice, p.cg.path));
	else
		rl_drop(rl_arena_str(arena(), rl_text(e), &text));
	rl_drop(e);
	return text;
}

TEST(the_path_names_slice_and_scope)
{
	CHECK_STR(place(&v2_host, "machine.slice:libpod:abc"),
		  "libpod-abc.scope in machine.slice: /machine.slice/libpod-abc.scope/container");
	/* Dashes in the name are the tree. */
	CHECK_STR(place(&v2_host, "a-b-c.slice:p:n"),
		  "p-n.scope in a-b-c.slice: /a.slice/a-b.slice/a-b-c.slice/p-n.scope/container");
	CHECK_STR(place(&v2_host, "-.slice:p:n"), "p-n.scope in -.slice: /p-n.scope/container");
	CHECK_STR(place(&v2_host, "::n"),
		  "n.scope in system.slice: /system.slice/n.scope/container");
	CHECK_STR(place(&v2_host, ""),
		  "runlet-c1.scope in system.slice: /system.slice/runlet-c1.scope/container");
	/* Version 1 has no child by default, and every hierarchy the same place. */
	CHECK_STR(place(&v1_host, "machine.slice:libpod:abc"),
		  "libpod-abc.scope in machine.slice: /machine.slice/libpod-abc.scope");
}

TEST(other_paths_are_refused)
{
	static const char *const bad[] = { "/a/b",	     "name",	      "a:b",
					   "a.slice:b:",     "a.slice:b:c:d", "a:b:c",
					   "a/b.slice:c:d",  "-a.slice:b:c",  "a-.slice:b:c",
					   "a--b.slice:c:d", ".slice:b:c",    "a.slice:b/c:d",
					   "a.slice:b:c d",  "a.slice:b:'" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(strncmp(place(&v2_host, bad[i]), "$.linux.cgroupsPath: ", 21) == 0);
}

TEST(a_users_systemd_lives_below_its_service)
{
	struct lx_cgroup_hierarchy own = { "/sys/fs/cgroup", "", "", 2 };
	struct lx_host host = v2_host;

	host.hierarchies = &own;
	host.rootless = true;
	host.euid = 1000;
	own.own = "/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope";
	CHECK_STR(place(&host, "user.slice:p:n"),
		  "p-n.scope in user.slice: /user.slice/user-1000.slice/user@1000.service/"
		  "user.slice/p-n.scope/container");
	own.own = "/user.slice/user-1000.slice/session-3.scope";
	host.euid = 0; /* in a user namespace */
	CHECK_STR(place(&host, "app.slice:p:n"),
		  "p-n.scope in app.slice: /user.slice/user-1000.slice/user@1000.service/"
		  "app.slice/p-n.scope/container");
	own.own = "/elsewhere";
	host.euid = 1001;
	CHECK_STR(place(&host, "::n"),
		  "n.scope in user.slice: /user.slice/user-1001.slice/user@1001.service/"
		  "user.slice/n.scope/container");
}

TEST(the_child_of_the_scope)
{
	struct planned p;

	CHECK_OK(plan_for(&v2_host, &systemd, "{}", "", &p));
	CHECK(!p.cg.spec.adopt && p.cg.spec.enable_late);
	/* Above is systemd's. */
	CHECK_INT(p.cg.spec.enable_from, strlen("/sys/fs/cgroup/system.slice/runlet-c1.scope"));
	CHECK_OK(plan_for(&v2_host, &systemd, "{}",
			  ",\"annotations\":{\"run.oci.systemd.subgroup\":\"mine\"}", &p));
	CHECK_STR(p.cg.path, "/system.slice/runlet-c1.scope/mine");
	CHECK_OK(plan_for(&v2_host, &systemd, "{}",
			  ",\"annotations\":{\"run.oci.systemd.subgroup\":\"\"}", &p));
	CHECK_STR(p.cg.path, "/system.slice/runlet-c1.scope");
	CHECK(p.cg.spec.adopt);
	CHECK_STR(p.cg.spec.enable, "");
	CHECK_FAILS(plan_for(&v2_host, &systemd, "{}",
			     ",\"annotations\":{\"run.oci.systemd.subgroup\":\"a/b\"}", &p),
		    EINVAL, "run.oci.systemd.subgroup");
}

/* ---- limits ---------------------------------------------------------------------------------- */

TEST(limits_in_systemds_words)
{
	CHECK_STR(told(&v2_host, "{\"memory\":{\"limit\":4096,\"swap\":8192,\"reservation\":1}}"),
		  "MemoryMax t 4096|MemorySwapMax t 4096|MemoryLow t 1");
	CHECK_STR(told(&v2_host, "{\"memory\":{\"limit\":-1}}"),
		  "MemoryMax t -1|MemorySwapMax t -1");
	CHECK_STR(told(&v2_host, "{\"pids\":{\"limit\":-1}}"), "TasksMax t -1");
	CHECK_STR(told(&v2_host, "{\"pids\":{\"limit\":0}}"), "TasksMax t 1");
	CHECK_STR(told(&v2_host, "{\"cpu\":{\"shares\":1024}}"), "CPUWeight t 100");
	CHECK_STR(told(&v2_host, "{\"cpu\":{\"shares\":1024,\"idle\":1}}"), "CPUWeight t 0");
	CHECK_STR(told(&v2_host, "{\"cpu\":{\"cpus\":\"0-2,9\",\"mems\":\"1\"}}"),
		  "AllowedCPUs ay 7 2|AllowedMemoryNodes ay 2");
	CHECK_STR(told(&v2_host, "{\"blockIO\":{\"weight\":10}}"), "IOWeight t 1");
	CHECK_STR(told(&v2_host,
		       "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":1000}],"
		       "\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":5},"
		       "{\"major\":8,\"minor\":16,\"rate\":0}],"
		       "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":7}]}}"),
		  "IODeviceWeight a(st) '/dev/block/8:0' 10000|"
		  "IOReadBandwidthMax a(st) '/dev/block/8:0' 5 '/dev/block/8:16' -1|"
		  "IOWriteIOPSMax a(st) '/dev/block/8:0' 7");
	/* What systemd has no word for stands in the cgroup only. */
	CHECK_STR(told(&v2_host, "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}]}"), "");
}

/* systemd counts in per cent: a scope with less than its container asks for would be refused. */
TEST(quotas_are_rounded_up)
{
	CHECK_STR(told(&v2_host, "{\"cpu\":{\"quota\":50000,\"period\":100000}}"),
		  "CPUQuotaPeriodUSec t 100000|CPUQuotaPerSecUSec t 500000");
	CHECK_STR(told(&v2_host, "{\"cpu\":{\"quota\":9999,\"period\":100000}}"),
		  "CPUQuotaPeriodUSec t 100000|CPUQuotaPerSecUSec t 100000");
	CHECK_STR(told(&v2_host, "{\"cpu\":{\"quota\":1001,\"period\":1000000}}"),
		  "CPUQuotaPeriodUSec t 1000000|CPUQuotaPerSecUSec t 10000");
	CHECK_STR(told(&v2_host, "{\"cpu\":{\"quota\":-1,\"period\":1000}}"),
		  "CPUQuotaPeriodUSec t 1000|CPUQuotaPerSecUSec t -1");
	CHECK_STR(told(&v2_host, "{\"cpu\":{\"quota\":30000}}"), "CPUQuotaPerSecUSec t 300000");
	CHECK_STR(told(&v1_host, "{\"cpu\":{\"quota\":30000,\"period\":60000,\"cpus\":\"0\"}}"),
		  "CPUQuotaPeriodUSec t 60000|CPUQuotaPerSecUSec t 500000");
}

TEST(version_1_has_other_words)
{
	CHECK_STR(told(&v1_host, "{\"memory\":{\"limit\":4096},\"cpu\":{\"shares\":7},"
				 "\"blockIO\":{\"weight\":20},\"pids\":{\"limit\":3}}"),
		  "MemoryLimit t 4096|CPUShares t 7|BlockIOWeight t 20|TasksMax t 3");
}

TEST(unified_files_win_here_too)
{
	CHECK_STR(told(&v2_host, "{\"pids\":{\"limit\":7},\"unified\":{\"pids.max\":\"9\","
				 "\"memory.high\":\"max\",\"memory.min\":\"5\"}}"),
		  "TasksMax t 9|MemoryHigh t -1|MemoryMin t 5");
	CHECK_STR(told(&v2_host, "{\"cpu\":{\"cpus\":\"0\"},\"unified\":{\"cpuset.cpus\":\"1\"}}"),
		  "AllowedCPUs ay 2");
}

TEST(an_update_tells_what_it_knows)
{
	struct oci_problems problems = oci_problems_in(arena());
	struct plan_warnings warnings = { 0 };
	const struct oci_resources *r;
	struct plan_cgroup_update u;
	struct planned p;
	static const char json[] = "{\"pids\":{\"limit\":4},\"cpu\":{\"period\":70000},"
				   "\"memory\":{\"swap\":5000}}";

	CHECK_OK(plan_for(&v2_host, &systemd, "{}", "", &p));
	CHECK_OK(oci_resources_read(&problems, "test", json, strlen(json), &r));
	CHECK_OK(plan_cgroup_update_make(arena(), r, &p.cg.spec, &v2_host, &warnings, &u));
	/* Not the values that depend on what was set before. */
	CHECK_STR(properties_text(u.properties, u.property_count), "TasksMax t 4");
	CHECK_INT(u.write_count, 3);
}

/* ---- annotations ----------------------------------------------------------------------------- */

static const char *annotated(const char *key, const char *value)
{
	struct oci_key_value kv = { .key = key, .value = value };
	struct oci_map map = { .items = &kv, .count = 1 };
	struct lx_unit unit = { 0 };
	const char *text;
	rl_err e = plan_unit_annotations(arena(), &map, &unit);

	if (!rl_failed(e))
		return properties_text(unit.properties, unit.property_count);
	rl_drop(rl_arena_str(arena(), rl_text(e), &text));
	rl_drop(e);
	return text;
}

#define KEY "org.systemd.property."

TEST(annotations_become_properties)
{
	CHECK_STR(annotated(KEY "CollectMode", "'inactive'"), "CollectMode s 'inactive'");
	CHECK_STR(annotated(KEY "Delegate", " false "), "Delegate b 0");
	CHECK_STR(annotated(KEY "TasksMax", "uint64 18446744073709551615"), "TasksMax t -1");
	CHECK_STR(annotated("org.systemd.other.X", "'x'"), "");
	CHECK_STR(annotated("other", "nonsense"), "");
	/* Seconds on the command line are microseconds on the bus. */
	CHECK_STR(annotated(KEY "TimeoutStopSec", "uint64 5"), "TimeoutStopUSec t 5000000");
	CHECK_STR(annotated(KEY "TimeoutStopSec", "1.5"), "TimeoutStopUSec t 1500000");
	CHECK_STR(annotated(KEY "TimeoutStopUSec", "uint64 5"), "TimeoutStopUSec t 5");
	CHECK(strstr(annotated(KEY "TimeoutStopSec", "'x'"), "needs a number of seconds") != NULL);
	CHECK(strstr(annotated(KEY "", "1"), "names no property") != NULL);
	CHECK(strstr(annotated(KEY "A.B", "1"), "names no property") != NULL);
}

static const char *variant(const char *text)
{
	struct lx_unit_property p = { .name = "-" };
	const char *out;
	rl_err e = plan_variant_parse(arena(), "x", text, &p);

	if (!rl_failed(e))
		return property_text(&p) + 2;
	rl_drop(rl_arena_str(arena(), rl_text(e), &out));
	rl_drop(e);
	return out;
}

TEST(variants)
{
	CHECK_STR(variant("true"), "b 1");
	CHECK_STR(variant("false"), "b 0");
	CHECK_STR(variant("5"), "i 5");
	CHECK_STR(variant("-5"), "i -5");
	CHECK_STR(variant("0x10"), "i 16");
	CHECK_STR(variant("byte 255"), "y 255");
	CHECK_STR(variant("int16 -3"), "n -3");
	CHECK_STR(variant("uint16 3"), "q 3");
	CHECK_STR(variant("int32 3"), "i 3");
	CHECK_STR(variant("uint32 4294967295"), "u 4294967295");
	CHECK_STR(variant("int64 -9223372036854775808"), "x -9223372036854775808");
	CHECK_STR(variant("1.5"), "d 1.5");
	CHECK_STR(variant("double 2"), "d 2");
	CHECK_STR(variant("'a b'"), "s 'a b'");
	CHECK_STR(variant("\"it's\""), "s 'it's'");
	CHECK_STR(variant("'it\\'s\\n'"), "s 'it's\n'");
	CHECK_STR(variant("''"), "s ''");
	CHECK_STR(variant("['a', 'b']"), "as 'a' 'b'");
	CHECK_STR(variant("[]"), "as");
	CHECK_STR(variant("@as []"), "as");
	CHECK_STR(variant("[byte 1, byte 2]"), "ay 1 2");
	CHECK_STR(variant("[('/dev/sda', uint64 5), ('b', uint64 6)]"), "a(st) '/dev/sda' 5 'b' 6");
}

TEST(variants_that_are_none)
{
	static const char *const bad[] = {
		"",
		"'a",
		"a",
		"truely",
		"5x",
		"uint64",
		"uint64 -1",
		"byte 256",
		"2147483648",
		"['a' 'b']",
		"['a', 5]",
		"['a'",
		"('a', 5)",
		"[('a', 5)]",
		"'a' 'b'",
		"[1.5]",
		"'\\q'",
		"5 5",
		"- 5",
		"uint64 18446744073709551616",
		"int16 40000",
		"[('a')]",
		"@as",
		"-",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *text = variant(bad[i]);

		if (strncmp(text, "x: ", 3) != 0)
			printf("# %s gave %s\n", bad[i], text);
		CHECK(strncmp(text, "x: ", 3) == 0);
	}
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules: their order, and the form that version 1 can store. */
#include "plan_cgroup_fixture.h"

static const char *number(int64_t n)
{
	const char *text = "*";

	if (n >= 0)
		rl_drop(rl_arena_fmt(arena(), &text, "%lld", (long long)n));
	return text;
}

static const char *rules_text(const struct lx_device_rule *rules, size_t count)
{
	const char *text = "";

	for (size_t i = 0; i < count; i++)
		rl_drop(rl_arena_fmt(arena(), &text, "%s%s%c%c %s:%s %s%s%s", text, i ? "|" : "",
				     rules[i].allow ? '+' : '-', rules[i].type,
				     number(rules[i].major), number(rules[i].minor),
				     rules[i].access & LX_DEVICE_READ ? "r" : "",
				     rules[i].access & LX_DEVICE_WRITE ? "w" : "",
				     rules[i].access & LX_DEVICE_MKNOD ? "m" : ""));
	return text;
}

static rl_err rules_for(const char *json, bool v1, const struct lx_device_rule **ret, size_t *count)
{
	struct oci_problems problems = oci_problems_in(arena());
	const struct oci_resources *r;
	const char *text;

	RL_TRY(rl_arena_fmt(arena(), &text, "{\"devices\":%s}", json));
	RL_TRY(oci_resources_read(&problems, "test", text, strlen(text), &r));
	return plan_cg_devices(arena(), "$", r, NULL, 0, v1, ret, count);
}

#define ALWAYS                                                                                 \
	"+c *:* m|+b *:* m|+c 1:3 rwm|+c 1:5 rwm|+c 1:7 rwm|+c 1:8 rwm|+c 1:9 rwm|+c 5:0 rwm|" \
	"+c 5:1 rwm|+c 5:2 rwm|+c 136:* rwm|+c 10:200 rwm"

static const char *v2_rules(const char *json)
{
	const struct lx_device_rule *rules;
	size_t count;

	if (rl_drop_failed(rules_for(json, false, &rules, &count)))
		return "failed";
	return rules_text(rules, count);
}

static const char *v1_rules(const char *json)
{
	const struct lx_device_rule *rules;
	size_t count;
	rl_err e = rules_for(json, true, &rules, &count);
	const char *text;

	if (!rl_failed(e))
		return rules_text(rules, count);
	rl_drop(rl_arena_str(arena(), rl_text(e), &text));
	rl_drop(e);
	return text;
}

TEST(rules_keep_their_order_and_the_eternal_ones_come_last)
{
	CHECK_STR(v2_rules("[]"), ALWAYS);
	CHECK_STR(v2_rules("[{\"allow\":false,\"access\":\"rwm\"}]"), "-a *:* rwm|" ALWAYS);
	CHECK_STR(v2_rules("[{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"major\":10,"
			   "\"minor\":229,\"access\":\"rw\"},{\"allow\":true,\"type\":\"b\","
			   "\"major\":8,\"minor\":-1,\"access\":\"m\"}]"),
		  "-a *:* rwm|+c 10:229 rw|+b 8:* m|" ALWAYS);
	/* An empty access is all of it. */
	CHECK_STR(v2_rules("[{\"allow\":true,\"type\":\"c\",\"major\":1,\"access\":\"\"}]"),
		  "+c 1:* rwm|" ALWAYS);
}

TEST(a_handlers_rules_stand_before_the_eternal_ones)
{
	static const struct lx_device_rule kvm = { true, 'c', LX_DEVICE_RWM, 10, 232 };
	const struct lx_device_rule *rules;
	size_t count;

	CHECK_OK(plan_cg_devices(arena(), "$", NULL, &kvm, 1, false, &rules, &count));
	CHECK_STR(rules_text(rules, count), "+c 10:232 rwm|" ALWAYS);
}

TEST(version_1_stores_a_default_and_exceptions)
{
	CHECK_STR(v1_rules("[]"), "-a *:* rwm|" ALWAYS);
	CHECK_STR(v1_rules("[{\"allow\":false,\"access\":\"rwm\"}]"), "-a *:* rwm|" ALWAYS);
	/* Privileged: exceptions from allowing all are what is refused. */
	CHECK_STR(v1_rules("[{\"allow\":true}]"), "+a *:* rwm");
	CHECK_STR(v1_rules("[{\"allow\":true},{\"allow\":false,\"type\":\"b\",\"major\":8,"
			   "\"access\":\"w\"}]"),
		  "+a *:* rwm|-b 8:* w");
	/* The same nodes twice become one. */
	CHECK_STR(v1_rules("[{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":1,\"access\":"
			   "\"r\"},{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":1,"
			   "\"access\":\"w\"}]"),
		  "-a *:* rwm|+b 8:1 rw|" ALWAYS);
	/* What was allowed and is refused later is not there. */
	CHECK_STR(v1_rules("[{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":1},{\"allow\":"
			   "false,\"type\":\"b\",\"major\":8}]"),
		  "-a *:* rwm|" ALWAYS);
	CHECK_STR(v1_rules("[{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":1},{\"allow\":"
			   "false,\"type\":\"b\",\"major\":8,\"access\":\"w\"}]"),
		  "-a *:* rwm|+b 8:1 rm|" ALWAYS);
	/* A refusal of all forgets what was before. */
	CHECK_STR(v1_rules("[{\"allow\":true},{\"allow\":true,\"type\":\"c\",\"major\":7},"
			   "{\"allow\":false}]"),
		  "-a *:* rwm|" ALWAYS);
	/* Both types by one rule. */
	CHECK_STR(v1_rules("[{\"allow\":true,\"access\":\"r\"}]"),
		  "-a *:* rwm|+b *:* rm|+c *:* rm|+c 1:3 rwm|+c 1:5 rwm|+c 1:7 rwm|+c 1:8 rwm|"
		  "+c 1:9 rwm|+c 5:0 rwm|+c 5:1 rwm|+c 5:2 rwm|+c 136:* rwm|+c 10:200 rwm");
}

TEST(version_1_refuses_what_it_cannot_store)
{
	CHECK(strstr(v1_rules("[{\"allow\":true,\"type\":\"b\",\"major\":8},{\"allow\":false,"
			      "\"type\":\"b\",\"major\":8,\"minor\":3}]"),
		     "$.devices[1]: cgroup version 1 cannot store this rule") != NULL);
	/* All refused but something that every container needs a part of. */
	CHECK(strstr(v1_rules("[{\"allow\":true},{\"allow\":false,\"type\":\"c\",\"major\":1,"
			      "\"access\":\"w\"}]"),
		     "$.devices: cgroup version 1 cannot store the rules that every container "
		     "needs") != NULL);
	/* A refusal of something that was never allowed says nothing new. */
	CHECK_STR(v1_rules("[{\"allow\":false,\"type\":\"b\",\"major\":8,\"minor\":3}]"),
		  "-a *:* rwm|" ALWAYS);
	/* Other rights of the same nodes do not meet. */
	CHECK_STR(v1_rules("[{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"r\"},"
			   "{\"allow\":false,\"type\":\"b\",\"major\":8,\"minor\":3,\"access\":"
			   "\"w\"}]"),
		  "-a *:* rwm|+b 8:* r|" ALWAYS);
}

/* The rule that decides about one right, by the definition in lx_device_rule. */
static bool decides(const struct lx_device_rule *rules, size_t count, char type, int64_t major,
		    int64_t minor, unsigned access)
{
	bool allowed = false;

	for (size_t i = 0; i < count; i++)
		if ((rules[i].type == 'a' || rules[i].type == type) &&
		    (rules[i].major < 0 || rules[i].major == major) &&
		    (rules[i].minor < 0 || rules[i].minor == minor) && (rules[i].access & access))
			allowed = rules[i].allow;
	return allowed;
}

/* Whatever can be stored means the same in both forms. */
TEST(both_forms_mean_the_same)
{
	unsigned seed = 1, stored = 0;

	for (int round = 0; round < 3000; round++) {
		const struct lx_device_rule *v1, *v2;
		struct oci_device_rule asked[6];
		struct oci_resources r = { .devices = asked };
		size_t n1, n2;

		r.device_count = (size_t)(rand_r(&seed) % 6);
		memset(asked, 0, sizeof(asked));
		for (size_t i = 0; i < r.device_count; i++) {
			static const char *const access[] = { "r", "w", "m", "rw", "rwm", NULL };

			asked[i].allow = rand_r(&seed) % 2;
			asked[i].type = rand_r(&seed) % 4 ? OCI_DEVICE_BLOCK : OCI_DEVICE_ALL;
			asked[i].major.set = rand_r(&seed) % 3;
			asked[i].major.value = rand_r(&seed) % 2;
			asked[i].minor.set = rand_r(&seed) % 3;
			asked[i].minor.value = rand_r(&seed) % 2;
			asked[i].access = access[rand_r(&seed) % 6];
		}
		CHECK_OK(plan_cg_devices(arena(), "$", &r, NULL, 0, false, &v2, &n2));
		if (rl_drop_failed(plan_cg_devices(arena(), "$", &r, NULL, 0, true, &v1, &n1)))
			continue;
		stored++;
		for (unsigned k = 0; k < 2 * 3 * 3 * 3; k++) {
			char type = "bc"[k % 2];
			int64_t major = k / 2 % 3, minor = k / 6 % 3;
			unsigned access = 1u << (k / 18);

			CHECK_INT(decides(v1, n1, type, major, minor, access),
				  decides(v2, n2, type, major, minor, access));
		}
	}
	CHECK(stored > 500);
}

TEST(update_replaces_rules_only_when_there_are_any)
{
	struct oci_device_rule rule = { .allow = true, .type = OCI_DEVICE_CHAR };
	struct oci_resources r = { 0 };
	struct plan_warnings warnings = { 0 };
	struct lx_cgroup_dir dir = { "/sys/fs/cgroup/x", 14, "", 2 };
	struct lx_cgroup_spec spec = { .dirs = &dir, .dir_count = 1 };
	struct plan_cgroup_update u;

	CHECK_OK(plan_cgroup_update_make(arena(), &r, &spec, &v2_host, &warnings, &u));
	CHECK(u.devices == NULL && u.device_count == 0);
	r.devices = &rule;
	r.device_count = 1;
	CHECK_OK(plan_cgroup_update_make(arena(), &r, &spec, &v2_host, &warnings, &u));
	CHECK_STR(rules_text(u.devices, u.device_count), "+c *:* rwm|" ALWAYS);
}

RUN_TESTS()

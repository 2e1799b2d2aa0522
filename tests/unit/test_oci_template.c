/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/read.h"
#include "oci/template.h"
#include "test.h"

static struct rl_arena arena;
static struct oci_problems problems;

/* Writes the template and reads it as a bundle's configuration. */
static const struct oci_config *made(const struct oci_template *t)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const struct oci_config *config = NULL;
	const char *text;
	size_t len;
	rl_err e;

	rl_arena_free(&arena);
	if (rl_drop_failed(rl_arena_new(1 << 20, &arena)) ||
	    rl_drop_failed(rl_json_begin(&w, true)))
		return NULL;
	problems = oci_problems_in(&arena);
	oci_template_put(&w, t);
	if (rl_drop_failed(rl_json_end(&w, &text, &len)))
		return NULL;
	e = oci_config_read(&problems, "config.json", text, len, &config);
	printf("%s%s", rl_failed(e) ? "# " : "", rl_text(e));
	rl_drop(e);
	return config;
}

static const struct oci_mount *mount_at(const struct oci_config *c, const char *destination)
{
	for (size_t i = 0; i < c->mount_count; i++)
		if (strcmp(c->mounts[i].destination, destination) == 0)
			return &c->mounts[i];
	return NULL;
}

static bool has(const struct oci_strings *strings, const char *word)
{
	for (size_t i = 0; i < strings->count; i++)
		if (strcmp(strings->items[i], word) == 0)
			return true;
	return false;
}

TEST(the_default_is_a_valid_configuration)
{
	const struct oci_config *c = made(&(struct oci_template){ .hostname = "runlet" });

	CHECK(c != NULL);
	CHECK_INT(problems.warnings.count, 0);
	CHECK_STR(c->hostname, "runlet");
	CHECK_STR(c->root.path, "rootfs");
	CHECK(c->root.readonly && c->process->terminal && c->process->no_new_privileges);
	CHECK_STR(c->process->args.items[0], "sh");
	CHECK_INT(c->process->capabilities->bounding.count, 3);
	CHECK(c->process->capabilities->ambient.items == NULL);
	CHECK(c->process->capabilities->inheritable.items == NULL);
	CHECK_INT(c->process->rlimits[0].hard, 1024);
	CHECK_INT(c->mount_count, 7);
	CHECK_STR(mount_at(c, "/sys")->type, "sysfs");
	CHECK(has(&mount_at(c, "/dev/pts")->options, "gid=5"));
	CHECK_INT(c->linux_.namespace_count, 5);
	CHECK(oci_namespace_get(&c->linux_, OCI_NS_CGROUP) == NULL);
	CHECK_INT(c->linux_.resources->device_count, 1);
	CHECK_INT(c->linux_.masked_paths.count, 10);
	CHECK_INT(c->linux_.readonly_paths.count, 5);
	CHECK(c->linux_.seccomp == NULL && c->linux_.uid_mappings == NULL);
}

TEST(cgroup_version_2_brings_a_namespace)
{
	const struct oci_config *c =
		made(&(struct oci_template){ .hostname = "x", .cgroup_namespace = true });

	CHECK(c != NULL);
	CHECK(oci_namespace_get(&c->linux_, OCI_NS_CGROUP) != NULL);
	CHECK_INT(c->linux_.namespace_count, 6);
}

TEST(rootless_needs_no_rights)
{
	const struct oci_config *c = made(&(struct oci_template){
		.hostname = "x", .rootless = true, .uid = 1000, .gid = 1001 });

	CHECK(c != NULL);
	CHECK_INT(problems.warnings.count, 0);
	CHECK(oci_namespace_get(&c->linux_, OCI_NS_USER) != NULL);
	CHECK(oci_namespace_get(&c->linux_, OCI_NS_NETWORK) == NULL);
	CHECK_INT(c->linux_.uid_mappings[0].host_id, 1000);
	CHECK_INT(c->linux_.gid_mappings[0].host_id, 1001);
	CHECK_INT(c->linux_.uid_mappings[0].size, 1);
	CHECK(c->linux_.resources == NULL);
	CHECK_STR(mount_at(c, "/sys")->source, "/sys");
	CHECK(has(&mount_at(c, "/sys")->options, "rbind"));
	CHECK(!has(&mount_at(c, "/dev/pts")->options, "gid=5"));
	CHECK_INT(c->mount_count, 7);
}

RUN_TESTS()

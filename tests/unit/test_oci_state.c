/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/state.h"
#include "test.h"

static struct rl_arena arena;

static void fresh(void)
{
	rl_arena_free(&arena);
	rl_drop(rl_arena_new(1 << 20, &arena));
}

static const struct oci_key_value annotations[] = { { "a", "1", 0 }, { "b", "", 0 } };
static const struct oci_record_cgroup cgroups[] = {
	{ "/sys/fs/cgroup/memory/x", "memory", 21, 1 },
	{ "/sys/fs/cgroup/unified/x", "", 22, 2 },
};
static const struct oci_record full = {
	.id = "box",
	.oci_version = "1.2.0",
	.bundle = "/b",
	.rootfs = "/b/rootfs",
	.created = "2026-01-02T03:04:05.000000006Z",
	.handler = "krun",
	.pid = 4242,
	.start_time = UINT64_MAX,
	.program = "/bin/sh",
	.owner = 1000,
	.owner_name = "user",
	.detached = true,
	.namespaces = 0x6c020000,
	.no_pivot = true,
	.poststart_hooks = true,
	.poststop_hooks = true,
	.bounding = 0x1ffffffffff,
	.own_user_namespace = true,
	.cgroup_manager = "systemd",
	.cgroup_path = "/x",
	.systemd_unit = "box.scope",
	.systemd_user = true,
	.cgroups = cgroups,
	.cgroup_count = 2,
	.annotations = annotations,
	.annotation_count = 2,
};

/* Writes, reads what was written. */
static rl_err through(const struct oci_record *record, struct oci_record *ret)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const char *text;
	size_t len;

	fresh();
	RL_TRY(rl_json_begin(&w, false));
	RL_TRY(oci_record_write(&w, record));
	RL_TRY(rl_json_end(&w, &text, &len));
	return oci_record_read(&arena, "status", text, len, ret);
}

TEST(a_record_comes_back_as_it_was)
{
	struct oci_record r;

	CHECK_OK(through(&full, &r));
	CHECK_STR(r.id, "box");
	CHECK_STR(r.oci_version, "1.2.0");
	CHECK_STR(r.bundle, "/b");
	CHECK_STR(r.rootfs, "/b/rootfs");
	CHECK_STR(r.created, "2026-01-02T03:04:05.000000006Z");
	CHECK_STR(r.handler, "krun");
	CHECK_INT(r.pid, 4242);
	CHECK(r.start_time == UINT64_MAX);
	CHECK_STR(r.program, "/bin/sh");
	CHECK_INT(r.owner, 1000);
	CHECK_STR(r.owner_name, "user");
	CHECK(r.detached && r.no_pivot && r.poststart_hooks && r.poststop_hooks);
	CHECK(r.own_user_namespace && r.systemd_user);
	CHECK_INT(r.namespaces, 0x6c020000);
	CHECK_INT(r.bounding, 0x1ffffffffff);
	CHECK_STR(r.cgroup_manager, "systemd");
	CHECK_STR(r.cgroup_path, "/x");
	CHECK_STR(r.systemd_unit, "box.scope");
	CHECK_INT(r.cgroup_count, 2);
	CHECK_STR(r.cgroups[0].controllers, "memory");
	CHECK_INT(r.cgroups[0].mount_len, 21);
	CHECK_STR(r.cgroups[1].path, "/sys/fs/cgroup/unified/x");
	CHECK_STR(r.cgroups[1].controllers, "");
	CHECK_INT(r.cgroups[1].version, 2);
	CHECK_INT(r.annotation_count, 2);
	CHECK_STR(r.annotations[1].key, "b");
	CHECK_STR(r.annotations[1].value, "");
}

TEST(a_record_before_the_first_deed)
{
	const struct oci_record early = { .id = "x", .bundle = "/b" };
	struct oci_record r;

	CHECK_OK(through(&early, &r));
	CHECK_INT(r.pid, 0);
	CHECK(r.handler == NULL && r.cgroup_path == NULL && r.rootfs == NULL);
	CHECK(!r.detached && !r.systemd_user && !r.poststop_hooks);
	CHECK_INT(r.cgroup_count, 0);
	CHECK_INT(r.annotation_count, 0);
	CHECK_FAILS(through(&(struct oci_record){ .id = "x" }, &r), EINVAL, "without id or bundle");
	CHECK_FAILS(through(&(struct oci_record){ .bundle = "/" }, &r), EINVAL, "without id");
}

static rl_err read_back(const char *text)
{
	struct oci_record r;

	fresh();
	return oci_record_read(&arena, "status", text, strlen(text), &r);
}

#define HEAD "{\"version\":1,\"id\":\"x\",\"bundle\":\"/b\",\"process-start-time\":1,"

TEST(damaged_records_are_refused)
{
	CHECK_OK(read_back(HEAD "\"pid\":1}"));
	CHECK_OK(read_back(HEAD "\"pid\":1,\"of the future\":{}}"));
	CHECK_FAILS(read_back(""), EINVAL, "status");
	CHECK_FAILS(read_back("{\"version\":1,"), EINVAL, "status: line 1:");
	CHECK_FAILS(read_back("[]"), EINVAL, "status: line 1: $: must be an object");
	CHECK_FAILS(read_back("{}"), EINVAL, "$.version: is missing (required in a record)");
	CHECK_FAILS(read_back(HEAD "\"pid\":-1}"), EINVAL, "$.pid: must be in 0..4294967295");
	CHECK_FAILS(read_back(HEAD "\"pid\":2147483648}"), EINVAL, "$.pid: is no process");
	CHECK_FAILS(read_back(HEAD "\"pid\":1,\"cgroups\":[{\"path\":\"x\",\"mount-len\":0,"
				   "\"version\":1}]}"),
		    EINVAL, "$.cgroups[0].path: is no path beneath a mount");
	CHECK_FAILS(read_back(HEAD "\"pid\":1,\"cgroups\":[{\"path\":\"/x\",\"mount-len\":3,"
				   "\"version\":1}]}"),
		    EINVAL, "$.cgroups[0].path: is no path beneath a mount");
	CHECK_FAILS(read_back(HEAD "\"pid\":1,\"cgroups\":[{\"path\":\"/x\",\"mount-len\":1,"
				   "\"version\":3}]}"),
		    EINVAL, "$.cgroups[0].version: must be 1 or 2, is 3");
	CHECK_FAILS(read_back("{\"version\":0,\"id\":\"x\",\"bundle\":\"/b\",\"pid\":1,"
			      "\"process-start-time\":1}"),
		    EINVAL, "$.version: must be at least 1");
}

static const char *state(const struct oci_record *record, enum oci_status status, pid_t pid)
{
	static char buf[1024];
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const char *text;
	size_t len;

	if (rl_drop_failed(rl_json_begin(&w, false)))
		return "";
	oci_state_put(&w, record, status, pid);
	if (rl_drop_failed(rl_json_end(&w, &text, &len)))
		return "";
	snprintf(buf, sizeof(buf), "%.*s", (int)len, text);
	return buf;
}

TEST(the_state_is_the_specifications)
{
	CHECK_STR(state(&full, OCI_RUNNING, 7),
		  "{\"ociVersion\":\"1.2.0\",\"id\":\"box\",\"pid\":7,\"status\":\"running\","
		  "\"bundle\":\"/b\",\"rootfs\":\"/b/rootfs\","
		  "\"created\":\"2026-01-02T03:04:05.000000006Z\",\"systemd-scope\":\"box.scope\","
		  "\"owner\":\"user\",\"annotations\":{\"a\":\"1\",\"b\":\"\"}}");
	CHECK_STR(state(&(struct oci_record){ .id = "x", .bundle = "/b" }, OCI_STOPPED, 9),
		  "{\"ociVersion\":\"1.0.0\",\"id\":\"x\",\"pid\":0,\"status\":\"stopped\","
		  "\"bundle\":\"/b\"}");
}

TEST(status_words)
{
	CHECK_STR(oci_status_name(OCI_CREATING), "creating");
	CHECK_STR(oci_status_name(OCI_CREATED), "created");
	CHECK_STR(oci_status_name(OCI_RUNNING), "running");
	CHECK_STR(oci_status_name(OCI_PAUSED), "paused");
	CHECK_STR(oci_status_name(OCI_STOPPED), "stopped");
}

TEST(ids)
{
	char id[300];

	CHECK_OK(oci_id_check("a"));
	CHECK_OK(oci_id_check("Az09_+.-"));
	CHECK_OK(oci_id_check("a.."));
	CHECK_FAILS(oci_id_check(""), EINVAL, "invalid container ID format: \"\": it is empty");
	CHECK_FAILS(oci_id_check("."), EINVAL, "invalid container ID format");
	CHECK_FAILS(oci_id_check(".."), EINVAL, "invalid container ID format");
	CHECK_FAILS(oci_id_check(".a"), EINVAL, "a dot or a dash");
	CHECK_FAILS(oci_id_check("-f"), EINVAL, "a dot or a dash");
	CHECK_FAILS(oci_id_check("a/b"), EINVAL, "only letters");
	CHECK_FAILS(oci_id_check("a b"), EINVAL, "only letters");
	CHECK_FAILS(oci_id_check("a\x1b"), EINVAL, "\"a\\u001b\": only letters");
	CHECK_FAILS(oci_id_check("\xc3\xbc"), EINVAL, "only letters");
	memset(id, 'a', sizeof(id));
	id[255] = '\0';
	CHECK_OK(oci_id_check(id));
	id[255] = 'a';
	id[256] = '\0';
	CHECK_FAILS(oci_id_check(id), EINVAL, "longer than 255 bytes");
}

RUN_TESTS()

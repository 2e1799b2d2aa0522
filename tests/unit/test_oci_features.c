/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/features.h"
#include "test.h"

static struct rl_arena arena;

static const struct rl_json *written(const struct oci_features *f)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const struct rl_json *json = NULL;
	const char *text;
	size_t len;

	rl_arena_free(&arena);
	if (rl_drop_failed(rl_arena_new(1 << 20, &arena)) ||
	    rl_drop_failed(rl_json_begin(&w, false)))
		return NULL;
	oci_features_put(&w, f);
	if (rl_drop_failed(rl_json_end(&w, &text, &len)) ||
	    rl_drop_failed(rl_json_parse(&arena, "features", text, len, &json)))
		return NULL;
	return json;
}

/* The value at a.b.c, NULL if there is none. */
static const struct rl_json *at(const struct rl_json *json, const char *path)
{
	char key[64];

	while (*path != '\0' && json != NULL) {
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		json = rl_json_get(json, key);
		path += n + (path[n] == '.');
	}
	return json;
}

/* The elements with commas between. */
static const char *list(const struct rl_json *json, const char *path)
{
	static char buf[2048];
	const struct rl_json *array = at(json, path);
	size_t n = 0;

	if (array == NULL || array->type != RL_JSON_ARRAY)
		return "(none)";
	buf[0] = '\0';
	for (const struct rl_json *m = array->first; m != NULL; m = m->next)
		n += (size_t)snprintf(buf + n, sizeof(buf) - n, "%s%s", n ? "," : "", m->text);
	return buf;
}

static int yes(const struct rl_json *json, const char *path)
{
	const struct rl_json *value = at(json, path);

	return value == NULL || value->type != RL_JSON_BOOL ? -1 : value->boolean;
}

TEST(everything_that_is_true_is_told)
{
	static const char *const options[] = { "bind", "ro", NULL };
	static const char *const caps[] = { "CAP_CHOWN", "CAP_KILL", NULL };
	static const char *const unsafe[] = { "run.oci.handler", "org.systemd.property.", NULL };
	static const struct oci_key_value notes[] = { { "org.example.version", "1", 0 } };
	const struct rl_json *j = written(&(struct oci_features){
		.mount_options = options,
		.capabilities = caps,
		.cgroup_v1 = true,
		.cgroup_v2 = true,
		.cgroup_rdma = true,
		.seccomp = true,
		.seccomp_archs = 1u << OCI_ARCH_X86_64 | 1u << OCI_ARCH_RISCV64,
		.seccomp_supported_flags = OCI_SECCOMP_FLAG_LOG | OCI_SECCOMP_FLAG_SPEC_ALLOW,
		.apparmor = true,
		.intel_rdt = true,
		.intel_rdt_schemata = true,
		.memory_policy = true,
		.idmap = true,
		.net_devices = true,
		.annotations = { notes, 1 },
		.unsafe_annotations = unsafe,
	});

	CHECK(j != NULL);
	CHECK_STR(at(j, "ociVersionMin")->text, "1.0.0");
	CHECK_STR(at(j, "ociVersionMax")->text, "1.3.0");
	CHECK_STR(list(j, "hooks"),
		  "prestart,createRuntime,createContainer,startContainer,poststart,poststop");
	CHECK_STR(list(j, "mountOptions"), "bind,ro");
	CHECK_STR(list(j, "linux.namespaces"), "pid,network,mount,ipc,uts,user,cgroup,time");
	CHECK_STR(list(j, "linux.capabilities"), "CAP_CHOWN,CAP_KILL");
	CHECK_INT(yes(j, "linux.cgroup.v1"), 1);
	CHECK_INT(yes(j, "linux.cgroup.v2"), 1);
	CHECK_INT(yes(j, "linux.cgroup.systemd"), 0);
	CHECK_INT(yes(j, "linux.cgroup.systemdUser"), 0);
	CHECK_INT(yes(j, "linux.cgroup.rdma"), 1);
	CHECK_INT(yes(j, "linux.seccomp.enabled"), 1);
	CHECK_STR(list(j, "linux.seccomp.actions"),
		  "SCMP_ACT_KILL,SCMP_ACT_KILL_PROCESS,SCMP_ACT_KILL_THREAD,SCMP_ACT_TRAP,"
		  "SCMP_ACT_ERRNO,SCMP_ACT_TRACE,SCMP_ACT_ALLOW,SCMP_ACT_LOG,SCMP_ACT_NOTIFY");
	CHECK_STR(list(j, "linux.seccomp.operators"),
		  "SCMP_CMP_NE,SCMP_CMP_LT,SCMP_CMP_LE,SCMP_CMP_EQ,SCMP_CMP_GE,SCMP_CMP_GT,"
		  "SCMP_CMP_MASKED_EQ");
	CHECK_STR(list(j, "linux.seccomp.archs"), "SCMP_ARCH_X86_64,SCMP_ARCH_RISCV64");
	CHECK_STR(list(j, "linux.seccomp.knownFlags"),
		  "SECCOMP_FILTER_FLAG_TSYNC,SECCOMP_FILTER_FLAG_LOG,"
		  "SECCOMP_FILTER_FLAG_SPEC_ALLOW,SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
	CHECK_STR(list(j, "linux.seccomp.supportedFlags"),
		  "SECCOMP_FILTER_FLAG_LOG,SECCOMP_FILTER_FLAG_SPEC_ALLOW");
	CHECK_INT(yes(j, "linux.apparmor.enabled"), 1);
	CHECK_INT(yes(j, "linux.selinux.enabled"), 0);
	CHECK_INT(yes(j, "linux.intelRdt.enabled"), 1);
	CHECK_INT(yes(j, "linux.intelRdt.schemata"), 1);
	CHECK_INT(yes(j, "linux.intelRdt.monitoring"), 0);
	CHECK(strstr(list(j, "linux.memoryPolicy.modes"), "MPOL_WEIGHTED_INTERLEAVE") != NULL);
	CHECK_STR(list(j, "linux.memoryPolicy.flags"),
		  "MPOL_F_NUMA_BALANCING,MPOL_F_RELATIVE_NODES,MPOL_F_STATIC_NODES");
	CHECK_INT(yes(j, "linux.mountExtensions.idmap.enabled"), 1);
	CHECK_INT(yes(j, "linux.netDevices.enabled"), 1);
	CHECK_STR(rl_json_get(at(j, "annotations"), "org.example.version")->text, "1");
	CHECK_STR(list(j, "potentiallyUnsafeConfigAnnotations"),
		  "run.oci.handler,org.systemd.property.");
}

TEST(what_is_not_there_is_not_claimed)
{
	const struct rl_json *j = written(&(struct oci_features){ 0 });

	CHECK(j != NULL);
	CHECK_INT(yes(j, "linux.seccomp.enabled"), 0);
	CHECK(at(j, "linux.seccomp.actions") == NULL);
	CHECK(at(j, "linux.memoryPolicy") == NULL);
	CHECK(at(j, "linux.capabilities") == NULL);
	CHECK(at(j, "mountOptions") == NULL);
	CHECK(at(j, "annotations") == NULL);
	CHECK(at(j, "potentiallyUnsafeConfigAnnotations") == NULL);
	CHECK_INT(yes(j, "linux.mountExtensions.idmap.enabled"), 0);
	CHECK_INT(yes(j, "linux.intelRdt.enabled"), 0);
}

RUN_TESTS()

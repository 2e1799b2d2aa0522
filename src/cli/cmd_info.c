/* SPDX-License-Identifier: Apache-2.0 */
/* spec and features: what a configuration looks like, and what of it this program can do. */
#include "base/io.h"
#include "cli/cli.h"
#include "linux/abi.h"
#include "linux/host.h"
#include "linux/seccomp.h"
#include "oci/features.h"
#include "oci/template.h"
#include "plan/furnish.h"
#include "plan/process.h"
#include "plan/seccomp.h"
#include "version.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct options {
	const char *bundle, *file;
	bool rootless;
};

#define O(field) offsetof(struct options, field)

/* ---- spec ------------------------------------------------------------------------------------ */

/* An existing configuration may be somebody's work of hours: it is never replaced. */
static rl_err write_new(int dir_fd, const char *name, const char *text, size_t len)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };

	RL_TRY(rl_hint(
		rl_fd_from(openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), &fd,
			   "create %s", name),
		"remove or rename it first"));
	RL_TRY(rl_write_all(rl_fd_get(&fd), text, len), "write %s", name);
	return rl_write_all(rl_fd_get(&fd), "\n", 1);
}

static rl_err run_spec(const struct cli_call *call, int *ret_status)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	struct rl_fd RL_AUTO_FD bundle = { 0 };
	const struct options *o = call->options;
	struct lx_host host;
	struct oci_template t = {
		.hostname = "runlet", .rootless = o->rootless, .uid = geteuid(), .gid = getegid()
	};
	const char *dir = o->bundle != NULL ? o->bundle : ".", *text;
	size_t len;

	(void)ret_status;
	RL_TRY(lx_host_read(call->arena, LX_HOST_CGROUPS, &host));
	t.cgroup_namespace = host.cgroup_layout == LX_CGROUP_V2;
	RL_TRY(rl_json_begin(&w, true));
	oci_template_put(&w, &t);
	RL_TRY(rl_json_end(&w, &text, &len));
	RL_TRY(rl_fd_from(openat(AT_FDCWD, dir, O_PATH | O_DIRECTORY | O_CLOEXEC), &bundle,
			  "open the bundle %s", dir));
	return write_new(rl_fd_get(&bundle), o->file != NULL ? o->file : "config.json", text, len);
}

/* ---- features -------------------------------------------------------------------------------- */

static uint32_t supported_seccomp_flags(void)
{
	static const struct {
		uint32_t kernel, oci;
	} flags[] = {
		{ SECCOMP_FILTER_FLAG_TSYNC, OCI_SECCOMP_FLAG_TSYNC },
		{ SECCOMP_FILTER_FLAG_LOG, OCI_SECCOMP_FLAG_LOG },
		{ SECCOMP_FILTER_FLAG_SPEC_ALLOW, OCI_SECCOMP_FLAG_SPEC_ALLOW },
		{ SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, OCI_SECCOMP_FLAG_WAIT_KILLABLE_RECV },
	};
	uint32_t supported = 0;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!rl_drop_failed(lx_seccomp_check_flags(flags[i].kernel)))
			supported |= flags[i].oci;
	return supported;
}

/* The architectures that this libseccomp makes filters for. */
static uint32_t seccomp_archs(void)
{
	uint32_t archs = 0;

	for (int arch = OCI_ARCH_X86; arch <= OCI_ARCH_RISCV64; arch++)
		if (lx_seccomp_knows_arch(plan_seccomp_arch_word((enum oci_seccomp_arch)arch)))
			archs |= UINT32_C(1) << arch;
	return archs;
}

/* Honoured, and able to reach the host: paths, programs, units. */
static const char *const unsafe_annotations[] = {
	"io.kubernetes.cri-o.ContainerType",
	"io.kubernetes.cri.container-type",
	"krun.",
	"module.wasm.image/variant",
	"org.criu.config",
	"org.systemd.property.",
	"run.oci.delegate-cgroup",
	"run.oci.handler",
	"run.oci.hooks.stderr",
	"run.oci.hooks.stdout",
	"run.oci.keep_original_groups",
	"run.oci.mount_context_type",
	"run.oci.pidfd_receiver",
	"run.oci.seccomp.plugins",
	"run.oci.seccomp.receiver",
	"run.oci.seccomp_bpf_data",
	"run.oci.seccomp_fail_unknown_syscall",
	"run.oci.systemd.force_cgroup_v1",
	"run.oci.systemd.subgroup",
	NULL,
};

/* More words than there are mount options. */
#define OPTION_ROOM 256

static void option_names(const char *names[static OPTION_ROOM])
{
	size_t count = 0;

	while (count < OPTION_ROOM - 1 && plan_mount_option_name(count) != NULL) {
		names[count] = plan_mount_option_name(count);
		count++;
	}
	names[count] = NULL;
}

static void capability_names(const char *names[static 65])
{
	int count = 0;

	while (count < 64 && plan_capability_name(count) != NULL) {
		names[count] = plan_capability_name(count);
		count++;
	}
	names[count] = NULL;
}

static rl_err run_features(const struct cli_call *call, int *ret_status)
{
	static const struct oci_key_value versions[] = {
		{ .key = "org.runlet.version", .value = RL_VERSION },
		{ .key = "org.runlet.commit", .value = RL_COMMIT },
		{ .key = "org.opencontainers.runc.checkpoint.enabled", .value = "true" },
		{ .key = "run.oci.crun.checkpoint.enabled", .value = "true" },
		{ .key = "run.oci.crun.wasm", .value = "true" },
	};
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const char *capabilities[65], *options[OPTION_ROOM], *text;
	struct oci_features f = {
		.mount_options = options,
		.capabilities = capabilities,
		.cgroup_v1 = true,
		.cgroup_v2 = true,
		.cgroup_systemd = true,
		.cgroup_systemd_user = true,
		.cgroup_rdma = true,
		.seccomp = true,
		.seccomp_archs = seccomp_archs(),
		.seccomp_supported_flags = supported_seccomp_flags(),
		.apparmor = true,
		.selinux = true,
		.memory_policy = true,
		.intel_rdt = true,
		.intel_rdt_schemata = true,
		.intel_rdt_monitoring = true,
		.idmap = true,
		.net_devices = true,
		.annotations = { versions, sizeof(versions) / sizeof(versions[0]) },
		.unsafe_annotations = unsafe_annotations,
	};
	size_t len;

	(void)call;
	(void)ret_status;
	capability_names(capabilities);
	option_names(options);
	RL_TRY(rl_json_begin(&w, true));
	oci_features_put(&w, &f);
	RL_TRY(rl_json_end(&w, &text, &len));
	printf("%.*s\n", (int)len, text);
	return rl_sys(fflush(stdout), "write to standard output");
}

static const struct cli_option spec_options[] = {
	{ "bundle", 'b', CLI_TEXT, O(bundle), "DIR", "directory to write to (default: .)" },
	{ "file", 'f', CLI_TEXT, O(file), "NAME", "instead of config.json" },
	{ "rootless", 0, CLI_FLAG, O(rootless), NULL, "for a container without root privileges" },
	{ 0 },
};
static const struct cli_option no_options[] = { { 0 } };

const struct cli_command cli_spec = {
	.name = "spec",
	.words = "",
	.help = "write a config.json to begin with",
	.options = spec_options,
	.run = run_spec,
};

const struct cli_command cli_features = {
	.name = "features",
	.words = "",
	.help = "print what this runtime can do as JSON",
	.options = no_options,
	.run = run_features,
};

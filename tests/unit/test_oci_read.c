/* SPDX-License-Identifier: Apache-2.0 */
/* Every property of good/everything.json arrives in its member; the smaller documents. */
#include "base/io.h"
#include "oci/read.h"
#include "test.h"

#include <fcntl.h>

static struct rl_arena arena;
static struct oci_problems problems;

static void fresh(void)
{
	rl_arena_free(&arena);
	rl_drop(rl_arena_new(16 << 20, &arena));
	problems = oci_problems_in(&arena);
}

static const struct oci_config *load(const char *file)
{
	const struct oci_config *config = NULL;
	const char *text;
	char path[512];
	size_t len;
	rl_err e;

	fresh();
	snprintf(path, sizeof(path), "%s/corpus/config/%s", getenv("RUNLET_TESTS"), file);
	if (rl_drop_failed(rl_read_file(&arena, AT_FDCWD, path, 1 << 20, &text, &len)))
		return NULL;
	e = oci_config_read(&problems, file, text, len, &config);
	printf("%s%s", rl_failed(e) ? "# " : "", rl_text(e));
	rl_drop(e);
	return config;
}

static rl_err read_text(const char *text, const struct oci_config **ret)
{
	fresh();
	return oci_config_read(&problems, "c", text, strlen(text), ret);
}

#define CHECK_SET(optional, want)                  \
	do {                                       \
		CHECK((optional).set);             \
		CHECK((optional).value == (want)); \
	} while (0)

TEST(everything_root_mounts_hooks)
{
	const struct oci_config *c = load("good/everything.json");

	CHECK(c != NULL);
	CHECK_INT(problems.warnings.count, 0);
	CHECK_INT(c->line, 1);
	CHECK_STR(c->oci_version, "1.3.0");
	CHECK_STR(c->root.path, "rootfs");
	CHECK(c->root.readonly);
	CHECK_STR(c->hostname, "box");
	CHECK_STR(c->domainname, "example.org");

	CHECK_INT(c->mount_count, 3);
	CHECK_INT(c->mounts[1].line, 43);
	CHECK_STR(c->mounts[0].destination, "/proc");
	CHECK_STR(c->mounts[0].type, "proc");
	CHECK_STR(c->mounts[0].source, "proc");
	CHECK(c->mounts[0].options.items == NULL);
	CHECK(c->mounts[1].type == NULL);
	CHECK_INT(c->mounts[1].options.count, 3);
	CHECK_STR(c->mounts[1].options.items[2], "idmap");
	CHECK(c->mounts[1].options.items[3] == NULL);
	CHECK_INT(c->mounts[1].uid_mapping_count, 1);
	CHECK_INT(c->mounts[1].uid_mappings[0].host_id, 1000);
	CHECK_INT(c->mounts[1].gid_mapping_count, 2);
	CHECK_INT(c->mounts[1].gid_mappings[1].size, 4294965294);

	CHECK_INT(c->hooks.prestart.count, 1);
	CHECK_STR(c->hooks.prestart.items[0].path, "/bin/prestart");
	CHECK_STR(c->hooks.prestart.items[0].args.items[1], "x");
	CHECK_STR(c->hooks.prestart.items[0].env.items[0], "A=1");
	CHECK_SET(c->hooks.prestart.items[0].timeout, 5);
	CHECK_STR(c->hooks.create_runtime.items[0].path, "/bin/create-runtime");
	CHECK(c->hooks.create_runtime.items[0].env.items == NULL);
	CHECK(!c->hooks.create_runtime.items[0].timeout.set);
	CHECK_STR(c->hooks.create_container.items[0].path, "/bin/create-container");
	CHECK(c->hooks.create_container.items[0].env.items != NULL);
	CHECK_INT(c->hooks.create_container.items[0].env.count, 0);
	CHECK_STR(c->hooks.start_container.items[0].path, "/bin/start-container");
	CHECK_INT(c->hooks.poststart.count, 2);
	CHECK_STR(c->hooks.poststart.items[1].path, "/bin/poststart2");
	CHECK_STR(c->hooks.poststop.items[0].path, "/bin/poststop");

	CHECK_INT(c->annotations.count, 2);
	CHECK_STR(oci_map_get(&c->annotations, "run.oci.handler"), "krun");
	CHECK_STR(oci_map_get(&c->annotations, "empty"), "");
}

TEST(everything_process)
{
	const struct oci_config *c = load("good/everything.json");
	const struct oci_process *p;

	CHECK(c != NULL && c->process != NULL);
	p = c->process;
	CHECK(p->terminal);
	CHECK_INT(p->console_size->height, 50);
	CHECK_INT(p->console_size->width, 132);
	CHECK_INT(p->user.uid, 1000);
	CHECK_INT(p->user.gid, 1001);
	CHECK_SET(p->user.umask, 18);
	CHECK_INT(p->user.additional_gids.count, 2);
	CHECK_INT(p->user.additional_gids.items[1], 4294967294);
	CHECK_INT(p->args.count, 3);
	CHECK_STR(p->args.items[2], "echo \xc3\xbc");
	CHECK(p->args.items[3] == NULL);
	CHECK_STR(p->env.items[1], "EMPTY=");
	CHECK_STR(p->cwd, "/home");
	CHECK_STR(p->capabilities->bounding.items[1], "CAP_CHOWN");
	CHECK_INT(p->capabilities->effective.count, 1);
	CHECK(p->capabilities->inheritable.items != NULL);
	CHECK_INT(p->capabilities->inheritable.count, 0);
	CHECK_STR(p->capabilities->permitted.items[0], "CAP_KILL");
	CHECK_STR(p->capabilities->ambient.items[0], "CAP_KILL");
	CHECK_INT(p->rlimit_count, 2);
	CHECK_STR(p->rlimits[0].type, "RLIMIT_NOFILE");
	CHECK_INT(p->rlimits[0].hard, 1024);
	CHECK_INT(p->rlimits[0].soft, 512);
	CHECK(p->rlimits[1].hard == UINT64_MAX);
	CHECK(p->no_new_privileges);
	CHECK_STR(p->apparmor_profile, "profile");
	CHECK_SET(p->oom_score_adj, -500);
	CHECK_INT(p->scheduler->policy, OCI_SCHED_DEADLINE);
	CHECK_SET(p->scheduler->nice, -20);
	CHECK_SET(p->scheduler->priority, 0);
	CHECK_INT(p->scheduler->flags.bits, OCI_SCHED_FLAG_RESET_ON_FORK | OCI_SCHED_FLAG_RECLAIM);
	CHECK_SET(p->scheduler->runtime, 1000000);
	CHECK_SET(p->scheduler->deadline, 2000000);
	CHECK_SET(p->scheduler->period, 3000000);
	CHECK_STR(p->selinux_label, "system_u:system_r:container_t:s0");
	CHECK_INT(p->io_priority->class, OCI_IO_CLASS_BE);
	CHECK_SET(p->io_priority->priority, 7);
	CHECK_STR(p->exec_cpu_affinity->initial, "0-3,7");
	CHECK_STR(p->exec_cpu_affinity->final, "0");
}

TEST(everything_linux)
{
	const struct oci_config *c = load("good/everything.json");
	const struct oci_linux *l;

	CHECK(c != NULL);
	l = &c->linux_;
	CHECK_INT(l->uid_mappings[0].host_id, 100000);
	CHECK_INT(l->gid_mappings[0].host_id, 200000);
	CHECK_STR(oci_map_get(&l->sysctl, "net/ipv4/conf/eth0.100/forwarding"), "0");
	CHECK_STR(l->cgroups_path, "/pods/box..1");
	CHECK_INT(l->namespace_count, 8);
	CHECK_STR(oci_namespace_get(l, OCI_NS_NETWORK)->path, "/run/netns/box");
	CHECK(oci_namespace_get(l, OCI_NS_TIME)->path == NULL);
	CHECK_INT(l->device_count, 3);
	CHECK_STR(l->devices[0].path, "/dev/fuse");
	CHECK_INT(l->devices[0].type, OCI_DEVICE_CHAR);
	CHECK_SET(l->devices[0].major, 10);
	CHECK_SET(l->devices[0].minor, 229);
	CHECK_SET(l->devices[0].file_mode, 438);
	CHECK_SET(l->devices[0].uid, 0);
	CHECK(!l->devices[1].uid.set);
	CHECK_INT(l->devices[1].type, OCI_DEVICE_FIFO);
	CHECK_INT(l->net_device_count, 2);
	CHECK_STR(l->net_devices[0].host_name, "eth0");
	CHECK_STR(l->net_devices[0].name, "inside%d");
	CHECK_STR(l->net_devices[1].host_name, "ens4");
	CHECK(l->net_devices[1].name == NULL);
	CHECK_INT(l->rootfs_propagation, OCI_PROPAGATION_SLAVE);
	CHECK_STR(l->masked_paths.items[0], "/proc/kcore");
	CHECK(l->readonly_paths.items != NULL && l->readonly_paths.count == 0);
	CHECK_STR(l->mount_label, "system_u:object_r:container_file_t:s0");
	CHECK_STR(l->intel_rdt->clos_id, "gold");
	CHECK_STR(l->intel_rdt->schemata.items[1], "MB:0=20");
	CHECK_STR(l->intel_rdt->l3_cache_schema, "L3:0=ff");
	CHECK_STR(l->intel_rdt->mem_bw_schema, "MB:0=50");
	CHECK(l->intel_rdt->enable_monitoring);
	CHECK_INT(l->memory_policy->mode, OCI_MPOL_BIND);
	CHECK_STR(l->memory_policy->nodes, "0-1,3");
	CHECK_INT(l->memory_policy->flags.bits, OCI_MPOL_FLAG_STATIC_NODES);
	CHECK_INT(l->personality->domain, OCI_PERSONALITY_LINUX32);
	CHECK_INT(l->time_offsets->monotonic->secs, -172800);
	CHECK_INT(l->time_offsets->monotonic->nanosecs, 999999999);
	CHECK_INT(l->time_offsets->boottime->secs, 604800);
}

TEST(everything_resources)
{
	const struct oci_config *c = load("good/everything.json");
	const struct oci_resources *r;

	CHECK(c != NULL && c->linux_.resources != NULL);
	r = c->linux_.resources;
	CHECK_INT(r->device_count, 3);
	CHECK(!r->devices[0].allow);
	CHECK_INT(r->devices[0].type, OCI_DEVICE_ABSENT);
	CHECK(!r->devices[0].major.set);
	CHECK_INT(r->devices[1].type, OCI_DEVICE_CHAR);
	CHECK_STR(r->devices[1].access, "rw");
	CHECK_INT(r->devices[2].type, OCI_DEVICE_ALL);
	CHECK_SET(r->devices[2].major, -1);
	CHECK_SET(r->memory->limit, 536870912);
	CHECK_SET(r->memory->reservation, 268435456);
	CHECK_SET(r->memory->swap, 1073741824);
	CHECK_SET(r->memory->kernel, -1);
	CHECK_SET(r->memory->kernel_tcp, -1);
	CHECK_SET(r->memory->swappiness, 60);
	CHECK_SET(r->memory->disable_oom_killer, false);
	CHECK_SET(r->memory->use_hierarchy, true);
	CHECK_SET(r->memory->check_before_update, true);
	CHECK_SET(r->cpu->shares, 1024);
	CHECK_SET(r->cpu->quota, 100000);
	CHECK_SET(r->cpu->burst, 50000);
	CHECK_SET(r->cpu->period, 200000);
	CHECK_SET(r->cpu->realtime_runtime, 950000);
	CHECK_SET(r->cpu->realtime_period, 1000000);
	CHECK_STR(r->cpu->cpus, "2-3");
	CHECK_STR(r->cpu->mems, "0-7");
	CHECK_SET(r->cpu->idle, 1);
	CHECK_SET(r->pids->limit, 0);
	CHECK_SET(r->block_io->weight, 500);
	CHECK_SET(r->block_io->leaf_weight, 10);
	CHECK_INT(r->block_io->weight_device_count, 2);
	CHECK_SET(r->block_io->weight_device[0].leaf_weight, 300);
	CHECK_INT(r->block_io->weight_device[1].minor, 16);
	CHECK_INT(r->block_io->throttle_read_bps_device.items[0].minor, 1);
	CHECK_SET(r->block_io->throttle_write_bps_device.items[0].rate, 2);
	CHECK_SET(r->block_io->throttle_read_iops_device.items[0].rate, 3);
	CHECK_SET(r->block_io->throttle_write_iops_device.items[0].rate, 4);
	CHECK_INT(r->hugepage_limit_count, 2);
	CHECK_STR(r->hugepage_limits[0].page_size, "2MB");
	CHECK_INT(r->hugepage_limits[0].limit, 9223372036854772000);
	CHECK_SET(r->network->class_id, 1048577);
	CHECK_STR(r->network->priorities[0].name, "eth0");
	CHECK_INT(r->network->priorities[0].priority, 500);
	CHECK_INT(r->rdma_count, 2);
	CHECK_STR(r->rdma[0].device, "mlx5_1");
	CHECK_SET(r->rdma[0].hca_handles, 3);
	CHECK(!r->rdma[1].hca_handles.set);
	CHECK_SET(r->rdma[1].hca_objects, 1000);
	CHECK_STR(oci_map_get(&r->unified, "memory.high"), "100000");
	CHECK_STR(r->unified.items[1].value, "8:0 rbps=1\n8:16 rbps=2");
	CHECK_INT(r->unified.items[1].line, 117);
}

TEST(everything_seccomp_and_vm)
{
	const struct oci_config *c = load("good/everything.json");
	const struct oci_seccomp *s;

	CHECK(c != NULL && c->linux_.seccomp != NULL && c->vm != NULL);
	s = c->linux_.seccomp;
	CHECK_INT(s->default_action, OCI_SECCOMP_ERRNO);
	CHECK_SET(s->default_errno_ret, 38);
	CHECK_INT(s->architecture_count, 2);
	CHECK_INT(s->architectures[1], OCI_ARCH_RISCV64);
	CHECK(s->flags.set);
	CHECK_INT(s->flags.bits, OCI_SECCOMP_FLAG_LOG | OCI_SECCOMP_FLAG_SPEC_ALLOW);
	CHECK_STR(s->listener_path, "/run/agent.sock");
	CHECK_STR(s->listener_metadata, "box");
	CHECK_INT(s->syscall_count, 3);
	CHECK_STR(s->syscalls[0].names.items[1], "clone3");
	CHECK_INT(s->syscalls[0].action, OCI_SECCOMP_ALLOW);
	CHECK_INT(s->syscalls[0].arg_count, 2);
	CHECK_INT(s->syscalls[0].args[0].op, OCI_CMP_MASKED_EQ);
	CHECK_INT(s->syscalls[0].args[0].value, 2114060288);
	CHECK_INT(s->syscalls[0].args[0].value_two, 0);
	CHECK_INT(s->syscalls[0].args[1].index, 5);
	CHECK(s->syscalls[0].args[1].value == UINT64_MAX);
	CHECK_INT(s->syscalls[1].action, OCI_SECCOMP_NOTIFY);
	CHECK(!s->syscalls[1].errno_ret.set);
	CHECK_SET(s->syscalls[2].errno_ret, 65535);

	CHECK_STR(c->vm->hypervisor->path, "/usr/bin/vmm");
	CHECK_STR(c->vm->hypervisor->parameters.items[0], "opt=1");
	CHECK_STR(c->vm->kernel->path, "/boot/vmlinux");
	CHECK_STR(c->vm->kernel->parameters.items[0], "quiet");
	CHECK_STR(c->vm->kernel->initrd, "/boot/initrd");
	CHECK_STR(c->vm->image->path, "/images/root.raw");
	CHECK_INT(c->vm->image->format, OCI_IMAGE_RAW);
	CHECK_STR(c->vm->hw_config->device_tree, "/boot/dtb");
	CHECK_SET(c->vm->hw_config->vcpus, 4);
	CHECK_SET(c->vm->hw_config->memory, 4294967296);
	CHECK_STR(c->vm->hw_config->dtdevs.items[0], "/soc");
	CHECK_SET(c->vm->hw_config->iomems[0].first_gfn, 1);
	CHECK(!c->vm->hw_config->iomems[1].first_gfn.set);
	CHECK_INT(c->vm->hw_config->iomems[1].nr_mfns, 5);
	CHECK_INT(c->vm->hw_config->irqs.items[1], 12);
}

TEST(null_and_empty_text_are_absent)
{
	const struct oci_config *c = load("good/nulls.json");

	CHECK(c != NULL);
	CHECK(!c->root.readonly && c->hostname == NULL && c->domainname == NULL);
	CHECK(c->mounts == NULL && c->mount_count == 0);
	CHECK(c->hooks.prestart.items == NULL);
	CHECK(c->hooks.poststop.items != NULL && c->hooks.poststop.count == 0);
	CHECK(!c->process->user.umask.set && c->process->env.items == NULL);
	CHECK(c->process->console_size == NULL && c->process->capabilities == NULL);
	CHECK(c->process->apparmor_profile == NULL && !c->process->oom_score_adj.set);
	CHECK_INT(c->annotations.count, 1);
	CHECK_STR(c->annotations.items[0].key, "kept");
	CHECK(c->linux_.uid_mappings == NULL && c->linux_.gid_mappings != NULL);
	CHECK(c->linux_.namespaces[0].path == NULL && c->linux_.namespaces[1].path == NULL);
	CHECK_INT(c->linux_.resources->devices[0].type, OCI_DEVICE_ABSENT);
	CHECK(c->linux_.resources->devices[0].access == NULL);
	CHECK(c->linux_.resources->cpu->cpus == NULL);
	CHECK_INT(c->linux_.rootfs_propagation, OCI_PROPAGATION_ABSENT);
	CHECK(c->linux_.seccomp == NULL && c->linux_.net_device_count == 0 && c->vm == NULL);
}

TEST(what_may_be_left_out_reads_as_absent)
{
	const struct oci_config *c;

	CHECK_OK(read_text("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"}}", &c));
	CHECK(c->process == NULL && c->vm == NULL);
	CHECK_INT(c->linux_.line, 0);
	CHECK(c->linux_.seccomp == NULL && c->linux_.resources == NULL);
	CHECK(c->linux_.namespaces == NULL && c->annotations.items == NULL);
	CHECK(oci_namespace_get(&c->linux_, OCI_NS_PID) == NULL);
}

TEST(seccomp_flags_absent_and_empty_differ)
{
	const struct oci_config *c;

	CHECK_OK(read_text("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{"
			   "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[]}}}",
			   &c));
	CHECK(c->linux_.seccomp->flags.set && c->linux_.seccomp->flags.bits == 0);
	CHECK_OK(read_text("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{"
			   "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}}",
			   &c));
	CHECK(!c->linux_.seccomp->flags.set);
}

static const char *warning(const char *rest)
{
	const struct oci_config *c;
	char text[512];

	snprintf(text, sizeof(text), "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"r\"}%s%s}",
		 rest[0] ? ",\n" : "", rest);
	if (rl_drop_failed(read_text(text, &c)) || problems.warnings.count != 1)
		return "(not one warning)";
	return oci_problem_text(&problems, problems.warnings.first);
}

TEST(warnings_do_not_refuse)
{
	const struct oci_config *c;

	CHECK_STR(warning("\"hostName\":\"x\""),
		  "line 2: $.hostName: is ignored: a configuration has no such property");
	CHECK_STR(problems.warnings.first->hint, "did you mean \"hostname\"?");
	CHECK_STR(warning("\"linux\":{\"maskedPath\":[]}"),
		  "line 2: $.linux.maskedPath: is ignored: the linux object has no such property");
	CHECK_STR(
		warning("\"linux\":{\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"X\"]}}"),
		"line 2: $.linux.personality.flags: are ignored (the specification has none yet)");
	CHECK_STR(warning("\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"scheduler\":{\"policy\":"
			  "\"SCHED_OTHER\",\"flags\":[\"SCHED_FLAG_UTIL_CLAMP_MIN\"]}}"),
		  "line 2: $.process.scheduler.flags: a utilization clamp is set to 0 (the "
		  "specification has no property for the value of a clamp)");
	CHECK_OK(read_text("{\"ociVersion\":\"2.0.0\",\"root\":{\"path\":\"r\"}}", &c));
	CHECK_STR(oci_problem_text(&problems, problems.warnings.first),
		  "line 1: $.ociVersion: version 2.0.0 is read as if it were 1.3: its major is "
		  "unknown");
	CHECK_FAILS(read_text("{\"ociVersion\":\"x\",\"root\":{\"path\":\"r\"}}", &c), EINVAL,
		    "line 1: $.ociVersion: is no version: \"x\"");
	/* What is merely unknown is none. */
	CHECK_OK(read_text("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"zzz\":{}}", &c));
	CHECK_INT(problems.warnings.count, 0);
}

/* ---- the smaller documents ------------------------------------------------------------------ */

TEST(process_by_itself)
{
	const struct oci_process *p = NULL;
	const char *good = "{\"args\":[\"id\"],\"cwd\":\"/\",\"user\":{\"uid\":1}}";
	const char *bad = "{\"cwd\":\"x\",\n\"user\":{\"uid\":4294967295}}";

	fresh();
	CHECK_OK(oci_process_read(&problems, "p.json", good, strlen(good), &p));
	CHECK_INT(p->user.uid, 1);
	fresh();
	CHECK_FAILS(
		oci_process_read(&problems, "p.json", bad, strlen(bad), &p), EINVAL,
		"p.json: 3 problems: line 1: $.args: is missing (required in a process)\n"
		"  line 1: $.cwd: must be an absolute path, is \"x\" (there is no directory "
		"yet that it could be relative to)\n  line 2: $.user.uid: 4294967295 is no user");
	fresh();
	CHECK_FAILS(oci_process_read(&problems, "p.json", "[1]", 3, &p), EINVAL,
		    "$: must be an object, is an array");
}

TEST(resources_by_themselves)
{
	const struct oci_resources *r = NULL;
	const char *swap = "{\"memory\":{\"swap\":100}}";
	const char *bad = "{\"memory\":{\"swap\":100,\"limit\":101}}";

	fresh();
	CHECK_OK(oci_resources_read(&problems, "-", "{}", 2, &r));
	CHECK(r->memory == NULL);
	/* The limit that an update does not give was given at create. */
	fresh();
	CHECK_OK(oci_resources_read(&problems, "-", swap, strlen(swap), &r));
	CHECK_SET(r->memory->swap, 100);
	fresh();
	CHECK_FAILS(oci_resources_read(&problems, "-", bad, strlen(bad), &r), EINVAL,
		    "-: line 1: $.memory.swap: is 100, below the memory limit of 101");
}

TEST(mounts_by_themselves)
{
	const struct oci_mount *m = NULL;
	const char *good = "[{\"destination\":\"/x\",\"type\":\"tmpfs\"},{\"destination\":\"/y\","
			   "\"source\":\"/z\",\"options\":[\"bind\"]}]";
	const char *bad = "[{\"destination\":\"/x\",\"type\":\"tmpfs\"},\n5,\n{\"destination\":\"/"
			  "x\"}]";
	size_t n = 0;

	fresh();
	CHECK_OK(oci_mounts_read(&problems, "m", good, strlen(good), &m, &n));
	CHECK_INT(n, 2);
	CHECK_STR(m[1].source, "/z");
	fresh();
	CHECK_FAILS(oci_mounts_read(&problems, "m", bad, strlen(bad), &m, &n), EINVAL,
		    "m: 2 problems: line 2: $[1]: must be an object, is a number\n"
		    "  line 3: $[2].type: is missing");
	fresh();
	CHECK_FAILS(oci_mounts_read(&problems, "m", "{}", 2, &m, &n), EINVAL,
		    "$: must be an array, is an object");
}

/* ---- want of memory ------------------------------------------------------------------------- */

TEST(every_size_of_arena_gives_a_result_or_enomem)
{
	const char *text, *dir = getenv("RUNLET_TESTS");
	char path[512];
	int ok = 0, out = 0;
	size_t len;

	fresh();
	snprintf(path, sizeof(path), "%s/corpus/config/bad/rlimits.json", dir);
	CHECK_OK(rl_read_file(&arena, AT_FDCWD, path, 1 << 20, &text, &len));
	for (size_t size = 64; size <= 128 << 10; size += 32) {
		struct rl_arena RL_AUTO_ARENA small = { 0 };
		struct oci_problems p;
		const struct oci_config *c;
		int code;
		rl_err e;

		CHECK_OK(rl_arena_new(128 << 10, &small));
		small.used = small.size - size;
		p = oci_problems_in(&small);
		e = oci_config_read(&p, "c", text, len, &c);
		code = rl_errno(e);
		rl_drop(e);
		CHECK(code == ENOMEM || code == EINVAL);
		out += code == ENOMEM;
		ok += code == EINVAL;
	}
	CHECK(out > 0);
	CHECK(ok > 0);
}

RUN_TESTS()

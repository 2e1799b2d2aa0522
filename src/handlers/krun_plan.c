/* SPDX-License-Identifier: Apache-2.0 */
/* The machine that a configuration asks for, on this machine and with this library. Pure. */
#include "handlers/krun_plan.h"
#include "libkrun.h"
#include "plan/plan.h"

#include <string.h>
#include <sys/stat.h>

#define MIB (INT64_C(1) << 20)
#define RAM_DEFAULT 1024
#define RAM_FIRST 64
#define RAM_LAST (INT64_C(4) << 20)
#define CPUS_DEFAULT_LAST 16
#define WINDOW_DEFAULT (UINT64_C(512) << 20)
/* What the machine's process needs beside the guest's RAM: its own memory, and page tables. */
#define OVERHEAD_MIB 16
#define OVERHEAD_PART 64
/* So many disks fit beside everything else into one machine; more are a --privileged container. */
#define DISKS_MAX 64

/* ---- processors and memory ------------------------------------------------------------------- */

static const struct oci_resources *resources(const struct krun_making *m)
{
	return m->config->linux_.resources;
}

static rl_err count_cpuset(const struct krun_making *m, const char *list, uint32_t *ret)
{
	struct plan_cpus cpus;
	uint32_t count = 0;

	RL_TRY(plan_cpus_parse(m->arena, "$.linux.resources.cpu.cpus", list, &cpus));
	for (size_t i = 0; i < cpus.bytes; i++)
		count += (uint32_t)__builtin_popcount(cpus.bits[i]);
	*ret = count;
	return RL_OK;
}

/* As many as the container may use at once. */
static rl_err default_cpus(const struct krun_making *m, uint32_t *ret)
{
	const struct oci_cpu *cpu = resources(m) != NULL ? resources(m)->cpu : NULL;
	uint32_t n = m->facts->cpus;
	int64_t period, whole;

	if (cpu != NULL && cpu->cpus != NULL && *cpu->cpus != '\0')
		RL_TRY(count_cpuset(m, cpu->cpus, &n));
	if (n > CPUS_DEFAULT_LAST)
		n = CPUS_DEFAULT_LAST;
	if (cpu != NULL && cpu->quota.set && cpu->quota.value > 0) {
		period = cpu->period.set && cpu->period.value > 0 && cpu->period.value <= INT32_MAX
				 ? (int64_t)cpu->period.value
				 : 100000;
		whole = cpu->quota.value / period + (cpu->quota.value % period != 0);
		if (whole < n)
			n = (uint32_t)whole;
	}
	*ret = n > m->facts->vcpus_max ? m->facts->vcpus_max : n < 1 ? 1 : n;
	return RL_OK;
}

static rl_err make_cpus(struct krun_making *m)
{
	const struct oci_vm_hw_config *hw = m->config->vm != NULL ? m->config->vm->hw_config : NULL;

	/* An annotation has no file name before it. */
	if (m->settings.cpus.key != NULL && m->settings.cpus.key[0] != '.') {
		m->plan->vcpus = (uint32_t)m->settings.cpus.value;
		return RL_OK;
	}
	if (hw != NULL && hw->vcpus.set) {
		m->plan->vcpus = hw->vcpus.value;
		if (hw->vcpus.value < 1 || hw->vcpus.value > m->facts->vcpus_max)
			return rl_refuse(RL_E(ERANGE),
					 "$.vm.hwConfig.vcpus: %u is out of range (1..%u)",
					 hw->vcpus.value, m->facts->vcpus_max);
		return RL_OK;
	}
	if (m->settings.cpus.key == NULL)
		return default_cpus(m, &m->plan->vcpus);
	m->plan->vcpus = (uint32_t)m->settings.cpus.value;
	return RL_OK;
}

/* The machine has to fit into the container's limit, which counts all of it. */
static rl_err ram_of_limit(const struct krun_making *m, uint32_t *ret)
{
	const struct oci_memory *memory = resources(m) != NULL ? resources(m)->memory : NULL;
	int64_t mib;

	*ret = RAM_DEFAULT;
	if (memory == NULL || !memory->limit.set || memory->limit.value <= 0)
		return RL_OK;
	mib = memory->limit.value / MIB;
	if (mib > RAM_LAST)
		return RL_OK; /* what engines write for "unlimited" */
	mib -= OVERHEAD_MIB + mib / OVERHEAD_PART;
	if (mib < RAM_FIRST)
		return rl_hint(
			rl_refuse(RL_E(ERANGE),
				  "$.linux.resources.memory.limit: %lld bytes leave %lld MiB "
				  "for the virtual machine, which needs at least %d",
				  (long long)memory->limit.value, (long long)(mib > 0 ? mib : 0),
				  RAM_FIRST),
			"allow more memory, or set krun.ram_mib");
	*ret = (uint32_t)mib;
	return RL_OK;
}

static rl_err make_ram(struct krun_making *m)
{
	const struct oci_vm_hw_config *hw = m->config->vm != NULL ? m->config->vm->hw_config : NULL;

	if (m->settings.ram_mib.key != NULL && m->settings.ram_mib.key[0] != '.') {
		m->plan->ram_mib = (uint32_t)m->settings.ram_mib.value;
		return RL_OK;
	}
	if (hw != NULL && hw->memory.set) {
		m->plan->ram_mib = (uint32_t)(hw->memory.value / MIB);
		if (hw->memory.value / MIB < RAM_FIRST || hw->memory.value / MIB > RAM_LAST)
			return rl_refuse(RL_E(ERANGE),
					 "$.vm.hwConfig.memory: %llu is out of range (%lld..%lld)",
					 (unsigned long long)hw->memory.value,
					 (long long)(RAM_FIRST * MIB), (long long)(RAM_LAST * MIB));
		return RL_OK;
	}
	if (m->settings.ram_mib.key == NULL)
		return ram_of_limit(m, &m->plan->ram_mib);
	m->plan->ram_mib = (uint32_t)m->settings.ram_mib.value;
	return RL_OK;
}

/* ---- kernel, image, hardware (config-vm.md) -------------------------------------------------- */

static rl_err join_words(const struct krun_making *m, const char *first,
			 const struct oci_strings *words, const char **ret)
{
	*ret = first;
	for (size_t i = 0; i < words->count; i++)
		RL_TRY(rl_arena_fmt(m->arena, ret, "%s %s", *ret, words->items[i]));
	return RL_OK;
}

static rl_err absolute(const char *key, const char *path)
{
	if (path == NULL || path[0] == '/')
		return RL_OK;
	return rl_refuse(RL_E(EINVAL), "%s: \"%s\" is not absolute", key, path);
}

static rl_err make_kernel(struct krun_making *m, const struct oci_vm_kernel *k)
{
	/* What the library itself starts its command line with. */
	static const char prolog[] = "reboot=k panic=-1 panic_print=0 nomodule console=hvc0 "
				     "rootfstype=virtiofs rw quiet no-kvmapf init=/init.krun";
	struct hdl_plan *p = m->plan;

	if (k == NULL) {
		p->kernel = m->settings.kernel;
		p->kernel_format = (uint32_t)m->settings.kernel_format.value;
		p->initrd = m->settings.initrd;
		p->cmdline = m->settings.cmdline;
		return RL_OK;
	}
	RL_TRY(absolute("$.vm.kernel.path", k->path));
	RL_TRY(absolute("$.vm.kernel.initrd", k->initrd));
	p->kernel = k->path;
	p->initrd = k->initrd;
	p->kernel_format = KRUN_KERNEL_FORMAT_RAW;
	p->kernel_on_host = true;
	return k->parameters.count == 0 ? RL_OK
					: join_words(m, prolog, &k->parameters, &p->cmdline);
}

static rl_err make_image(struct krun_making *m, const struct oci_vm_image *image)
{
	if (image == NULL)
		return RL_OK;
	RL_TRY(absolute("$.vm.image.path", image->path));
	switch (image->format) {
	case OCI_IMAGE_RAW:
		m->plan->image_format = KRUN_DISK_FORMAT_RAW;
		break;
	case OCI_IMAGE_QCOW2:
		m->plan->image_format = KRUN_DISK_FORMAT_QCOW2;
		break;
	case OCI_IMAGE_VMDK:
		m->plan->image_format = KRUN_DISK_FORMAT_VMDK;
		break;
	case OCI_IMAGE_VDI:
	case OCI_IMAGE_VHD:
	case OCI_IMAGE_ABSENT:
	default:
		return rl_refuse(RL_E(ENOTSUP), "$.vm.image.format: libkrun knows raw, qcow2 and "
						"vmdk only");
	}
	m->plan->image = image->path;
	return RL_OK;
}

/* What a device tree or a Xen domain would want. */
static rl_err check_hardware(const struct oci_vm_hw_config *hw)
{
	const char *key = NULL;

	if (hw == NULL)
		return RL_OK;
	if (hw->device_tree != NULL)
		key = "deviceTree";
	else if (hw->dtdevs.count > 0)
		key = "dtdevs";
	else if (hw->iomem_count > 0)
		key = "iomems";
	else if (hw->irqs.count > 0)
		key = "irqs";
	if (key == NULL)
		return RL_OK;
	return rl_refuse(RL_E(ENOTSUP), "$.vm.hwConfig.%s: libkrun passes no hardware through",
			 key);
}

static rl_err make_vm(struct krun_making *m)
{
	const struct oci_vm *vm = m->config->vm;

	if (vm == NULL)
		return make_kernel(m, NULL);
	/* Its path was the library to load. */
	if (vm->hypervisor != NULL && vm->hypervisor->parameters.count > 0)
		return rl_refuse(RL_E(ENOTSUP), "$.vm.hypervisor.parameters: libkrun takes none");
	RL_TRY(check_hardware(vm->hw_config));
	RL_TRY(make_image(m, vm->image));
	return make_kernel(m, vm->kernel);
}

/* ---- files -------------------------------------------------------------------------------------
 */

static bool has_word(const struct oci_strings *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++)
		if (strcmp(words->items[i], word) == 0)
			return true;
	return false;
}

/* The guest has file systems of these kinds of its own. */
static bool is_the_guests(const char *type)
{
	static const char *const kinds[] = { "proc",   "sysfs",	  "devpts", "mqueue",
					     "cgroup", "cgroup2", "tmpfs" };

	for (size_t i = 0; type != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(type, kinds[i]) == 0)
			return true;
	return false;
}

static enum hdl_files find_files(const struct krun_making *m)
{
	const struct oci_config *c = m->config;

	if (m->plan->image != NULL)
		return HDL_FILES_NONE;
	if (!c->root.readonly)
		return HDL_FILES_WRITTEN;
	for (size_t i = 0; i < c->mount_count; i++) {
		const struct oci_strings *words = &c->mounts[i].options;

		/* Both, in whatever order, is too clever to be judged here. */
		if (!is_the_guests(c->mounts[i].type) &&
		    (!(has_word(words, "ro") || has_word(words, "rro")) || has_word(words, "rw")))
			return HDL_FILES_WRITTEN;
	}
	return HDL_FILES_READ;
}

/* ---- devices --------------------------------------------------------------------------------- */

/* A --privileged container names every device of the host, and is allowed all. */
static bool allows_everything(const struct krun_making *m)
{
	const struct oci_resources *r = resources(m);

	for (size_t i = 0; r != NULL && i < r->device_count; i++)
		if (r->devices[i].allow && r->devices[i].type == OCI_DEVICE_ALL &&
		    !r->devices[i].major.set)
			return true;
	return false;
}

static bool may_write(const struct krun_making *m, const struct oci_device *d)
{
	const struct oci_resources *r = resources(m);
	bool allowed = false;

	for (size_t i = 0; r != NULL && i < r->device_count; i++) {
		const struct oci_device_rule *rule = &r->devices[i];
		bool matches = (rule->type == OCI_DEVICE_BLOCK || rule->type == OCI_DEVICE_ALL ||
				rule->type == OCI_DEVICE_ABSENT) &&
			       (!rule->major.set || rule->major.value == d->major.value) &&
			       (!rule->minor.set || rule->minor.value == d->minor.value);

		if (matches && (rule->access == NULL || strchr(rule->access, 'w') != NULL))
			allowed = rule->allow;
	}
	return allowed;
}

static rl_err add_disk(struct krun_making *m, const struct oci_device *d, struct hdl_disk *disks)
{
	const char *name = strrchr(d->path, '/');

	if (m->plan->disk_count == DISKS_MAX)
		return rl_refuse(RL_E(ENOSPC), "$.linux.devices: more than %d block devices",
				 DISKS_MAX);
	disks[m->plan->disk_count++] = (struct hdl_disk){ .id = name != NULL ? name + 1 : d->path,
							  .path = d->path,
							  .format = KRUN_DISK_FORMAT_RAW,
							  .read_only = !may_write(m, d) };
	return RL_OK;
}

/* Block devices become disks; what else the host has, a machine cannot be given. */
static rl_err make_disks(struct krun_making *m)
{
	const struct oci_linux *l = &m->config->linux_;
	bool everything = allows_everything(m);
	struct hdl_disk *disks;
	size_t left_out = 0;

	RL_TRY(rl_new_array(m->arena, DISKS_MAX, &disks));
	m->plan->disks = disks;
	for (size_t i = 0; i < l->device_count; i++) {
		if (l->devices[i].type == OCI_DEVICE_BLOCK && m->facts->blk && !everything)
			RL_TRY(add_disk(m, &l->devices[i], disks));
		else if (strcmp(l->devices[i].path, "/dev/kvm") != 0)
			left_out++;
	}
	if (left_out == 0)
		return RL_OK;
	return plan_warn(m->arena, m->warnings,
			 "$.linux.devices: %zu devices of the host are not in the virtual machine",
			 left_out);
}

static bool has_node(const struct krun_making *m, const char *path)
{
	const struct oci_linux *l = &m->config->linux_;

	for (size_t i = 0; i < l->device_count; i++)
		if (strcmp(l->devices[i].path, path) == 0)
			return true;
	return false;
}

/* What a library that cannot be handed the open device opens by name, in the container. */
static const struct {
	const char *path;
	int64_t major, minor;
} nodes[] = { { "/dev/kvm", 10, 232 }, { "/dev/net/tun", 10, 200 } };
#define NODES (sizeof(nodes) / sizeof(nodes[0]))

static rl_err make_nodes(struct krun_making *m)
{
	const bool wanted[NODES] = { !m->facts->takes_kvm,
				     m->plan->network == HDL_NETWORK_TAP && !m->facts->takes_tap };
	struct lx_device_rule *rules;
	struct oci_device *devices;

	RL_TRY(rl_new_array(m->arena, NODES, &rules));
	RL_TRY(rl_new_array(m->arena, NODES, &devices));
	m->plan->rules = rules;
	m->plan->devices = devices;
	for (size_t i = 0; i < NODES; i++) {
		if (!wanted[i])
			continue;
		rules[m->plan->rule_count++] = (struct lx_device_rule){ .allow = true,
									.type = 'c',
									.access = LX_DEVICE_RWM,
									.major = nodes[i].major,
									.minor = nodes[i].minor };
		if (!has_node(m, nodes[i].path))
			devices[m->plan->device_count++] =
				(struct oci_device){ .type = OCI_DEVICE_CHAR,
						     .path = nodes[i].path,
						     .major = { true, nodes[i].major },
						     .minor = { true, nodes[i].minor },
						     .file_mode = { true, 0666 } };
	}
	return RL_OK;
}

/* ---- what a machine cannot do ---------------------------------------------------------------- */

static rl_err check_user(const struct krun_making *m)
{
	const struct oci_process *p = m->config->process;
	const char *with = m->config->vm != NULL && m->config->vm->image != NULL
				   ? " on a disk of its own"
				   : "";

	if (p == NULL || (p->user.uid == 0 && p->user.gid == 0) ||
	    (*with == '\0' ? m->facts->ours : m->facts->takes_config))
		return RL_OK;
	return rl_hint(rl_refuse(RL_E(ENOTSUP),
				 "$.process.user: %u:%u: the init of %s runs everything%s as root",
				 p->user.uid, p->user.gid, m->facts->library, with),
		       "use runlet's own libkrun.so.1");
}

static rl_err check_limits_of_machines(const struct krun_making *m)
{
	const struct plan_request *r = m->request;

	RL_TRY(check_user(m));
	if (r->notify_socket != NULL)
		return rl_hint(rl_refuse(RL_E(ENOTSUP), "NOTIFY_SOCKET: a program in a virtual "
							"machine cannot reach it"),
			       "with podman: --sdnotify=conmon");
	if (m->config->linux_.seccomp != NULL && m->config->linux_.seccomp->listener_path != NULL)
		return rl_refuse(RL_E(ENOTSUP), "$.linux.seccomp.listenerPath: system calls of a "
						"virtual machine do not reach this kernel");
	if (m->settings.gpu_flags.key != NULL && !m->facts->gpu)
		return rl_refuse(RL_E(ENOTSUP), "%s: %s is built without a GPU",
				 m->settings.gpu_flags.key, m->facts->library);
	return RL_OK;
}

static rl_err make_nested(struct krun_making *m)
{
	const struct krun_number *wish = &m->settings.nested_virt;

	m->plan->nested = wish->key != NULL && wish->value > 0;
	if (!m->plan->nested || m->facts->nested)
		return RL_OK;
	return plan_warn(m->arena, m->warnings,
			 "%s: this host's KVM has nested virtualisation switched off", wish->key);
}

rl_err hdl_plan_make(struct rl_arena *a, const struct oci_config *config,
		     const struct plan_request *request, const struct hdl_facts *facts,
		     struct plan_warnings *warnings, struct hdl_plan **ret)
{
	struct krun_making m = { .arena = a,
				 .config = config,
				 .request = request,
				 .facts = facts,
				 .warnings = warnings };

	RL_TRY(rl_new(a, &m.plan));
	RL_TRY(krun_settings_read(a, config, facts, warnings, &m.settings));
	RL_TRY(check_limits_of_machines(&m));
	RL_TRY(make_cpus(&m));
	RL_TRY(make_ram(&m));
	RL_TRY(make_vm(&m));
	m.plan->files = find_files(&m);
	RL_TRY(make_disks(&m));
	RL_TRY(krun_plan_network(&m));
	RL_TRY(make_nodes(&m));
	RL_TRY(make_nested(&m));
	m.plan->gpu = m.settings.gpu_flags.key != NULL;
	m.plan->gpu_flags = (uint32_t)m.settings.gpu_flags.value;
	m.plan->tag = m.settings.tag != NULL ? m.settings.tag : KRUN_FS_ROOT_TAG;
	m.plan->window =
		m.settings.window.key != NULL ? (uint64_t)m.settings.window.value : WINDOW_DEFAULT;
	*ret = m.plan;
	return RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of the whole, of root, mounts, hooks, annotations and vm (config.md, config-vm.md). */
#include "oci/check.h"

#include <stdio.h>
#include <string.h>

/* ---- ociVersion, root ----------------------------------------------------------------------- */

/*
 * A newer version adds properties, which are ignored; an unknown major is no reason to refuse a
 * container either: engines write what they were built against.
 */
static void check_version(struct oci_problems *p, const char *version)
{
	unsigned long major, minor, patch;

	if (version == NULL)
		return;
	if (sscanf(version, "%lu.%lu.%lu", &major, &minor, &patch) != 3)
		oci_error(p, "$.ociVersion", "the specification wants a semantic version",
			  "write 1.3.0", "is no version: %s", oci_quote(p, version));
	else if (major > 1)
		oci_warning(p, "$.ociVersion", NULL, NULL,
			    "version %s is read as if it were 1.3: its major is unknown", version);
}

/* ---- mounts --------------------------------------------------------------------------------- */

static bool has_option(const struct oci_mount *m, const char *const *options)
{
	for (size_t i = 0; i < m->options.count; i++)
		for (const char *const *o = options; *o != NULL; o++)
			if (strcmp(m->options.items[i], *o) == 0)
				return true;
	return false;
}

static void check_mount(struct oci_problems *p, const char *base, size_t i,
			const struct oci_mount *m)
{
	static const char *const bind[] = { "bind", "rbind", NULL };
	static const char *const change[] = { "remount",     "shared",	"rshared",  "slave",
					      "rslave",	     "private", "rprivate", "unbindable",
					      "runbindable", NULL };

	if (m->destination != NULL && m->destination[0] != '/')
		oci_warning(p, oci_text(p, "%s[%zu].destination", base, i),
			    "the specification wants an absolute path",
			    oci_text(p, "write \"/%.100s\"", m->destination), "%s is taken from /",
			    oci_quote(p, m->destination));
	if (m->type == NULL && !has_option(m, bind) && !has_option(m, change))
		oci_error(p, oci_text(p, "%s[%zu].type", base, i),
			  "only bind mounts and changes of a mount have no type",
			  "name a file system, or add the option \"bind\"", "is missing");
	if (m->source == NULL && has_option(m, bind) && !has_option(m, change))
		oci_error(p, oci_text(p, "%s[%zu].source", base, i), NULL, NULL,
			  "is missing: nothing to bind");
	if (m->uid_mapping_count != 0 || m->gid_mapping_count != 0)
		oci_check_mappings(p, oci_text(p, "%s[%zu]", base, i),
				   (struct oci_mappings){ m->uid_mappings, m->uid_mapping_count },
				   (struct oci_mappings){ m->gid_mappings, m->gid_mapping_count });
}

void oci_check_mounts(struct oci_problems *p, const char *base, const struct oci_mount *mounts,
		      size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_mount(p, base, i, &mounts[i]);
}

/* ---- hooks ---------------------------------------------------------------------------------- */

static void check_hook_list(struct oci_problems *p, const char *phase,
			    const struct oci_hook_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct oci_hook *hook = &list->items[i];
		const char *base = oci_text(p, "$.hooks.%s[%zu]", phase, i);

		oci_check_absolute(p, base, "path", hook->path, "hooks are not looked up in PATH");
		oci_check_env(p, base, &hook->env);
		if (hook->timeout.set && hook->timeout.value <= 0)
			oci_error(p, oci_text(p, "%s.timeout", base), NULL,
				  "leave it out to let the hook run as long as it needs",
				  "must be above 0 seconds, is %lld",
				  (long long)hook->timeout.value);
		if (hook->timeout.set && hook->timeout.value > INT32_MAX)
			oci_error(p, oci_text(p, "%s.timeout", base), NULL, NULL,
				  "must be at most %d seconds, is %lld", INT32_MAX,
				  (long long)hook->timeout.value);
	}
}

static void check_hooks(struct oci_problems *p, const struct oci_hooks *hooks)
{
	check_hook_list(p, "prestart", &hooks->prestart);
	check_hook_list(p, "createRuntime", &hooks->create_runtime);
	check_hook_list(p, "createContainer", &hooks->create_container);
	check_hook_list(p, "startContainer", &hooks->start_container);
	check_hook_list(p, "poststart", &hooks->poststart);
	check_hook_list(p, "poststop", &hooks->poststop);
}

/* ---- vm ------------------------------------------------------------------------------------- */

void oci_check_vm(struct oci_problems *p, const struct oci_vm *vm)
{
	static const char why[] = "it is a path of the runtime's, not of the bundle's";

	if (vm->hypervisor != NULL)
		oci_check_absolute(p, "$.vm.hypervisor", "path", vm->hypervisor->path, why);
	if (vm->kernel != NULL) {
		oci_check_absolute(p, "$.vm.kernel", "path", vm->kernel->path, why);
		oci_check_absolute(p, "$.vm.kernel", "initrd", vm->kernel->initrd, why);
	}
	if (vm->image != NULL)
		oci_check_absolute(p, "$.vm.image", "path", vm->image->path, why);
	if (vm->hw_config == NULL)
		return;
	oci_check_absolute(p, "$.vm.hwConfig", "deviceTree", vm->hw_config->device_tree, why);
	if (vm->hw_config->vcpus.set && vm->hw_config->vcpus.value == 0)
		oci_error(p, "$.vm.hwConfig.vcpus", NULL, NULL, "must be at least 1");
	if (vm->hw_config->memory.set && vm->hw_config->memory.value == 0)
		oci_error(p, "$.vm.hwConfig.memory", NULL, NULL, "must be above 0 bytes");
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void check_name(struct oci_problems *p, const struct oci_config *config, const char *member,
		       const char *name)
{
	/* HOST_NAME_MAX, which is the domain's limit as well: __NEW_UTS_LEN of the kernel. */
	if (name == NULL)
		return;
	if (strlen(name) > 64)
		oci_error(p, oci_text(p, "$.%s", member), NULL, NULL,
			  "is %zu bytes long, the kernel takes 64", strlen(name));
	if (oci_namespace_get(&config->linux_, OCI_NS_UTS) == NULL)
		oci_error(p, oci_text(p, "$.%s", member),
			  "without a UTS namespace it would rename the host",
			  "add { \"type\": \"uts\" } to linux.namespaces",
			  "needs a UTS namespace of the container's");
}

void oci_check_config(struct oci_problems *p, const struct oci_config *config)
{
	check_version(p, config->oci_version);
	oci_check_mounts(p, "$.mounts", config->mounts, config->mount_count);
	if (config->process != NULL)
		oci_check_process(p, "$.process", config->process);
	check_name(p, config, "hostname", config->hostname);
	check_name(p, config, "domainname", config->domainname);
	check_hooks(p, &config->hooks);
	oci_check_linux(p, config);
	if (config->linux_.seccomp != NULL)
		oci_check_seccomp(p, config);
	if (config->linux_.resources != NULL)
		oci_check_resources(p, "$.linux.resources", config->linux_.resources,
				    OCI_CHECK_CREATE);
	if (config->vm != NULL)
		oci_check_vm(p, config->vm);
	for (size_t i = 0; i < config->annotations.count; i++)
		if (config->annotations.items[i].key[0] == '\0')
			oci_error(p, "$.annotations[\"\"]", NULL, NULL, "a key must not be empty");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/features.h"

#include "oci/names.h"

static void put_list(struct rl_json_writer *w, const char *key, const char *const *items)
{
	if (items == NULL)
		return;
	rl_json_key(w, key);
	rl_json_array(w);
	for (; *items != NULL; items++)
		rl_json_string(w, *items);
	rl_json_array_end(w);
}

/* The words of a closed list whose bit is set. */
static void put_words(struct rl_json_writer *w, const char *key, const struct oci_words *list,
		      uint32_t bits)
{
	rl_json_key(w, key);
	rl_json_array(w);
	for (uint32_t i = 0; i < list->count; i++)
		if (list->words[i] != NULL && (bits & UINT32_C(1) << i) != 0)
			rl_json_string(w, list->words[i]);
	rl_json_array_end(w);
}

static void put_cgroup(struct rl_json_writer *w, const struct oci_features *f)
{
	rl_json_key(w, "cgroup");
	rl_json_object(w);
	rl_json_put_b(w, "v1", f->cgroup_v1);
	rl_json_put_b(w, "v2", f->cgroup_v2);
	rl_json_put_b(w, "systemd", f->cgroup_systemd);
	rl_json_put_b(w, "systemdUser", f->cgroup_systemd_user);
	rl_json_put_b(w, "rdma", f->cgroup_rdma);
	rl_json_object_end(w);
}

static void put_seccomp(struct rl_json_writer *w, const struct oci_features *f)
{
	rl_json_key(w, "seccomp");
	rl_json_object(w);
	rl_json_put_b(w, "enabled", f->seccomp);
	if (f->seccomp) {
		put_words(w, "actions", &oci_seccomp_action_words, UINT32_MAX);
		put_words(w, "operators", &oci_seccomp_operator_words, UINT32_MAX);
		put_words(w, "archs", &oci_seccomp_arch_words, f->seccomp_archs);
		put_words(w, "knownFlags", &oci_seccomp_flag_words, UINT32_MAX);
		put_words(w, "supportedFlags", &oci_seccomp_flag_words, f->seccomp_supported_flags);
	}
	rl_json_object_end(w);
}

/* An object of which there is nothing more to say. */
static void put_enabled(struct rl_json_writer *w, const char *key, bool enabled)
{
	rl_json_key(w, key);
	rl_json_object(w);
	rl_json_put_b(w, "enabled", enabled);
	rl_json_object_end(w);
}

static void put_rdt(struct rl_json_writer *w, const struct oci_features *f)
{
	rl_json_key(w, "intelRdt");
	rl_json_object(w);
	rl_json_put_b(w, "enabled", f->intel_rdt);
	rl_json_put_b(w, "schemata", f->intel_rdt_schemata);
	rl_json_put_b(w, "monitoring", f->intel_rdt_monitoring);
	rl_json_object_end(w);
}

static void put_linux(struct rl_json_writer *w, const struct oci_features *f)
{
	rl_json_object(w);
	put_words(w, "namespaces", &oci_namespace_words, UINT32_MAX);
	put_list(w, "capabilities", f->capabilities);
	put_cgroup(w, f);
	put_seccomp(w, f);
	put_enabled(w, "apparmor", f->apparmor);
	put_enabled(w, "selinux", f->selinux);
	put_rdt(w, f);
	if (f->memory_policy) {
		rl_json_key(w, "memoryPolicy");
		rl_json_object(w);
		put_words(w, "modes", &oci_memory_policy_words, UINT32_MAX);
		put_words(w, "flags", &oci_memory_policy_flag_words, UINT32_MAX);
		rl_json_object_end(w);
	}
	rl_json_key(w, "mountExtensions");
	rl_json_object(w);
	put_enabled(w, "idmap", f->idmap);
	rl_json_object_end(w);
	put_enabled(w, "netDevices", f->net_devices);
	rl_json_object_end(w);
}

void oci_features_put(struct rl_json_writer *w, const struct oci_features *f)
{
	static const char *const hooks[] = { "prestart",
					     "createRuntime",
					     "createContainer",
					     "startContainer",
					     "poststart",
					     "poststop",
					     NULL };

	rl_json_object(w);
	rl_json_put(w, "ociVersionMin", OCI_VERSION_MIN);
	rl_json_put(w, "ociVersionMax", OCI_VERSION_MAX);
	put_list(w, "hooks", hooks);
	put_list(w, "mountOptions", f->mount_options);
	rl_json_key(w, "linux");
	put_linux(w, f);
	if (f->annotations.count > 0) {
		rl_json_key(w, "annotations");
		rl_json_object(w);
		for (size_t i = 0; i < f->annotations.count; i++)
			rl_json_put(w, f->annotations.items[i].key, f->annotations.items[i].value);
		rl_json_object_end(w);
	}
	put_list(w, "potentiallyUnsafeConfigAnnotations", f->unsafe_annotations);
	rl_json_object_end(w);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this runtime can do, for engines that ask (`runlet features`; runtime-spec features.md and
 * features-linux.md). Engines read standard output and standard error as one, so nothing but this
 * document may be printed.
 */
#pragma once

#include "base/json.h"
#include "oci/config.h"

/*
 * The facts. "Recognized" names in the document (hooks, namespaces, actions, operators, known
 * flags) are those of the specification and not given here: all are read. What is given must be
 * true of this build, not wished for; a list that is NULL is left out.
 */
struct oci_features {
	const char *const *mount_options; /* every word that plan/ understands; NULL-terminated */
	const char *const *capabilities;  /* names that are known: "CAP_CHOWN"; NULL-terminated */

	bool cgroup_v1;
	bool cgroup_v2;
	bool cgroup_systemd;
	bool cgroup_systemd_user;
	bool cgroup_rdma;

	bool seccomp;
	uint32_t seccomp_archs; /* bits 1 << enum oci_seccomp_arch, those that filters are made for
				 */
	uint32_t seccomp_supported_flags; /* enum oci_seccomp_flag, those that this kernel takes */

	bool apparmor; /* of this build; whether the kernel has it is another question */
	bool selinux;
	bool intel_rdt;
	bool intel_rdt_schemata;
	bool intel_rdt_monitoring;
	bool memory_policy;
	bool idmap; /* mounts with id maps of their own */
	bool net_devices;

	struct oci_map annotations; /* versions and options, in reverse-domain notation */
	/* Annotations that are honoured and that an untrusted user must not choose. */
	const char *const *unsafe_annotations; /* a final dot stands for a prefix */
};

/* One object. Errors of the writer come out of rl_json_end. */
void oci_features_put(struct rl_json_writer *w, const struct oci_features *features);

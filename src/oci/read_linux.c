/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of `linux` (config-linux.md), resources and seccomp excepted. */
#include "oci/read_core.h"

OCI_OBJECT(oci_id_mapping, "an id mapping",
	   OCI_ROW(oci_id_mapping, "containerID", container_id, OCI_REQUIRED),
	   OCI_ROW(oci_id_mapping, "hostID", host_id, OCI_REQUIRED),
	   OCI_ROW(oci_id_mapping, "size", size, OCI_REQUIRED));

OCI_OBJECT(oci_namespace, "a namespace",
	   OCI_ROW_WORD(oci_namespace, "type", type, oci_namespace_type, oci_namespace_words,
			OCI_REQUIRED),
	   OCI_ROW(oci_namespace, "path", path, OCI_OPTIONAL));

OCI_OBJECT(oci_device, "a device", OCI_ROW(oci_device, "path", path, OCI_REQUIRED),
	   OCI_ROW_WORD(oci_device, "type", type, oci_device_type, oci_device_words, OCI_REQUIRED),
	   OCI_ROW(oci_device, "major", major, OCI_OPTIONAL),
	   OCI_ROW(oci_device, "minor", minor, OCI_OPTIONAL),
	   OCI_ROW(oci_device, "fileMode", file_mode, OCI_OPTIONAL),
	   OCI_ROW(oci_device, "uid", uid, OCI_OPTIONAL),
	   OCI_ROW(oci_device, "gid", gid, OCI_OPTIONAL));

OCI_OBJECT_KEYED(oci_net_device, "a network device", offsetof(struct oci_net_device, host_name),
		 OCI_ROW(oci_net_device, "name", name, OCI_OPTIONAL));

OCI_OBJECT(oci_intel_rdt, "the intelRdt object",
	   OCI_ROW(oci_intel_rdt, "closID", clos_id, OCI_OPTIONAL),
	   OCI_ROW(oci_intel_rdt, "schemata", schemata, OCI_OPTIONAL),
	   OCI_ROW(oci_intel_rdt, "l3CacheSchema", l3_cache_schema, OCI_OPTIONAL),
	   OCI_ROW(oci_intel_rdt, "memBwSchema", mem_bw_schema, OCI_OPTIONAL),
	   OCI_ROW(oci_intel_rdt, "enableMonitoring", enable_monitoring, OCI_OPTIONAL));

OCI_OBJECT(oci_memory_policy, "a memory policy",
	   OCI_ROW_WORD(oci_memory_policy, "mode", mode, oci_memory_policy_mode,
			oci_memory_policy_words, OCI_REQUIRED),
	   OCI_ROW(oci_memory_policy, "nodes", nodes, OCI_OPTIONAL),
	   OCI_ROW_FLAGS(oci_memory_policy, "flags", flags, oci_memory_policy_flag_words));

OCI_OBJECT(oci_personality, "a personality",
	   OCI_ROW_WORD(oci_personality, "domain", domain, oci_personality_domain,
			oci_personality_words, OCI_REQUIRED),
	   OCI_ROW(oci_personality, "flags", flags, OCI_OPTIONAL));

OCI_OBJECT(oci_time_offset, "a time offset", OCI_ROW(oci_time_offset, "secs", secs, OCI_OPTIONAL),
	   OCI_ROW(oci_time_offset, "nanosecs", nanosecs, OCI_OPTIONAL));

OCI_OBJECT(oci_time_offsets, "the timeOffsets object",
	   OCI_ROW_OBJECT(oci_time_offsets, "boottime", boottime, oci_time_offset, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_time_offsets, "monotonic", monotonic, oci_time_offset, OCI_OPTIONAL));

OCI_OBJECT(oci_linux, "the linux object",
	   OCI_ROW_ARRAY(oci_linux, "uidMappings", uid_mappings, uid_mapping_count, oci_id_mapping),
	   OCI_ROW_ARRAY(oci_linux, "gidMappings", gid_mappings, gid_mapping_count, oci_id_mapping),
	   OCI_ROW(oci_linux, "sysctl", sysctl, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_linux, "resources", resources, oci_resources, OCI_OPTIONAL),
	   OCI_ROW(oci_linux, "cgroupsPath", cgroups_path, OCI_OPTIONAL),
	   OCI_ROW_ARRAY(oci_linux, "namespaces", namespaces, namespace_count, oci_namespace),
	   OCI_ROW_ARRAY(oci_linux, "devices", devices, device_count, oci_device),
	   OCI_ROW_KEYED(oci_linux, "netDevices", net_devices, net_device_count, oci_net_device),
	   OCI_ROW_OBJECT(oci_linux, "seccomp", seccomp, oci_seccomp, OCI_OPTIONAL),
	   OCI_ROW_WORD(oci_linux, "rootfsPropagation", rootfs_propagation, oci_propagation,
			oci_propagation_words, OCI_OPTIONAL),
	   OCI_ROW(oci_linux, "maskedPaths", masked_paths, OCI_OPTIONAL),
	   OCI_ROW(oci_linux, "readonlyPaths", readonly_paths, OCI_OPTIONAL),
	   OCI_ROW(oci_linux, "mountLabel", mount_label, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_linux, "intelRdt", intel_rdt, oci_intel_rdt, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_linux, "memoryPolicy", memory_policy, oci_memory_policy,
			  OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_linux, "personality", personality, oci_personality, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_linux, "timeOffsets", time_offsets, oci_time_offsets, OCI_OPTIONAL));

/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of `linux.resources` (config-linux.md#control-groups). */
#include "oci/read_core.h"

OCI_OBJECT(oci_device_rule, "a device rule", OCI_ROW(oci_device_rule, "allow", allow, OCI_REQUIRED),
	   OCI_ROW_WORD(oci_device_rule, "type", type, oci_device_type, oci_device_words,
			OCI_OPTIONAL),
	   OCI_ROW(oci_device_rule, "major", major, OCI_OPTIONAL),
	   OCI_ROW(oci_device_rule, "minor", minor, OCI_OPTIONAL),
	   OCI_ROW(oci_device_rule, "access", access, OCI_OPTIONAL));

OCI_OBJECT(oci_memory, "a memory object", OCI_ROW(oci_memory, "limit", limit, OCI_OPTIONAL),
	   OCI_ROW(oci_memory, "reservation", reservation, OCI_OPTIONAL),
	   OCI_ROW(oci_memory, "swap", swap, OCI_OPTIONAL),
	   OCI_ROW(oci_memory, "kernel", kernel, OCI_OPTIONAL),
	   OCI_ROW(oci_memory, "kernelTCP", kernel_tcp, OCI_OPTIONAL),
	   OCI_ROW(oci_memory, "swappiness", swappiness, OCI_OPTIONAL),
	   OCI_ROW(oci_memory, "disableOOMKiller", disable_oom_killer, OCI_OPTIONAL),
	   OCI_ROW(oci_memory, "useHierarchy", use_hierarchy, OCI_OPTIONAL),
	   OCI_ROW(oci_memory, "checkBeforeUpdate", check_before_update, OCI_OPTIONAL));

OCI_OBJECT(oci_cpu, "a cpu object", OCI_ROW(oci_cpu, "shares", shares, OCI_OPTIONAL),
	   OCI_ROW(oci_cpu, "quota", quota, OCI_OPTIONAL),
	   OCI_ROW(oci_cpu, "burst", burst, OCI_OPTIONAL),
	   OCI_ROW(oci_cpu, "period", period, OCI_OPTIONAL),
	   OCI_ROW(oci_cpu, "realtimeRuntime", realtime_runtime, OCI_OPTIONAL),
	   OCI_ROW(oci_cpu, "realtimePeriod", realtime_period, OCI_OPTIONAL),
	   OCI_ROW(oci_cpu, "cpus", cpus, OCI_OPTIONAL),
	   OCI_ROW(oci_cpu, "mems", mems, OCI_OPTIONAL),
	   OCI_ROW(oci_cpu, "idle", idle, OCI_OPTIONAL));

OCI_OBJECT(oci_pids, "a pids object", OCI_ROW(oci_pids, "limit", limit, OCI_OPTIONAL));

OCI_OBJECT(oci_weight_device, "a device's weight",
	   OCI_ROW(oci_weight_device, "major", major, OCI_REQUIRED),
	   OCI_ROW(oci_weight_device, "minor", minor, OCI_REQUIRED),
	   OCI_ROW(oci_weight_device, "weight", weight, OCI_OPTIONAL),
	   OCI_ROW(oci_weight_device, "leafWeight", leaf_weight, OCI_OPTIONAL));

OCI_OBJECT(oci_throttle_device, "a device's limit",
	   OCI_ROW(oci_throttle_device, "major", major, OCI_REQUIRED),
	   OCI_ROW(oci_throttle_device, "minor", minor, OCI_REQUIRED),
	   OCI_ROW(oci_throttle_device, "rate", rate, OCI_REQUIRED));

#define THROTTLE(name, member) \
	OCI_ROW_ARRAY(oci_block_io, name, member.items, member.count, oci_throttle_device)

OCI_OBJECT(oci_block_io, "a blockIO object", OCI_ROW(oci_block_io, "weight", weight, OCI_OPTIONAL),
	   OCI_ROW(oci_block_io, "leafWeight", leaf_weight, OCI_OPTIONAL),
	   OCI_ROW_ARRAY(oci_block_io, "weightDevice", weight_device, weight_device_count,
			 oci_weight_device),
	   THROTTLE("throttleReadBpsDevice", throttle_read_bps_device),
	   THROTTLE("throttleWriteBpsDevice", throttle_write_bps_device),
	   THROTTLE("throttleReadIOPSDevice", throttle_read_iops_device),
	   THROTTLE("throttleWriteIOPSDevice", throttle_write_iops_device));

OCI_OBJECT(oci_hugepage_limit, "a huge page limit",
	   OCI_ROW(oci_hugepage_limit, "pageSize", page_size, OCI_REQUIRED),
	   OCI_ROW(oci_hugepage_limit, "limit", limit, OCI_REQUIRED));

OCI_OBJECT(oci_interface_priority, "an interface's priority",
	   OCI_ROW(oci_interface_priority, "name", name, OCI_REQUIRED),
	   OCI_ROW(oci_interface_priority, "priority", priority, OCI_REQUIRED));

OCI_OBJECT(oci_network, "a network object", OCI_ROW(oci_network, "classID", class_id, OCI_OPTIONAL),
	   OCI_ROW_ARRAY(oci_network, "priorities", priorities, priority_count,
			 oci_interface_priority));

OCI_OBJECT_KEYED(oci_rdma, "an rdma limit", offsetof(struct oci_rdma, device),
		 OCI_ROW(oci_rdma, "hcaHandles", hca_handles, OCI_OPTIONAL),
		 OCI_ROW(oci_rdma, "hcaObjects", hca_objects, OCI_OPTIONAL));

OCI_OBJECT(oci_resources, "the resources object",
	   OCI_ROW_ARRAY(oci_resources, "devices", devices, device_count, oci_device_rule),
	   OCI_ROW_OBJECT(oci_resources, "memory", memory, oci_memory, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_resources, "cpu", cpu, oci_cpu, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_resources, "pids", pids, oci_pids, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_resources, "blockIO", block_io, oci_block_io, OCI_OPTIONAL),
	   OCI_ROW_ARRAY(oci_resources, "hugepageLimits", hugepage_limits, hugepage_limit_count,
			 oci_hugepage_limit),
	   OCI_ROW_OBJECT(oci_resources, "network", network, oci_network, OCI_OPTIONAL),
	   OCI_ROW_KEYED(oci_resources, "rdma", rdma, rdma_count, oci_rdma),
	   OCI_ROW(oci_resources, "unified", unified, OCI_OPTIONAL));

/* SPDX-License-Identifier: Apache-2.0 */
/* Machines that need not be there, for tests of plans. */
#pragma once

#include "linux/host.h"

/* Root on a current kernel with cgroup v2 and AppArmor. */
static inline struct lx_host host_of_root(void)
{
	static const struct lx_cgroup_hierarchy v2[] = { { "/sys/fs/cgroup", "",
							   "/user.slice/session-1.scope", 2 } };

	return (struct lx_host){
		.capabilities = (UINT64_C(1) << 41) - 1,
		.bounding = (UINT64_C(1) << 41) - 1,
		.last_capability = 40,
		.cgroup_layout = LX_CGROUP_V2,
		.hierarchies = v2,
		.hierarchy_count = 1,
		.cgroup2_controllers = "cpuset cpu io memory hugetlb pids rdma misc",
		.apparmor = true,
		.cgroup_namespaces = true,
		.time_namespaces = true,
		.user_namespaces = true,
	};
}

/* A user on the same machine. */
static inline struct lx_host host_of_user(uid_t uid, gid_t gid)
{
	struct lx_host host = host_of_root();

	host.euid = uid;
	host.egid = gid;
	host.rootless = true;
	host.capabilities = 0;
	return host;
}

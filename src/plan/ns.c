/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/ns.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

static const struct {
	uint64_t flag;
	const char *name;
	enum oci_namespace_type type;
} kinds[PLAN_NS_KINDS] = {
	[PLAN_NS_USER] = { CLONE_NEWUSER, "user", OCI_NS_USER },
	[PLAN_NS_CGROUP] = { CLONE_NEWCGROUP, "cgroup", OCI_NS_CGROUP },
	[PLAN_NS_IPC] = { CLONE_NEWIPC, "ipc", OCI_NS_IPC },
	[PLAN_NS_UTS] = { CLONE_NEWUTS, "uts", OCI_NS_UTS },
	[PLAN_NS_NET] = { CLONE_NEWNET, "net", OCI_NS_NETWORK },
	[PLAN_NS_PID] = { CLONE_NEWPID, "pid", OCI_NS_PID },
	[PLAN_NS_MOUNT] = { CLONE_NEWNS, "mnt", OCI_NS_MOUNT },
	[PLAN_NS_TIME] = { CLONE_NEWTIME, "time", OCI_NS_TIME },
};

uint64_t plan_ns_flag(enum plan_ns_kind kind)
{
	return kinds[kind].flag;
}

const char *plan_ns_name(enum plan_ns_kind kind)
{
	return kinds[kind].name;
}

static rl_err refuse_missing(const char *kind)
{
	return rl_hint(rl_refuse(RL_E(ENOTSUP),
				 "$.linux.namespaces: this kernel has no %s namespaces", kind),
		       "remove the namespace from config.json or use a kernel that has it");
}

static rl_err check_kernel(const struct lx_host *host, uint64_t wanted)
{
	if ((wanted & CLONE_NEWUSER) != 0 && !host->user_namespaces)
		return refuse_missing("user");
	if ((wanted & CLONE_NEWCGROUP) != 0 && !host->cgroup_namespaces)
		return refuse_missing("cgroup");
	if ((wanted & CLONE_NEWTIME) != 0 && !host->time_namespaces)
		return refuse_missing("time");
	return RL_OK;
}

/* A name set without a UTS namespace of the container's own would be the host's name. */
static rl_err plan_names(const struct oci_config *config, struct plan_namespaces *ret)
{
	const char *unset = config->hostname != NULL ? "hostname" : "domainname";

	if (config->hostname == NULL && config->domainname == NULL)
		return RL_OK;
	if ((ret->create & CLONE_NEWUTS) == 0 && ret->join[PLAN_NS_UTS] == NULL)
		return rl_hint(rl_refuse(RL_E(EINVAL), "$.%s: needs a uts namespace", unset),
			       "add {\"type\": \"uts\"} to linux.namespaces or remove %s", unset);
	ret->hostname = config->hostname;
	ret->domainname = config->domainname;
	return RL_OK;
}

static rl_err add_offset(struct rl_arena *a, const char *clock, const struct oci_time_offset *o,
			 const char **text)
{
	if (o == NULL)
		return RL_OK;
	return rl_arena_fmt(a, text, "%s%s %lld %u\n", *text, clock, (long long)o->secs,
			    o->nanosecs);
}

static rl_err plan_time_offsets(struct rl_arena *a, const struct oci_config *config,
				struct plan_namespaces *ret)
{
	const struct oci_time_offsets *offsets = config->linux_.time_offsets;
	const char *text = "";

	if (offsets == NULL)
		return RL_OK;
	if ((ret->create & CLONE_NEWTIME) == 0)
		return rl_hint(
			rl_refuse(RL_E(EINVAL), "$.linux.timeOffsets: needs a new time namespace"),
			"add {\"type\": \"time\"} without a path to linux.namespaces");
	RL_TRY(add_offset(a, "monotonic", offsets->monotonic, &text));
	RL_TRY(add_offset(a, "boottime", offsets->boottime, &text));
	ret->time_offsets = *text != '\0' ? text : NULL;
	return RL_OK;
}

static rl_err check_rootless(const struct lx_host *host, const struct plan_namespaces *ns)
{
	if (host->euid == 0 || (ns->create & CLONE_NEWUSER) != 0 || ns->join[PLAN_NS_USER] != NULL)
		return RL_OK;
	return rl_hint(rl_refuse(RL_E(EPERM),
				 "$.linux.namespaces: uid %u cannot make a container "
				 "without a user namespace",
				 (unsigned)host->euid),
		       "add a user namespace and id mappings (see `runlet spec --rootless`), "
		       "or run as root");
}

rl_err plan_namespaces_make(struct rl_arena *a, const struct oci_config *config,
			    const struct lx_host *host, struct plan_namespaces *ret)
{
	struct plan_namespaces ns = { 0 };

	for (int k = 0; k < PLAN_NS_KINDS; k++) {
		const struct oci_namespace *n = oci_namespace_get(&config->linux_, kinds[k].type);

		if (n == NULL)
			continue;
		if (n->path == NULL || *n->path == '\0')
			ns.create |= kinds[k].flag;
		else
			ns.join[k] = n->path;
	}
	RL_TRY(check_kernel(host, ns.create));
	RL_TRY(check_rootless(host, &ns));
	RL_TRY(plan_names(config, &ns));
	RL_TRY(plan_time_offsets(a, config, &ns));
	*ret = ns;
	return RL_OK;
}

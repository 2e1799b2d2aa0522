/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/process.h"

#include "plan/capability.h"
#include "plan/environment.h"
#include "plan/seccomp.h"

#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>

#define DEFAULT_UMASK 0022
#define IO_CLASS_SHIFT 13 /* linux/ioprio.h, which is not exported before 5.17 */
/* fs.nr_open as the kernel has it; no process can own a descriptor beyond. */
#define DESCRIPTOR_LIMIT (1u << 20)

/* What every part needs, so that the parts read like the specification. */
struct making {
	struct rl_arena *arena;
	const struct oci_process *in;
	const struct oci_config *config;
	const struct plan_request *request;
	const struct lx_host *host;
	struct plan_warnings *warnings;
	struct plan_process *out;
};

/* ---- program -------------------------------------------------------------------------------- */

static rl_err make_program(const struct making *m)
{
	struct plan_process *p = m->out;
	uint64_t fds = (uint64_t)m->request->listen_fds + m->request->preserve_fds;

	if (m->in->args.count == 0)
		return rl_hint(rl_refuse(RL_E(EINVAL), "$.process.args: must not be empty"),
			       "the first one names the program");
	if (m->in->cwd == NULL || m->in->cwd[0] != '/')
		return rl_refuse(RL_E(EINVAL), "$.process.cwd: must be an absolute path");
	if (fds > DESCRIPTOR_LIMIT)
		return rl_refuse(RL_E(EINVAL),
				 "%u descriptors to preserve are more than a process "
				 "can have",
				 m->request->preserve_fds);
	p->args = m->in->args.items;
	p->arg_count = m->in->args.count;
	p->cwd = m->in->cwd;
	p->listen_fds = m->request->listen_fds;
	p->keep_fds = (unsigned)fds;
	p->terminal = m->in->terminal;
	if (p->terminal && m->in->console_size != NULL) {
		if (m->in->console_size->height > UINT16_MAX ||
		    m->in->console_size->width > UINT16_MAX)
			return rl_refuse(RL_E(EINVAL), "$.process.consoleSize: a terminal has at "
						       "most 65535 rows and columns");
		p->console_rows = (unsigned short)m->in->console_size->height;
		p->console_columns = (unsigned short)m->in->console_size->width;
	}
	return plan_environment_make(m->arena, &m->in->env, m->request, p);
}

/* ---- ids ------------------------------------------------------------------------------------ */

/*
 * Without a mapping the kernel refuses the id, with EINVAL, when much is done already. A user
 * namespace that is joined has its own mappings, which nobody knows yet.
 */
static bool unmapped(const struct making *m, const struct oci_id_mapping *map, size_t count,
		     uint32_t id)
{
	const struct oci_namespace *user = oci_namespace_get(&m->config->linux_, OCI_NS_USER);

	if (user == NULL || user->path != NULL || count == 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (id >= map[i].container_id && id - map[i].container_id < map[i].size)
			return false;
	return true;
}

static rl_err check_id(const struct making *m, const char *what, bool group, uint32_t id)
{
	const struct oci_linux *l = &m->config->linux_;

	if (id == UINT32_MAX)
		return rl_refuse(RL_E(EINVAL),
				 "$.process.user.%s: 4294967295 is -1, which means no change",
				 what);
	if (group ? unmapped(m, l->gid_mappings, l->gid_mapping_count, id)
		  : unmapped(m, l->uid_mappings, l->uid_mapping_count, id))
		return rl_refuse(RL_E(EINVAL), "$.process.user.%s: %u is not in $.linux.%s", what,
				 id, group ? "gidMappings" : "uidMappings");
	return RL_OK;
}

static rl_err make_ids(const struct making *m)
{
	const struct oci_user *user = &m->in->user;
	const char *keep = oci_map_get(&m->config->annotations, "run.oci.keep_original_groups");
	struct plan_process *p = m->out;
	gid_t *groups;

	RL_TRY(check_id(m, "uid", false, user->uid));
	RL_TRY(check_id(m, "gid", true, user->gid));
	for (size_t i = 0; i < user->additional_gids.count; i++)
		RL_TRY(check_id(m, "additionalGids", true, user->additional_gids.items[i]));
	p->uid = user->uid;
	p->gid = user->gid;
	p->umask = user->umask.set ? user->umask.value & 0777 : DEFAULT_UMASK;
	p->keep_original_groups = keep != NULL && strcmp(keep, "0") != 0;
	if (p->keep_original_groups || user->additional_gids.count == 0)
		return RL_OK;
	RL_TRY(rl_new_array(m->arena, user->additional_gids.count, &groups));
	for (size_t i = 0; i < user->additional_gids.count; i++)
		groups[i] = user->additional_gids.items[i];
	p->groups = groups;
	p->group_count = user->additional_gids.count;
	return RL_OK;
}

/* ---- limits --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int resource;
} resources[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

static rl_err make_rlimit(const struct making *m, size_t at, struct plan_rlimit *rlimits)
{
	const struct oci_rlimit *in = &m->in->rlimits[at];
	struct plan_rlimit *out = &rlimits[at];

	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++)
		if (strcmp(resources[i].name, in->type) == 0)
			*out = (struct plan_rlimit){ resources[i].resource, resources[i].name,
						     in->soft, in->hard };
	if (out->name == NULL)
		return rl_refuse(RL_E(EINVAL), "$.process.rlimits[%zu].type: unknown limit \"%s\"",
				 at, in->type);
	if (in->soft > in->hard)
		return rl_refuse(RL_E(EINVAL),
				 "$.process.rlimits[%zu].soft: is above the hard limit", at);
	for (size_t i = 0; i < at; i++)
		if (rlimits[i].resource == out->resource)
			return rl_refuse(RL_E(EINVAL),
					 "$.process.rlimits[%zu].type: %s is at [%zu] already", at,
					 in->type, i);
	return RL_OK;
}

static rl_err make_rlimits(const struct making *m)
{
	struct plan_rlimit *rlimits;

	if (m->in->rlimit_count == 0)
		return RL_OK;
	RL_TRY(rl_new_array(m->arena, m->in->rlimit_count, &rlimits));
	for (size_t i = 0; i < m->in->rlimit_count; i++)
		RL_TRY(make_rlimit(m, i, rlimits));
	m->out->rlimits = rlimits;
	m->out->rlimit_count = m->in->rlimit_count;
	return RL_OK;
}

/* ---- scheduling ----------------------------------------------------------------------------- */

/* By enum oci_scheduler_policy; linux/sched.h. SCHED_ISO has a number but no code. */
static const uint32_t policies[] = {
	[OCI_SCHED_OTHER] = 0, [OCI_SCHED_FIFO] = 1, [OCI_SCHED_RR] = 2,
	[OCI_SCHED_BATCH] = 3, [OCI_SCHED_IDLE] = 5, [OCI_SCHED_DEADLINE] = 6,
};

/* Bits of enum oci_scheduler_flag are in the order of SCHED_FLAG_*. */
_Static_assert(OCI_SCHED_FLAG_RESET_ON_FORK == 0x01, "SCHED_FLAG_RESET_ON_FORK");
_Static_assert(OCI_SCHED_FLAG_RECLAIM == 0x02, "SCHED_FLAG_RECLAIM");
_Static_assert(OCI_SCHED_FLAG_DL_OVERRUN == 0x04, "SCHED_FLAG_DL_OVERRUN");
_Static_assert(OCI_SCHED_FLAG_KEEP_POLICY == 0x08, "SCHED_FLAG_KEEP_POLICY");
_Static_assert(OCI_SCHED_FLAG_KEEP_PARAMS == 0x10, "SCHED_FLAG_KEEP_PARAMS");
_Static_assert(OCI_SCHED_FLAG_UTIL_CLAMP_MIN == 0x20, "SCHED_FLAG_UTIL_CLAMP_MIN");
_Static_assert(OCI_SCHED_FLAG_UTIL_CLAMP_MAX == 0x40, "SCHED_FLAG_UTIL_CLAMP_MAX");

static rl_err make_scheduler(const struct making *m)
{
	const struct oci_scheduler *s = m->in->scheduler;

	if (s == NULL)
		return RL_OK;
	if (s->policy == OCI_SCHED_ISO || s->policy == OCI_SCHED_ABSENT)
		return rl_refuse(RL_E(ENOTSUP), "$.process.scheduler.policy: Linux has no %s",
				 oci_scheduler_policy_name(s->policy));
	m->out->scheduler = (struct plan_scheduler){
		.set = true,
		.policy = policies[s->policy],
		.flags = s->flags.bits,
		.nice = s->nice.value,
		.priority = (uint32_t)s->priority.value,
		.runtime = s->runtime.value,
		.deadline = s->deadline.value,
		.period = s->period.value,
	};
	return RL_OK;
}

static rl_err make_priorities(const struct making *m)
{
	const struct oci_io_priority *io = m->in->io_priority;
	const struct oci_exec_cpu_affinity *cpus = m->in->exec_cpu_affinity;
	struct plan_process *p = m->out;

	p->set_oom_score_adj = m->in->oom_score_adj.set;
	p->oom_score_adj = m->in->oom_score_adj.value;
	p->io_priority = -1;
	if (io != NULL && io->class != OCI_IO_CLASS_ABSENT) {
		if (io->priority.value < 0 || io->priority.value > 7)
			return rl_refuse(RL_E(EINVAL),
					 "$.process.ioPriority.priority: must be in 0..7");
		/* The enum counts the classes as the kernel does: 1, 2, 3. */
		p->io_priority = (int)io->class << IO_CLASS_SHIFT | io->priority.value;
	}
	/* "exec" in the name: the container's own process does not get it. */
	if (m->in == m->config->process)
		return RL_OK;
	if (cpus != NULL && cpus->initial != NULL)
		RL_TRY(plan_cpus_parse(m->arena, "$.process.execCPUAffinity.initial", cpus->initial,
				       &p->cpus_first));
	if (cpus != NULL && cpus->final != NULL)
		RL_TRY(plan_cpus_parse(m->arena, "$.process.execCPUAffinity.final", cpus->final,
				       &p->cpus_last));
	return RL_OK;
}

static rl_err make_personality(const struct making *m)
{
	const struct oci_personality *persona = m->config->linux_.personality;

	if (persona == NULL || persona->domain == OCI_PERSONALITY_ABSENT)
		return RL_OK;
	m->out->set_personality = true;
	m->out->personality = persona->domain == OCI_PERSONALITY_LINUX32 ? PER_LINUX32 : PER_LINUX;
	if (persona->flags.count > 0)
		RL_TRY(plan_warn(m->arena, m->warnings,
				 "$.linux.personality.flags: ignored: the specification defines "
				 "none yet"));
	return RL_OK;
}

/* The numbers of <linux/mempolicy.h>, which musl does not have. */
static rl_err make_memory_policy(const struct making *m)
{
	static const int modes[] = {
		[OCI_MPOL_DEFAULT] = 0,
		[OCI_MPOL_PREFERRED] = 1,
		[OCI_MPOL_BIND] = 2,
		[OCI_MPOL_INTERLEAVE] = 3,
		[OCI_MPOL_LOCAL] = 4,
		[OCI_MPOL_PREFERRED_MANY] = 5,
		[OCI_MPOL_WEIGHTED_INTERLEAVE] = 6,
	};
	const struct oci_memory_policy *policy = m->config->linux_.memory_policy;
	struct plan_process *p = m->out;

	if (policy == NULL || policy->mode == OCI_MPOL_ABSENT)
		return RL_OK;
	p->set_memory_policy = true;
	p->memory_policy = modes[policy->mode];
	if (policy->flags.bits & OCI_MPOL_FLAG_NUMA_BALANCING)
		p->memory_policy |= 1 << 13;
	if (policy->flags.bits & OCI_MPOL_FLAG_RELATIVE_NODES)
		p->memory_policy |= 1 << 14;
	if (policy->flags.bits & OCI_MPOL_FLAG_STATIC_NODES)
		p->memory_policy |= 1 << 15;
	if (policy->nodes == NULL || policy->nodes[0] == '\0')
		return RL_OK;
	return plan_cpus_parse(m->arena, "$.linux.memoryPolicy.nodes", policy->nodes,
			       &p->memory_nodes);
}

/* ---- labels --------------------------------------------------------------------------------- */

/* A confinement that was asked for and cannot be had is an error: the process would run without. */
static rl_err make_labels(const struct making *m)
{
	const char *profile = m->in->apparmor_profile, *label = m->in->selinux_label;

	if (profile != NULL && *profile != '\0') {
		if (!m->host->apparmor && strcmp(profile, "unconfined") != 0)
			return rl_hint(rl_refuse(RL_E(ENOTSUP),
						 "$.process.apparmorProfile: AppArmor is not "
						 "enabled in this kernel"),
				       "leave the property out, or boot with apparmor=1");
		m->out->apparmor_profile = m->host->apparmor ? profile : NULL;
	}
	if (label != NULL && *label != '\0') {
		if (!m->host->selinux)
			return rl_hint(rl_refuse(RL_E(ENOTSUP), "$.process.selinuxLabel: SELinux "
								"is not enabled in this kernel"),
				       "leave the property out, or boot with selinux=1");
		m->out->selinux_label = label;
	}
	return RL_OK;
}

/* ---- the whole ------------------------------------------------------------------------------ */

rl_err plan_process_make(struct rl_arena *a, const struct oci_process *process,
			 const struct oci_config *config, const struct plan_request *request,
			 const struct lx_host *host, struct plan_warnings *warnings,
			 struct plan_process *ret)
{
	struct plan_process p = { 0 };
	const struct making m = { a, process, config, request, host, warnings, &p };

	RL_TRY(make_program(&m));
	RL_TRY(make_ids(&m));
	RL_TRY(plan_capabilities_make(a, process->capabilities, config, host, warnings, &p.caps));
	p.no_new_privileges = process->no_new_privileges;
	RL_TRY(make_rlimits(&m));
	RL_TRY(make_scheduler(&m));
	RL_TRY(make_priorities(&m));
	RL_TRY(make_personality(&m));
	RL_TRY(make_memory_policy(&m));
	RL_TRY(make_labels(&m));
	*ret = p;
	return RL_OK;
}

enum plan_exe_defence plan_exe_defence_for(const struct plan_process *p,
					   const struct plan_seccomp *s)
{
	if (p->apparmor_profile != NULL || p->selinux_label != NULL)
		return PLAN_EXE_SEALED;
	return plan_seccomp_allows(s, "execveat") && plan_seccomp_allows(s, "fcntl")
		       ? PLAN_EXE_STUB
		       : PLAN_EXE_SEALED;
}

bool plan_process_writes_to_proc(const struct plan_process *p)
{
	return p->apparmor_profile != NULL || p->selinux_label != NULL || p->set_oom_score_adj;
}

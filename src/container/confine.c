/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process gives up what its plan does not leave it. The order is the kernel's:
 *
 *   what                      needs, so that it comes before that is given up
 *   ------------------------  -------------------------------------------------------------------
 *   session keyring, labels   our own /proc/thread-self/attr, which a change of user ids closes
 *   personality, umask,       nothing
 *   memory policy
 *   working directory         first as root, who may make it; again as the user, who may be the
 *                             only one to enter it
 *   home                      a few free descriptors
 *   limits                    CAP_SYS_RESOURCE, CAP_SYS_NICE, for what goes beyond our own
 *   bounding set              CAP_SETPCAP
 *   groups, gid, uid          CAP_SETGID, CAP_SETUID; keeping the permitted set on the way
 *   filter, when early        CAP_SYS_ADMIN, which the next step drops
 *   capability sets           what they shall be is within what they are
 *   no_new_privs              nothing
 *   filter, else              no_new_privs, or CAP_SYS_ADMIN that the process keeps
 */
#include "container/confine.h"

#include "base/log.h"
#include "linux/caps.h"
#include "linux/ids.h"
#include "linux/keyring.h"
#include "linux/lsm.h"
#include "linux/rlimit.h"
#include "linux/sched.h"
#include "linux/sys.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- limits --------------------------------------------------------------------------------- */

static rl_err set_cpus(const struct plan_process *p, pid_t pid)
{
	if (p->cpus_last.bits != NULL)
		return lx_sched_affinity(pid, p->cpus_last.bits, p->cpus_last.bytes);
	/* What exec was given at first holds on; a caller's own pinning is nobody's wish. */
	if (p->cpus_first.bits == NULL)
		lx_sched_affinity_reset(pid);
	return RL_OK;
}

/*
 * Needs: CAP_SYS_RESOURCE for a hard limit or an OOM score that goes beyond the runtime's own,
 * CAP_SYS_NICE for real time; all in the initial user namespace.
 */
rl_err ct_limit(const struct plan_process *p, const struct lx_proc *proc, pid_t pid)
{
	const struct lx_sched sched = {
		.policy = p->scheduler.policy,
		.flags = p->scheduler.flags,
		.nice = p->scheduler.nice,
		.priority = p->scheduler.priority,
		.runtime = p->scheduler.runtime,
		.deadline = p->scheduler.deadline,
		.period = p->scheduler.period,
	};

	/* A deadline task may not be pinned: CPUs first. */
	RL_TRY(set_cpus(p, pid), "$.process.execCPUAffinity");
	if (p->scheduler.set)
		RL_TRY(lx_sched_set(pid, &sched), "$.process.scheduler");
	if (p->io_priority >= 0)
		RL_TRY(lx_io_priority(pid, p->io_priority), "$.process.ioPriority");
	if (p->set_oom_score_adj)
		RL_TRY(lx_oom_score_adj(proc, pid, p->oom_score_adj), "$.process.oomScoreAdj");
	for (size_t i = 0; i < p->rlimit_count; i++) {
		const struct plan_rlimit *r = &p->rlimits[i];

		RL_TRY(lx_rlimit_set(pid, r->resource, r->name, r->soft, r->hard),
		       "$.process.rlimits");
	}
	return RL_OK;
}

/* ---- working directory ---------------------------------------------------------------------- */

/* The kernel says "(unreachable)/..." of a directory outside of the root. */
static rl_err check_inside(const char *cwd)
{
	char path[PATH_MAX] = "";
	long r = syscall(SYS_getcwd, path, sizeof(path));

	RL_TRY(rl_sys(r, "find the working directory %s again", cwd));
	if (path[0] != '/')
		return rl_hint(rl_refuse(RL_E(EPERM),
					 "$.process.cwd: %s is outside of the container's root",
					 cwd),
			       "no path through /proc/PID/fd or /proc/PID/cwd is taken");
	return RL_OK;
}

/* By descriptors, and through no magic link: nothing is made outside of the root. */
static rl_err make_cwd(const char *cwd)
{
	struct rl_fd RL_AUTO_FD root = { 0 };
	struct rl_fd RL_AUTO_FD made = { 0 };
	mode_t before;
	rl_err e;

	RL_TRY(rl_fd_from(openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC), &root,
			  "open the root"));
	before = umask(0);
	e = lx_path_make_dir(rl_fd_get(&root), cwd, 0755, &made);
	umask(before);
	return e;
}

rl_err ct_enter_cwd(const char *cwd, bool create)
{
	rl_err e = rl_sys(chdir(cwd), "enter the working directory %s", cwd);

	if (create && rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		RL_TRY(make_cwd(cwd), "make the working directory %s", cwd);
		e = rl_sys(chdir(cwd), "enter the working directory %s", cwd);
	}
	RL_TRY(e);
	/* The root itself is inside whatever there is. */
	return strcmp(cwd, "/") == 0 ? RL_OK : check_inside(cwd);
}

/* Root may be the one who is kept out, of a file system that is the user's alone. */
static rl_err enter_cwd_as_root(const char *cwd, bool *ret_again)
{
	rl_err e = ct_enter_cwd(cwd, true);

	*ret_again = rl_is(e, RL_E(EACCES));
	if (!*ret_again)
		return e;
	rl_drop(e);
	return RL_OK;
}

/* ---- labels and keys ------------------------------------------------------------------------ */

static rl_err new_session_keyring(const struct ct_confinement *c)
{
	const char *label = c->process->selinux_label;
	bool made;

	/* The keyring belongs to the container, so its processes must be allowed to use it. */
	if (label != NULL)
		RL_TRY(lx_selinux_on_keys(c->proc, label));
	RL_TRY(lx_keyring_new_session(&made));
	if (label != NULL)
		RL_TRY(lx_selinux_on_keys(c->proc, NULL));
	return RL_OK;
}

static rl_err set_labels(const struct ct_confinement *c)
{
	const struct plan_process *p = c->process;

	if (p->apparmor_profile != NULL)
		RL_TRY(c->labels_now ? lx_apparmor_now(c->proc, p->apparmor_profile)
				     : lx_apparmor_on_exec(c->proc, p->apparmor_profile),
		       "$.process.apparmorProfile");
	if (p->selinux_label != NULL)
		RL_TRY(c->labels_now ? lx_selinux_now(c->proc, p->selinux_label)
				     : lx_selinux_on_exec(c->proc, p->selinux_label),
		       "$.process.selinuxLabel");
	return RL_OK;
}

/* ---- ids ------------------------------------------------------------------------------------ */

static rl_err set_groups(const struct ct_confinement *c)
{
	const struct plan_process *p = c->process;
	bool denied;

	if (p->keep_original_groups)
		return RL_OK;
	RL_TRY(lx_ids_set_groups(c->proc, p->groups, p->group_count, &denied),
	       "$.process.user.additionalGids");
	if (denied && p->group_count > 0)
		rl_log(RL_LOG_WARNING, "$.process.user.additionalGids: ignored: setgroups is "
				       "denied in the user namespace");
	return RL_OK;
}

static rl_err set_ids(const struct ct_confinement *c)
{
	const struct plan_process *p = c->process;

	/* A change of user id from 0 would lose the permitted set; execve forgets the wish. */
	if (p->uid != 0)
		RL_TRY(lx_caps_keep(true));
	RL_TRY(set_groups(c));
	RL_TRY(lx_ids_set_gid(p->gid), "$.process.user.gid");
	return rl_wrap(lx_ids_set_uid(p->uid), "$.process.user.uid");
}

/* ---- environment ---------------------------------------------------------------------------- */

static rl_err complete_environment(struct rl_arena *a, const struct plan_process *p,
				   const char *const **ret)
{
	struct rl_fd RL_AUTO_FD root = { 0 };
	const char **env, *home;
	size_t n = p->env_count;

	if (!p->find_home && !p->set_listen_pid) {
		*ret = p->env;
		return RL_OK;
	}
	RL_TRY(rl_new_array(a, n + 3, &env));
	memcpy(env, p->env, n * sizeof(*env));
	if (p->find_home) {
		RL_TRY(rl_fd_from(openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC), &root,
				  "open the root"));
		RL_TRY(lx_ids_home(a, rl_fd_get(&root), p->uid, &home));
		RL_TRY(rl_arena_fmt(a, &env[n++], "HOME=%s", home));
	}
	if (p->set_listen_pid)
		RL_TRY(rl_arena_fmt(a, &env[n++], "LISTEN_PID=%d", (int)getpid()));
	*ret = env;
	return RL_OK;
}

/* ---- capabilities and the filter ------------------------------------------------------------ */

bool ct_filter_is_early(const struct ct_confinement *c)
{
	return c->filter != NULL && c->filter->enabled && !c->process->no_new_privileges &&
	       (c->process->caps.effective & lx_cap_bit(LX_CAP_SYS_ADMIN)) == 0;
}

/* A change of user ids has emptied the effective set; the permitted one was kept. */
static rl_err load_early(const struct ct_confinement *c)
{
	struct lx_caps caps;

	RL_TRY(lx_caps_get(&caps));
	caps.effective = caps.permitted;
	RL_TRY(lx_caps_set(&caps));
	return ct_filter_load(c->filter, c->notify);
}

static rl_err set_capabilities(const struct ct_confinement *c)
{
	const struct plan_capabilities *want = &c->process->caps;
	const struct lx_caps sets = {
		.effective = want->effective,
		.permitted = want->permitted,
		.inheritable = want->inheritable,
	};

	RL_TRY(lx_caps_set(&sets), "$.process.capabilities");
	/* The kernel keeps ambient within both; where nothing is in both, nothing is left. */
	if ((want->permitted & want->inheritable) == 0)
		return RL_OK;
	return rl_wrap(lx_caps_ambient(want->ambient, c->last_capability),
		       "$.process.capabilities.ambient");
}

/* ---- the whole ------------------------------------------------------------------------------ */

rl_err ct_confine(struct rl_arena *a, const struct ct_confinement *c, struct ct_confined *ret)
{
	const struct plan_process *p = c->process;
	bool cwd_again;

	if ((p->apparmor_profile != NULL || p->selinux_label != NULL) && c->proc == NULL)
		return rl_fail(RL_E(EINVAL), "set a label without a procfs");
	if (c->new_session_keyring)
		RL_TRY(new_session_keyring(c));
	RL_TRY(set_labels(c));
	if (p->set_personality)
		RL_TRY(lx_personality(p->personality), "$.linux.personality");
	if (p->set_memory_policy)
		RL_TRY(lx_memory_policy(p->memory_policy, p->memory_nodes.bits,
					p->memory_nodes.bytes),
		       "$.linux.memoryPolicy");
	umask(p->umask);

	RL_TRY(enter_cwd_as_root(p->cwd, &cwd_again));
	RL_TRY(complete_environment(a, p, &ret->env));
	if (!c->limited_outside)
		RL_TRY(ct_limit(p, c->proc, 0));
	RL_TRY(lx_caps_bound(p->caps.bounding, c->last_capability),
	       "$.process.capabilities.bounding");
	RL_TRY(set_ids(c));
	if (cwd_again)
		RL_TRY(ct_enter_cwd(p->cwd, false));

	if (ct_filter_is_early(c))
		RL_TRY(load_early(c));
	RL_TRY(set_capabilities(c));
	if (p->no_new_privileges)
		RL_TRY(lx_no_new_privileges());
	return RL_OK;
}

rl_err ct_confine_last(const struct ct_confinement *c)
{
	if (c->filter == NULL || ct_filter_is_early(c))
		return RL_OK;
	return ct_filter_load(c->filter, c->notify);
}

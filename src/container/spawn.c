/* SPDX-License-Identifier: Apache-2.0 */
#include "container/spawn.h"

#include "base/io.h"
#include "base/proc.h"
#include "container/talk.h"
#include "linux/sys.h"
#include "plan/ns.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* A time namespace is entered by children only: see make_time_namespace. */
static uint64_t made_by_clone(const struct plan_namespaces *ns, const struct ct_joins *joins)
{
	uint64_t elsewhere = ns->late | (uint64_t)CLONE_NEWTIME;

	if (joins->network_comes)
		elsewhere |= (uint64_t)CLONE_NEWNET;
	return ns->create & ~elsewhere;
}

rl_err ct_joins_open(const struct plan_namespaces *ns, struct ct_joins *ret)
{
	for (int k = 0; k < PLAN_NS_KINDS; k++)
		if (ns->join[k] != NULL)
			RL_TRY(rl_fd_from(openat(AT_FDCWD, ns->join[k],
						 O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
					  &ret->fd[k], "open the %s namespace %s",
					  plan_ns_name((enum plan_ns_kind)k), ns->join[k]));
	return RL_OK;
}

void ct_joins_close(struct ct_joins *joins)
{
	for (int k = 0; k < PLAN_NS_KINDS; k++)
		rl_fd_close(&joins->fd[k]);
}

/* The type goes along: a path that leads to a namespace of another kind is refused (EINVAL). */
static rl_err join(const struct ct_joins *joins, enum plan_ns_kind k)
{
	return rl_sys(lx_sys_setns(rl_fd_get(&joins->fd[k]), (int)plan_ns_flag(k)),
		      "join the %s namespace", plan_ns_name((enum plan_ns_kind)k));
}

/* ---- clone --------------------------------------------------------------------------------- */

static long clone_call(uint64_t flags, int cgroup_fd, int *pidfd)
{
	struct lx_clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		/* A sibling signals its end as the caller itself does; clone3 takes no other here.
		 */
		.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD,
	};

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	return lx_sys_clone3(&args);
}

/* clone(2) of old: no cgroup; the pidfd comes where the parent's tid would. */
static long clone_of_old(uint64_t flags, int *pidfd)
{
	return syscall(SYS_clone, (unsigned long)(flags | CLONE_PIDFD | SIGCHLD), NULL, pidfd, NULL,
		       NULL);
}

rl_err ct_clone(uint64_t flags, int cgroup_fd, int (*body)(void *context), void *context,
		struct ct_child *ret_child, bool *ret_in_cgroup)
{
	int pidfd = -1;
	long pid;

	*ret_in_cgroup = cgroup_fd >= 0;
	pid = clone_call(flags, cgroup_fd, &pidfd);
	/* EAGAIN: a limit of pids counts who is born in the cgroup, not who enters it. */
	if (pid < 0 && *ret_in_cgroup &&
	    (errno == EINVAL || errno == E2BIG || errno == EOPNOTSUPP || errno == EAGAIN)) {
		*ret_in_cgroup = false;
		pid = clone_call(flags, -1, &pidfd);
	}
	if (pid < 0 && errno == ENOSYS) {
		*ret_in_cgroup = false;
		pid = clone_of_old(flags, &pidfd);
	}
	if (pid == 0)
		_exit(body(context));
	RL_TRY(rl_hint(rl_sys(pid, "clone a process with its namespaces"),
		       "a limit on processes (ulimit -u, pids cgroup) or namespaces "
		       "(/proc/sys/user/max_*_namespaces) may be reached, or user namespaces "
		       "may be forbidden"));
	ret_child->pid = (pid_t)pid;
	rl_fd_set(&ret_child->pidfd, pidfd);
	return RL_OK;
}

rl_err ct_clone_hidden(uint64_t flags, int cgroup_fd, int (*body)(void *context), void *context,
		       struct ct_child *ret_child, bool *ret_in_cgroup)
{
	rl_err e;

	RL_TRY(rl_sys(prctl(PR_SET_DUMPABLE, 0), "hide from the container"));
	e = ct_clone(flags, cgroup_fd, body, context, ret_child, ret_in_cgroup);
	return rl_first(e, rl_sys(prctl(PR_SET_DUMPABLE, 1), "become dumpable again"));
}

/* ---- the usual way: one clone --------------------------------------------------------------- */

rl_err ct_joins_enter(const struct ct_joins *joins)
{
	if (joins->entered)
		return RL_OK;
	for (int k = 0; k < PLAN_NS_KINDS; k++)
		if (k != PLAN_NS_PID && rl_fd_has(&joins->fd[k]))
			RL_TRY(join(joins, (enum plan_ns_kind)k));
	return RL_OK;
}

/*
 * Pid and time namespaces are entered by the children of whoever joins or makes them. The runtime
 * does so, clones, and goes back, because hooks must not be born there.
 */
struct detour {
	struct rl_fd own_pid, own_time; /* where to go back to */
};

static void detour_close(struct detour *d)
{
	rl_fd_close(&d->own_pid);
	rl_fd_close(&d->own_time);
}
#define AUTO_DETOUR __attribute__((cleanup(detour_close)))

static rl_err make_time_namespace(const char *offsets, struct detour *d)
{
	RL_TRY(rl_fd_from(openat(AT_FDCWD, "/proc/self/ns/time", O_RDONLY | O_CLOEXEC),
			  &d->own_time, "open /proc/self/ns/time"));
	RL_TRY(rl_sys(lx_sys_unshare(CLONE_NEWTIME), "make the time namespace"));
	if (offsets == NULL)
		return RL_OK;
	return rl_hint(rl_write_kernel(AT_FDCWD, "/proc/self/timens_offsets", offsets),
		       "$.linux.timeOffsets: a clock cannot be set before its start");
}

static rl_err enter_detour(const struct plan_namespaces *ns, const struct ct_joins *joins,
			   struct detour *d)
{
	if (rl_fd_has(&joins->fd[PLAN_NS_PID])) {
		RL_TRY(rl_fd_from(openat(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY | O_CLOEXEC),
				  &d->own_pid, "open /proc/self/ns/pid"));
		RL_TRY(join(joins, PLAN_NS_PID));
	}
	return (ns->create & CLONE_NEWTIME) != 0 ? make_time_namespace(ns->time_offsets, d) : RL_OK;
}

static rl_err leave_detour(const struct detour *d)
{
	if (rl_fd_has(&d->own_pid))
		RL_TRY(rl_sys(lx_sys_setns(rl_fd_get(&d->own_pid), CLONE_NEWPID),
			      "go back to the runtime's pid namespace"));
	if (rl_fd_has(&d->own_time))
		RL_TRY(rl_sys(lx_sys_setns(rl_fd_get(&d->own_time), CLONE_NEWTIME),
			      "go back to the runtime's time namespace"));
	return RL_OK;
}

static rl_err spawn_direct(const struct plan_namespaces *ns, const struct ct_joins *joins,
			   int cgroup_fd, int (*init)(void *), void *context,
			   struct ct_child *ret_child, bool *ret_in_cgroup)
{
	struct detour AUTO_DETOUR d = { 0 };
	rl_err e = enter_detour(ns, joins, &d);

	/* In a pid namespace that is not its own, init is seen by others while it is made. */
	if (!rl_failed(e) && (ns->create & (CLONE_NEWPID | CLONE_NEWUSER)) == 0)
		e = ct_clone_hidden(made_by_clone(ns, joins), cgroup_fd, init, context, ret_child,
				    ret_in_cgroup);
	else if (!rl_failed(e))
		e = ct_clone(made_by_clone(ns, joins), cgroup_fd, init, context, ret_child,
			     ret_in_cgroup);
	return rl_first(e, leave_detour(&d));
}

/* ---- user namespaces together with joined ones: a helper in between ------------------------- */

struct helper {
	const struct plan_namespaces *ns; /* NULL: enters those of `pidfd` instead */
	struct ct_joins *joins;
	int pidfd;
	uint64_t types;
	int cgroup_fd;
	int (*init)(void *context);
	void *context;
	int channel;
};

/*
 * A namespace may belong to the user namespace that is joined, or to the runtime's: what cannot be
 * joined before is tried again after it.
 */
static rl_err helper_joins(const struct ct_joins *joins)
{
	bool later[PLAN_NS_KINDS] = { false };

	for (int k = PLAN_NS_USER + 1; k < PLAN_NS_KINDS; k++) {
		rl_err e;

		if (!rl_fd_has(&joins->fd[k]))
			continue;
		e = join(joins, (enum plan_ns_kind)k);
		later[k] = rl_is(e, RL_E(EPERM));
		if (!later[k])
			RL_TRY(e);
		rl_drop(e);
	}
	if (rl_fd_has(&joins->fd[PLAN_NS_USER]))
		RL_TRY(join(joins, PLAN_NS_USER));
	for (int k = PLAN_NS_USER + 1; k < PLAN_NS_KINDS; k++)
		if (later[k])
			RL_TRY(join(joins, (enum plan_ns_kind)k));
	return RL_OK;
}

/*
 * What runs in between is hidden from its first moment on, and so is what it clones: the container
 * may belong to the same user.
 */
static rl_err helper_enters(const struct helper *h)
{
	RL_TRY(rl_sys(prctl(PR_SET_DUMPABLE, 0), "hide from the container"));
	return rl_sys(lx_sys_setns(h->pidfd, (int)h->types), "enter the container's namespaces");
}

static rl_err helper_makes(struct helper *h)
{
	struct detour AUTO_DETOUR unused = { 0 };

	/* As ct_clone_hidden() does for spawn_direct(). */
	if ((h->ns->create & (CLONE_NEWPID | CLONE_NEWUSER)) == 0 &&
	    !rl_fd_has(&h->joins->fd[PLAN_NS_USER]))
		RL_TRY(rl_sys(prctl(PR_SET_DUMPABLE, 0), "hide from the container"));
	RL_TRY(helper_joins(h->joins));
	h->joins->entered = true; /* in the memory that init is forked from */
	if ((h->ns->create & CLONE_NEWTIME) != 0)
		return make_time_namespace(h->ns->time_offsets, &unused);
	return RL_OK;
}

static rl_err helper_body(struct helper *h)
{
	uint64_t flags = h->ns != NULL ? made_by_clone(h->ns, h->joins) : 0;
	struct ct_child child = { 0 };
	bool in_cgroup;

	RL_TRY(h->ns != NULL ? helper_makes(h) : helper_enters(h));
	RL_TRY(ct_clone(flags | CLONE_PARENT, h->cgroup_fd, h->init, h->context, &child,
			&in_cgroup));
	return ct_say_fd(h->channel, in_cgroup ? CT_READY : CT_PID, rl_fd_get(&child.pidfd));
}

static int helper_main(void *context)
{
	struct helper *h = context;
	rl_err e = helper_body(h);

	if (!rl_failed(e))
		return 0;
	ct_say_error(h->channel, e);
	return 1;
}

/* The pid as we see it: a pidfd tells it in its fdinfo, whatever namespace it was made in. */
static rl_err pid_of(int pidfd, pid_t *ret)
{
	char path[40], line[128];
	FILE *f;
	int pid = -1;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	if (f == NULL)
		return rl_sys(-1, "open %s", path);
	while (pid == -1 && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "Pid: %d", &pid);
	fclose(f);
	if (pid <= 0)
		return rl_fail(RL_E(ESRCH), "read the pid from %s", path);
	*ret = pid;
	return RL_OK;
}

static rl_err spawn_by_helper(struct helper *h, struct ct_child *ret_child, bool *ret_in_cgroup)
{
	struct rl_fd RL_AUTO_FD ours = { 0 }, theirs = { 0 };
	struct ct_child helper = { 0 };
	enum ct_word word = CT_END;
	bool ignored;
	int status;
	rl_err e;

	RL_TRY(ct_talk_pair(&ours, &theirs));
	h->channel = rl_fd_get(&theirs);
	RL_TRY(ct_clone(0, -1, helper_main, h, &helper, &ignored));
	rl_fd_close(&helper.pidfd);
	rl_fd_close(&theirs);
	e = ct_hear(rl_fd_get(&ours), &word, &ret_child->pidfd);
	e = rl_first(e, rl_wait_status(helper.pid, &status));
	RL_TRY(e);
	if (!rl_fd_has(&ret_child->pidfd))
		return rl_fail(RL_E(EPIPE), "make the process that joins the namespaces");
	*ret_in_cgroup = word == CT_READY;
	return pid_of(rl_fd_get(&ret_child->pidfd), &ret_child->pid);
}

/* ---- both ------------------------------------------------------------------------------------ */

static bool any_join(const struct ct_joins *joins)
{
	for (int k = 0; k < PLAN_NS_KINDS; k++)
		if (rl_fd_has(&joins->fd[k]))
			return true;
	return false;
}

/*
 * Root of a user namespace may join the pid namespaces that belong to it, and cannot go back to its
 * own, which belongs to the host: entering what one is in already tells.
 */
static bool may_come_back(const struct ct_joins *joins)
{
	struct rl_fd RL_AUTO_FD own = { 0 };

	if (!rl_fd_has(&joins->fd[PLAN_NS_PID]))
		return true;
	if (rl_drop_failed(rl_fd_from(openat(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY | O_CLOEXEC),
				      &own, "open /proc/self/ns/pid")))
		return true;
	return lx_sys_setns(rl_fd_get(&own), CLONE_NEWPID) == 0 || errno != EPERM;
}

rl_err ct_spawn(const struct plan_namespaces *ns, struct ct_joins *joins, int cgroup_fd,
		int (*init)(void *context), void *context, struct ct_child *ret_child,
		bool *ret_in_cgroup)
{
	bool user = (ns->create & CLONE_NEWUSER) != 0 || rl_fd_has(&joins->fd[PLAN_NS_USER]);
	struct helper helper = {
		.ns = ns, .joins = joins, .cgroup_fd = cgroup_fd, .init = init, .context = context
	};

	if ((user && any_join(joins)) || !may_come_back(joins))
		return spawn_by_helper(&helper, ret_child, ret_in_cgroup);
	return spawn_direct(ns, joins, cgroup_fd, init, context, ret_child, ret_in_cgroup);
}

rl_err ct_spawn_in(int pidfd, uint64_t types, int cgroup_fd, int (*body)(void *context),
		   void *context, struct ct_child *ret_child, bool *ret_in_cgroup)
{
	struct helper helper = { .pidfd = pidfd,
				 .types = types,
				 .cgroup_fd = cgroup_fd,
				 .init = body,
				 .context = context };

	return spawn_by_helper(&helper, ret_child, ret_in_cgroup);
}

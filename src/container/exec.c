/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `exec`: one more process in a container, by one clone. The runtime enters the pid namespace for
 * its children, the child enters the rest by init's pidfd, in one call, and takes the same last
 * steps as init.
 */
#include "base/log.h"
#include "base/proc.h"
#include "container/again.h"
#include "container/attend.h"
#include "container/become.h"
#include "container/container.h"
#include "container/exec_machine.h"
#include "container/exec_process.h"
#include "container/load.h"
#include "container/program.h"
#include "container/publish.h"
#include "container/rdt.h"
#include "container/record.h"
#include "container/talk.h"
#include "handlers/handler.h"
#include "linux/ids.h"
#include "linux/path.h"
#include "linux/sched.h"
#include "linux/sys.h"
#include "stub/stub.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct exec {
	struct rl_arena *arena;
	const struct plan_request *request;
	const struct ct_options *options;
	const struct ct_exec_options *wanted;
	struct ct_store store;
	struct oci_record record;
	struct ct_loaded loaded;
	struct plan_process process;
	struct ct_filter filter;
	struct lx_cgroup cgroup;
	struct lx_proc proc; /* the host's */
	struct rl_fd init;   /* pidfd of the container's first process */
	struct rl_fd root;   /* its root directory, when that was entered by chroot */
	struct rl_fd stub;
	struct rl_fd agent; /* of seccomp's notifications */
	const char *agent_metadata;
	struct rl_fd talk, their_talk;
	struct rl_fd master;
	struct ct_child child;
};

static bool in_user_namespace(const struct exec *x)
{
	return (x->record.namespaces & CLONE_NEWUSER) != 0;
}

/* Who is not root has rights over the container's namespaces only inside of its user namespace. */
static bool enters_by_helper(const struct exec *x)
{
	return in_user_namespace(x) && x->loaded.host.rootless;
}

static void exec_close(struct exec *x)
{
	rl_fd_close(&x->master);
	rl_fd_close(&x->their_talk);
	rl_fd_close(&x->talk);
	rl_fd_close(&x->agent);
	rl_fd_close(&x->stub);
	rl_fd_close(&x->root);
	rl_fd_close(&x->init);
	rl_fd_close(&x->child.pidfd);
	lx_proc_close(&x->proc);
	lx_cgroup_close(&x->cgroup);
	ct_loaded_free(&x->loaded);
	ct_store_close(&x->store);
}

/* ---- before anything is touched -------------------------------------------------------------- */

static rl_err check_status(struct exec *x)
{
	enum oci_status status;

	RL_TRY(ct_status(x->arena, &x->store, &x->record, &status));
	if (status == OCI_RUNNING || status == OCI_CREATED)
		return RL_OK;
	if (status == OCI_PAUSED && x->wanted->ignore_paused)
		return RL_OK;
	if (status == OCI_PAUSED)
		return rl_hint(rl_refuse(RL_E(EBUSY), "cannot exec in container %s: it is paused",
					 x->record.id),
			       "resume it, or give --ignore-paused");
	return rl_refuse(RL_E(ESRCH),
			 "cannot exec in container %s: container not running (it is %s)",
			 x->record.id, oci_status_name(status));
}

static rl_err plan(struct exec *x)
{
	struct plan_warnings warnings = { 0 };
	struct plan_seccomp seccomp;
	const struct oci_process *process;

	RL_TRY(ct_load_copy(rl_fd_get(&x->store.dir), &x->loaded));
	RL_TRY(ct_load_full(x->loaded.config));
	RL_TRY(ct_exec_process(x->arena, x->loaded.config, x->wanted, &process));
	RL_TRY(plan_process_make(x->arena, process, x->loaded.config, x->request, &x->loaded.host,
				 &warnings, &x->process));
	RL_TRY(plan_seccomp_make(x->arena, x->loaded.config, x->request->seccomp_receiver,
				 &warnings, &seccomp));
	for (size_t i = 0; i < warnings.count; i++)
		rl_log(RL_LOG_WARNING, "%s", warnings.items[i]);
	/* The plan of the filter decides how the last step is made, so both come first. */
	if (ct_exec_must_seal(&x->record, &x->process, &seccomp))
		RL_TRY(ct_again_sealed());
	else
		RL_TRY(rl_sealed_memfd("runlet-stub", stub_image, stub_image_size, &x->stub));
	RL_TRY(ct_filter_prepare(x->arena, &seccomp, x->request->state_root, &x->filter));
	x->agent_metadata = seccomp.listener_metadata;
	if (!x->filter.notify)
		return RL_OK;
	return ct_notify_open(
		x->arena, &seccomp,
		&(struct ct_notify_for){ x->request->state_root, x->record.id, x->record.bundle },
		&x->agent);
}

static rl_err check_terminal(const struct exec *x)
{
	bool detached = x->request->detach;

	if (x->process.terminal && detached && x->options->console_socket == NULL)
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "exec: a detached process needs a console socket for its "
					 "terminal"),
			       "give --console-socket");
	return RL_OK;
}

/* A word of a list with commas. */
static bool in_list(const char *list, const char *word, size_t len)
{
	for (const char *at = list; *at != '\0'; at += *at == ',') {
		size_t n = strcspn(at, ",");

		if (n == len && strncmp(at, word, len) == 0)
			return true;
		at += n;
	}
	return false;
}

/* All hierarchies for an empty word, else the one of this controller; there must be one. */
static rl_err narrow_one(struct exec *x, struct lx_cgroup_dir *dirs, const char *word, size_t len,
			 const char *path)
{
	bool found = false;

	for (size_t i = 0; i < x->record.cgroup_count; i++) {
		const struct oci_record_cgroup *own = &x->record.cgroups[i];

		if (len > 0 && !in_list(own->controllers, word, len))
			continue;
		RL_TRY(rl_arena_fmt(x->arena, &dirs[i].path, "%s/%s", own->path,
				    path + strspn(path, "/")));
		found = true;
	}
	if (found)
		return RL_OK;
	return rl_hint(rl_refuse(RL_E(ENOENT), "--cgroup: the container has no cgroup of \"%.*s\"",
				 (int)len, word),
		       "with version 2 a path stands alone, without a controller");
}

/* "sub/group" or "controller,controller:sub/group", below the container's own. */
static rl_err narrow_cgroup(struct exec *x, struct lx_cgroup_dir *dirs, const char *wish)
{
	const char *colon = strchr(wish, ':'), *path = colon != NULL ? colon + 1 : wish;

	if (strstr(path, "..") != NULL)
		return rl_refuse(RL_E(EINVAL),
				 "--cgroup: \"%s\" leads out of the container's cgroup", path);
	if (colon == NULL)
		return narrow_one(x, dirs, "", 0, path);
	for (const char *at = wish; at < colon; at++) {
		size_t len = strcspn(at, ",:");

		if (len > 0)
			RL_TRY(narrow_one(x, dirs, at, len, path));
		at += len;
	}
	return RL_OK;
}

static rl_err open_cgroup(struct exec *x)
{
	struct lx_cgroup_dir *dirs;

	if (x->record.cgroup_count == 0)
		return x->wanted->cgroup_count == 0
			       ? RL_OK
			       : rl_refuse(RL_E(ENOTSUP), "--cgroup: the container has no cgroup");
	RL_TRY(ct_record_cgroup_dirs(x->arena, &x->record, &dirs));
	for (size_t i = 0; i < x->wanted->cgroup_count; i++)
		RL_TRY(narrow_cgroup(x, dirs, x->wanted->cgroups[i]));
	return lx_cgroup_open(dirs, x->record.cgroup_count, &x->cgroup);
}

static rl_err open_container(struct exec *x)
{
	char path[40];

	RL_TRY(ct_open_init(&x->record, &x->init));
	if (plan_process_writes_to_proc(&x->process) || in_user_namespace(x))
		RL_TRY(lx_proc_host(&x->proc));
	if (x->record.no_pivot) {
		snprintf(path, sizeof(path), "/proc/%d/root", (int)x->record.pid);
		RL_TRY(rl_fd_from(openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC),
				  &x->root, "open the root of the container"));
	}
	RL_TRY(open_cgroup(x));
	return ct_talk_pair(&x->talk, &x->their_talk);
}

/* ---- the child ------------------------------------------------------------------------------- */

static rl_err enter(struct exec *x)
{
	int types = (int)(x->record.namespaces & ~(uint64_t)CLONE_NEWPID);

	RL_TRY(lx_cgroup_join_self(&x->cgroup), "enter the cgroup");
	/* Last, because whoever is in it cannot bring a process of outside into its cgroups. */
	if (enters_by_helper(x))
		types &= CLONE_NEWCGROUP;
	if (types != 0)
		RL_TRY(rl_sys(lx_sys_setns(rl_fd_get(&x->init), types),
			      "enter the container's namespaces"));
	if (rl_fd_has(&x->root)) {
		RL_TRY(rl_sys(fchdir(rl_fd_get(&x->root)), "enter the container's root"));
		RL_TRY(rl_sys(chroot("."), "enter the container's root"));
	}
	if (in_user_namespace(x)) {
		RL_TRY(lx_ids_set_gid(0), "in the user namespace");
		RL_TRY(lx_ids_set_uid(0), "in the user namespace");
	}
	/* With a terminal the session is made together with it. */
	return x->process.terminal ? RL_OK : rl_sys(setsid(), "make a session");
}

static rl_err open_terminal(const struct exec *x, struct lx_tty *ret)
{
	struct rl_fd RL_AUTO_FD root = { 0 };

	if (!x->process.terminal)
		return RL_OK;
	RL_TRY(rl_fd_from(openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC), &root,
			  "open the container's root"));
	return lx_tty_open(rl_fd_get(&root), x->process.console_rows, x->process.console_columns,
			   ret);
}

/* The agent gets to know the process as the host does: it has to be told. */
static rl_err prepare_notify(struct exec *x, struct ct_notify *n)
{
	enum ct_word word;
	const char *text;
	size_t len;
	pid_t pid;

	*n = (struct ct_notify){ .socket_fd = -1 };
	if (!x->filter.notify)
		return RL_OK;
	RL_TRY(ct_expect_go(rl_fd_get(&x->their_talk), &word, &pid));
	RL_TRY(ct_state_text(x->arena, &x->record, OCI_RUNNING, x->record.pid, &text, &len));
	RL_TRY(ct_notify_message(x->arena, x->record.oci_version, pid, x->agent_metadata, text, n));
	n->socket_fd = rl_fd_get(&x->agent);
	return RL_OK;
}

static rl_err be_the_process(struct exec *x)
{
	struct ct_notify notify;
	struct lx_tty LX_AUTO_TTY tty = { 0 };
	int talk = rl_fd_get(&x->their_talk);
	struct ct_becoming b = {
		.arena = x->arena,
		.process = &x->process,
		.stub_fd = rl_fd_get(&x->stub),
		.confinement = {
			.process = &x->process,
			.filter = &x->filter,
			.notify = &notify,
			.proc = &x->proc,
			.last_capability = x->loaded.host.last_capability,
			.limited_outside = in_user_namespace(x),
			.new_session_keyring = x->record.new_session_keyring,
		},
	};

	ct_attend_release(x->loaded.host.ignored_signals);
	rl_fd_close(&x->talk);
	RL_TRY(rl_sys(prctl(PR_SET_PDEATHSIG, SIGKILL), "tie the process to the runtime"));
	RL_TRY(prepare_notify(x, &notify));
	RL_TRY(enter(x));
	RL_TRY(open_terminal(x, &tty));
	RL_TRY(ct_become_prepare(&b, &tty));
	RL_TRY(ct_become_find(&b));
	RL_TRY(rl_sys(prctl(PR_SET_PDEATHSIG, 0), "let go of the runtime"));
	RL_TRY(ct_say_fd(talk, CT_READY, rl_fd_get(&tty.master)));
	rl_fd_close(&tty.master);
	RL_TRY(ct_expect(talk, CT_START, NULL));
	return ct_become(&b, talk);
}

static int exec_child(void *context)
{
	struct exec *x = context;

	ct_say_error(rl_fd_get(&x->their_talk), be_the_process(x));
	return 255;
}

/* ---- the runtime ----------------------------------------------------------------------------- */

static rl_err make_child(struct exec *x, int into, bool *ret_in_cgroup)
{
	if (enters_by_helper(x))
		return ct_spawn_in(rl_fd_get(&x->init),
				   x->record.namespaces & ~(uint64_t)CLONE_NEWCGROUP, into,
				   exec_child, x, &x->child, ret_in_cgroup);
	return ct_clone_hidden(0, into, exec_child, x, &x->child, ret_in_cgroup);
}

/*
 * Into the cgroup, or where the container's first process is: one that runs systemd keeps its
 * processes in children of its cgroup, and the kernel lets nobody into the cgroup itself (EBUSY).
 */
static rl_err clone_into(struct exec *x, int into)
{
	bool in_cgroup;
	rl_err e = make_child(x, into, &in_cgroup);

	if (into >= 0 && rl_is(e, RL_E(EBUSY))) {
		rl_drop(e);
		RL_TRY(lx_cgroup_follow(&x->cgroup, x->record.pid));
		RL_TRY(lx_cgroup_into(&x->cgroup, &into));
		e = make_child(x, into, &in_cgroup);
	}
	RL_TRY(e);
	if (into < 0 || in_cgroup)
		return RL_OK;
	e = lx_cgroup_join(&x->cgroup, x->child.pid);
	if (!rl_is(e, RL_E(EBUSY)))
		return e;
	rl_drop(e);
	RL_TRY(lx_cgroup_follow(&x->cgroup, x->record.pid));
	return lx_cgroup_join(&x->cgroup, x->child.pid);
}

static rl_err clone_child(struct exec *x)
{
	int into = -1;

	if (x->cgroup.count > 0) {
		RL_TRY(lx_cgroup_into(&x->cgroup, &into));
		RL_TRY(lx_cgroup_prepare_join(&x->cgroup, into >= 0));
	}
	/* execCPUAffinity.initial: the child has it from us, before its cgroup says otherwise. */
	if (x->process.cpus_first.bits != NULL)
		RL_TRY(lx_sched_affinity(0, x->process.cpus_first.bits,
					 x->process.cpus_first.bytes),
		       "$.process.execCPUAffinity.initial");
	/* This concerns our children only; there is one, and we need none after it. */
	if ((x->record.namespaces & CLONE_NEWPID) != 0 && !enters_by_helper(x))
		RL_TRY(rl_sys(lx_sys_setns(rl_fd_get(&x->init), CLONE_NEWPID),
			      "enter the container's pid namespace"));
	RL_TRY(clone_into(x, into));
	rl_fd_close(&x->their_talk);
	return RL_OK;
}

static rl_err bring_up(struct exec *x)
{
	int talk = rl_fd_get(&x->talk);

	if (x->filter.notify)
		RL_TRY(ct_say_go(talk, CT_GO, x->child.pid));
	RL_TRY(ct_expect(talk, CT_READY, &x->master));
	if (in_user_namespace(x))
		RL_TRY(ct_limit(&x->process, &x->proc, x->child.pid));
	RL_TRY(ct_rdt_join(&x->record, x->child.pid));
	RL_TRY(ct_publish(x->options, &x->child, rl_fd_get(&x->master)));
	if (!x->request->detach)
		RL_TRY(ct_attend_terminal(rl_fd_get(&x->master)));
	RL_TRY(ct_say(talk, CT_START));
	return ct_program_report(talk, x->process.args[0]);
}

static rl_err end_child(struct exec *x, rl_err reason)
{
	int status;

	rl_drop(rl_pidfd_signal(rl_fd_get(&x->child.pidfd), SIGKILL));
	rl_drop(rl_wait_status(x->child.pid, &status));
	return reason;
}

static bool adopts(const struct exec *x)
{
	return !x->options->no_subreaper && (x->record.namespaces & CLONE_NEWPID) == 0;
}

rl_err ct_exec(struct rl_arena *a, const struct plan_request *request,
	       const struct ct_options *options, const struct ct_exec_options *wanted,
	       int *ret_status)
{
	struct exec __attribute__((cleanup(exec_close)))
	x = { .arena = a, .request = request, .options = options, .wanted = wanted };
	struct ct_attended attended;
	rl_err e;

	RL_TRY(ct_record_load(a, request->state_root, request->id, &x.store, &x.record));
	RL_TRY(check_status(&x));
	if (hdl_is_engine(x.record.handler))
		return rl_hint(rl_refuse(RL_E(ENOTSUP),
					 "container %s runs a WebAssembly module (handler %s): no "
					 "other program can be executed in it",
					 request->id, x.record.handler),
			       "start another container with the same namespaces");
	if (x.record.handler != NULL)
		return ct_exec_machine(&(struct ct_machine_exec){ a, request, options, wanted,
								  &x.store, &x.record },
				       ret_status);
	RL_TRY(plan(&x));
	RL_TRY(check_terminal(&x));
	RL_TRY(open_container(&x));
	if (!request->detach)
		RL_TRY(ct_attend_prepare(adopts(&x)));
	RL_TRY(clone_child(&x));
	e = bring_up(&x);
	if (rl_failed(e))
		return end_child(&x, e);
	if (request->detach)
		return RL_OK;
	attended = (struct ct_attended){ .child = &x.child,
					 .master_fd = rl_fd_get(&x.master),
					 .notify_fd = -1 };
	return ct_attend(&attended, ret_status);
}

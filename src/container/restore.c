/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `restore`: the walk of `run`, but it is CRIU that makes the processes, out of images. It starts
 * in the container's cgroup, and what it makes become our children.
 */
#include "base/io.h"
#include "base/json.h"
#include "base/proc.h"
#include "container/checkpoint.h"
#include "container/rdt.h"
#include "container/walk.h"
#include "linux/path.h"
#include "linux/root.h"
#include "linux/sys.h"
#include "plan/ns.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DESCRIPTORS_LIMIT ((size_t)1 << 16)

struct restore {
	struct ct_walk *walk;
	const struct ct_checkpoint_options *options;
	struct ct_checkpoint_dirs dirs;
	struct ct_criu_request request;
	int fds[8]; /* what CRIU gets besides its socket */
	size_t fd_count;
	struct rl_fd joined[2];
};

static void close_restore(struct restore *r)
{
	ct_checkpoint_dirs_close(&r->dirs);
	rl_fd_close(&r->joined[0]);
	rl_fd_close(&r->joined[1]);
}

/* ---- what comes from outside ----------------------------------------------------------------- */

static rl_err inherit(struct restore *r, const char *key, int fd)
{
	if (r->fd_count == sizeof(r->fds) / sizeof(r->fds[0]))
		return rl_fail(RL_E(E2BIG), "pass descriptors to criu");
	r->request.inherited[r->request.inherited_count++] =
		(struct ct_criu_inherited){ key, CT_CRIU_FIRST_FD + (int)r->fd_count };
	r->fds[r->fd_count++] = fd;
	return RL_OK;
}

/* Our own streams become those that the container had. */
static rl_err inherit_streams(struct restore *r)
{
	struct rl_arena *a = r->walk->arena;
	const struct rl_json *json;
	const char *text;
	size_t len;
	int number = 0;
	rl_err e = rl_read_file(a, rl_fd_get(&r->dirs.images), CT_DESCRIPTORS, DESCRIPTORS_LIMIT,
				&text, &len);

	/* Images by somebody else may have none. */
	if (rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e);
	RL_TRY(rl_json_parse(a, CT_DESCRIPTORS, text, len, &json));
	for (json = json->first; json != NULL && number < 3; json = json->next, number++)
		if (json->type == RL_JSON_STRING &&
		    (strncmp(json->text, "pipe:", 5) == 0 || strncmp(json->text, "file[", 5) == 0))
			RL_TRY(inherit(r, json->text, number));
	return RL_OK;
}

static rl_err inherit_namespaces(struct restore *r)
{
	const struct plan_namespaces *ns = &r->walk->loaded.plan->ns;
	const struct {
		enum plan_ns_kind kind;
		const char *key;
	} kinds[] = { { PLAN_NS_NET, "extRootNetNS" }, { PLAN_NS_PID, "extRootPidNS" } };

	for (size_t i = 0; i < 2; i++) {
		const char *path = ns->join[kinds[i].kind];

		if (path == NULL)
			continue;
		RL_TRY(rl_fd_from(openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC), &r->joined[i],
				  "open %s", path));
		RL_TRY(inherit(r, kinds[i].key, rl_fd_get(&r->joined[i])));
	}
	return RL_OK;
}

static rl_err add_mounts(struct restore *r)
{
	const struct plan_furnish *f = &r->walk->loaded.plan->furnish;

	for (size_t i = 0; i < f->count; i++) {
		const struct plan_op *op = &f->ops[i];
		const char *source = op->kind == PLAN_OP_BIND ? op->mount.source
				     : op->kind == PLAN_OP_DEVICE && op->node.bind ? op->node.path
				     : op->kind == PLAN_OP_MASK			   ? "/dev/null"
										   : NULL;

		if (source != NULL)
			RL_TRY(ct_criu_pair_add(r->walk->arena, &r->request.mounts, op->target,
						source));
	}
	return RL_OK;
}

/* A new root may lack the places that the old one was given. */
static bool is_in_a_file_system(const struct plan_furnish *f, const struct plan_op *op)
{
	for (const struct plan_op *o = f->ops; o < op; o++) {
		size_t len = strlen(o->target);

		if (o->kind == PLAN_OP_FILESYSTEM && strncmp(o->target, op->target, len) == 0 &&
		    op->target[len] == '/')
			return true;
	}
	return false;
}

static rl_err make_places(const struct plan_furnish *f)
{
	struct rl_fd RL_AUTO_FD root = { 0 };

	RL_TRY(lx_root_open(f->root_path, &root), "$.root.path");
	for (size_t i = 0; i < f->late; i++) {
		const struct plan_op *op = &f->ops[i];
		struct rl_fd RL_AUTO_FD made = { 0 };
		struct stat st;

		if ((op->kind != PLAN_OP_BIND && op->kind != PLAN_OP_FILESYSTEM) ||
		    strcmp(op->target, "/") == 0 || is_in_a_file_system(f, op))
			continue;
		if (op->kind == PLAN_OP_BIND && stat(op->mount.source, &st) != 0)
			return rl_sys(-1, "%s[%d]: %s", op->origin, op->index, op->mount.source);
		RL_TRY(op->kind == PLAN_OP_FILESYSTEM || S_ISDIR(st.st_mode)
			       ? lx_path_make_dir(rl_fd_get(&root), op->target, 0755, &made)
			       : lx_path_make_file(rl_fd_get(&root), op->target, 0644, &made),
		       "make %s", op->target);
	}
	return RL_OK;
}

/* Where the dumped tree of cgroups goes now. */
static rl_err add_cgroups(struct restore *r)
{
	const struct ct_walk *w = r->walk;

	for (size_t i = 0; i < w->record.cgroup_count; i++) {
		const struct oci_record_cgroup *g = &w->record.cgroups[i];

		RL_TRY(ct_criu_pair_add(w->arena, &r->request.cgroup_roots,
					g->version == 2 ? NULL : g->controllers,
					g->path + g->mount_len));
	}
	return RL_OK;
}

/* ---- restoring ------------------------------------------------------------------------------- */

static rl_err notified(void *context, const char *script, pid_t pid, int fd)
{
	struct restore *r = context;
	struct ct_walk *w = r->walk;

	if (strcmp(script, "setup-namespaces") == 0) {
		w->init.pid = pid;
		RL_TRY(ct_walk_hooks(w, PLAN_HOOK_PRESTART, OCI_CREATING));
		return ct_walk_hooks(w, PLAN_HOOK_CREATE_RUNTIME, OCI_CREATING);
	}
	if (strcmp(script, "orphan-pts-master") == 0 && fd >= 0)
		return rl_fd_from(fcntl(fd, F_DUPFD_CLOEXEC, 0), &w->master, "copy a descriptor");
	if (strcmp(script, "status-ready") == 0 && r->options->status_fd >= 0)
		return rl_write_all(r->options->status_fd, "", 1);
	return RL_OK;
}

static rl_err make_request(struct restore *r)
{
	struct ct_walk *w = r->walk;

	RL_TRY(ct_checkpoint_dirs_open(r->options, false, &r->dirs));
	RL_TRY(ct_checkpoint_request(w->arena, r->options, &r->dirs, &w->loaded, &r->request));
	r->request.type = CT_CRIU_RESTORE;
	r->request.log_file = "restore.log";
	r->request.restore_as_sibling = true;
	RL_TRY(inherit_streams(r));
	RL_TRY(inherit_namespaces(r));
	RL_TRY(add_mounts(r));
	return add_cgroups(r);
}

/* What CRIU makes begins where CRIU is. */
static rl_err enter_cgroup(struct ct_walk *w, pid_t criu)
{
	w->init.pid = criu;
	RL_TRY(ct_rdt_make(&w->store, &w->record, &w->loaded.plan->rdt));
	RL_TRY(ct_rdt_join(&w->record, criu));
	if (w->loaded.plan->cgroup.unit.name != NULL)
		return ct_walk_scope(w);
	return w->loaded.plan->cgroup.enabled ? lx_cgroup_join(&w->cgroup, criu) : RL_OK;
}

/*
 * CRIU wants the root to be a mount of its own. It is made one in a mount namespace that nobody
 * else sees, in which CRIU starts; the runtime goes back, because hooks are to see the host.
 */
struct detour {
	struct rl_fd mounts, cwd;
};

static void close_detour(struct detour *d)
{
	rl_fd_close(&d->mounts);
	rl_fd_close(&d->cwd);
}

static rl_err begin_detour(struct detour *d, const char *root_path)
{
	struct rl_fd RL_AUTO_FD root = { 0 };

	RL_TRY(rl_fd_from(openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), &d->mounts,
			  "open our mount namespace"));
	RL_TRY(rl_fd_from(openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC), &d->cwd,
			  "open the working directory"));
	RL_TRY(rl_sys(lx_sys_unshare(CLONE_NEWNS), "make a mount namespace for criu"));
	RL_TRY(lx_root_isolate(MS_SLAVE | MS_REC, root_path));
	return lx_root_bind(root_path, &root);
}

static rl_err end_detour(const struct detour *d)
{
	RL_TRY(rl_sys(lx_sys_setns(rl_fd_get(&d->mounts), CLONE_NEWNS),
		      "go back to our mount namespace"));
	return rl_sys(fchdir(rl_fd_get(&d->cwd)), "go back to the working directory");
}

/* CRIU finds the directories through our descriptors: they must be of its mount namespace. */
static rl_err start_criu(struct restore *r, struct ct_criu *criu)
{
	struct detour __attribute__((cleanup(close_detour))) d = { 0 };
	const struct plan_furnish *f = &r->walk->loaded.plan->furnish;
	struct ct_criu_start start = { .program = r->options->criu,
				       .ignored_signals = r->walk->loaded.host.ignored_signals };
	rl_err e;

	RL_TRY(make_places(f));
	RL_TRY(begin_detour(&d, f->root_path));
	e = make_request(r);
	start.fds = r->fds;
	start.fd_count = r->fd_count;
	if (!rl_failed(e))
		e = ct_criu_start(&start, criu);
	return rl_first(e, end_detour(&d));
}

static rl_err make_by_criu(struct ct_walk *w, void *context)
{
	struct restore *r = context;
	struct ct_criu CT_AUTO_CRIU criu = { 0 };
	pid_t pid;
	rl_err e;

	r->walk = w;
	RL_TRY(start_criu(r, &criu));
	e = enter_cgroup(w, criu.child.pid);
	if (rl_failed(e)) {
		int status;

		rl_fd_close(&criu.socket);
		return rl_first(e, rl_wait_status(criu.child.pid, &status));
	}
	w->init.pid = 0;
	RL_TRY(ct_criu_ask(w->arena, &criu, &r->request, notified, r, &pid), "restore %s",
	       w->loaded.plan->id);
	w->init.pid = pid;
	w->init_fate = CT_INIT_CHILD;
	return rl_pidfd_open(pid, &w->init.pidfd);
}

rl_err ct_restore(struct rl_arena *a, const struct plan_request *request,
		  const struct ct_options *options, const struct ct_checkpoint_options *checkpoint,
		  int *ret_status)
{
	struct ct_walk CT_AUTO_WALK w = { .arena = a, .request = request, .options = options };
	struct restore __attribute__((cleanup(close_restore))) r = { .options = checkpoint };

	return ct_walk_around(&w, make_by_criu, &r, ret_status);
}

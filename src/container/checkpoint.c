/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `checkpoint`: CRIU writes the container's processes into a directory. What it cannot know is
 * told: mounts that come from the host, namespaces that were joined, streams that lead outside.
 */
#include "container/checkpoint.h"

#include "base/io.h"
#include "container/record.h"
#include "linux/path.h"
#include "plan/ns.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOUNTINFO_LIMIT ((size_t)16 << 20)

/* ---- what both commands need ----------------------------------------------------------------- */

void ct_checkpoint_dirs_close(struct ct_checkpoint_dirs *dirs)
{
	rl_fd_close(&dirs->images);
	rl_fd_close(&dirs->work);
}

static rl_err open_dir(const char *path, bool make, struct rl_fd *ret)
{
	if (make)
		RL_TRY(rl_make_dirs(path, 0700));
	return rl_fd_from(openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret,
			  "open %s", path);
}

rl_err ct_checkpoint_dirs_open(const struct ct_checkpoint_options *o, bool make,
			       struct ct_checkpoint_dirs *ret)
{
	RL_TRY(open_dir(o->image_path, make, &ret->images));
	if (o->work_path == NULL)
		return rl_fd_from(fcntl(rl_fd_get(&ret->images), F_DUPFD_CLOEXEC, 0), &ret->work,
				  "copy a descriptor");
	return open_dir(o->work_path, true, &ret->work);
}

/* The annotation; "" is none at all. Else the first file that is there. */
static const char *config_of_criu(const struct oci_config *config)
{
	static const char *const files[] = { "/etc/criu/runlet.conf", "/etc/criu/crun.conf",
					     "/etc/criu/runc.conf" };
	const char *file = oci_map_get(&config->annotations, "org.criu.config");

	if (file != NULL)
		return file[0] != '\0' ? file : NULL;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (access(files[i], R_OK) == 0)
			return files[i];
	return NULL;
}

rl_err ct_checkpoint_request(struct rl_arena *a, const struct ct_checkpoint_options *o,
			     const struct ct_checkpoint_dirs *dirs, const struct ct_loaded *loaded,
			     struct ct_criu_request *ret)
{
	const struct plan *p = loaded->plan;

	*ret = (struct ct_criu_request){
		.images_fd = rl_fd_get(&dirs->images),
		.work_fd = rl_fd_get(&dirs->work),
		.log_level = 4,
		.notify = true,
		.auto_dedup = o->auto_dedup,
		.lazy_pages = o->lazy_pages,
		.tcp_established = o->tcp_established,
		.tcp_skip_in_flight = o->tcp_skip_in_flight,
		.tcp_close = o->tcp_close,
		.ext_unix_sockets = o->ext_unix_sockets,
		.shell_job = o->shell_job,
		.file_locks = o->file_locks,
		.link_remap = o->link_remap,
		.orphan_pts_master = p->has_process && p->process.terminal,
		.external_sharing = true,
		.root = p->furnish.root_path,
		.config_file = config_of_criu(loaded->config),
		.lsm_profile = o->lsm_profile,
		.lsm_mount_context = o->lsm_mount_context,
		.cgroups = o->cgroups,
		.empty_namespaces = o->empty_namespaces,
		.network_lock = o->network_lock,
	};
	(void)a;
	return RL_OK;
}

/* ---- what CRIU is to leave alone ------------------------------------------------------------- */

struct dump {
	struct rl_arena *arena;
	const struct ct_checkpoint_options *options;
	struct ct_store store;
	struct oci_record record;
	struct ct_loaded loaded;
	struct ct_checkpoint_dirs dirs;
	struct ct_criu_request request;
	const char *mountinfo;
};

static void close_dump(struct dump *d)
{
	ct_checkpoint_dirs_close(&d->dirs);
	ct_loaded_free(&d->loaded);
	ct_store_close(&d->store);
}

/* The fifth word of a line: a place in the container. */
static bool is_mounted(const struct dump *d, const char *target)
{
	size_t len = strlen(target);

	for (const char *line = d->mountinfo; *line != '\0';) {
		const char *word = line;

		for (int i = 0; i < 4; i++) {
			word += strcspn(word, " \n");
			word += *word == ' ';
		}
		if (strncmp(word, target, len) == 0 && word[len] == ' ')
			return true;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
}

/* Files are hidden by the host's null device; directories by a file system that can be dumped. */
static bool is_masked_file(int root_fd, const char *target)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct stat st;

	return !rl_drop_failed(lx_path_open(root_fd, target, LX_PATH_NO_SYMLINKS, &fd)) &&
	       fstat(rl_fd_get(&fd), &st) == 0 && S_ISCHR(st.st_mode);
}

static rl_err add_mounts(struct dump *d)
{
	const struct plan_furnish *f = &d->loaded.plan->furnish;
	struct rl_fd RL_AUTO_FD root = { 0 };
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)d->record.pid);
	RL_TRY(rl_fd_from(openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC), &root,
			  "open the container's root"));
	for (size_t i = 0; i < f->count; i++) {
		const struct plan_op *op = &f->ops[i];
		bool outside =
			op->kind == PLAN_OP_BIND || (op->kind == PLAN_OP_DEVICE && op->node.bind) ||
			(op->kind == PLAN_OP_MASK && is_masked_file(rl_fd_get(&root), op->target));

		if (outside && is_mounted(d, op->target))
			RL_TRY(ct_criu_pair_add(d->arena, &d->request.mounts, op->target,
						op->target));
	}
	return RL_OK;
}

static rl_err add_external(struct dump *d, const char *text)
{
	size_t room = sizeof(d->request.externals) / sizeof(d->request.externals[0]);

	if (d->request.external_count == room)
		return rl_fail(RL_E(E2BIG), "tell criu what is outside");
	d->request.externals[d->request.external_count++] = text;
	return RL_OK;
}

/* Joined by path: it belongs to somebody else, who gives it again when restoring. */
static rl_err add_namespaces(struct dump *d)
{
	const struct plan_namespaces *ns = &d->loaded.plan->ns;
	const struct {
		enum plan_ns_kind kind;
		const char *file, *word;
	} kinds[] = { { PLAN_NS_NET, "net", "extRootNetNS" },
		      { PLAN_NS_PID, "pid", "extRootPidNS" } };

	for (size_t i = 0; i < 2; i++) {
		const char *text;
		char path[48];
		struct stat st;

		if (ns->join[kinds[i].kind] == NULL)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)d->record.pid, kinds[i].file);
		RL_TRY(rl_sys(stat(path, &st), "stat %s", path));
		RL_TRY(rl_arena_fmt(d->arena, &text, "%s[%llu]:%s", kinds[i].file,
				    (unsigned long long)st.st_ino, kinds[i].word));
		RL_TRY(add_external(d, text));
	}
	return RL_OK;
}

/* ---- standard streams ------------------------------------------------------------------------ */

/* True if the mount that the file is on is not the container's. */
static rl_err is_outside(const struct dump *d, int number, unsigned long *ret_mount, bool *ret)
{
	char path[48], text[512], line[32];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)d->record.pid, number);
	RL_TRY(rl_read_small(-1, path, text, sizeof(text)));
	at = strstr(text, "mnt_id:");
	*ret_mount = at != NULL ? strtoul(at + 7, NULL, 10) : 0;
	snprintf(line, sizeof(line), "\n%lu ", *ret_mount);
	*ret = at != NULL && strstr(d->mountinfo, line) == NULL &&
	       strncmp(d->mountinfo, line + 1, strlen(line) - 1) != 0;
	return RL_OK;
}

/*
 * What a stream is called in the images: a pipe by the kernel's name for it, which CRIU knows by
 * itself, a file of the host by its mount and inode, which it has to be told.
 */
static rl_err name_stream(struct dump *d, int number, const char **ret)
{
	char path[48], link[4096];
	unsigned long mount = 0;
	struct stat st;
	bool outside = false;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)d->record.pid, number);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0) /* closed */
		return rl_arena_str(d->arena, "", ret);
	link[len] = '\0';
	RL_TRY(rl_arena_str(d->arena, link, ret));
	if (link[0] != '/' || stat(path, &st) != 0 ||
	    (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)))
		return RL_OK;
	RL_TRY(is_outside(d, number, &mount, &outside));
	if (!outside)
		return RL_OK;
	RL_TRY(rl_arena_fmt(d->arena, ret, "file[%lx:%llx]", mount, (unsigned long long)st.st_ino));
	return add_external(d, *ret);
}

static rl_err save_streams(struct dump *d)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const char *name, *text;
	size_t len;

	RL_TRY(rl_json_begin(&w, false));
	rl_json_array(&w);
	for (int i = 0; i < 3; i++) {
		RL_TRY(name_stream(d, i, &name), "look at stream %d", i);
		rl_json_string(&w, name);
	}
	rl_json_array_end(&w);
	RL_TRY(rl_json_end(&w, &text, &len));
	return rl_write_atomic(rl_fd_get(&d->dirs.images), CT_DESCRIPTORS, text, len, 0600);
}

/* ---- dumping --------------------------------------------------------------------------------- */

/* Who serves pages lazily tells when it listens. */
static rl_err notified(void *context, const char *script, pid_t pid, int fd)
{
	const struct dump *d = context;

	(void)pid;
	(void)fd;
	if (strcmp(script, "status-ready") != 0 || d->options->status_fd < 0)
		return RL_OK;
	return rl_write_all(d->options->status_fd, "", 1);
}

static rl_err freezer_of(struct dump *d)
{
	for (size_t i = 0; i < d->record.cgroup_count; i++) {
		const struct oci_record_cgroup *g = &d->record.cgroups[i];

		if (strcmp(g->controllers, "freezer") == 0 ||
		    (g->version == 2 && d->request.freeze_cgroup == NULL))
			d->request.freeze_cgroup = g->path;
	}
	/* On a hybrid machine the freezer is where version 1 has it. */
	for (size_t i = 0; i < d->record.cgroup_count; i++)
		if (strcmp(d->record.cgroups[i].controllers, "freezer") == 0)
			d->request.freeze_cgroup = d->record.cgroups[i].path;
	return RL_OK;
}

static rl_err make_request(struct dump *d)
{
	const struct ct_checkpoint_options *o = d->options;
	struct ct_criu_request *r = &d->request;
	char path[40];
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)d->record.pid);
	RL_TRY(rl_read_file(d->arena, AT_FDCWD, path, MOUNTINFO_LIMIT, &d->mountinfo, &len));
	RL_TRY(ct_checkpoint_dirs_open(o, true, &d->dirs));
	RL_TRY(ct_checkpoint_request(d->arena, o, &d->dirs, &d->loaded, r));
	r->type = o->pre_dump ? CT_CRIU_PRE_DUMP : CT_CRIU_DUMP;
	r->log_file = "dump.log";
	r->pid = d->record.pid;
	r->leave_running = o->leave_running;
	r->track_memory = o->pre_dump;
	r->parent_images = o->parent_path;
	r->page_server = o->page_server;
	r->page_server_port = o->page_server_port;
	RL_TRY(freezer_of(d));
	RL_TRY(add_mounts(d));
	RL_TRY(add_namespaces(d));
	return save_streams(d);
}

/* The plan of the container as it was made; nothing of it is executed. */
static rl_err load(struct dump *d, const char *root)
{
	const char *manager = d->record.cgroup_manager != NULL ? d->record.cgroup_manager : "";
	bool notify = faccessat(rl_fd_get(&d->store.dir), CT_NOTIFY, F_OK, 0) == 0;
	const struct plan_request request = {
		.id = d->record.id,
		.bundle = d->record.bundle,
		.state_root = root,
		.cgroup_manager = strcmp(manager, "systemd") == 0    ? PLAN_CGROUP_SYSTEMD
				  : strcmp(manager, "disabled") == 0 ? PLAN_CGROUP_DISABLED
								     : PLAN_CGROUPFS,
		.no_pivot = d->record.no_pivot,
		.notify_socket = notify ? CT_NOTIFY_SOCKET : NULL,
	};
	const char *config;

	RL_TRY(rl_arena_fmt(d->arena, &config, "%s/%s/%s", root, d->record.id, CT_CONFIG));
	return ct_load(&request, config, NULL, &d->loaded);
}

static rl_err check(struct dump *d)
{
	enum oci_status status;

	RL_TRY(ct_status(d->arena, &d->store, &d->record, &status));
	if (status != OCI_RUNNING && status != OCI_PAUSED)
		return rl_refuse(RL_E(EINVAL), "container not running: %s is %s", d->record.id,
				 oci_status_name(status));
	if (d->record.handler != NULL)
		return rl_refuse(RL_E(ENOTSUP),
				 "container %s is run by the handler %s: it cannot be "
				 "checkpointed",
				 d->record.id, d->record.handler);
	return RL_OK;
}

static rl_err dump(struct dump *d, const char *root)
{
	const struct ct_criu_start start = { .program = d->options->criu };
	struct ct_criu CT_AUTO_CRIU criu = { 0 };
	pid_t pid;

	RL_TRY(ct_store_lock(&d->store));
	RL_TRY(check(d));
	RL_TRY(load(d, root));
	RL_TRY(make_request(d));
	RL_TRY(ct_criu_start(&start, &criu));
	return rl_wrap(ct_criu_ask(d->arena, &criu, &d->request, notified, d, &pid),
		       "checkpoint %s", d->record.id);
}

rl_err ct_checkpoint(struct rl_arena *a, const char *root, const char *id,
		     const struct ct_checkpoint_options *options)
{
	struct dump __attribute__((cleanup(close_dump))) d = { .arena = a, .options = options };

	RL_TRY(ct_record_load(a, root, id, &d.store, &d.record));
	RL_TRY(dump(&d, root));
	if (options->leave_running || options->pre_dump)
		return RL_OK;
	/* Its processes live on in the images only. */
	ct_store_close(&d.store);
	return ct_delete(a, root, id, true);
}

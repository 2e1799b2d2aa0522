/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/core.h"

#include "guest/proto.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

/* The largest write, and read, in one request. */
#define MAX_IO (1u << 20)
#define MAX_PAGES (MAX_IO / 4096)

/*
 * What we can do, if the guest can as well. Left out on purpose: POSIX_ACL (access lists are not
 * enforced here), WRITEBACK_CACHE (a writer on the host would not be seen), locks (the guest's own
 * are enough while nobody else writes).
 */
static const uint64_t wanted = FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES |
			       FUSE_AUTO_INVAL_DATA | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |
			       FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES |
			       FUSE_CACHE_SYMLINKS | FUSE_SUBMOUNTS | FUSE_HANDLE_KILLPRIV_V2 |
			       FUSE_HAS_IOCTL_DIR | FUSE_INIT_EXT;

struct fs_status fs_op_init(struct fs_request *r)
{
	struct fs_server *s = r->server;
	struct fuse_init_out out = { 0 };
	/* Guests before 7.36 send a shorter structure; what is missing is zero. */
	struct fuse_init_in in = { 0 };
	size_t len = r->in.left < sizeof(in) ? r->in.left : sizeof(in);
	uint64_t offered, agreed;

	if (len < offsetof(struct fuse_init_in, flags2))
		return fs_fail(EINVAL);
	FS_TRY(fs_take(r, &in, len));
	out.major = FUSE_KERNEL_VERSION;
	out.minor = FUSE_KERNEL_MINOR_VERSION;
	if (in.major > FUSE_KERNEL_VERSION) /* it asks again with ours */
		return fs_put(r, &out, sizeof(out));
	if (in.major < FUSE_KERNEL_VERSION || in.minor < 27)
		return fs_fail(EPROTO);

	fs_server_reset(s);
	FS_TRY(fs_make_root(s));
	offered = in.flags;
	if (in.flags & FUSE_INIT_EXT)
		offered |= (uint64_t)in.flags2 << 32;
	agreed = offered & wanted;
	if (s->window.host != NULL && offered & FUSE_MAP_ALIGNMENT) {
		agreed |= FUSE_MAP_ALIGNMENT;
		out.map_alignment = 12; /* log2 of a page */
	}
	out.flags = (uint32_t)agreed;
	out.flags2 = (uint32_t)(agreed >> 32);
	out.max_readahead = in.max_readahead;
	out.max_background = 64;
	out.congestion_threshold = 48;
	out.max_write = MAX_IO;
	out.max_pages = MAX_PAGES;
	out.time_gran = 1;
	s->ready = true;
	return fs_put(r, &out, sizeof(out));
}

struct fs_status fs_op_destroy(struct fs_request *r)
{
	fs_server_reset(r->server);
	return FS_OK;
}

struct fs_status fs_op_statfs(struct fs_request *r)
{
	struct fuse_statfs_out out = { 0 };
	struct statfs st = { .f_bsize = 4096, .f_namelen = NAME_MAX };
	struct fs_node *node;

	FS_TRY(fs_node(r->server, r->head.nodeid, &node));
	if (node->virt == NULL)
		FS_TRY(fs_sys(fstatfs(rl_fd_get(&node->fd), &st)));
	out.st = (struct fuse_kstatfs){
		.blocks = st.f_blocks,
		.bfree = st.f_bfree,
		.bavail = st.f_bavail,
		.files = st.f_files,
		.ffree = st.f_ffree,
		.bsize = (uint32_t)st.f_bsize,
		.namelen = (uint32_t)st.f_namelen,
		.frsize = (uint32_t)(st.f_frsize ? st.f_frsize : st.f_bsize),
	};
	return fs_put(r, &out, sizeof(out));
}

struct fs_status fs_op_syncfs(struct fs_request *r)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct fs_node *node;

	FS_TRY(fs_node(r->server, r->head.nodeid, &node));
	/*
	 * At the very end only the guest's cache has to be empty: what is in the host's outlives
	 * the machine, and a whole file system of the host would have to be synced.
	 */
	if (node->virt != NULL || r->server->read_only || r->server->ending)
		return FS_OK;
	FS_TRY(fs_reopen(r->server, node, O_RDONLY, &fd));
	return fs_sys(syncfs(rl_fd_get(&fd)));
}

/* The original library's way to say the exit status: an ioctl whose argument is the status. */
struct fs_status fs_op_ioctl(struct fs_request *r)
{
	struct fuse_ioctl_out out = { 0 };
	struct fs_server *s = r->server;
	struct fuse_ioctl_in in;

	FS_TRY(fs_take(r, &in, sizeof(in)));
	if (in.cmd != GST_EXIT_IOCTL || s->env == NULL || s->env->exit_code == NULL)
		return fs_fail(ENOTTY);
	s->env->exit_code(s->env->exit_arg, (int)(in.arg & 0xff));
	s->ending = true;
	return fs_put(r, &out, sizeof(out));
}

/* ---- A server's life ----------------------------------------------------------------------------
 */

void fs_server_reset(struct fs_server *s)
{
	fs_forget_all(s);
	if (s->window.host != NULL) {
		struct vmm_shm window = s->window;

		fs_server_window(s, &window);
	}
	s->ready = false;
	s->ending = false;
}

/* The guest's cached files each cost a descriptor: take as many as we are allowed. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static rl_err open_all(struct fs_server *s, const struct vmm_fs_config *config)
{
	RL_TRY(fs_virtual_init(s, config));
	RL_TRY(rl_fd_from(open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC), &s->proc_fd,
			  "open /proc/self/fd"));
	if (config->path == NULL) {
		s->is_empty = true;
		return RL_OK;
	}
	return rl_fd_from(open(config->path, O_PATH | O_DIRECTORY | O_CLOEXEC), &s->root_fd,
			  "open the shared directory %s", config->path);
}

rl_err fs_server_new(const struct vmm_fs_config *config, const struct vmm_virtio_env *env,
		     struct fs_server **ret)
{
	struct fs_server *s = calloc(1, sizeof(*s));
	rl_err e;

	if (s == NULL)
		return rl_nomem();
	snprintf(s->name, sizeof(s->name), "fs %s", config->tag);
	s->env = env;
	s->read_only = config->read_only;
	s->uid_map = config->uid_map;
	s->gid_map = config->gid_map;
	s->self_uid = geteuid();
	s->self_gid = getegid();
	s->bucket_count = 256;
	s->bucket = calloc(s->bucket_count, sizeof(*s->bucket));
	s->buffer = malloc(FS_BUFFER);
	fs_slots_init(&s->nodes, FUSE_ROOT_ID);
	fs_slots_init(&s->handles, 1);
	e = s->bucket && s->buffer ? open_all(s, config) : rl_nomem();
	if (rl_failed(e)) {
		fs_server_free(s);
		return e;
	}
	raise_descriptor_limit();
	*ret = s;
	return RL_OK;
}

void fs_server_free(struct fs_server *s)
{
	if (s->bucket != NULL)
		fs_forget_all(s);
	fs_slots_free(&s->nodes);
	fs_slots_free(&s->handles);
	rl_fd_close(&s->root_fd);
	rl_fd_close(&s->proc_fd);
	free(s->bucket);
	free(s->buffer);
	free(s->virt);
	free(s);
}

rl_err fs_server_enter(struct fs_server *s)
{
	/* Per thread from here on: the umask, which the guest has applied already, and "here". */
	RL_TRY(rl_sys(unshare(CLONE_FS), "%s: unshare the working directory", s->name));
	umask(0);
	return rl_sys(fchdir(rl_fd_get(&s->proc_fd)), "%s: enter /proc/self/fd", s->name);
}

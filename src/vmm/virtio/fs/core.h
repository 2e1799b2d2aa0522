/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the file server: what its operations share.
 *
 *   dispatch.c   one request: header, table of operations, reply
 *   node.c       nodes (what the guest has looked up) and handles (what it has opened)
 *   name.c       names in requests
 *   owner.c      user and group ids
 *   virtual.c    entries in front of the real tree
 *   session.c attr.c lookup.c create.c remove.c io.c dir.c xattr.c dax.c   the operations
 */
#pragma once

#include "vmm/log.h"
#include "vmm/virtio/fs/server.h"
#include "vmm/virtio/fs/slots.h"

#include <errno.h>
#include <limits.h>
#include <linux/fuse.h>

/*
 * The outcome of an operation: a positive errno for the guest, 0 for success. A guest's failing
 * request is everyday business and not an error of ours, so it is no rl_err and costs nothing.
 */
struct fs_status {
	int code;
};

#define FS_OK ((struct fs_status){ 0 })

static inline struct fs_status fs_fail(int errnum)
{
	return (struct fs_status){ errnum };
}

/* A system call's result; errno is taken at once. */
static inline struct fs_status fs_sys(long ret)
{
	return ret < 0 ? fs_fail(errno) : FS_OK;
}

#define FS_TRY(call)                               \
	do {                                       \
		struct fs_status fs_try_ = (call); \
		if (fs_try_.code != 0)             \
			return fs_try_;            \
	} while (0)

/* What makes a file that file: the mount too, since one file can be shared with two flags. */
struct fs_identity {
	uint64_t dev, ino, mount;
};

/* A file that the guest knows. */
struct fs_node {
	uint64_t id;
	struct fs_identity identity;
	struct fs_node *next;	       /* of the same hash */
	uint64_t lookups;	       /* how often the guest was told; FORGET counts down */
	struct rl_fd fd;	       /* O_PATH; none for a virtual node */
	const struct fs_virtual *virt; /* a virtual node */
	uint32_t mode;		       /* as last seen: the type never changes */
	int64_t seen_mtime[2];	       /* when the guest last opened it: may it keep its cache? */
	uint64_t seen_size;
};

enum fs_handle_kind { FS_HANDLE_FILE, FS_HANDLE_DIR };

/* Something the guest has opened. */
struct fs_handle {
	uint64_t id;
	enum fs_handle_kind kind;
	uint64_t node;
	struct rl_fd fd; /* none for a virtual node */
	const struct fs_virtual *virt;
	struct fs_dents *dents; /* directories: entries read ahead, or NULL */
};

/* One entry in front of the real tree. The root of them has no name. */
struct fs_virtual {
	const struct fs_virtual *parent;
	const struct vmm_fs_entry *entry; /* NULL: the root */
	const char *name;		  /* last component of the entry's path */
	uint64_t ino;
	bool gone; /* one-shot, and looked up */
};

#define FS_GUESSES 1024

struct fs_server {
	const struct vmm_virtio_env *env;
	char name[48]; /* for the log */
	bool read_only;
	bool is_empty; /* no shared directory */
	struct rl_fd root_fd;
	struct rl_fd proc_fd; /* /proc/self/fd: the way to reopen an O_PATH descriptor */
	struct vmm_id_map uid_map, gid_map;
	uint32_t self_uid, self_gid;

	struct fs_virtual *virt; /* [0] is the root */
	size_t virt_count;

	struct fs_slots nodes, handles;
	struct fs_node **bucket; /* nodes by identity */
	uint32_t bucket_count;	 /* a power of two */
	uint32_t node_count;
	uint32_t guess[FS_GUESSES]; /* hashes of names that led to nodes, see lookup.c */

	bool ready;  /* INIT was seen */
	bool ending; /* init has told the status: the machine goes down */
	struct vmm_shm window;
	uint8_t *buffer; /* FS_BUFFER bytes of scratch, for names and attributes */
	bool warned_fd, warned_owner;
};

#define FS_BUFFER 65536 /* the largest extended attribute, and list of them */

/* How long the guest may believe what we said, in seconds. */
#define FS_VALID 5
/* ... that there is no such name: files that the host makes are to be seen soon. */
#define FS_VALID_NEGATIVE 1

/* One request. */
struct fs_request {
	struct fs_server *server;
	struct fuse_in_header head;
	struct vmm_cursor in;  /* behind the header; never beyond its `len` */
	struct vmm_cursor out; /* behind the reply's header */
	size_t replied;	       /* bytes written to `out` */
};

/* One operation: reads its arguments, writes its reply's payload. */
typedef struct fs_status fs_operation(struct fs_request *r);

/* ---- dispatch.c: arguments and reply ----------------------------------------------------------
 */

/* Copies the next `len` bytes of the request; EINVAL if it is shorter. */
struct fs_status fs_take(struct fs_request *r, void *buf, size_t len);
/* Appends to the reply; ERANGE if the guest gave too little room. */
struct fs_status fs_put(struct fs_request *r, const void *buf, size_t len);

/* ---- name.c -------------------------------------------------------------------------------------
 */

struct fs_name {
	char text[NAME_MAX + 1];
};

/* The next string of the request as one path component: EINVAL for "", ".", "..", and with '/'. */
struct fs_status fs_take_name(struct fs_request *r, struct fs_name *ret);
/* The next string of any kind, at most `size` - 1 bytes (ENAMETOOLONG). */
struct fs_status fs_take_string(struct fs_request *r, char *buf, size_t size);

/* ---- node.c -------------------------------------------------------------------------------------
 */

/* The node of a request or handle; ESTALE if the guest does not have it. */
struct fs_status fs_node(struct fs_server *s, uint64_t id, struct fs_node **ret);
/* ... with a descriptor; EROFS for a virtual one: nothing there can be changed. */
struct fs_status fs_real_node(struct fs_server *s, uint64_t id, struct fs_node **ret);
/* ... that is a directory. */
struct fs_status fs_real_dir(struct fs_server *s, uint64_t id, struct fs_node **ret);

/*
 * The node for an O_PATH descriptor, an old one or a new one; takes the descriptor over in any
 * case. One more lookup is counted.
 */
struct fs_status fs_node_add(struct fs_server *s, struct rl_fd *fd, const struct statx *stx,
			     struct fs_node **ret);
/* The guest's node of this file, one more lookup counted; NULL if it has none. */
struct fs_node *fs_node_known(struct fs_server *s, const struct statx *stx);
struct fs_status fs_node_add_virtual(struct fs_server *s, const struct fs_virtual *v,
				     struct fs_node **ret);
/* The guest forgets `count` lookups. Never too many, never the root. */
void fs_node_forget(struct fs_server *s, uint64_t id, uint64_t count);
struct fs_status fs_make_root(struct fs_server *s);
void fs_forget_all(struct fs_server *s);

/* Takes `fd` over in any case. */
struct fs_status fs_handle_add(struct fs_server *s, struct fs_node *node, enum fs_handle_kind kind,
			       struct rl_fd *fd, struct fs_handle **ret);
/* EBADF: not open, or of the other kind. */
struct fs_status fs_handle(struct fs_server *s, uint64_t id, enum fs_handle_kind kind,
			   struct fs_handle **ret);
/* ... of a real file. */
struct fs_status fs_file(struct fs_server *s, uint64_t id, int *ret_fd);
struct fs_status fs_handle_close(struct fs_server *s, uint64_t id, enum fs_handle_kind kind);

/* Descriptors are exhausted: says so once in the log, and gives the guest ENFILE. */
struct fs_status fs_no_descriptor(struct fs_server *s, int errnum);

/* Opens the file of a node for reading or writing. Regular files and directories only (EACCES). */
struct fs_status fs_reopen(struct fs_server *s, const struct fs_node *node, int flags,
			   struct rl_fd *ret);
/* The node's name beneath proc_fd. */
struct fs_proc_name {
	char text[12];
};
struct fs_proc_name fs_proc_name(const struct fs_node *node);

/* ---- owner.c ------------------------------------------------------------------------------------
 */

uint32_t fs_to_guest(const struct vmm_id_map *map, uint32_t host);
/* EPERM, with a line in the log, if the map does not have it. */
struct fs_status fs_to_host(struct fs_server *s, const struct vmm_id_map *map, uint32_t guest,
			    uint32_t *ret);
/*
 * Gives a file just made by this process to the caller of the request. `dir` is its directory:
 * with the set-group-ID bit the group is the directory's. `fd` may be O_PATH.
 */
struct fs_status fs_give(struct fs_request *r, const struct fs_node *dir, int fd);

/* ---- attr.c -------------------------------------------------------------------------------------
 */

struct fs_status fs_stat(int fd, struct statx *ret);
/* Of one component of a directory, not followed. */
struct fs_status fs_stat_at(int dir_fd, const char *name, struct statx *ret);
void fs_fill_attr(struct fs_server *s, const struct statx *stx, struct fuse_attr *ret);
void fs_fill_virtual_attr(const struct fs_virtual *v, struct fuse_attr *ret);
/* Clears set-user-ID and set-group-ID after a change of contents, if the file has them. */
struct fs_status fs_kill_suid(struct fs_server *s, struct fs_node *node);

/* ---- lookup.c -----------------------------------------------------------------------------------
 */

/* Looks `name` up, counts the lookup, and fills an entry. */
struct fs_status fs_lookup(struct fs_server *s, struct fs_node *dir, const char *name,
			   struct fuse_entry_out *ret);
/* The entry for a file that was just made or opened: `fd` is taken over. */
struct fs_status fs_entry_of(struct fs_server *s, struct fs_node *dir, struct rl_fd *fd,
			     struct fuse_entry_out *ret, struct fs_node **ret_node);

/* ---- virtual.c ----------------------------------------------------------------------------------
 */

RL_MUST rl_err fs_virtual_init(struct fs_server *s, const struct vmm_fs_config *config);
/* The entry `name` of a virtual directory (or of the root), NULL if there is none. */
struct fs_virtual *fs_virtual_find(struct fs_server *s, const struct fs_node *dir,
				   const char *name);
/* The n-th entry (from 0) of a virtual directory, NULL beyond the last. */
const struct fs_virtual *fs_virtual_child(struct fs_server *s, const struct fs_virtual *dir,
					  uint64_t n);
bool fs_virtual_is_dir(const struct fs_virtual *v);

/* ---- dir.c --------------------------------------------------------------------------------------
 */

void fs_dents_free(struct fs_dents *d);

/* ---- The operations -----------------------------------------------------------------------------
 */

fs_operation fs_op_init, fs_op_destroy, fs_op_statfs, fs_op_syncfs, fs_op_ioctl;
fs_operation fs_op_lookup, fs_op_forget, fs_op_batch_forget, fs_op_readlink;
fs_operation fs_op_getattr, fs_op_setattr;
fs_operation fs_op_mknod, fs_op_mkdir, fs_op_symlink, fs_op_link, fs_op_create, fs_op_tmpfile;
fs_operation fs_op_unlink, fs_op_rmdir, fs_op_rename, fs_op_rename2;
fs_operation fs_op_open, fs_op_read, fs_op_write, fs_op_release, fs_op_fsync, fs_op_fallocate,
	fs_op_lseek, fs_op_copy_file_range;
fs_operation fs_op_opendir, fs_op_readdir, fs_op_readdirplus, fs_op_releasedir, fs_op_fsyncdir;
fs_operation fs_op_setxattr, fs_op_getxattr, fs_op_listxattr, fs_op_removexattr;
fs_operation fs_op_setupmapping, fs_op_removemapping;

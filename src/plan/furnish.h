/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the container's root file system is built: a typed list of operations in the order of their
 * execution. Every word of config.json has become numbers of the kernel here; what executes the
 * list (container/furnish.h) opens, mounts and decides nothing.
 *
 * Targets are paths of the container, absolute and lexically clean ("/dev/pts", no "..", no double
 * slash). They are resolved beneath the root's descriptor when the operation is executed, never
 * before: the tree belongs to the image and may change at any time.
 */
#pragma once

#include "base/arena.h"
#include "linux/abi.h"
#include "linux/host.h"
#include "oci/config.h"
#include "plan/request.h"
#include "plan/warn.h"

#include <sys/types.h>

struct plan_cgroup;

enum plan_op_kind {
	PLAN_OP_FILESYSTEM, /* a new instance of a file system; .mount */
	PLAN_OP_BIND,	    /* a directory, file or tree of the host; .mount */
	PLAN_OP_REMOUNT,    /* other attributes for what is mounted at the target; .mount */
	PLAN_OP_DIRECTORY,  /* made with its parents if missing; .node.mode */
	PLAN_OP_SYMLINK,    /* .link */
	PLAN_OP_DEVICE,	    /* .node */
	PLAN_OP_CONSOLE,    /* opens the terminal, and binds it to /dev/console; no members */
	PLAN_OP_MASK,	    /* hidden by the null device or an empty directory; no members */
	PLAN_OP_READONLY,   /* made read-only with all beneath; no members */
};

/* What the runtime opens before the container's first process exists, and hands to it. */
enum plan_serve {
	PLAN_SERVE_NOTHING,
	PLAN_SERVE_TREE,   /* a detached copy of .source, with its id mapping if there is one */
	PLAN_SERVE_USERNS, /* the user namespace that holds the id mapping */
};

/* Which ids the files of a mount show (mount_setattr(2), MOUNT_ATTR_IDMAP, Linux 5.12). */
struct plan_idmap {
	bool wanted;
	bool recursive;			   /* the mounts beneath it too */
	const char *uid_lines, *gid_lines; /* text for uid_map and gid_map, or: */
	const char *ns_path;		   /* an existing user namespace */
};

struct plan_op_mount {
	const char *type;   /* "proc"; NULL for binds */
	const char *source; /* FILESYSTEM: any text. BIND: absolute path on the host */

	/* MOUNT_ATTR_* to set and clear on this mount, and on it with all mounts beneath. The atime
	 * field is cleared whenever a value for it is set, as mount_setattr(2) wants it. */
	uint64_t set, clear;
	uint64_t recursive_set, recursive_clear;
	/* MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, each perhaps with MS_REC; in order. */
	const uint32_t *propagation;
	size_t propagation_count;

	/* Of the file system, not the mount: MS_RDONLY, MS_SYNCHRONOUS, MS_DIRSYNC, MS_LAZYTIME,
	 * MS_MANDLOCK, MS_I_VERSION, MS_SILENT. For a REMOUNT `sb_clear` are those taken away. */
	unsigned long sb_flags, sb_clear;
	const struct lx_fs_option *options;
	size_t option_count;
	const char *data; /* the same as mount(2) takes it, NULL if none */

	struct plan_idmap idmap;
	const char *label; /* xattr security.selinux for the mount's root; NULL: none */

	bool recursive;	      /* BIND: with the mounts beneath it */
	bool directory;	      /* BIND: the source is known to be one */
	bool optional;	      /* BIND: a source that does not exist is passed over */
	bool no_symlinks;     /* the target must be reached without any: /proc, /sys */
	bool source_nofollow; /* BIND: the last component may be a symlink, which is bound */
	bool target_nofollow; /* the last component of the target may be a symlink, likewise */
	bool copy_symlink;    /* BIND: a source that is a symlink is made again at the target */
	bool source_is_proc;  /* BIND: refused unless it is a procfs: the target is /proc */
	bool may_cover_proc;  /* the target may lie within a procfs */
	bool inherit_mode;    /* tmpfs: the mode of the directory that it covers */
	bool copy_up;	      /* tmpfs: the content of the directory that it covers */
	bool own_tree;	      /* REMOUNT: the mounts beneath are of this list; one by one will do */
	bool cgroup_fallback; /* FILESYSTEM: on EPERM and EBUSY bind .source, absolute, instead */
};

struct plan_op_node {
	mode_t mode; /* with S_IFMT for devices: S_IFCHR, S_IFBLK or S_IFIFO; exact, no umask */
	unsigned major, minor;
	uid_t uid; /* ids of the container */
	gid_t gid;
	bool bind;	  /* the host's own node is bound: there is no right to make one */
	const char *path; /* of the host's node, for bind */
};

struct plan_op_link {
	const char *content;
	bool replace;	   /* a file or link that stands there is replaced (ptmx) */
	const char *needs; /* only if this path exists in the container; NULL: always */
};

struct plan_op {
	enum plan_op_kind kind;
	const char *target;
	const char *origin; /* "$.mounts", or what else it is for: context of errors */
	int index;	    /* in the JSON array that origin names, -1: none */
	enum plan_serve serve;
	unsigned served; /* index of the descriptor when serve is not PLAN_SERVE_NOTHING */
	union {
		struct plan_op_mount mount;
		struct plan_op_node node;
		struct plan_op_link link;
	};
};

/* How "/" becomes the container's root at the end. */
enum plan_root_change {
	PLAN_ROOT_PIVOT, /* pivot_root(2), and the host's mounts are gone */
	PLAN_ROOT_MOVE, /* --no-pivot: MS_MOVE and chroot(2), for a host that runs from initramfs */
	PLAN_ROOT_CHROOT, /* no mount namespace: chroot(2), and not one mount */
};

struct plan_furnish {
	const char *root_path; /* absolute path on the host */
	bool root_readonly;
	bool keep_proc; /* a trusted procfs stays open for the steps that follow */
	enum plan_root_change root_change;
	/* What "/" becomes in the new mount namespace before anything else; MS_* with MS_REC. */
	uint32_t host_propagation;
	/* What the container's root mount alone becomes at the end; 0: nothing. */
	uint32_t root_propagation;
	/* The root itself is served as a tree, because the container's ids may not reach it. */
	bool serve_root;
	unsigned root_served;

	const struct plan_op *ops;
	size_t count;
	/* ops[late] and those after it come behind the createContainer hooks. */
	size_t late;
	unsigned served_count; /* descriptors that the runtime serves */

	bool terminal;
	unsigned short rows, columns; /* 0: not asked for */
	uid_t tty_uid;		      /* owner of the terminal, id of the container */
};

/* What is needed besides the configuration. */
struct plan_furnish_input {
	const struct oci_config *config;
	const struct plan_request *request;
	const struct lx_host *host;
	const struct plan_cgroup *cgroup;
	bool has_user_namespace; /* new or joined */
	bool new_network_namespace;
	bool new_cgroup_namespace;
	bool has_mount_namespace; /* without one only what changes no mount is possible: EINVAL */
	/* The container's id maps, as plan_id_map has them; NULL when there are none. */
	const char *uid_lines, *gid_lines;
	const char *userns_path; /* joined by path; NULL: new or none */
	/* What a handler needs besides linux.devices (/dev/kvm). */
	const struct oci_device *extra_devices;
	size_t extra_device_count;
};

/* Pure. Errors begin with the JSON path: "$.mounts[3].options[2]: ...". */
RL_MUST rl_err plan_furnish_make(struct rl_arena *a, const struct plan_furnish_input *in,
				 struct plan_warnings *warnings, struct plan_furnish *ret);

/* "filesystem", "bind" ...: for `runlet plan` and messages. */
const char *plan_op_name(enum plan_op_kind kind);

/* Names of every mount option that is understood, sorted, NULL beyond the last: for `features`. */
const char *plan_mount_option_name(size_t index);

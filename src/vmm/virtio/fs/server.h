/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file server behind a virtio-fs device: FUSE requests in, replies out. It knows nothing of
 * queues or machines, so tests feed it bytes.
 *
 * The guest is hostile, and so are the contents of the shared directory. What holds:
 *
 *  - A request names files by node ids, which are looked up in a table, and by single path
 *    components without '/', and never by "." or "..". Every component is opened with O_PATH and
 *    O_NOFOLLOW beneath the descriptor of its directory. No path is ever resolved by the host, so
 *    there is no way out of the root, by links or otherwise.
 *  - Only regular files and directories are ever opened. FIFOs and sockets live in the guest's
 *    kernel; device nodes can be neither made (except the 0:0 whiteouts of overlayfs) nor opened.
 *  - The guest checks permissions (it mounts with default_permissions); the host's kernel checks
 *    what this process may do. A guest that can read the tree can do to it what the process can:
 *    set-user-ID bits and file capabilities included. Share directories that are not reachable by
 *    other users of the host, or that are mounted nosuid.
 *  - Extended attributes: user.* and security.* pass, trusted.* and system.* do not (overlayfs of
 *    the host trusts them).
 *
 * One thread serves a server. Its working directory and umask must be its own: call
 * fs_server_enter on that thread first.
 */
#pragma once

#include "base/fd.h"
#include "vmm/virtio/chain.h"
#include "vmm/virtio/device.h"

#include <sys/stat.h>

/* Ids [guest, guest + count) of the guest are ids [host, host + count) of the host. */
struct vmm_id_range {
	uint32_t guest, host, count;
};

/* No ranges: every id is itself. */
struct vmm_id_map {
	const struct vmm_id_range *range;
	size_t count;
};

/* Shown for ids that the map does not have. */
#define VMM_ID_NOBODY 65534

/* A file or directory that only the guest sees, in front of the real tree, read-only. */
struct vmm_fs_entry {
	const char *path; /* below the root, no leading slash; parents come earlier in the list */
	const uint8_t *data;
	size_t size;
	uint32_t mode; /* with type: S_IFREG or S_IFDIR */
	bool one_shot; /* can be looked up once */
};

struct vmm_fs_config {
	const char *tag;
	const char *path; /* the shared directory; NULL: nothing but the entries */
	bool read_only;
	const struct vmm_fs_entry *entry; /* borrowed for the server's life, data included */
	size_t entry_count;
	struct vmm_id_map uid_map, gid_map; /* borrowed likewise */
	uint64_t window;		    /* bytes of the DAX window, 0: none */
};

struct fs_server;

/* ENOENT, ENOTDIR, EACCES: the shared directory cannot be used. */
RL_MUST rl_err fs_server_new(const struct vmm_fs_config *config, const struct vmm_virtio_env *env,
			     struct fs_server **ret);
void fs_server_free(struct fs_server *server);

/* The memory of the DAX window; NULL takes it away again (and every mapping with it). */
void fs_server_window(struct fs_server *server, const struct vmm_shm *window);

/* Gives the calling thread its own umask and working directory. */
RL_MUST rl_err fs_server_enter(struct fs_server *server);

/*
 * Serves one request: reads it from `out` (device-readable segments), writes the reply to `in`.
 * Returns the length of the reply; 0 if there is none (FORGET), or no room even for its header.
 */
size_t fs_server_request(struct fs_server *server, const struct iovec *out, size_t out_count,
			 const struct iovec *in, size_t in_count);

/* Forgets all nodes and handles: the guest has unmounted, or was reset. */
void fs_server_reset(struct fs_server *server);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CRIU is asked and answers: the messages criu_req and criu_resp of its rpc.proto, in the wire
 * format of protocol buffers. Only what is used is here.
 */
#pragma once

#include "base/arena.h"

#include <sys/types.h>

enum ct_criu_type {
	CT_CRIU_DUMP = 1,
	CT_CRIU_RESTORE = 2,
	CT_CRIU_PRE_DUMP = 4,
	CT_CRIU_NOTIFY = 6,
};

/* criu_cg_mode; 0 is CRIU's own choice, for IGNORE is 0 there. */
enum ct_criu_cgroups {
	CT_CRIU_CGROUPS_DEFAULT,
	CT_CRIU_CGROUPS_IGNORE,
	CT_CRIU_CGROUPS_SOFT,
	CT_CRIU_CGROUPS_FULL,
	CT_CRIU_CGROUPS_STRICT,
};

struct ct_criu_pair {
	const char *key, *value;
};

struct ct_criu_pairs {
	struct ct_criu_pair *items;
	size_t count, room;
};

struct ct_criu_inherited {
	const char *key;
	int fd; /* number in CRIU's process */
};

/* A member that is 0 or NULL is not sent, unless said otherwise. */
struct ct_criu_request {
	enum ct_criu_type type;
	int images_fd, work_fd; /* our own descriptors; always sent */
	pid_t pid;
	const char *log_file;
	int log_level;
	bool notify;
	bool leave_running, track_memory, auto_dedup, lazy_pages;
	bool tcp_established, tcp_skip_in_flight, tcp_close;
	bool ext_unix_sockets, shell_job, file_locks, link_remap;
	bool orphan_pts_master, restore_as_sibling, external_sharing;
	const char *root, *parent_images, *freeze_cgroup, *config_file;
	const char *lsm_profile, *lsm_mount_context;
	const char *page_server; /* address */
	int page_server_port;
	enum ct_criu_cgroups cgroups;
	uint32_t empty_namespaces; /* CLONE_NEW* */
	int network_lock;	   /* 1: iptables, 2: nftables, 3: skip */
	struct ct_criu_pairs mounts, cgroup_roots;
	const char *externals[16];
	size_t external_count;
	struct ct_criu_inherited inherited[16];
	size_t inherited_count;
};

RL_MUST rl_err ct_criu_pair_add(struct rl_arena *a, struct ct_criu_pairs *pairs, const char *key,
				const char *value);

RL_MUST rl_err ct_criu_encode(struct rl_arena *a, const struct ct_criu_request *request,
			      const uint8_t **ret, size_t *ret_len);
/* The answer to a notification. */
RL_MUST rl_err ct_criu_encode_answer(struct rl_arena *a, bool success, const uint8_t **ret,
				     size_t *ret_len);

struct ct_criu_reply {
	int type; /* enum ct_criu_type, or another */
	bool success;
	int error;	     /* errno of CRIU's, 0: none */
	const char *message; /* its own words, NULL */
	const char *script;  /* of a notification: "post-restore" */
	pid_t pid;	     /* of a notification, or the restored process */
};

/* EPROTO: no such message. Strings live in the arena. */
RL_MUST rl_err ct_criu_decode(struct rl_arena *a, const uint8_t *bytes, size_t len,
			      struct ct_criu_reply *ret);

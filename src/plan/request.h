/* SPDX-License-Identifier: Apache-2.0 */
/* What the caller asked for, as data: the command line and the few inputs of the environment. */
#pragma once

#include "base/error.h"

enum plan_cgroup_manager { PLAN_CGROUPFS, PLAN_CGROUP_SYSTEMD, PLAN_CGROUP_DISABLED };

struct plan_request {
	const char *id;
	const char *bundle;	/* absolute path */
	const char *state_root; /* absolute path of --root */
	enum plan_cgroup_manager cgroup_manager;
	int rootless_cgroups; /* --rootless: 1 forgive cgroup permission errors, 0 do not, -1 auto
			       */
	bool no_pivot;
	bool no_new_keyring;
	bool detach;	     /* create, or run --detach */
	bool console_socket; /* one was given */
	unsigned preserve_fds;
	unsigned listen_fds;	      /* LISTEN_FDS, when LISTEN_PID is ours */
	const char *listen_fd_names;  /* LISTEN_FDNAMES or NULL */
	const char *notify_socket;    /* NOTIFY_SOCKET or NULL */
	const char *seccomp_receiver; /* RUN_OCI_SECCOMP_RECEIVER or NULL */
	const char *handler;	      /* by argv[0]: "krun"; NULL: none */
};

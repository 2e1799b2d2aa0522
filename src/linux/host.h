/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts of this machine that planning needs, read once before anything is touched. The struct is
 * plain data, so a plan can be made for a machine that is not there (golden tests).
 */
#pragma once

#include "base/arena.h"

#include <sys/types.h>

enum lx_cgroup_layout {
	LX_CGROUP_NONE,	  /* nothing mounted at /sys/fs/cgroup */
	LX_CGROUP_V1,	  /* hierarchies of version 1 only */
	LX_CGROUP_HYBRID, /* version 1 hierarchies plus a version 2 tree in `unified` */
	LX_CGROUP_V2,	  /* one version 2 tree */
};

/* One mounted hierarchy and our own place in it. */
struct lx_cgroup_hierarchy {
	const char *mount;	 /* "/sys/fs/cgroup/memory", "/sys/fs/cgroup" for version 2 */
	const char *controllers; /* "memory", "cpu,cpuacct", "name=systemd", "" for version 2 */
	const char *own;	 /* path of this process in it, "/" at the top */
	int version;		 /* 1 or 2 */
};

struct lx_host {
	uid_t euid;
	gid_t egid;
	bool in_user_namespace;	  /* /proc/self/uid_map is not the initial map */
	bool rootless;		  /* euid != 0 or in a user namespace */
	uint64_t capabilities;	  /* our own permitted set, bit = capability number */
	uint64_t bounding;	  /* our own bounding set */
	int last_capability;	  /* highest that the kernel knows */
	uint64_t ignored_signals; /* bit n - 1: signal n was ignored when we were started */

	enum lx_cgroup_layout cgroup_layout;
	const struct lx_cgroup_hierarchy *hierarchies;
	size_t hierarchy_count;
	const char *cgroup2_controllers; /* of the version 2 tree: "cpu io memory pids" */

	const char *resctrl; /* where it is mounted; NULL: nowhere */

	bool apparmor; /* enabled in the kernel */
	bool selinux;
	bool cgroup_namespaces;
	bool time_namespaces;
	bool user_namespaces;
};

/* What is looked at only when it matters; else it reads as absent. */
enum {
	LX_HOST_CGROUPS = 1 << 0,	    /* version 1 has a dozen hierarchies */
	LX_HOST_LABELS = 1 << 1,	    /* apparmor, selinux */
	LX_HOST_CGROUP_NAMESPACES = 1 << 2, /* of Linux 4.6 */
	LX_HOST_TIME_NAMESPACES = 1 << 3,   /* of Linux 5.6 */
	LX_HOST_RESCTRL = 1 << 4,	    /* /proc/self/mountinfo may be long */
};

/* Reads it: a handful of small kernel files. Strings live in the arena. `wanted`: LX_HOST_*. */
RL_MUST rl_err lx_host_read(struct rl_arena *a, unsigned wanted, struct lx_host *ret);

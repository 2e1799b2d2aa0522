/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cgroup shall be, as data: the directories to make, the values to write, the devices to
 * allow. Planning fills it in, linux/cgroup.h executes it.
 *
 * "Version 1" is one directory a mounted hierarchy, all with the controllers of their hierarchy;
 * "version 2" is one directory. On a hybrid machine both kinds stand in one list.
 */
#pragma once

#include "base/error.h"

#include <sys/types.h>

/* Version 1 has 13 controllers, which may all be mounted alone, and named hierarchies besides. */
#define LX_CGROUP_DIRS_MAX 24

struct lx_cgroup_dir {
	const char *path;	 /* "/sys/fs/cgroup/memory/a/b": on the host, absolute */
	size_t mount_len;	 /* how much of path is the hierarchy's mount point */
	const char *controllers; /* "memory", "cpu,cpuacct", "name=systemd"; "" for version 2 */
	int version;		 /* 1 or 2 */
};

enum {
	/* Only if the write before this one found no such file: the same limit under the name that
	 * another kernel or I/O scheduler gives it. */
	LX_CGROUP_ELSE = 1 << 0,
	/* No such file: passed over. For values that are what a kernel without the file does. */
	LX_CGROUP_IF_EXISTS = 1 << 1,
	/* Tied to the next write: the kernel may accept the two only in the other order (a quota
	 * and its period, a memory limit and the one for memory plus swap). */
	LX_CGROUP_TIED = 1 << 2,
	/* Read first, and written only when another value is there: for values that the kernel
	 * refuses to take a second time (EBUSY on memory.limit_in_bytes). */
	LX_CGROUP_IF_CHANGED = 1 << 3,
	/* The first word of the file's content stays, the value follows it: the period in cpu.max.
	 */
	LX_CGROUP_KEEP_FIRST = 1 << 4,
	/* Refused with EBUSY when more memory than that is in use now. */
	LX_CGROUP_CHECK_USAGE = 1 << 5,
	/* The value counts memory and swap together: what memory.max says now is taken off. */
	LX_CGROUP_LESS_MEMORY = 1 << 6,
};

struct lx_cgroup_write {
	unsigned dir;	    /* index of the directory */
	unsigned flags;	    /* LX_CGROUP_* */
	const char *file;   /* "memory.max": a name, never a path */
	const char *value;  /* as it is written, one write(2) */
	const char *origin; /* JSON path of the property, the context of an error */
};

enum { LX_DEVICE_READ = 1 << 0, LX_DEVICE_WRITE = 1 << 1, LX_DEVICE_MKNOD = 1 << 2 };
#define LX_DEVICE_RWM (LX_DEVICE_READ | LX_DEVICE_WRITE | LX_DEVICE_MKNOD)

/*
 * One rule about device nodes. Of the rules that match a node, the last one that names an access
 * right decides about this right; what no rule names is refused.
 */
struct lx_device_rule {
	bool allow;
	char type;	 /* 'b', 'c', or 'a' for both */
	unsigned access; /* LX_DEVICE_* */
	int64_t major;	 /* -1: all */
	int64_t minor;	 /* -1: all */
};

struct lx_cgroup_spec {
	const struct lx_cgroup_dir *dirs;
	size_t dir_count;
	int into; /* index of the version 2 directory, for CLONE_INTO_CGROUP; -1: none */
	/* Version 2: controllers enabled from the mount point down to the parent of the directory.
	 * `enable` as far as the kernel and the delegation allow, for accounting; lacking one of
	 * `require` is an error. "cpu memory", "" for none. */
	const char *enable;
	const char *require;
	/* Enabling begins at this prefix of the path instead of the mount point; 0: at the mount
	 * point. What is above is systemd's. */
	size_t enable_from;
	/* Enabling waits for lx_cgroup_enable(), until nobody is in the directories above. */
	bool enable_late;
	/* The directory exists and has our process in it already: systemd put it there. */
	bool adopt;
	/* A directory that may not be made (EACCES, EPERM, EROFS) is left out; writing to it is the
	 * error. For callers without privilege: no limits asked, no cgroup needed. */
	bool forgive;
	/* Version 2: the container may manage what is below (cgroups(7), delegation): the directory
	 * and the files of /sys/kernel/cgroup/delegate are given to this user. */
	bool delegate;
	uid_t owner;
	gid_t group;
};

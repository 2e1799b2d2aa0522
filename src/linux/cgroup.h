/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroups by the file system: making, limiting, entering, freezing, ending and removing one.
 *
 * A `struct lx_cgroup` is the set of directories of one container, one a hierarchy. What is below
 * them belongs to the container too: it may have made children and moved its processes there, so
 * freezing, killing, listing and removing include them, however deep. What is beside or above is
 * never touched, except that missing parents are made and, on version 2, controllers enabled in
 * them. A directory that is the mount point itself is refused everywhere.
 *
 * The paths are the host's: only root, or the user to whom a parent was delegated, can change what
 * they name. Files inside are opened beneath a descriptor of the directory.
 */
#pragma once

#include "base/arena.h"
#include "base/fd.h"
#include "linux/cgroup_spec.h"

struct lx_cgroup_slot {
	struct rl_fd dir;   /* opened when first needed */
	struct rl_fd tasks; /* lx_cgroup_prepare_join() */
	size_t made_from;   /* length of the shortest prefix of the path that was made here; 0: none
			     */
	bool absent;	    /* could not be made, and that was forgiven */
};

struct lx_cgroup {
	const struct lx_cgroup_dir *dirs; /* borrowed */
	size_t count;
	struct lx_cgroup_slot slots[LX_CGROUP_DIRS_MAX];
};

#define RL_AUTO_CGROUP __attribute__((cleanup(lx_cgroup_close)))

/* ---- making ---------------------------------------------------------------------------------- */

/*
 * Makes the directories and their missing parents, enables the controllers of version 2, gives new
 * cpusets the CPUs and nodes of their parents, and hands the directory over when it is delegated.
 *
 * A directory that exists is adopted when nobody is in it; with a process in it, or frozen, it
 * belongs to somebody else: EBUSY. When this fails, what it made is removed again. Nothing is
 * limited yet: lx_cgroup_apply().
 */
RL_MUST rl_err lx_cgroup_create(const struct lx_cgroup_spec *spec, struct lx_cgroup *ret);

/* What `enable_late` put off. The same spec as for lx_cgroup_create(). */
RL_MUST rl_err lx_cgroup_enable(const struct lx_cgroup_spec *spec);

/* Names a cgroup that an earlier command made. Makes no system call; a directory that is gone is
 * noticed when it is used. */
RL_MUST rl_err lx_cgroup_open(const struct lx_cgroup_dir *dirs, size_t count,
			      struct lx_cgroup *ret);

/* Gives the descriptors back; the cgroup stays. */
void lx_cgroup_close(struct lx_cgroup *cg);

/* The writes in their order, each with the meaning of its flags. Stops at the first that fails. */
RL_MUST rl_err lx_cgroup_apply(struct lx_cgroup *cg, const struct lx_cgroup_write *writes,
			       size_t count);

/*
 * What takes these writes back, as the files are now: apply it when a later step fails. A file that
 * is not there or cannot be read is left out.
 */
RL_MUST rl_err lx_cgroup_save(struct rl_arena *a, struct lx_cgroup *cg,
			      const struct lx_cgroup_write *writes, size_t count,
			      const struct lx_cgroup_write **ret, size_t *ret_count);

/*
 * Which device nodes may be used. Version 1 writes devices.deny and devices.allow, version 2
 * attaches a BPF program. A set that is there already is changed without a moment in which more is
 * allowed than by the old and the new set together, and stays when the new one is refused. EPERM:
 * no right to do so.
 */
RL_MUST rl_err lx_cgroup_set_devices(struct lx_cgroup *cg, const struct lx_device_rule *rules,
				     size_t count);

/* ---- entering -------------------------------------------------------------------------------- */

/*
 * The version 2 directory for CLONE_INTO_CGROUP, borrowed; *ret_fd is -1 if there is none. A child
 * born there still has to join the hierarchies of version 1.
 */
RL_MUST rl_err lx_cgroup_into(struct lx_cgroup *cg, int *ret_fd);

/* Moves a process, with all its threads, into every hierarchy. ESRCH: it is gone. */
RL_MUST rl_err lx_cgroup_join(struct lx_cgroup *cg, pid_t pid);

/*
 * The same in two steps, for a single-threaded child that moves itself: the runtime opens the files
 * before clone, the child writes. A task that moves only itself is spared the lock over all
 * processes of the machine that moving another one takes, so this is nearly twice as fast; and the
 * child needs no access to the cgroup file system. `skip_v2`: CLONE_INTO_CGROUP did that one.
 * The descriptors are close-on-exec.
 */
RL_MUST rl_err lx_cgroup_prepare_join(struct lx_cgroup *cg, bool skip_v2);
RL_MUST rl_err lx_cgroup_join_self(struct lx_cgroup *cg);

/*
 * From now on "the version 2 directory" for entering is the one in which this process is, which
 * must be the container's or below. For containers that have moved their processes to children and
 * handed controllers on to them: the kernel then lets nobody into the directory above (EBUSY).
 */
RL_MUST rl_err lx_cgroup_follow(struct lx_cgroup *cg, pid_t pid);

/*
 * Makes the child `name` of the version 2 directory and moves `pid` there (run.oci.delegate-cgroup:
 * a directory with processes in it cannot hand controllers on to its children). It belongs to
 * whoever the container's cgroup is delegated to by `spec`; NULL: to us.
 */
RL_MUST rl_err lx_cgroup_join_child(struct lx_cgroup *cg, const char *name,
				    const struct lx_cgroup_spec *spec, pid_t pid);

/* ---- looking --------------------------------------------------------------------------------- */

/* Every process in it and below, each once, in no order. */
RL_MUST rl_err lx_cgroup_pids(struct rl_arena *a, struct lx_cgroup *cg, const pid_t **ret_pids,
			      size_t *ret_count);
RL_MUST rl_err lx_cgroup_is_frozen(struct lx_cgroup *cg, bool *ret);

/* ---- freezing, ending, removing -------------------------------------------------------------- */

/* Returns when every process stands still. ETIMEDOUT: one would not; it runs again then. */
RL_MUST rl_err lx_cgroup_freeze(struct lx_cgroup *cg);
/*
 * The two for the cgroup of a virtual machine. Before Linux 6.14 KVM puts a thread of the kernel
 * (kvm-nx-lpage-recovery) into it, which is never frozen, so that version 2 never says "frozen 1".
 * Freezes, and returns when the processes have stopped using the CPU; frozen is what was told to.
 */
RL_MUST rl_err lx_cgroup_freeze_machine(struct lx_cgroup *cg);
RL_MUST rl_err lx_cgroup_is_frozen_machine(struct lx_cgroup *cg, bool *ret);
RL_MUST rl_err lx_cgroup_thaw(struct lx_cgroup *cg);

/* Sends a signal to every process in it and below. Those born meanwhile may be missed, unless the
 * signal is SIGKILL: then nobody is. Frozen ones are thawed for SIGKILL only. */
RL_MUST rl_err lx_cgroup_signal(struct lx_cgroup *cg, int signal);

/* SIGKILL to all, and waits until nobody is left. ETIMEDOUT names one that would not go. */
RL_MUST rl_err lx_cgroup_kill(struct lx_cgroup *cg, int timeout_ms);

/*
 * The short way for a container whose processes have ended: true if all of it could be removed just
 * so. False says nothing about why, and that nothing or a part was.
 */
bool lx_cgroup_try_remove(struct lx_cgroup *cg);

/*
 * Removes it and all below. EBUSY when processes are still in it after `timeout_ms`: they are
 * named, not killed. Gone already is success. Parents stay.
 */
RL_MUST rl_err lx_cgroup_remove(struct lx_cgroup *cg, int timeout_ms);

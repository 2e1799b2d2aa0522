/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of create and run:
 *
 *     READ -> PROBE -> PLAN | CLAIM -> FENCE -> SPAWN -> FURNISH -> CONFINE -> HOLD -> BECOME
 *     \___ nothing touched __/ \______ the record names each deed before it is done ______/
 *
 *     step      runtime (walk.c)                         init (init.c)
 *     READ      config.json -> structs
 *     PROBE     facts of the machine
 *     PLAN      -> const plan, sealed
 *     CLAIM     id, state directory, lock, record
 *     FENCE     cgroup, limits, devices (with systemd: after the clone)
 *     SPAWN     clone; id maps; runtime hooks; GO -->    enters cgroup and namespaces
 *               (no GO where there is nothing to do)
 *     FURNISH                                            root file system; createContainer hooks
 *     CONFINE                                            terminal, ids, capabilities, labels
 *     HOLD      limits on init; record    <-- READY
 *               HOLD or START, stub -->                  waits (create) or goes on (run)
 *     BECOME                              <-- end of file startContainer hooks; filter; execve
 *
 * A failure at any step undoes the ones before it in reverse, and the same undoing, from the
 * record, is what `delete` does for a runtime that was killed.
 */
#pragma once

#include "base/proc.h"
#include "container/container.h"
#include "container/devices.h"
#include "container/load.h"
#include "container/record.h"
#include "container/spawn.h"
#include "container/undo.h"

struct ct_walk {
	struct rl_arena *arena; /* scratch */
	const struct plan_request *request;
	const struct ct_options *options;
	struct ct_loaded loaded;
	struct ct_store store;
	struct oci_record record;
	struct lx_cgroup cgroup;
	struct ct_child init;
	bool gone;	     /* init was told by the fork to go: nothing is to be said */
	struct rl_fd talk;   /* to init */
	struct rl_fd master; /* of the terminal, if the plan has one */
	struct rl_fd notify; /* socket of sd_notify, if the caller has one */
	struct ct_net_devices net_devices;
	struct lx_net_maker network; /* a new network namespace that is being made */
	enum ct_init_fate init_fate;
};

void ct_walk_close(struct ct_walk *w);
#define CT_AUTO_WALK __attribute__((cleanup(ct_walk_close)))

/*
 * The walk with another middle: READ to FENCE, then `make`, which sets init, then the record. With
 * detach it returns then, else with the program's exit status.
 */
typedef rl_err ct_walk_make(struct ct_walk *w, void *context);
RL_MUST rl_err ct_walk_around(struct ct_walk *w, ct_walk_make *make, void *context,
			      int *ret_status);
/* For `make`: FENCE by systemd, around the process that `init` is. */
RL_MUST rl_err ct_walk_scope(struct ct_walk *w);
RL_MUST rl_err ct_walk_hooks(struct ct_walk *w, enum plan_hook_phase phase, enum oci_status status);

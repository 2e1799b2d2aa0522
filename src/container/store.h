/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state directory: ROOT/ID/, mode 0700, owned by us.
 *
 *   status       what the container is: made by CLAIM before anything else is touched (it names
 *                the cgroups that will be made: the receipts that `delete` works from), replaced
 *                when the container is created
 *   config.json  the configuration the container was created from; later changes of the bundle's
 *                have no effect
 *   gate         socket that init listens at while the container is created and not started
 *   fenced       empty; there from the moment at which the cgroup is known to be the container's
 *                own: before, whoever is in it is somebody else's
 *   vm/          the socket of a virtual machine's agent (container/agent.h)
 *   notify/      the socket of sd_notify, if NOTIFY_SOCKET was set (container/sdnotify.h)
 *
 * ROOT/.cache/ holds what containers share (compiled seccomp filters).
 *
 * A directory is used only if it belongs to the caller and nobody else may write in it: another
 * user's files under --root are refused, links are never followed.
 */
#pragma once

#include "base/arena.h"
#include "base/fd.h"

#define CT_STATUS "status"
#define CT_CONFIG "config.json"
#define CT_GATE "gate"
#define CT_FENCED "fenced"
#define CT_VM "vm"
#define CT_NOTIFY "notify"
#define CT_NOTIFY_SOCKET CT_NOTIFY "/notify"

struct ct_store {
	struct rl_fd root;
	struct rl_fd dir; /* ROOT/ID; carries the lock when locked */
};

void ct_store_close(struct ct_store *s);
#define CT_AUTO_STORE __attribute__((cleanup(ct_store_close)))

/* Opens ROOT, made when `make`. ENOENT otherwise. */
RL_MUST rl_err ct_root_open(const char *root, bool make, struct rl_fd *ret);

/* Makes and locks ROOT/ID. EEXIST: "container with given ID already exists". */
RL_MUST rl_err ct_store_claim(const char *root, const char *id, struct ct_store *ret);

/* Opens ROOT/ID. ENOENT: `container "ID" does not exist`. */
RL_MUST rl_err ct_store_open(const char *root, const char *id, struct ct_store *ret);

/* Waits for and takes the lock: one change of a container at a time. Released by closing. */
RL_MUST rl_err ct_store_lock(struct ct_store *s);
/* Gives it back before that. */
void ct_store_unlock(struct ct_store *s);
/* After locking: false when another command removed the container meanwhile. */
bool ct_store_exists(const struct ct_store *s);

/* Removes ROOT/ID with everything this program ever puts there. Unknown files are an error. */
RL_MUST rl_err ct_store_remove(struct ct_store *s, const char *id);

/* Ids of all containers in no particular order; a root that does not exist has none. */
RL_MUST rl_err ct_store_list(struct rl_arena *a, const char *root, const char ***ret_ids,
			     size_t *ret_count);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ROOT/ID/vm/agent: the socket by which later commands reach the agent in a virtual machine. The
 * machine's process makes it; of the host it gets that one directory, as a detached copy of its
 * mount, from which no ".." leads anywhere.
 */
#pragma once

#include "base/arena.h"
#include "container/store.h"
#include "handlers/agent.h"
#include "handlers/handler.h"
#include "oci/state.h"

/* Makes the directory and hands it to the session, if we may (mounts need CAP_SYS_ADMIN). */
RL_MUST rl_err ct_agent_prepare(const struct ct_store *store, struct hdl_session *session);
/* The same in init, which may in its own user namespace, as long as the host is in sight. */
RL_MUST rl_err ct_agent_prepare_in(const char *dir, struct hdl_session *session);

/* Where later commands find it. */
struct hdl_agent_at ct_agent_at(const struct ct_store *store);
/* ENOTSUP: the container has none, and so there is no way to do `what`. */
RL_MUST rl_err ct_agent_check(const struct ct_store *store, const struct oci_record *record,
			      const char *what);

/* Removes the directory with whatever the machine's process has put there. */
RL_MUST rl_err ct_agent_remove(int store_dir_fd);

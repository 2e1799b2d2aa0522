/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second defence of our executable (the first is stub/stub.h): where processes of a container
 * could look at the runtime itself, it runs from a copy that nobody can write to (CVE-2019-5736).
 */
#pragma once

#include "base/error.h"
#include "oci/state.h"
#include "plan/process.h"
#include "plan/seccomp.h"

/*
 * Executes this command again from a sealed memory file, unless that is where we run already.
 * Returns in the copy. Nothing may have been touched before: the command starts anew.
 */
RL_MUST rl_err ct_seal_self(void);

/*
 * Whether `exec` needs it: the process it makes is seen by those of the container from its birth,
 * and CAP_SYS_PTRACE in our own user namespace is all it takes to look at it. In a user namespace
 * of the container's own, and without that capability, being not dumpable is enough.
 */
bool ct_exec_must_seal(const struct oci_record *record, const struct plan_process *process,
		       const struct plan_seccomp *seccomp);

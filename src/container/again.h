/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executing this command again, as a sealed copy of ourselves. Nothing may have been touched
 * before, because the command starts anew with its original words.
 */
#pragma once

#include "base/error.h"
#include "oci/state.h"
#include "plan/process.h"
#include "plan/seccomp.h"

/*
 * The second defence of our executable (the first is stub/stub.h): where processes of a container
 * could look at the runtime itself, it runs from a copy that nobody can write to (CVE-2019-5736).
 * Returns when we are that copy.
 */
RL_MUST rl_err ct_again_sealed(void);

/*
 * The lean program cannot load libraries; runlet-full can. Returns when we are that program.
 * `reason` names what needs it, for the error when it is not installed.
 */
RL_MUST rl_err ct_again_full(const char *reason);

/*
 * Whether `exec` has to be sealed: the process it makes is seen by those of the container from its
 * birth, and CAP_SYS_PTRACE in our own user namespace is all it takes to look at it. In a user
 * namespace of the container's own, and without that capability, being not dumpable is enough.
 */
bool ct_exec_must_seal(const struct oci_record *record, const struct plan_process *process,
		       const struct plan_seccomp *seccomp);

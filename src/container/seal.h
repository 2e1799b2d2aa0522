/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second defence of our executable (the first is stub/stub.h): where processes of a container
 * could look at the runtime itself, it runs from a copy that nobody can write to (CVE-2019-5736).
 */
#pragma once

#include "base/error.h"

/*
 * Executes this command again from a sealed memory file, unless that is where we run already.
 * Returns in the copy. Nothing may have been touched before: the command starts anew.
 */
RL_MUST rl_err ct_seal_self(void);

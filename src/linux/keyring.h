/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"

/*
 * A fresh, empty, nameless session keyring for the calling thread (keyctl(2)
 * JOIN_SESSION_KEYRING). A name would not make it new: whoever guesses a name can have a keyring
 * of that name ready, and the call would join it.
 *
 * *ret_made is false where the kernel has no keyrings (ENOSYS): nothing is shared then.
 * EDQUOT: the user's quota of keys is used up.
 */
RL_MUST rl_err lx_keyring_new_session(bool *ret_made);

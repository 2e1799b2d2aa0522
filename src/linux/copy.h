/* SPDX-License-Identifier: Apache-2.0 */
/* Copying a directory of the image into a fresh file system (the mount option tmpcopyup). */
#pragma once

#include "base/fd.h"

/*
 * Copies what is in from_fd into to_fd: files, directories, symlinks, devices, FIFOs and sockets,
 * with mode, owner, times and extended attributes. No link is followed, no mount crossed; hard
 * links become copies. The directory from_fd itself gives mode and owner to to_fd.
 */
RL_MUST rl_err lx_copy_tree(int from_fd, int to_fd);

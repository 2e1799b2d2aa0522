/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes: made or found, and in both cases proven to be what they are called. */
#pragma once

#include "base/fd.h"

#include <sys/types.h>

struct lx_dev {
	mode_t mode; /* type and permissions */
	unsigned major, minor;
	uid_t uid;
	gid_t gid;
};

/*
 * Makes the node `name` in dir_fd, mode exact under umask 0, owner set when it is not 0:0. A node
 * that is there already must be the same type and number (EEXIST else); its mode and owner stay.
 */
RL_MUST rl_err lx_dev_make(int dir_fd, const char *name, const struct lx_dev *dev);

/* EINVAL unless the open file is a node of that type and number. */
RL_MUST rl_err lx_dev_check(int fd, const struct lx_dev *dev);

/*
 * Opens /dev/null of the host, O_PATH, proven to be the null device: a mask that is something else
 * would show what it is to hide (CVE-2025-31133).
 */
RL_MUST rl_err lx_dev_null(struct rl_fd *ret);

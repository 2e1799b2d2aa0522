/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo terminals: opened in the container's own devpts, handed over, made the controlling one. */
#pragma once

#include "base/fd.h"

#include <sys/types.h>

struct lx_tty {
	struct rl_fd master; /* O_RDWR | O_CLOEXEC | O_NOCTTY */
	struct rl_fd slave;  /* likewise, from TIOCGPTPEER: never by a name (CVE-2025-52565) */
};

void lx_tty_close(struct lx_tty *t);
#define LX_AUTO_TTY __attribute__((cleanup(lx_tty_close)))

/*
 * Opens a new pair through pts/ptmx of the devpts that is mounted at /dev/pts beneath root_fd;
 * that it is one is verified. Rows and columns of 0 stay what they are.
 */
RL_MUST rl_err lx_tty_open(int root_fd, unsigned short rows, unsigned short columns,
			   struct lx_tty *ret);

/*
 * Makes `tty_fd` standard input, output and error and the controlling terminal of the session
 * that the process leads; one is made if it leads none. Ours to call once, in the process that will
 * become the user's program.
 */
RL_MUST rl_err lx_tty_enter(int tty_fd);

/* Window size of an existing terminal; 0 and 0: nothing is done. */
RL_MUST rl_err lx_tty_resize(int tty_fd, unsigned short rows, unsigned short columns);

/*
 * Takes away the CR before each LF of the output. For the one who relays a terminal to another
 * (`run` in the foreground): that other one adds it. A master that is sent away keeps it.
 */
RL_MUST rl_err lx_tty_clear_onlcr(int tty_fd);

/*
 * Sends `master_fd` over the AF_UNIX stream socket at `path` (--console-socket): one message, the
 * descriptor by SCM_RIGHTS, the payload is `name`, which receivers show to people. A path that
 * does not fit into sun_path is reached through its directory's descriptor.
 */
RL_MUST rl_err lx_tty_send(const char *path, int master_fd, const char *name);

/* A connected AF_UNIX socket of `type` (SOCK_STREAM ...), however long the path is. */
RL_MUST rl_err lx_unix_connect(const char *path, int type, struct rl_fd *ret);

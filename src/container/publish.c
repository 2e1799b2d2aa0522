/* SPDX-License-Identifier: Apache-2.0 */
#include "container/publish.h"

#include "base/io.h"
#include "linux/tty.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

rl_err ct_publish_pidfd(const char *path, const struct ct_child *child)
{
	return lx_tty_send(path, rl_fd_get(&child->pidfd), "pidfd");
}

static rl_err write_pid_file(const char *path, pid_t pid)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid);

	return rl_write_atomic(AT_FDCWD, path, text, (size_t)n, 0644);
}

rl_err ct_publish(const struct ct_options *options, const struct ct_child *child, int master_fd)
{
	if (options->console_socket != NULL && master_fd >= 0)
		RL_TRY(lx_tty_send(options->console_socket, master_fd, "/dev/ptmx"),
		       "console socket");
	if (options->pidfd_socket != NULL)
		RL_TRY(ct_publish_pidfd(options->pidfd_socket, child), "pidfd socket");
	if (options->pid_file != NULL)
		RL_TRY(write_pid_file(options->pid_file, child->pid), "pid file");
	return RL_OK;
}

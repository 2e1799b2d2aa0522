/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/console_log.h"

#include "vmm/log.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

static void add_to_line(struct vmm_console_log *log, char c)
{
	if (c != '\n' && log->line_len < sizeof(log->line) - 1) {
		/* Whatever the guest sends must not steer the terminal the log goes to. */
		log->line[log->line_len++] = c >= ' ' && c != 0x7f ? c : ' ';
		return;
	}
	log->line[log->line_len] = '\0';
	if (log->line_len > 0)
		vmm_log(VMM_LOG_INFO, "console", "%s", log->line);
	log->line_len = 0;
}

static void on_output(void *arg, uint32_t events)
{
	struct vmm_console_log *log = arg;
	char bytes[1024];
	ssize_t n = read(rl_fd_get(&log->read_fd), bytes, sizeof(bytes));

	(void)events;
	for (ssize_t i = 0; i < n; i++) {
		log->tail[log->total++ % sizeof(log->tail)] = bytes[i];
		add_to_line(log, bytes[i]);
	}
}

rl_err vmm_console_log_open(struct vmm_console_log *log, struct vmm_loop *loop)
{
	int fds[2];

	RL_TRY(rl_sys(pipe2(fds, O_CLOEXEC | O_NONBLOCK), "make a pipe for the console"));
	log->loop = loop;
	rl_fd_set(&log->read_fd, fds[0]);
	rl_fd_set(&log->write_fd, fds[1]);
	return vmm_loop_add(loop, fds[0], EPOLLIN, on_output, log, &log->watch);
}

void vmm_console_log_close(struct vmm_console_log *log)
{
	if (log->loop)
		vmm_loop_remove(log->loop, &log->watch);
	rl_fd_close(&log->read_fd);
	rl_fd_close(&log->write_fd);
}

void vmm_console_log_tail(const struct vmm_console_log *log, char *buf, size_t size)
{
	size_t have = log->total < sizeof(log->tail) ? log->total : sizeof(log->tail);
	size_t out = 0;

	if (have > size - 1)
		have = size - 1;
	for (size_t i = log->total - have; i < log->total; i++) {
		char c = log->tail[i % sizeof(log->tail)];

		if (c == '\n' || (c >= ' ' && c != 0x7f))
			buf[out++] = c;
	}
	buf[out] = '\0';
}

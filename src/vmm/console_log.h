/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the guest's console goes when it is no terminal: line by line into the log, and the last
 * of it into memory, because that is where a kernel that breaks down says why.
 */
#pragma once

#include "base/fd.h"
#include "vmm/loop.h"

#define VMM_CONSOLE_TAIL 4096

struct vmm_console_log {
	struct vmm_loop *loop;
	struct vmm_watch watch;
	struct rl_fd read_fd, write_fd; /* a pipe; the console writes */
	char tail[VMM_CONSOLE_TAIL];	/* a ring */
	size_t total;
	char line[256];
	size_t line_len;
};

RL_MUST rl_err vmm_console_log_open(struct vmm_console_log *log, struct vmm_loop *loop);
void vmm_console_log_close(struct vmm_console_log *log);
/* What the console said last, oldest byte first, printable, at most `size` - 1 bytes. */
void vmm_console_log_tail(const struct vmm_console_log *log, char *buf, size_t size);

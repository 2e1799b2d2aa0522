/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes in and out of a descriptor that somebody else gave us, without ever blocking and without
 * touching its flags: O_NONBLOCK belongs to the open file description, which we share with the
 * caller's shell and every other process that inherited it.
 *
 * So a pipe or a terminal is opened a second time through /proc/self/fd, a socket is used with
 * MSG_DONTWAIT, and a regular file as it is (it never waits, and its offset is to be shared).
 * Where a second open is not possible, poll(2) is asked before every call, and writes are kept
 * to what a ready pipe takes at once.
 */
#pragma once

#include "base/fd.h"

#include <sys/uio.h>

struct vmm_stream {
	struct rl_fd own; /* our own open file description, if there is one */
	int fd;		  /* borrowed or own; -1: no stream */
	bool is_socket;
	bool is_shared; /* somebody else's description: ask poll(2) first */
};

enum vmm_stream_mode { VMM_STREAM_READ, VMM_STREAM_WRITE };

/* fd -1 makes a stream that is at its end. EBADF: not a descriptor open for this. */
RL_MUST rl_err vmm_stream_open(int fd, enum vmm_stream_mode mode, struct vmm_stream *ret);
void vmm_stream_close(struct vmm_stream *s);

static inline bool vmm_stream_has(const struct vmm_stream *s)
{
	return s->fd >= 0;
}

enum vmm_io {
	VMM_IO_DONE,  /* *ret_done > 0 bytes moved */
	VMM_IO_AGAIN, /* wait for readiness */
	VMM_IO_END,   /* end of file, or nobody reads */
	VMM_IO_ERROR, /* errno says what; the stream is of no more use */
};

enum vmm_io vmm_stream_read(const struct vmm_stream *s, const struct iovec *to, size_t count,
			    size_t *ret_done);
enum vmm_io vmm_stream_write(const struct vmm_stream *s, const struct iovec *from, size_t count,
			     size_t *ret_done);

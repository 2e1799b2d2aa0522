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

struct rl_stream {
	struct rl_fd own; /* our own open file description, if there is one */
	int fd;		  /* borrowed or own; -1: no stream */
	bool is_socket;
	bool is_shared; /* somebody else's description: ask poll(2) first */
};

enum rl_stream_mode { RL_STREAM_READ, RL_STREAM_WRITE };

/* fd -1 makes a stream that is at its end. EBADF: not a descriptor open for this. */
RL_MUST rl_err rl_stream_open(int fd, enum rl_stream_mode mode, struct rl_stream *ret);
void rl_stream_close(struct rl_stream *s);

static inline bool rl_stream_has(const struct rl_stream *s)
{
	return s->fd >= 0;
}

enum rl_io {
	RL_IO_DONE,  /* *ret_done > 0 bytes moved */
	RL_IO_AGAIN, /* wait for readiness */
	RL_IO_END,   /* end of file, or nobody reads */
	RL_IO_ERROR, /* errno says what; the stream is of no more use */
};

enum rl_io rl_stream_read(const struct rl_stream *s, const struct iovec *to, size_t count,
			  size_t *ret_done);
enum rl_io rl_stream_write(const struct rl_stream *s, const struct iovec *from, size_t count,
			   size_t *ret_done);

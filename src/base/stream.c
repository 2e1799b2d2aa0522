/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stream.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Opening this device again would make another terminal. */
static bool is_ptmx(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(5, 2);
}

/* Does the access mode of the description allow what we want to do? */
static rl_err check_mode(int fd, enum rl_stream_mode mode)
{
	int flags = fcntl(fd, F_GETFL);

	RL_TRY(rl_sys(flags, "descriptor %d", fd));

	int access = flags & O_ACCMODE;

	if (flags & O_PATH ||
	    (access != O_RDWR && access != (mode == RL_STREAM_READ ? O_RDONLY : O_WRONLY)))
		return rl_refuse(RL_E(EBADF), "descriptor %d is not open for %s", fd,
				 mode == RL_STREAM_READ ? "reading" : "writing");
	return RL_OK;
}

/* A description of our own. Not being able to is not an error: the shared one is used with care. */
static int reopen(int fd, enum rl_stream_mode mode)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, (mode == RL_STREAM_READ ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOCTTY |
				  O_CLOEXEC);
}

rl_err rl_stream_open(int fd, enum rl_stream_mode mode, struct rl_stream *ret)
{
	struct stat st;

	if (fd == -1) {
		*ret = (struct rl_stream){ .fd = -1 };
		return RL_OK;
	}
	RL_TRY(rl_sys(fstat(fd, &st), "descriptor %d", fd));
	RL_TRY(check_mode(fd, mode));

	struct rl_stream s = {
		.fd = fd,
		.is_socket = S_ISSOCK(st.st_mode),
	};

	if (!s.is_socket && !S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		if (!is_ptmx(&st))
			s.own = rl_fd_own(reopen(fd, mode));
		s.is_shared = !rl_fd_has(&s.own);
		if (!s.is_shared)
			s.fd = rl_fd_get(&s.own);
	}
	*ret = s;
	return RL_OK;
}

void rl_stream_close(struct rl_stream *s)
{
	rl_fd_close(&s->own);
	s->fd = -1;
}

static bool ready(const struct rl_stream *s, short events)
{
	struct pollfd p = { .fd = s->fd, .events = events };

	return !s->is_shared || poll(&p, 1, 0) > 0;
}

static enum rl_io outcome(ssize_t n, size_t *ret_done)
{
	if (n > 0) {
		*ret_done = (size_t)n;
		return RL_IO_DONE;
	}
	if (n == 0 || errno == EPIPE || errno == ECONNRESET || errno == EIO)
		return RL_IO_END; /* EIO: the other side of a terminal has hung up */
	return errno == EAGAIN ? RL_IO_AGAIN : RL_IO_ERROR;
}

enum rl_io rl_stream_read(const struct rl_stream *s, const struct iovec *to, size_t count,
			  size_t *ret_done)
{
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)to, .msg_iovlen = count };
	ssize_t n;

	if (s->fd < 0)
		return RL_IO_END;
	if (!ready(s, POLLIN))
		return RL_IO_AGAIN;
	do {
		n = s->is_socket ? recvmsg(s->fd, &message, MSG_DONTWAIT)
				 : readv(s->fd, to, (int)count);
	} while (n < 0 && errno == EINTR);
	return outcome(n, ret_done);
}

enum rl_io rl_stream_write(const struct rl_stream *s, const struct iovec *from, size_t count,
			   size_t *ret_done)
{
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)from, .msg_iovlen = count };
	struct iovec first;
	ssize_t n;

	if (s->fd < 0)
		return RL_IO_END;
	if (!ready(s, POLLOUT))
		return RL_IO_AGAIN;
	if (s->is_shared) {
		first = from[0];
		if (first.iov_len > PIPE_BUF) /* pipe(7): a ready pipe takes this much at once */
			first.iov_len = PIPE_BUF;
		from = &first;
		count = 1;
	}
	do {
		n = s->is_socket ? sendmsg(s->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)
				 : writev(s->fd, from, (int)count);
	} while (n < 0 && errno == EINTR);
	return outcome(n, ret_done);
}

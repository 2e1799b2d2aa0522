/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/tty.h"

#include "linux/path.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41) /* Linux 4.13 */
#endif

void lx_tty_close(struct lx_tty *t)
{
	rl_fd_close(&t->master);
	rl_fd_close(&t->slave);
}

/* The multiplexer of a devpts, whatever the image put at its name. */
static rl_err check_multiplexer(int fd)
{
	struct statfs fs;
	struct stat st;

	RL_TRY(rl_sys(fstatfs(fd, &fs), "statfs"));
	RL_TRY(rl_sys(fstat(fd, &st), "stat"));
	if (fs.f_type != DEVPTS_SUPER_MAGIC || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return rl_hint(rl_fail(RL_E(ENOTTY), "/dev/pts/ptmx is no terminal multiplexer"),
			       "process.terminal needs a mount of type devpts at /dev/pts");
	return RL_OK;
}

rl_err lx_tty_open(int root_fd, unsigned short rows, unsigned short columns, struct lx_tty *ret)
{
	struct lx_tty LX_AUTO_TTY tty = { 0 };
	int unlock = 0;

	RL_TRY(rl_hint(lx_path_open_for(root_fd, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK,
					&tty.master),
		       "process.terminal needs a mount of type devpts at /dev/pts"));
	RL_TRY(check_multiplexer(rl_fd_get(&tty.master)));
	RL_TRY(rl_sys(fcntl(rl_fd_get(&tty.master), F_SETFL, 0), "make the terminal blocking"));
	RL_TRY(rl_sys(ioctl(rl_fd_get(&tty.master), TIOCSPTLCK, &unlock), "unlock the terminal"));
	RL_TRY(rl_fd_from(ioctl(rl_fd_get(&tty.master), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC),
			  &tty.slave, "open the other end of the terminal"));
	RL_TRY(lx_tty_resize(rl_fd_get(&tty.slave), rows, columns));
	rl_fd_set(&ret->master, rl_fd_take(&tty.master));
	rl_fd_set(&ret->slave, rl_fd_take(&tty.slave));
	return RL_OK;
}

rl_err lx_tty_enter(int tty_fd)
{
	if (getsid(0) != getpid())
		RL_TRY(rl_sys(setsid(), "make a session"));
	RL_TRY(rl_sys(ioctl(tty_fd, TIOCSCTTY, 0), "make the terminal the controlling one"));
	for (int fd = 0; fd <= 2; fd++)
		RL_TRY(rl_sys(dup2(tty_fd, fd), "make the terminal descriptor %d", fd));
	return RL_OK;
}

rl_err lx_tty_resize(int tty_fd, unsigned short rows, unsigned short columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	if (rows == 0 && columns == 0)
		return RL_OK;
	return rl_sys(ioctl(tty_fd, TIOCSWINSZ, &size), "set the terminal's size");
}

rl_err lx_tty_clear_onlcr(int tty_fd)
{
	struct termios t;

	RL_TRY(rl_sys(tcgetattr(tty_fd, &t), "read the terminal's settings"));
	t.c_oflag &= ~(tcflag_t)ONLCR;
	return rl_sys(tcsetattr(tty_fd, TCSANOW, &t), "change the terminal's settings");
}

/* ---- handing the master over ---------------------------------------------------------------- */

/* sun_path holds 108 bytes; a longer path goes by way of its directory's descriptor. */
static rl_err socket_address(const char *path, struct rl_fd *dir, struct sockaddr_un *ret)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char parent[PATH_MAX];
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) < sizeof(ret->sun_path)) {
		strcpy(ret->sun_path, path);
		return RL_OK;
	}
	n = snprintf(parent, sizeof(parent), "%.*s", (int)(name - path), path);
	if (n < 0 || (size_t)n >= sizeof(parent))
		return rl_fail(RL_E(ENAMETOOLONG), "%.64s...", path);
	RL_TRY(rl_fd_from(openat(AT_FDCWD, n > 0 ? parent : ".", O_PATH | O_DIRECTORY | O_CLOEXEC),
			  dir, "%s", parent));
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", rl_fd_get(dir),
		     name);
	if (n < 0 || (size_t)n >= sizeof(ret->sun_path))
		return rl_fail(RL_E(ENAMETOOLONG), "socket name %s", name);
	return RL_OK;
}

rl_err lx_unix_connect(const char *path, int type, struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD dir = { 0 }, fd = { 0 };
	struct sockaddr_un address;
	int r;

	RL_TRY(socket_address(path, &dir, &address));
	RL_TRY(rl_fd_from(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), &fd, "socket"));
	do
		r = connect(rl_fd_get(&fd), (struct sockaddr *)&address, sizeof(address));
	while (r < 0 && errno == EINTR);
	RL_TRY(rl_sys(r, "connect to %s", path));
	rl_fd_set(ret, rl_fd_take(&fd));
	return RL_OK;
}

static rl_err send_fd(int socket_fd, int passed_fd, const char *name)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)name, .iov_len = strlen(name) };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	ssize_t n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &passed_fd, sizeof(int));
	do
		n = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return rl_sys(n, "send the terminal");
}

rl_err lx_tty_send(const char *path, int master_fd, const char *name)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };

	RL_TRY(lx_unix_connect(path, SOCK_STREAM, &fd));
	return rl_wrap(send_fd(rl_fd_get(&fd), master_fd, name), "%s", path);
}

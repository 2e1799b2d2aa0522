/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/tty.h"

#include "test.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* The host's own devpts, as if this machine were a container. */
static rl_err open_here(struct lx_tty *ret)
{
	struct rl_fd RL_AUTO_FD root = { 0 };

	RL_TRY(rl_fd_from(openat(AT_FDCWD, "/", O_PATH | O_CLOEXEC), &root, "/"));
	return lx_tty_open(rl_fd_get(&root), 24, 80, ret);
}

#define NEEDS_DEVPTS(tty)                                                               \
	do {                                                                            \
		rl_err tty_error = open_here(tty);                                      \
		if (rl_is(tty_error, RL_E(EACCES)) || rl_is(tty_error, RL_E(ENOENT))) { \
			rl_drop(tty_error);                                             \
			SKIP("may not open terminals here");                            \
		}                                                                       \
		CHECK_OK(tty_error);                                                    \
	} while (0)

TEST(opens_a_pair)
{
	struct lx_tty LX_AUTO_TTY tty = { 0 };
	struct winsize size;
	struct termios t;
	char buf[16];

	NEEDS_DEVPTS(&tty);
	CHECK(ioctl(rl_fd_get(&tty.slave), TIOCGWINSZ, &size) == 0);
	CHECK(size.ws_row == 24 && size.ws_col == 80);
	CHECK(isatty(rl_fd_get(&tty.slave)));
	CHECK(fcntl(rl_fd_get(&tty.master), F_GETFD) & FD_CLOEXEC);
	CHECK(fcntl(rl_fd_get(&tty.slave), F_GETFD) & FD_CLOEXEC);
	CHECK(!(fcntl(rl_fd_get(&tty.master), F_GETFL) & O_NONBLOCK));
	CHECK_INT(write(rl_fd_get(&tty.slave), "a\n", 2), 2);
	CHECK_INT(read(rl_fd_get(&tty.master), buf, sizeof(buf)), 3); /* a CR was added */
	CHECK_OK(lx_tty_clear_onlcr(rl_fd_get(&tty.master)));
	CHECK(tcgetattr(rl_fd_get(&tty.slave), &t) == 0 && !(t.c_oflag & ONLCR));
	CHECK_INT(write(rl_fd_get(&tty.slave), "a\n", 2), 2);
	CHECK_INT(read(rl_fd_get(&tty.master), buf, sizeof(buf)), 2);
	CHECK_OK(lx_tty_resize(rl_fd_get(&tty.master), 0, 0));
	CHECK(ioctl(rl_fd_get(&tty.slave), TIOCGWINSZ, &size) == 0 && size.ws_row == 24);
}

/* The session's terminal: /dev/tty works, and the three descriptors are the slave. */
static int session(int slave)
{
	struct stat a, b;
	int fd;

	if (rl_drop_failed(lx_tty_enter(slave)))
		return 1;
	fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (fd < 0 || tcgetsid(fd) != getpid())
		return 2;
	for (int i = 0; i < 3; i++)
		if (fstat(slave, &a) < 0 || fstat(i, &b) < 0 || a.st_rdev != b.st_rdev)
			return 3;
	return 0;
}

TEST(becomes_the_controlling_terminal)
{
	struct lx_tty LX_AUTO_TTY tty = { 0 };
	int status;
	pid_t pid;

	NEEDS_DEVPTS(&tty);
	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(session(rl_fd_get(&tty.slave)));
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
}

/* A listening socket, made by way of its directory so that its path may be of any length. */
static int listen_in(const char *dir, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int dir_fd = open(dir, O_PATH | O_CLOEXEC), fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir_fd, name);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
		abort();
	(void)close(dir_fd);
	return fd;
}

static int receive_fd(int listener, char *name, size_t size)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { name, size - 1 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int connection = accept(listener, NULL, NULL), fd = -1;
	ssize_t n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	name[n > 0 ? n : 0] = '\0';
	if (c != NULL && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	(void)close(connection);
	return fd;
}

static void check_send(const char *dir)
{
	char path[PATH_MAX], name[64];
	int listener = listen_in(dir, "console.sock"), pipe_fds[2], got;
	char byte = 0;

	snprintf(path, sizeof(path), "%s/console.sock", dir);
	CHECK(pipe(pipe_fds) == 0);
	CHECK_OK(lx_tty_send(path, pipe_fds[1], "/dev/ptmx"));
	got = receive_fd(listener, name, sizeof(name));
	CHECK(got >= 0);
	CHECK_STR(name, "/dev/ptmx");
	CHECK_INT(write(got, "x", 1), 1);
	CHECK_INT(read(pipe_fds[0], &byte, 1), 1);
	CHECK(byte == 'x');
	(void)close(got);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
	(void)close(listener);
	CHECK(unlink(path) == 0);
}

TEST(sends_to_paths_of_any_length)
{
	char dir[PATH_MAX] = "/tmp/tty.XXXXXX";
	size_t base = strlen(dir);

	CHECK(mkdtemp(dir) != NULL);
	check_send(dir);
	for (int i = 0; i < 4; i++) {
		strcat(dir, "/a-directory-with-a-name-of-some-length-0123456789");
		CHECK(mkdir(dir, 0700) == 0);
	}
	CHECK(strlen(dir) > 108);
	check_send(dir);
	while (strlen(dir) >= base) {
		CHECK(rmdir(dir) == 0);
		*strrchr(dir, '/') = '\0';
	}
}

TEST(errors)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	char path[300];

	CHECK_FAILS(lx_tty_send("/nothing/there", 0, "x"), ENOENT, "connect to /nothing/there");
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	CHECK_FAILS(lx_unix_connect(path, SOCK_STREAM, &fd), ENAMETOOLONG, "socket name");
	CHECK_FAILS(lx_tty_resize(-1, 1, 1), EBADF, "size");
}

RUN_TESTS()

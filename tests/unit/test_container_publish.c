/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"
#include "container/publish.h"
#include "scratch.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

/* A socket as an engine makes it. */
static int listener(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(scratch("%s", name)) >= sizeof(a.sun_path))
		abort();
	strcpy(a.sun_path, scratch("%s", name));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
		abort();
	return fd;
}

/* One message with one descriptor; the payload goes to `text`. */
static int receive(int listener_fd, char *text, size_t size)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { text, size - 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC), got = -1;
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);

	close(fd);
	if (n < 0)
		return -1;
	text[n] = '\0';
	if (CMSG_FIRSTHDR(&msg) != NULL)
		memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
	return got;
}

static struct ct_child me(void)
{
	struct ct_child child = { .pid = getpid() };

	rl_drop(rl_pidfd_open(getpid(), &child.pidfd));
	return child;
}

TEST(nothing_is_wanted)
{
	const struct ct_options o = { 0 };
	struct ct_child child = { .pid = 1 };

	CHECK_OK(ct_publish(&o, &child, 1));
}

TEST(the_pid_file_is_the_number_and_nothing_else)
{
	const struct ct_options o = { .pid_file = scratch("pid") };
	struct ct_child child = { .pid = 4242 };
	struct stat st;

	scratch_file("pid", "a longer old content");
	CHECK_OK(ct_publish(&o, &child, -1));
	CHECK_STR(scratch_read(o.pid_file), "4242");
	CHECK(stat(o.pid_file, &st) == 0);
	CHECK_INT(st.st_mode & 0133, 0);
	CHECK_INT(scratch_count(scratch_dir()), 1);
}

TEST(the_terminal_goes_to_the_console_socket)
{
	const struct ct_options o = { .console_socket = scratch("console") };
	struct ct_child child = { .pid = 1 };
	struct stat sent, got;
	char text[64];
	int at = listener("console"), fd;

	CHECK_OK(ct_publish(&o, &child, STDIN_FILENO));
	fd = receive(at, text, sizeof(text));
	CHECK(fd >= 0);
	CHECK_STR(text, "/dev/ptmx");
	CHECK(fstat(STDIN_FILENO, &sent) == 0 && fstat(fd, &got) == 0);
	CHECK(sent.st_ino == got.st_ino && sent.st_dev == got.st_dev);
	close(fd);
	close(at);
}

TEST(the_pidfd_goes_to_its_socket)
{
	const struct ct_options o = { .pidfd_socket = scratch("pidfd") };
	struct ct_child child = me();
	char text[64];
	int at = listener("pidfd"), fd;

	CHECK_OK(ct_publish(&o, &child, -1));
	fd = receive(at, text, sizeof(text));
	CHECK(fd >= 0);
	CHECK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0);
	close(fd);
	close(at);
	rl_fd_close(&child.pidfd);
}

/* Engines act on the pid file: it is there when everything else is. */
TEST(the_pid_file_comes_last)
{
	struct ct_options o = { .console_socket = scratch("no-console"),
				.pid_file = scratch("late-pid") };
	struct ct_child child = me();

	CHECK_FAILS(ct_publish(&o, &child, STDIN_FILENO), ENOENT, "console socket: ");
	CHECK(access(o.pid_file, F_OK) != 0);
	o.console_socket = NULL;
	o.pidfd_socket = scratch_file("no-socket", "");
	CHECK_FAILS(ct_publish(&o, &child, -1), ECONNREFUSED, "pidfd socket: ");
	CHECK(access(o.pid_file, F_OK) != 0);
	o.pidfd_socket = NULL;
	o.pid_file = scratch("none/pid");
	CHECK_FAILS(ct_publish(&o, &child, -1), ENOENT, "pid file: ");
	rl_fd_close(&child.pidfd);
}

RUN_TESTS()

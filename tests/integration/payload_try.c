// SPDX-License-Identifier: Apache-2.0
//
// Attempts: each does one thing that the container may or may not be allowed to do, and tells the
// outcome as `key=ok` or `key=ERRNO`.

#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void outcome2(const char *verb, const char *what, long result)
{
	char key[4200];
	int error = errno;

	snprintf(key, sizeof key, "%s.%s", verb, what);
	errno = error;
	payload_outcome(key, result);
}

static int too_few(const char *command)
{
	fprintf(stderr, "payload: %s: too few arguments\n", command);
	return 64;
}

static int run_try_open(int argc, char **argv)
{
	static const struct {
		const char *name;
		int flags;
	} modes[] = {
		{ "r", O_RDONLY },
		{ "w", O_WRONLY },
		{ "rw", O_RDWR },
		{ "creat", O_WRONLY | O_CREAT | O_EXCL },
		{ "path", O_PATH },
		{ "dir", O_RDONLY | O_DIRECTORY },
		{ "trunc", O_WRONLY | O_TRUNC },
	};

	if (argc < 2)
		return too_few("try-open");
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		if (strcmp(modes[i].name, argv[1]) != 0)
			continue;
		int fd = open(argv[0], modes[i].flags | O_NOCTTY | O_CLOEXEC, 0644);
		outcome2("open", argv[0], fd);
		if (fd >= 0)
			close(fd);
		return 0;
	}
	return too_few("try-open");
}

static int run_try_mknod(int argc, char **argv)
{
	if (argc < 4)
		return too_few("try-mknod");
	mode_t type = argv[1][0] == 'b' ? S_IFBLK : argv[1][0] == 'p' ? S_IFIFO : S_IFCHR;
	dev_t device = makedev((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]));
	outcome2("mknod", argv[0], mknod(argv[0], type | 0600, device));
	return 0;
}

static const struct {
	const char *name;
	long number;
} syscalls[] = {
#define CALL(name)                \
	{                         \
#name, SYS_##name \
	}
	CALL(getpid),	   CALL(getppid),     CALL(gettid),	    CALL(getuid),
	CALL(getgid),	   CALL(mkdirat),     CALL(unshare),	    CALL(keyctl),
	CALL(kcmp),	   CALL(personality), CALL(sync),	    CALL(sched_yield),
	CALL(umask),	   CALL(setns),	      CALL(mount),	    CALL(ptrace),
	CALL(bpf),	   CALL(clone3),      CALL(getcwd),	    CALL(uname),
	CALL(times),	   CALL(alarm),	      CALL(nanosleep),	    CALL(socket),
	CALL(getpriority), CALL(setpriority), CALL(io_uring_setup), CALL(openat2),
#undef CALL
};

// A number, or the name of one of the calls above.
static int run_try_syscall(int argc, char **argv)
{
	long arguments[6] = { 0 };
	long number = argc > 0 ? strtol(argv[0], NULL, 0) : 0;

	if (argc < 1)
		return too_few("try-syscall");
	for (size_t i = 0; i < sizeof syscalls / sizeof *syscalls; i++)
		if (strcmp(syscalls[i].name, argv[0]) == 0)
			number = syscalls[i].number;
	for (int i = 1; i < argc && i <= 6; i++)
		arguments[i - 1] = (long)strtoul(argv[i], NULL, 0);
	errno = 0;
	long result = syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
			      arguments[4], arguments[5]);
	outcome2("syscall", argv[0], result == -1 ? -1 : 0);
	return 0;
}

static int run_try_mkdir(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		outcome2("mkdir", argv[i], mkdir(argv[i], 0755));
	return 0;
}

static int run_try_mount(int argc, char **argv)
{
	if (argc < 3)
		return too_few("try-mount");
	int bind = strcmp(argv[2], "bind") == 0;
	int rw = strcmp(argv[2], "remount-rw") == 0;
	unsigned long flags = bind ? MS_BIND : rw ? MS_REMOUNT | MS_BIND : 0;
	outcome2("mount", argv[1],
		 mount(argv[0], argv[1], bind || rw ? NULL : argv[2], flags, NULL));
	return 0;
}

static int run_try_umount(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		outcome2("umount", argv[i], umount2(argv[i], MNT_DETACH));
	return 0;
}

static int run_try_hostname(int argc, char **argv)
{
	if (argc < 1)
		return too_few("try-hostname");
	payload_outcome("sethostname", sethostname(argv[0], strlen(argv[0])));
	return 0;
}

static int run_try_bind_port(int argc, char **argv)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((unsigned short)(argc > 0 ? atoi(argv[0]) : 80)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	payload_outcome("bind",
			fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof address));
	close(fd);
	return 0;
}

// Listens, and leaves one connection to itself waiting to be accepted: its other end is closed.
static int run_queue_connection(int argc, char **argv)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((unsigned short)(argc > 0 ? atoi(argv[0]) : 80)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(listener, 4) != 0 ||
	    connect(client, (struct sockaddr *)&address, sizeof address) != 0)
		return 70;
	close(client);
	return 0;
}

static int run_try_chdir(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		outcome2("chdir", argv[i], chdir(argv[i]));
	return 0;
}

static int run_try_chown(int argc, char **argv)
{
	if (argc < 2)
		return too_few("try-chown");
	outcome2("chown", argv[0], chown(argv[0], (uid_t)atoi(argv[1]), (gid_t)-1));
	return 0;
}

static int run_try_unlink(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		outcome2("unlink", argv[i], unlink(argv[i]));
	return 0;
}

// Does a write(2) of TEXT succeed? sysctl and cgroup files refuse there, not in open(2).
static int run_try_write(int argc, char **argv)
{
	if (argc < 2)
		return too_few("try-write");
	int fd = open(argv[0], O_WRONLY | O_CLOEXEC);
	outcome2("write", argv[0], fd < 0 ? -1 : write(fd, argv[1], strlen(argv[1])));
	if (fd >= 0)
		close(fd);
	return 0;
}

const struct payload_command payload_try_commands[] = {
	{ "try-open", run_try_open, "PATH r|w|rw|creat|path|dir|trunc" },
	{ "try-mknod", run_try_mknod, "PATH c|b|p MAJOR MINOR" },
	{ "try-syscall", run_try_syscall, "NUMBER|NAME [ARGUMENT]..." },
	{ "try-mkdir", run_try_mkdir, "PATH..." },
	{ "try-mount", run_try_mount, "SOURCE TARGET TYPE|bind|remount-rw" },
	{ "try-umount", run_try_umount, "PATH..." },
	{ "try-hostname", run_try_hostname, "NAME" },
	{ "try-bind-port", run_try_bind_port, "PORT" },
	{ "queue-connection", run_queue_connection, "PORT" },
	{ "try-chdir", run_try_chdir, "PATH..." },
	{ "try-chown", run_try_chown, "PATH UID" },
	{ "try-unlink", run_try_unlink, "PATH..." },
	{ "try-write", run_try_write, "PATH TEXT" },
	{ 0 },
};

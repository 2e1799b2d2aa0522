/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/ports.h"

#include "guest/fail.h"
#include "guest/proto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PORTS "/sys/class/virtio-ports"

/* Reads a small file of sysfs, without its newline. */
static bool read_line(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

int gst_port_open(const char *name, int flags)
{
	DIR *d = opendir(PORTS);
	char path[512], found[300];
	int fd = -1;

	if (d == NULL)
		return -1;
	for (struct dirent *e; fd < 0 && (e = readdir(d)) != NULL;) {
		snprintf(path, sizeof(path), PORTS "/%s/name", e->d_name);
		if (e->d_name[0] == '.' || !read_line(path, found, sizeof(found)) ||
		    strcmp(found, name) != 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		fd = open(path, flags | O_CLOEXEC);
		if (fd < 0)
			gst_fail("open the port %s (%s)", name, path);
	}
	closedir(d);
	return fd;
}

/*
 * The terminal is the first console port; on a machine without one, the console the kernel
 * itself uses. /dev/console is no substitute: it cannot be a controlling terminal.
 */
static int open_terminal(void)
{
	char active[128], path[160], *last;
	int fd = open("/dev/hvc0", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (read_line("/sys/class/tty/console/active", active, sizeof(active))) {
		last = strrchr(active, ' ');
		snprintf(path, sizeof(path), "/dev/%s", last ? last + 1 : active);
		fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

void gst_console_open(void)
{
	int fd = open_terminal();

	if (fd < 0)
		return; /* no /dev yet: messages go to the host by the guest device */
	for (int i = 0; i <= 2; i++)
		(void)dup2(fd, i);
	if (fd > 2)
		close(fd);
}

void gst_stdio_open(unsigned rows, unsigned columns)
{
	static const struct {
		const char *name;
		int fd, flags;
	} streams[] = {
		{ GST_PORT_STDIN, 0, O_RDONLY },
		{ GST_PORT_STDOUT, 1, O_WRONLY },
		{ GST_PORT_STDERR, 2, O_WRONLY },
	};
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

	(void)setsid();
	if (isatty(0)) {
		if (ioctl(0, TIOCSCTTY, 0) != 0)
			gst_fail("make the console the controlling terminal");
		if (rows != 0 && columns != 0)
			(void)ioctl(0, TIOCSWINSZ, &size);
	}
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		int fd = gst_port_open(streams[i].name, streams[i].flags);

		if (fd < 0)
			continue;
		if (dup2(fd, streams[i].fd) < 0)
			gst_fail("use the port %s", streams[i].name);
		close(fd);
	}
}

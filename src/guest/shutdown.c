/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/shutdown.h"

#include "guest/device.h"
#include "guest/proto.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define FUSE_SUPER_MAGIC 0x65735546

unsigned long gst_oom_kills(void)
{
	char text[8192], *at;
	unsigned long n = 0;
	int fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return 0;
	text[len] = '\0';
	at = strstr(text, "\noom_kill ");
	if (at == NULL || sscanf(at + 10, "%lu", &n) != 1)
		return 0;
	return n;
}

/*
 * The original library's way to tell the status, where the root is its (or our) virtio-fs. It also
 * tells our server that the machine is going down, so that the sync below need not reach the
 * host's disk: what is in the host's page cache outlives this machine.
 */
static void tell_file_system(uint32_t value)
{
	struct statfs st;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fstatfs(fd, &st) == 0 && st.f_type == FUSE_SUPER_MAGIC)
		(void)ioctl(fd, GST_EXIT_IOCTL, (unsigned long)(value & GST_EXIT_STATUS_MASK));
	close(fd);
}

void gst_shutdown(uint32_t value)
{
	(void)kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	tell_file_system(value);
	sync();
	/* A disk is left clean; a root that is busy or already read-only needs nothing. */
	(void)mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
	gst_device_report(GST_REPORT_EXIT, value, "");
	/*
	 * The reset that every machine has ends this one. To power off takes ACPI; a kernel without
	 * it, such as a small bundle's, halts instead, for ever.
	 */
	(void)reboot(RB_AUTOBOOT);
	(void)reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

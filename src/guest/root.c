/* SPDX-License-Identifier: Apache-2.0 */
/* From the initramfs into the root. */
#include "guest/mounts.h"

#include "guest/fail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define NEW_ROOT "/newroot"
#define RAMFS_SUPER_MAGIC 0x858458f6
#define TMPFS_SUPER_MAGIC 0x01021994

/* A disk may appear some time after its driver was loaded. */
#define DEVICE_WAIT_MS 5000

static void wait_for(const char *device)
{
	struct timespec step = { .tv_nsec = 10 * 1000000 };

	for (int waited = 0; waited < DEVICE_WAIT_MS; waited += 10) {
		if (access(device, F_OK) == 0)
			return;
		nanosleep(&step, NULL);
	}
	errno = ENXIO;
	gst_fail("find the root device %s", device);
}

/* Every file system of the kernel that lives on a device, until one fits. */
static void mount_any(const char *device, unsigned long flags, const char *data)
{
	char line[128];
	FILE *list = fopen("/proc/filesystems", "re");
	int last = ENODEV;

	if (list == NULL)
		gst_fail("read /proc/filesystems");
	while (fgets(line, sizeof(line), list) != NULL) {
		char *name = line + 1;

		if (line[0] != '\t') /* "nodev" */
			continue;
		name[strcspn(name, "\n")] = '\0';
		if (mount(device, NEW_ROOT, name, flags, data) == 0) {
			fclose(list);
			return;
		}
		/* EINVAL: not its format. Anything else is worth telling. */
		if (errno != EINVAL)
			last = errno;
	}
	fclose(list);
	errno = last;
	gst_fail("mount the root device %s with any file system of this kernel", device);
}

static void mount_root(const struct gst_config *c)
{
	struct gst_options o = gst_options_parse(c->root_options);
	const char *type = c->root_fstype;

	if (c->root == GST_ROOT_VIRTIOFS)
		type = "virtiofs";
	else
		wait_for(c->root_source);
	if (type[0] == '\0' || strcmp(type, "auto") == 0)
		mount_any(c->root_source, o.set, o.data);
	else if (mount(c->root_source, NEW_ROOT, type, o.set, o.data) != 0)
		gst_fail("mount the root %s (%s)", c->root_source, type);
	free(o.data);
}

/* Gives the initramfs's memory back: modules, and this program's file. */
static void remove_beneath(int dir_fd, const char *name, dev_t dev)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	DIR *d;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_dev != dev || (d = fdopendir(fd)) == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, e->d_name, 0) != 0) {
			remove_beneath(fd, e->d_name, dev);
			(void)unlinkat(fd, e->d_name, AT_REMOVEDIR);
		}
	}
	closedir(d);
}

/* Only what is surely an initramfs is emptied. */
static void empty_old_root(int old_root)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(old_root, &fs) != 0 || fstat(old_root, &st) != 0)
		return;
	if (fs.f_type == RAMFS_SUPER_MAGIC || fs.f_type == TMPFS_SUPER_MAGIC)
		remove_beneath(old_root, ".", st.st_dev);
}

void gst_enter_root(const struct gst_config *c)
{
	int old_root;

	if (c->root == GST_ROOT_CURRENT)
		return;
	if (mkdir(NEW_ROOT, 0755) != 0 && errno != EEXIST)
		gst_fail("make %s", NEW_ROOT);
	mount_root(c);
	old_root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (old_root < 0 || chdir(NEW_ROOT) != 0)
		gst_fail("enter the root");
	/* What was mounted for the way here; the root gets its own. */
	(void)umount2("/proc", MNT_DETACH);
	(void)umount2("/dev", MNT_DETACH);
	/* An initramfs cannot be unmounted or pivoted from: the root is put over it. */
	if (mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0)
		gst_fail("make the root the root");
	empty_old_root(old_root);
	close(old_root);
}

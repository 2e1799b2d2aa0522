/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/mounts.h"

#include "guest/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* ---- Options ------------------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	unsigned long set, clear;
} flags[] = {
	{ "async", 0, MS_SYNCHRONOUS },
	{ "atime", 0, MS_NOATIME },
	{ "bind", MS_BIND, 0 },
	{ "defaults", 0, 0 },
	{ "dev", 0, MS_NODEV },
	{ "diratime", 0, MS_NODIRATIME },
	{ "dirsync", MS_DIRSYNC, 0 },
	{ "exec", 0, MS_NOEXEC },
	{ "lazytime", MS_LAZYTIME, 0 },
	{ "mand", 1 << 6, 0 },
	{ "noatime", MS_NOATIME, 0 },
	{ "nodev", MS_NODEV, 0 },
	{ "nodiratime", MS_NODIRATIME, 0 },
	{ "noexec", MS_NOEXEC, 0 },
	{ "nomand", 0, 1 << 6 },
	{ "norelatime", 0, MS_RELATIME },
	{ "nostrictatime", 0, MS_STRICTATIME },
	{ "nosuid", MS_NOSUID, 0 },
	{ "nosymfollow", 256, 0 },
	{ "rbind", MS_BIND | MS_REC, 0 },
	{ "relatime", MS_RELATIME, 0 },
	{ "ro", MS_RDONLY, 0 },
	{ "rw", 0, MS_RDONLY },
	{ "strictatime", MS_STRICTATIME, 0 },
	{ "suid", 0, MS_NOSUID },
	{ "sync", MS_SYNCHRONOUS, 0 },
};

static const struct {
	const char *name;
	unsigned long flag;
} propagations[] = {
	{ "private", MS_PRIVATE },	 { "rprivate", MS_PRIVATE | MS_REC },
	{ "shared", MS_SHARED },	 { "rshared", MS_SHARED | MS_REC },
	{ "slave", MS_SLAVE },		 { "rslave", MS_SLAVE | MS_REC },
	{ "unbindable", MS_UNBINDABLE }, { "runbindable", MS_UNBINDABLE | MS_REC },
};

static bool take_option(struct gst_options *o, const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strlen(flags[i].name) == len && memcmp(flags[i].name, word, len) == 0) {
			o->set = (o->set & ~flags[i].clear) | flags[i].set;
			o->clear = (o->clear & ~flags[i].set) | flags[i].clear;
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(propagations) / sizeof(propagations[0]); i++) {
		if (strlen(propagations[i].name) == len &&
		    memcmp(propagations[i].name, word, len) == 0) {
			o->propagation = propagations[i].flag;
			return true;
		}
	}
	/* What only a container runtime on the host can do, and has done. */
	return len == 9 && memcmp(word, "tmpcopyup", 9) == 0;
}

struct gst_options gst_options_parse(const char *text)
{
	struct gst_options o = { .data = gst_alloc(strlen(text) + 1, 1) };
	size_t used = 0;

	while (*text) {
		size_t len = strcspn(text, ",");

		if (len > 0 && !take_option(&o, text, len)) {
			if (used > 0)
				o.data[used++] = ',';
			memcpy(o.data + used, text, len);
			used += len;
		}
		text += len + (text[len] == ',');
	}
	o.data[used] = '\0';
	o.recursive = o.set & MS_REC;
	return o;
}

/* ---- Places -------------------------------------------------------------------------------------
 */

/* Makes a directory and those above it. */
static void make_dirs(const char *path)
{
	char part[4096];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		gst_refuse("the path %.60s... is too long", path);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			gst_fail("make the directory %s", part);
	}
}

/* The place for a bind of a file is a file. */
static void make_place(const char *source, const char *target, bool bind)
{
	struct stat st;
	char *parent;
	int fd;

	if (stat(target, &st) == 0)
		return;
	if (!bind || stat(source, &st) != 0 || S_ISDIR(st.st_mode)) {
		make_dirs(target);
		return;
	}
	parent = strdup(target);
	if (parent != NULL && strrchr(parent, '/') > parent) {
		*strrchr(parent, '/') = '\0';
		make_dirs(parent);
	}
	free(parent);
	fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		gst_fail("make the file %s", target);
	close(fd);
}

/* ---- What every workload expects ----------------------------------------------------------------
 */

static const struct api_mount {
	const char *target, *type, *data;
	unsigned long flags;
	bool optional; /* a small kernel may lack it */
} api[] = {
	{ "/dev", "devtmpfs", "mode=0755", MS_NOSUID, false },
	{ "/proc", "proc", "", MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
	{ "/sys", "sysfs", "", MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
	{ "/sys/fs/cgroup", "cgroup2", "", MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
	{ "/dev/pts", "devpts", "gid=5,mode=620,ptmxmode=666", MS_NOSUID | MS_NOEXEC, false },
	{ "/dev/shm", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV, false },
	{ "/dev/mqueue", "mqueue", "", MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
};

static void mount_api(const struct api_mount *m)
{
	/* Those in /sys are there if the kernel has them; /dev's and the root's may be missing. */
	if (strncmp(m->target, "/sys/", 5) != 0)
		make_dirs(m->target);
	if (mount(m->type, m->target, m->type, m->flags, m->data) == 0 || errno == EBUSY)
		return;
	if (!m->optional)
		gst_fail("mount %s on %s", m->type, m->target);
}

static void make_links(void)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" },
		{ "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" },
		{ "/proc/self/fd/2", "/dev/stderr" },
	};

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (symlink(links[i][0], links[i][1]) != 0 && errno != EEXIST)
			gst_fail("make the link %s", links[i][1]);
	}
	/* Virtualisation in the guest is for everybody in it, if there is any. */
	(void)chmod("/dev/kvm", 0666);
}

void gst_mount_early(void)
{
	mount_api(&api[0]);
	mount_api(&api[1]);
}

void gst_mount_api(void)
{
	for (size_t i = 0; i < sizeof(api) / sizeof(api[0]); i++)
		mount_api(&api[i]);
	make_links();
}

/* ---- The configuration's ------------------------------------------------------------------------
 */

/* A bind takes flags only when it is mounted again, and propagation is a call of its own. */
static void finish_mount(const char *target, const struct gst_options *o)
{
	unsigned long again = o->set & ~(unsigned long)(MS_BIND | MS_REC);

	if (o->set & MS_BIND && again != 0 &&
	    mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | again, NULL) != 0)
		gst_fail("set the options of the bind on %s", target);
	if (o->propagation != 0 && mount(NULL, target, NULL, o->propagation, NULL) != 0)
		gst_fail("set the propagation of %s", target);
}

static void mount_one(const struct gst_mount *m)
{
	struct gst_options o = gst_options_parse(m->options);
	bool bind = o.set & MS_BIND || strcmp(m->fstype, "bind") == 0;
	unsigned long first = bind ? MS_BIND | (o.set & MS_REC) : o.set;

	if (bind)
		o.set |= MS_BIND;
	make_place(m->source, m->target, bind);
	if (mount(m->source, m->target, bind ? NULL : m->fstype, first, bind ? NULL : o.data) != 0)
		gst_fail("mount %s (%s) on %s", m->source, m->fstype, m->target);
	finish_mount(m->target, &o);
	free(o.data);
}

static void make_device(const struct gst_special *d)
{
	if (mknod(d->path, d->mode, makedev(d->major, d->minor)) != 0 && errno != EEXIST)
		gst_fail("make the device %s", d->path);
	/* Past the umask, and for one that was there already. */
	if (chmod(d->path, d->mode & 07777) != 0 || chown(d->path, d->uid, d->gid) != 0)
		gst_fail("set the owner of the device %s", d->path);
}

/* As the specification has it: unreadable if it exists, ignored if not. */
static void mask(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return;
	if (S_ISDIR(st.st_mode)) {
		if (mount("tmpfs", path, "tmpfs", MS_RDONLY, "size=0,mode=0") != 0)
			gst_fail("mask %s", path);
	} else if (mount("/dev/null", path, NULL, MS_BIND, NULL) != 0) {
		gst_fail("mask %s", path);
	}
}

static void make_readonly(const char *path)
{
	if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) != 0) {
		if (errno == ENOENT)
			return;
		gst_fail("bind %s", path);
	}
	if (mount(NULL, path, NULL,
		  MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
		gst_fail("make %s read-only", path);
}

void gst_mount_all(const struct gst_config *c)
{
	for (const struct gst_mount *m = c->mounts; m != NULL; m = m->next)
		mount_one(m);
	for (const struct gst_special *d = c->devices; d != NULL; d = d->next)
		make_device(d);
	for (size_t i = 0; i < c->masks.count; i++)
		mask(c->masks.item[i]);
	for (size_t i = 0; i < c->readonlys.count; i++)
		make_readonly(c->readonlys.item[i]);
	if (c->flags & GST_F_ROOT_READONLY &&
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0)
		gst_fail("make the root read-only");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shared directory and a file server for it. Include it in one file of a program, behind
 * fake_loop.h and fuse_client.h.
 */
#pragma once

#include "fake_loop.h"
#include "fuse_client.h"
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

static struct fuse_client client;
static struct fuse_client *const c = &client;
static char dir[64];
static int dir_fd = -1;
static struct vmm_fs_config config;
static int exit_code;

static inline void on_exit_code(void *arg, int code)
{
	(void)arg;
	exit_code = code;
}

static const struct vmm_virtio_env env = { .exit_code = on_exit_code };

static inline int open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static inline void start(void)
{
	strcpy(dir, "/tmp/fuse.XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	chmod(dir, 0755);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	config = (struct vmm_fs_config){ .tag = "test", .path = dir };
	fake_log[0] = '\0';
}

static inline bool serve(void)
{
	c->uid = geteuid();
	c->gid = getegid();
	if (rl_drop_failed(fs_server_new(&config, &env, &c->server)))
		return false;
	return !rl_drop_failed(fs_server_enter(c->server)) && fuse_init(c) == 0;
}

static inline void remove_tree(int fd, const char *name)
{
	int sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = sub >= 0 ? fdopendir(sub) : NULL;

	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(sub, e->d_name, 0) != 0)
			remove_tree(sub, e->d_name);
	}
	if (d != NULL)
		closedir(d);
	unlinkat(fd, name, AT_REMOVEDIR);
}

static inline void stop(void)
{
	fs_server_free(c->server);
	c->server = NULL;
	close(dir_fd);
	remove_tree(AT_FDCWD, dir);
}

static inline void make_file(const char *name, const char *text, mode_t mode)
{
	int fd = openat(dir_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, mode);

	if (write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) != 0)
		abort();
	close(fd);
}

static inline struct stat stat_of(const char *name)
{
	struct stat st = { 0 };

	fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW);
	return st;
}

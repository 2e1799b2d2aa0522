/* SPDX-License-Identifier: Apache-2.0 */
#include "furnish.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

rl_err want(bool ok, const char *what)
{
	return ok ? RL_OK : rl_fail(RL_E(EINVAL), "not so: %s", what);
}

rl_err want_flags(const char *path, unsigned long flags, unsigned long none)
{
	struct statvfs fs;

	RL_TRY(rl_sys(statvfs(path, &fs), "%s", path));
	if ((fs.f_flag & flags) != flags || fs.f_flag & none)
		return rl_fail(RL_E(EINVAL), "%s has flags %lx, want %lx and not %lx", path,
			       fs.f_flag, flags, none);
	return RL_OK;
}

rl_err want_type(const char *path, long type)
{
	struct statfs fs;

	RL_TRY(rl_sys(statfs(path, &fs), "%s", path));
	if (fs.f_type != type)
		return rl_fail(RL_E(EINVAL), "%s is %lx, want %lx", path, (long)fs.f_type, type);
	return RL_OK;
}

rl_err want_device(const char *path, unsigned maj, unsigned min)
{
	struct stat st;

	RL_TRY(rl_sys(lstat(path, &st), "%s", path));
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(maj, min) || (st.st_mode & 07777) != 0666)
		return rl_fail(RL_E(EINVAL), "%s: mode %o rdev %lx", path, st.st_mode,
			       (unsigned long)st.st_rdev);
	return RL_OK;
}

rl_err want_link(const char *path, const char *content)
{
	char buf[256];
	ssize_t n = readlink(path, buf, sizeof(buf) - 1);

	RL_TRY(rl_sys(n, "%s", path));
	buf[n] = '\0';
	if (strcmp(buf, content) != 0)
		return rl_fail(RL_E(EINVAL), "%s -> %s, want %s", path, buf, content);
	return RL_OK;
}

rl_err want_errno(long ret, int code, const char *what)
{
	if (ret >= 0 || errno != code)
		return rl_fail(RL_E(EINVAL), "%s: %ld, errno %d, want %d", what, ret,
			       ret < 0 ? errno : 0, code);
	return RL_OK;
}

rl_err want_mounts(unsigned most)
{
	char line[1024];
	unsigned count = 0;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	RL_TRY(rl_sys(f ? 0 : -1, "mountinfo"));
	while (fgets(line, sizeof(line), f))
		count++;
	fclose(f);
	if (count > most)
		return rl_fail(RL_E(EINVAL), "%u mounts, want at most %u", count, most);
	return RL_OK;
}

void put_file(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (f == NULL)
		abort();
	fputs(text, f);
	fclose(f);
}

void put_dir(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (mkdir(path, 0755) < 0)
		abort();
}

void put_link(const char *dir, const char *name, const char *content)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (symlink(content, path) < 0)
		abort();
}

bool exists(const char *dir, const char *name)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return lstat(path, &st) == 0;
}

rl_err want_text(const char *path, const char *text)
{
	char buf[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	RL_TRY(rl_sys(fd, "%s", path));
	RL_TRY(rl_sys(read(fd, buf, sizeof(buf) - 1), "%s", path));
	(void)close(fd);
	if (strcmp(buf, text) != 0)
		return rl_fail(RL_E(EINVAL), "%s holds \"%s\", want \"%s\"", path, buf, text);
	return RL_OK;
}

const char *bind_bundle(void)
{
	const char *b = rootfs_bundle();

	put_dir(b, "data");
	put_dir(b, "tree");
	put_dir(b, "tree/inner");
	put_dir(b, "closed");
	put_file(b, "data/file", "content");
	return b;
}

rl_err rootfs_as_it_is(void)
{
	return RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/dev.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static char type_letter(mode_t mode)
{
	return S_ISCHR(mode) ? 'c' : S_ISBLK(mode) ? 'b' : S_ISFIFO(mode) ? 'p' : '-';
}

static bool is_same(const struct stat *st, const struct lx_dev *dev)
{
	if ((st->st_mode & S_IFMT) != (dev->mode & S_IFMT))
		return false;
	return S_ISFIFO(st->st_mode) ||
	       (major(st->st_rdev) == dev->major && minor(st->st_rdev) == dev->minor);
}

static rl_err check_existing(int dir_fd, const char *name, const struct lx_dev *dev)
{
	struct stat st;

	RL_TRY(rl_sys(fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW), "%s", name));
	if (is_same(&st, dev))
		return RL_OK;
	return rl_fail(RL_E(EEXIST), "%s is not the device %c %u:%u", name, type_letter(dev->mode),
		       dev->major, dev->minor);
}

rl_err lx_dev_make(int dir_fd, const char *name, const struct lx_dev *dev)
{
	rl_err e =
		rl_sys(mknodat(dir_fd, name, dev->mode, makedev(dev->major, dev->minor)),
		       "make %s (%c %u:%u)", name, type_letter(dev->mode), dev->major, dev->minor);

	if (rl_is(e, RL_E(EEXIST))) {
		rl_drop(e);
		return check_existing(dir_fd, name, dev);
	}
	RL_TRY(e);
	if (dev->uid == 0 && dev->gid == 0)
		return RL_OK;
	RL_TRY(rl_sys(fchownat(dir_fd, name, dev->uid, dev->gid, AT_SYMLINK_NOFOLLOW),
		      "give %s to %u:%u", name, dev->uid, dev->gid));
	return RL_OK;
}

rl_err lx_dev_check(int fd, const struct lx_dev *dev)
{
	struct stat st;

	RL_TRY(rl_sys(fstat(fd, &st), "stat"));
	if (is_same(&st, dev))
		return RL_OK;
	return rl_refuse(RL_E(EINVAL), "is not the device %c %u:%u", type_letter(dev->mode),
			 dev->major, dev->minor);
}

rl_err lx_dev_null(struct rl_fd *ret)
{
	const struct lx_dev null = { .mode = S_IFCHR, .major = 1, .minor = 3 };
	struct rl_fd RL_AUTO_FD fd = { 0 };

	RL_TRY(rl_fd_from(openat(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC), &fd,
			  "/dev/null"));
	RL_TRY(lx_dev_check(rl_fd_get(&fd), &null), "/dev/null");
	rl_fd_set(ret, rl_fd_take(&fd));
	return RL_OK;
}

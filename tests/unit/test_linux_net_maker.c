/* SPDX-License-Identifier: Apache-2.0 */
/* The network namespace that is made beside, in children that may lose theirs. */
#include "child.h"
#include "linux/net_maker.h"
#include "linux/sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static ino_t own_network(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) == 0 ? st.st_ino : 0;
}

static unsigned count_in(const char *path)
{
	unsigned count = 0;
	DIR *dir = opendir(path);

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}

static bool loopback_is_up(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up = ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;

	close(fd);
	return up;
}

static bool may_make_one(void)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0)
		_exit(lx_sys_unshare(CLONE_NEWNET) == 0 ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static int taken(void)
{
	struct rl_fd RL_AUTO_FD ns = { 0 };
	struct lx_net_maker m = { 0 };
	unsigned open_before = count_in("/proc/self/fd");
	ino_t before = own_network();
	struct stat st;

	if (!may_make_one())
		return SKIPPED;
	lx_net_maker_start(&m);
	if (!m.started)
		return __LINE__;
	lx_net_maker_take(&m, &ns);
	if (m.started || !rl_fd_has(&ns) || fstat(rl_fd_get(&ns), &st) < 0)
		return __LINE__;
	/* One descriptor more, no thread more, and we are where we were. */
	if (count_in("/proc/self/fd") != open_before + 1 || count_in("/proc/self/task") != 3)
		return __LINE__;
	if (own_network() != before || st.st_ino == before)
		return __LINE__;
	if (lx_sys_setns(rl_fd_get(&ns), CLONE_NEWNET) < 0 || own_network() != st.st_ino)
		return __LINE__;
	return loopback_is_up() ? 0 : __LINE__;
}

TEST(is_new_and_has_lo_up)
{
	CHECK_CHILD(taken);
}

static int not_taken(void)
{
	unsigned open_before = count_in("/proc/self/fd");
	ino_t before = own_network();

	if (!may_make_one())
		return SKIPPED;
	for (int i = 0; i < 20; i++) {
		struct lx_net_maker m = { 0 };

		lx_net_maker_start(&m);
		if (!m.started)
			return __LINE__;
		lx_net_maker_close(&m);
	}
	if (count_in("/proc/self/fd") != open_before || count_in("/proc/self/task") != 3)
		return __LINE__;
	return own_network() == before ? 0 : __LINE__;
}

TEST(leaves_nothing_when_it_is_not_taken)
{
	CHECK_CHILD(not_taken);
}

static int one_at_a_time(void)
{
	struct lx_net_maker first = { 0 }, second = { 0 };

	lx_net_maker_start(&first);
	lx_net_maker_start(&second);
	if (!first.started || second.started)
		return __LINE__;
	lx_net_maker_close(&second);
	lx_net_maker_close(&first);
	lx_net_maker_start(&second);
	if (!second.started)
		return __LINE__;
	lx_net_maker_close(&second);
	return 0;
}

TEST(there_is_one_stack)
{
	CHECK_CHILD(one_at_a_time);
}

static int refused(void)
{
	struct rl_fd RL_AUTO_FD ns = { 0 };
	struct lx_net_maker m = { 0 };
	unsigned open_before = count_in("/proc/self/fd");
	int fd;

	if (lx_sys_unshare(CLONE_NEWUSER) < 0)
		return SKIPPED;
	fd = open("/proc/sys/user/max_net_namespaces", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return SKIPPED;
	close(fd);
	errno = 77;
	lx_net_maker_start(&m);
	lx_net_maker_take(&m, &ns);
	if (errno != 77)
		return __LINE__;
	return !rl_fd_has(&ns) && count_in("/proc/self/fd") == open_before ? 0 : __LINE__;
}

/* ENOSPC is for whoever makes one instead. */
TEST(says_nothing_of_a_failure)
{
	CHECK_CHILD(refused);
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
/* Opening beneath a root: by openat2(2), and by the walk of kernels that lack it. */
#include "linux/path.h"

#include "base/io.h"
#include "enosys.h"
#include "linux/sys.h"
#include "test.h"

#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char base[PATH_MAX]; /* base/root is the root, base/outside must stay as it is */
static int root_fd;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static void tear_down(void)
{
	(void)close(root_fd);
	(void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
#define AUTO_TREE __attribute__((cleanup(tear_down_at)))

static void tear_down_at(const int *unused)
{
	(void)unused;
	tear_down();
}

static void must(int ret)
{
	if (ret < 0) {
		perror("test tree");
		abort();
	}
}

static int set_up(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(base, sizeof(base), "%s/path.XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(base) == NULL)
		abort();
	must(chdir(base));
	must(mkdir("outside", 0755));
	must(mkdir("root", 0755));
	must(mkdir("root/a", 0755));
	must(mkdir("root/a/b", 0755));
	must(mkdir("root/outside", 0755)); /* where links that climb out arrive */
	must(symlink("../../../../../outside", "root/climb"));
	must(symlink("/outside", "root/absolute"));
	must(symlink("a/b", "root/inside"));
	must(symlink("loop", "root/loop"));
	must(symlink("/not/there", "root/dangling"));
	must(symlink("..", "root/a/b/up"));
	must(close(open("root/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644)));
	root_fd = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(root_fd);
	must(chdir("/"));
	return 0;
}

/* True if `fd` is the directory or file of that name, as the host sees it. */
static bool is_host_path(int fd, const char *path)
{
	char full[2 * PATH_MAX];
	struct stat a, b;

	snprintf(full, sizeof(full), "%s/%s", base, path);
	return fstat(fd, &a) == 0 && lstat(full, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static bool exists(const char *path)
{
	char full[2 * PATH_MAX];
	struct stat st;

	snprintf(full, sizeof(full), "%s/%s", base, path);
	return lstat(full, &st) == 0;
}

static void check_open(const char *path, unsigned flags, const char *want)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };

	CHECK_OK(lx_path_open(root_fd, path, flags, &fd));
	CHECK(is_host_path(rl_fd_get(&fd), want));
}

static void check_fails(const char *path, unsigned flags, int code)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };

	CHECK_FAILS(lx_path_open(root_fd, path, flags, &fd), code, "");
}

static void opening(void)
{
	check_open("/", 0, "root");
	check_open("", 0, "root");
	check_open("/a/b", 0, "root/a/b");
	check_open("a//./b/", 0, "root/a/b");
	check_open("/inside", 0, "root/a/b");
	check_open("/inside", LX_PATH_NOFOLLOW, "root/inside");
	check_open("/inside/up", 0, "root/a");
	check_open("/inside/..", 0, "root/a");
	check_open("/../../../a", 0, "root/a");
	check_open("/climb", 0, "root/outside");
	check_open("/absolute", 0, "root/outside");
	check_open("/climb/../../../../outside", 0, "root/outside");
	check_open("/a/b", LX_PATH_NO_SYMLINKS, "root/a/b");
	check_open("/file", 0, "root/file");
	check_fails("/loop", 0, ELOOP);
	check_fails("/dangling", 0, ENOENT);
	check_fails("/none", 0, ENOENT);
	check_fails("/file/x", 0, ENOTDIR);
	check_fails("/inside", LX_PATH_NO_SYMLINKS, ELOOP);
	check_fails("/inside/up", LX_PATH_NO_SYMLINKS, ELOOP);
	check_fails("/none", LX_PATH_NO_SYMLINKS, ENOENT);
}

static void making(void)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	const char *name;

	umask(0);
	CHECK_OK(lx_path_make_dir(root_fd, "/x/y/z", 0750, &fd));
	CHECK(is_host_path(rl_fd_get(&fd), "root/x/y/z"));
	CHECK_OK(lx_path_make_dir(root_fd, "/inside/new", 0755, &fd));
	CHECK(is_host_path(rl_fd_get(&fd), "root/a/b/new"));
	CHECK_OK(lx_path_make_dir(root_fd, "/climb/made", 0755, &fd));
	CHECK(is_host_path(rl_fd_get(&fd), "root/outside/made"));
	CHECK(!exists("outside/made"));
	CHECK_OK(lx_path_make_dir(root_fd, "/dangling/d", 0755, &fd));
	CHECK(is_host_path(rl_fd_get(&fd), "root/not/there/d"));
	CHECK_OK(lx_path_make_file(root_fd, "/m/n/file", 0644, &fd));
	CHECK(is_host_path(rl_fd_get(&fd), "root/m/n/file"));
	CHECK_OK(lx_path_make_file(root_fd, "/a", 0644, &fd));
	CHECK(is_host_path(rl_fd_get(&fd), "root/a"));
	CHECK_OK(lx_path_parent(root_fd, "/p/q/name", &fd, &name));
	CHECK(is_host_path(rl_fd_get(&fd), "root/p/q"));
	CHECK_STR(name, "name");
	CHECK_OK(lx_path_parent(root_fd, "/name", &fd, &name));
	CHECK(is_host_path(rl_fd_get(&fd), "root"));
	CHECK_FAILS(lx_path_parent(root_fd, "/", &fd, &name), EINVAL, "");
	CHECK_FAILS(lx_path_parent(root_fd, "/a/..", &fd, &name), EINVAL, "");
	CHECK_FAILS(lx_path_make_dir(root_fd, "/file/x", 0755, &fd), ENOTDIR, "file");
	CHECK_FAILS(lx_path_make_dir(root_fd, "/file", 0755, &fd), ENOTDIR, "file");
	CHECK_FAILS(lx_path_make_dir(root_fd, "/loop/x", 0755, &fd), ELOOP, "");
	CHECK(!exists("outside/name"));
}

static void limits(void)
{
	char path[PATH_MAX + 64];
	struct rl_fd RL_AUTO_FD fd = { 0 };

	memset(path, 'a', 300);
	path[300] = '\0';
	CHECK_FAILS(lx_path_make_dir(root_fd, path, 0755, &fd), ENAMETOOLONG, "");
	for (size_t i = 0; i < PATH_MAX + 60; i += 2)
		memcpy(path + i, "x/", 3);
	CHECK_FAILS(lx_path_make_dir(root_fd, path, 0755, &fd), ENAMETOOLONG, "");
}

static void reading(void)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };

	CHECK_OK(lx_path_open_for(root_fd, "/file", O_RDWR, &fd));
	CHECK_INT(write(rl_fd_get(&fd), "x", 1), 1);
	CHECK_FAILS(lx_path_open_for(root_fd, "/a", O_WRONLY, &fd), EISDIR, "");
}

/* Links of procfs lead to anywhere, whatever their text says. */
static void magic_links(void)
{
	struct rl_fd RL_AUTO_FD slash = { 0 }, fd = { 0 };

	CHECK_OK(rl_fd_from(open("/", O_PATH | O_CLOEXEC), &slash, "/"));
	CHECK_FAILS(lx_path_open(rl_fd_get(&slash), "/proc/self/root/etc", 0, &fd), ELOOP, "");
	CHECK_FAILS(lx_path_open(rl_fd_get(&slash), "/proc/self/exe", 0, &fd), ELOOP, "");
	CHECK_OK(lx_path_open(rl_fd_get(&slash), "/proc/self/status", 0, &fd));
	CHECK_OK(lx_path_open(rl_fd_get(&slash), "/proc/mounts", 0, &fd));
}

/* Runs a case in a child that has no openat2(2). */
static void without_openat2(void (*run)(void))
{
	static const int calls[] = { SYS_openat2 };
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct rl_fd fd = { 0 };

		if (enosys_for(calls, 1) < 0)
			_exit(2);
		run();
		rl_fd_close(&fd);
		fflush(stdout);
		_exit(rl_test_failed);
	}
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
}

#define BOTH(id)                               \
	TEST(id##_openat2)                     \
	{                                      \
		int AUTO_TREE tree = set_up(); \
		(void)tree;                    \
		id();                          \
	}                                      \
	TEST(id##_walking)                     \
	{                                      \
		int AUTO_TREE tree = set_up(); \
		(void)tree;                    \
		without_openat2(id);           \
	}

BOTH(opening)
BOTH(making)
BOTH(limits)
BOTH(reading)
BOTH(magic_links)

/* ---- a neighbour who swaps a directory for a link all the time ------------------------------ */

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

static void swap_for_ever(void)
{
	char dir[2 * PATH_MAX], link[2 * PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/root/swap", base);
	snprintf(link, sizeof(link), "%s/root/swap-link", base);
	for (;;)
		(void)syscall(SYS_renameat2, AT_FDCWD, dir, AT_FDCWD, link, RENAME_EXCHANGE);
}

static void racing(void)
{
	for (int i = 0; i < 300; i++) {
		struct rl_fd RL_AUTO_FD fd = { 0 };
		char path[64];

		snprintf(path, sizeof(path), "/swap/one/two-%d/three", i);
		/* It may fail; it may not arrive outside. */
		if (rl_drop_failed(lx_path_make_dir(root_fd, path, 0755, &fd)))
			continue;
		snprintf(path, sizeof(path), "/swap/../swap/one/file-%d", i);
		rl_drop(lx_path_make_file(root_fd, path, 0644, &fd));
	}
}

static void race(void (*run)(void (*)(void)))
{
	char target[2 * PATH_MAX], path[2 * PATH_MAX];
	pid_t pid;

	snprintf(target, sizeof(target), "%s/outside", base);
	snprintf(path, sizeof(path), "%s/root/swap", base);
	must(mkdir(path, 0755));
	snprintf(path, sizeof(path), "%s/root/swap-link", base);
	must(symlink(target, path));
	fflush(stdout);
	pid = fork();
	must(pid);
	if (pid == 0)
		swap_for_ever();
	run(racing);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK(!exists("outside/one"));
	CHECK(exists("root/swap/one") || exists("root/swap-link/one"));
}

static void run_here(void (*body)(void))
{
	body();
}

TEST(race_openat2)
{
	int AUTO_TREE tree = set_up();

	(void)tree;
	race(run_here);
}

TEST(race_walking)
{
	int AUTO_TREE tree = set_up();

	(void)tree;
	race(without_openat2);
}

/* ---- procfs --------------------------------------------------------------------------------- */

static void reading_proc(void)
{
	struct lx_proc LX_AUTO_PROC proc = { 0 };
	struct rl_fd RL_AUTO_FD fd = { 0 };

	CHECK_OK(lx_proc_host(&proc));
	CHECK_OK(lx_proc_open(&proc, "self/status", O_RDONLY, &fd));
	CHECK_OK(lx_proc_write(&proc, "self/comm", "renamed"));
	CHECK_FAILS(lx_proc_open(&proc, "/self/status", O_RDONLY, &fd), EINVAL, "");
	CHECK_FAILS(lx_proc_open(&proc, "self/../1/status", O_RDONLY, &fd), EINVAL, "");
	CHECK_FAILS(lx_proc_open(&proc, "self/root", O_RDONLY, &fd), ELOOP, "");
	CHECK_FAILS(lx_proc_open(&proc, "nothing", O_RDONLY, &fd), ENOENT, "nothing");
}

TEST(proc_openat2)
{
	reading_proc();
}

TEST(proc_walking)
{
	without_openat2(reading_proc);
}

/* CVE-2019-16884, CVE-2025-52881: what is mounted over procfs takes no writes of ours. */
static rl_err forged_proc(void)
{
	struct lx_proc LX_AUTO_PROC proc = { 0 };
	struct rl_fd RL_AUTO_FD fd = { 0 };
	char text[64] = "";

	RL_TRY(rl_sys(unshare(CLONE_NEWNS), "unshare"));
	RL_TRY(rl_sys(mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL), "private"));
	/* One file: bound over by another of the same file system. */
	RL_TRY(rl_sys(mount("/proc/self/sched", "/proc/self/comm", NULL, MS_BIND, NULL), "bind"));
	RL_TRY(lx_proc_host(&proc));
	RL_TRY(lx_proc_write(&proc, "self/comm", "through"));
	RL_TRY(rl_sys(umount2("/proc/self/comm", MNT_DETACH), "umount"));
	RL_TRY(rl_read_small(AT_FDCWD, "/proc/self/comm", text, sizeof(text)));
	if (strncmp(text, "through", 7) != 0)
		return rl_fail(RL_E(EINVAL), "the write went elsewhere: comm is %s", text);
	/* The whole. */
	lx_proc_close(&proc);
	RL_TRY(rl_sys(mount("none", "/proc", "tmpfs", 0, NULL), "tmpfs"));
	RL_TRY(rl_sys(mkdir("/proc/self", 0755), "mkdir"));
	RL_TRY(rl_fd_from(open("/proc/self/comm", O_CREAT | O_WRONLY | O_CLOEXEC, 0644), &fd,
			  "forge"));
	RL_TRY(lx_proc_host(&proc));
	RL_TRY(lx_proc_write(&proc, "self/comm", "again"));
	RL_TRY(rl_sys(umount2("/proc", MNT_DETACH), "umount"));
	RL_TRY(rl_read_small(AT_FDCWD, "/proc/self/comm", text, sizeof(text)));
	if (strncmp(text, "again", 5) != 0)
		return rl_fail(RL_E(EINVAL), "the write went elsewhere: comm is %s", text);
	return RL_OK;
}

TEST(forged_proc)
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		SKIP("needs root");
	fflush(stdout);
	pid = fork();
	must(pid);
	if (pid == 0) {
		rl_err e = forged_proc();

		if (rl_failed(e))
			printf("# %s\n", rl_text(e));
		fflush(stdout);
		_exit(rl_failed(e));
	}
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
}

RUN_TESTS()

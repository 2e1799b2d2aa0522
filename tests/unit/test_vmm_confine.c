/* SPDX-License-Identifier: Apache-2.0 */
/* What a confined process can do and what not, tried in processes of their own. */
#include "vmm/confine.h"

#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* Each returns the number of the first line that is not as it shall be, 0 if all are. */
typedef int child_fn(const char *dir);

#define EXPECT(condition)                \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)
#define REFUSED(call, errnum) EXPECT((call) == -1 && errno == (errnum))

/* The line in the lower 15 bits, as status and as a signal's number would not do. */
static int in_child(child_fn *fn, const char *dir)
{
	int result = 0, fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		result = fn(dir);
		if (write(fd[1], &result, sizeof(result)) < 0)
			_exit(1);
		_exit(0);
	}
	close(fd[1]);
	if (read(fd[0], &result, sizeof(result)) != sizeof(result))
		result = -2; /* it died */
	close(fd[0]);
	waitpid(pid, NULL, 0);
	return result;
}

static char *make_dir(void)
{
	static char dir[] = "/tmp/test-confine-XXXXXX";
	char path[64];

	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/a", dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/b", dir);
	mkdir(path, 0755);
	return dir;
}

static void *nothing(void *arg)
{
	return arg;
}

static int calls(const char *dir)
{
	pthread_t thread;
	void *page;
	int fd;

	(void)dir;
	rl_drop(vmm_confine_calls());
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	EXPECT(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
	EXPECT(pthread_create(&thread, NULL, nothing, NULL) == 0);
	EXPECT(pthread_join(thread, NULL) == 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(page != MAP_FAILED);
	EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);

	REFUSED(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	REFUSED(socket(AF_NETLINK, SOCK_RAW, 0), EPERM);
	REFUSED(mprotect(page, 4096, PROT_READ | PROT_EXEC), EPERM);
	EXPECT(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED);
	REFUSED(execl("/bin/true", "true", NULL), EPERM);
	REFUSED(fork(), EPERM);
	REFUSED(syscall(SYS_clone3, NULL, 0), ENOSYS);
	REFUSED(unshare(CLONE_NEWNS), EPERM);
	REFUSED(syscall(SYS_mount, "x", "/", "tmpfs", 0, NULL), EPERM);
	REFUSED(kill(getppid(), 0), EPERM);
	REFUSED(syscall(SYS_ptrace, 0, 0, 0, 0), EPERM);
	REFUSED(syscall(SYS_bpf, 0, NULL, 0), EPERM);
	REFUSED(syscall(SYS_io_uring_setup, 1, NULL), EPERM);
	REFUSED(syscall(SYS_io_uring_register, -1, 0, NULL, 0), EPERM);
	REFUSED(syscall(SYS_setuid, 0), EPERM);
	REFUSED(syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0), EPERM);
	REFUSED(ioctl(0, TIOCSTI, "x"), EPERM);
	/* The 32-bit numbers of x32 are other numbers. */
	REFUSED(syscall(0x40000000 | SYS_getpid), EPERM);
	return 0;
}

TEST(system_calls)
{
#ifndef SANITIZED /* it needs calls of its own */
	CHECK_INT(in_child(calls, NULL), 0);
#else
	(void)calls;
	(void)in_child;
#endif
}

static bool done; /* in the child */

static int files(const char *dir)
{
	struct vmm_reach reach = { .path = dir };
	char from[64], to[64];
	int kept = open("/", O_PATH | O_CLOEXEC);
	int fd;

	rl_drop(vmm_confine_files(&reach, 1, &done));
	if (!done)
		return 0; /* this kernel has no Landlock that would do */
	snprintf(from, sizeof(from), "%s/a/file", dir);
	fd = open(from, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	EXPECT(fd >= 0 && ftruncate(fd, 10) == 0);
	snprintf(to, sizeof(to), "%s/b/file", dir);
	EXPECT(rename(from, to) == 0);
	EXPECT(link(to, from) == 0);
	EXPECT(unlink(to) == 0);
	/* Through procfs to a file beneath: as the server opens what it knows. */
	snprintf(to, sizeof(to), "/proc/self/fd/%d", fd);
	EXPECT(open(to, O_RDWR | O_CLOEXEC) >= 0);
	EXPECT(unlink(from) == 0);

	REFUSED(open("/etc/passwd", O_RDONLY | O_CLOEXEC), EACCES);
	REFUSED(openat(kept, "etc/passwd", O_RDONLY | O_CLOEXEC), EACCES);
	REFUSED(open("/tmp/test-confine-no", O_CREAT | O_WRONLY | O_CLOEXEC, 0644), EACCES);
	REFUSED(mkdir("/tmp/test-confine-no", 0755), EACCES);
	REFUSED(rmdir(dir), EACCES);
	snprintf(to, sizeof(to), "%s/a/../..", dir);
	REFUSED(open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC), EACCES);
	return 0;
}

static int read_only(const char *dir)
{
	struct vmm_reach reach[] = { { .path = dir, .read_only = true },
				     { .path = "/tmp", .names_only = true } };
	char path[64];

	snprintf(path, sizeof(path), "%s/a", dir);
	rl_drop(vmm_confine_files(reach, 1, &done));
	if (!done)
		return 0;
	EXPECT(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0);
	REFUSED(rmdir(path), EACCES);
	snprintf(path, sizeof(path), "%s/file", dir);
	REFUSED(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644), EACCES);
	return 0;
}

static int names(const char *dir)
{
	struct vmm_reach reach = { .path = dir, .names_only = true };
	char path[64];

	snprintf(path, sizeof(path), "%s/socket", dir);
	if (mknod(path, S_IFSOCK | 0600, 0) < 0)
		return __LINE__;
	rl_drop(vmm_confine_files(&reach, 1, &done));
	if (!done)
		return unlink(path) == 0 ? 0 : __LINE__;
	EXPECT(unlink(path) == 0);
	REFUSED(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), EACCES);
	return 0;
}

TEST(beneath_the_shared_directories)
{
	char *dir = make_dir(), path[64];

	CHECK_INT(in_child(files, dir), 0);
	CHECK_INT(in_child(read_only, dir), 0);
	CHECK_INT(in_child(names, dir), 0);
	snprintf(path, sizeof(path), "%s/a", dir);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/b", dir);
	rmdir(path);
	CHECK_INT(rmdir(dir), 0);
}

static int absent(const char *dir)
{
	struct vmm_reach reach = { .path = "/no/such/directory" };
	rl_err e = vmm_confine_files(&reach, 1, &done);

	(void)dir;
	EXPECT(!done);
	if (rl_failed(e))
		EXPECT(rl_errno(e) == ENOENT);
	rl_drop(e);
	return 0;
}

TEST(a_path_that_is_not_there)
{
	CHECK_INT(in_child(absent, NULL), 0);
}

RUN_TESTS()

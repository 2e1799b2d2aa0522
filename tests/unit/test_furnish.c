/* SPDX-License-Identifier: Apache-2.0 */
/* The root file system as the container sees it, on this kernel and on ones that lack calls. */
#include "linux/abi.h"
#include "rootfs.h"
#include "test.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define HEAD "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\""
#define PROCESS(more) \
	"\"process\":{\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"x\"],\"cwd\":\"/\"" more "}"
#define NAMESPACES                                                                        \
	"\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"network\"}," \
	"{\"type\":\"ipc\"}]"

/* What the specification's own example and every engine ask for. */
#define DEFAULT_MOUNTS                                                                             \
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"                       \
	"{\"destination\":\"/"                                                                     \
	"dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\","                   \
	"\"strictatime\",\"mode=755\",\"size=65536k\"]},"                                          \
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":["    \
	"\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"       \
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\",\"options\":["        \
	"\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"                         \
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\",\"options\":[" \
	"\"nosuid\",\"noexec\",\"nodev\"]},"                                                       \
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":["          \
	"\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}"
#define CGROUP_MOUNT                                                                      \
	",{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\"," \
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}"
#define PATHS                                                                                  \
	"\"maskedPaths\":[\"/proc/acpi\",\"/proc/kcore\",\"/proc/keys\",\"/proc/timer_list\"," \
	"\"/proc/nothing\",\"/sys/firmware\",\"/proc/scsi\"],"                                 \
	"\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\","           \
	"\"/proc/sysrq-trigger\"]"

static rl_err want(bool ok, const char *what)
{
	return ok ? RL_OK : rl_fail(RL_E(EINVAL), "not so: %s", what);
}

static rl_err want_flags(const char *path, unsigned long flags, unsigned long none)
{
	struct statvfs fs;

	RL_TRY(rl_sys(statvfs(path, &fs), "%s", path));
	if ((fs.f_flag & flags) != flags || fs.f_flag & none)
		return rl_fail(RL_E(EINVAL), "%s has flags %lx, want %lx and not %lx", path,
			       fs.f_flag, flags, none);
	return RL_OK;
}

static rl_err want_type(const char *path, long type)
{
	struct statfs fs;

	RL_TRY(rl_sys(statfs(path, &fs), "%s", path));
	if (fs.f_type != type)
		return rl_fail(RL_E(EINVAL), "%s is %lx, want %lx", path, (long)fs.f_type, type);
	return RL_OK;
}

static rl_err want_device(const char *path, unsigned maj, unsigned min)
{
	struct stat st;

	RL_TRY(rl_sys(lstat(path, &st), "%s", path));
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(maj, min) || (st.st_mode & 07777) != 0666)
		return rl_fail(RL_E(EINVAL), "%s: mode %o rdev %lx", path, st.st_mode,
			       (unsigned long)st.st_rdev);
	return RL_OK;
}

static rl_err want_link(const char *path, const char *content)
{
	char buf[256];
	ssize_t n = readlink(path, buf, sizeof(buf) - 1);

	RL_TRY(rl_sys(n, "%s", path));
	buf[n] = '\0';
	if (strcmp(buf, content) != 0)
		return rl_fail(RL_E(EINVAL), "%s -> %s, want %s", path, buf, content);
	return RL_OK;
}

static rl_err want_errno(long ret, int code, const char *what)
{
	if (ret >= 0 || errno != code)
		return rl_fail(RL_E(EINVAL), "%s: %ld, errno %d, want %d", what, ret,
			       ret < 0 ? errno : 0, code);
	return RL_OK;
}

/* Not one mount of the host is left: everything in mountinfo belongs to the container. */
static rl_err want_mounts(unsigned most)
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

static rl_err look_default(void)
{
	struct stat st;
	char byte;
	int fd;

	RL_TRY(want_type("/proc", PROC_SUPER_MAGIC));
	RL_TRY(want_type("/dev", TMPFS_MAGIC));
	RL_TRY(want_type("/dev/pts", DEVPTS_SUPER_MAGIC));
	RL_TRY(want_type("/sys", SYSFS_MAGIC));
	RL_TRY(want_flags("/dev", ST_NOSUID, ST_RDONLY | ST_NOEXEC));
	RL_TRY(want_flags("/dev/shm", ST_NOSUID | ST_NODEV | ST_NOEXEC, ST_RDONLY));
	RL_TRY(want_flags("/sys", ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_RDONLY, 0));
	RL_TRY(want_flags("/sys/fs/cgroup", ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_RDONLY, 0));
	RL_TRY(want_flags("/proc/sys", ST_RDONLY, 0));
	RL_TRY(want_flags("/", ST_RDONLY, 0));
	RL_TRY(want_device("/dev/null", 1, 3));
	RL_TRY(want_device("/dev/tty", 5, 0));
	RL_TRY(want_link("/dev/ptmx", "pts/ptmx"));
	RL_TRY(want_link("/dev/fd", "/proc/self/fd"));
	RL_TRY(rl_sys(stat("/dev/shm", &st), "/dev/shm"));
	RL_TRY(want((st.st_mode & 07777) == 01777, "/dev/shm is 1777"));
	RL_TRY(rl_sys(stat("/dev", &st), "/dev"));
	RL_TRY(want((st.st_mode & 07777) == 0755, "/dev is 0755"));
	RL_TRY(rl_sys(stat("/proc/keys", &st), "/proc/keys"));
	RL_TRY(want(st.st_rdev == makedev(1, 3), "/proc/keys is the null device"));
	fd = open("/proc/timer_list", O_RDONLY);
	RL_TRY(rl_sys(fd, "/proc/timer_list"));
	RL_TRY(want(read(fd, &byte, 1) == 0, "/proc/timer_list is empty"));
	RL_TRY(want_errno(open("/proc/sys/kernel/hostname", O_WRONLY), EROFS, "/proc/sys"));
	RL_TRY(want_errno(mkdir("/x", 0755), EROFS, "mkdir in the root"));
	RL_TRY(want(getpid() == 1, "pid 1"));
	return want_mounts(60);
}

static const char default_config[] =
	HEAD ",\"readonly\":true}," PROCESS("") ",\"mounts\":[" DEFAULT_MOUNTS CGROUP_MOUNT
						"],\"linux\":{" NAMESPACES "," PATHS "}}";

#define NEEDS_ROOT                                                           \
	do {                                                                 \
		if (!rootfs_possible())                                      \
			SKIP("needs root and the right to make namespaces"); \
	} while (0)

TEST(default_configuration)
{
	NEEDS_ROOT;
	for (int kernel = 0; kernel < ROOTFS_KERNELS; kernel++) {
		struct rootfs r = { .dir = rootfs_bundle(),
				    .config = default_config,
				    .kernel = (enum rootfs_kernel)kernel,
				    .inside = look_default };

		printf("# kernel %d\n", kernel);
		CHECK_OK(rootfs_run(&r));
	}
}

RUN_TESTS()

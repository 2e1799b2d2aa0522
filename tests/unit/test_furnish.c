/* SPDX-License-Identifier: Apache-2.0 */
/* The root file system as the container sees it, on this kernel and on ones that lack calls. */
#include "furnish.h"
#include "linux/abi.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

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

/* ---- binds ---------------------------------------------------------------------------------- */

static rl_err look_binds(void)
{
	RL_TRY(want_text("/data/file", "content"));
	RL_TRY(want_text("/a/b/c", "content"));
	RL_TRY(want_text("/deep/x/file", "content"));
	RL_TRY(want_flags("/data", ST_RDONLY | ST_NOSUID, ST_NOEXEC));
	RL_TRY(want_flags("/a/b/c", 0, ST_RDONLY));
	RL_TRY(want_errno(open("/data/file", O_WRONLY), EROFS, "/data/file"));
	/* Beneath is what was asked for, too. */
	RL_TRY(want_flags("/all/inner", ST_RDONLY | ST_NODEV, 0));
	RL_TRY(want_flags("/top/inner", 0, ST_RDONLY));
	return want_flags("/cleared", 0, ST_RDONLY | ST_NOEXEC | ST_NOSUID);
}

/* clang-format off */
static const char bind_config[] = CONFIG(
	PROC ","
	BIND("data", "/data", "\"bind\",\"ro\",\"nosuid\"") ","
	BIND("data/file", "/a/b/c", "\"bind\"") ","
	BIND("data", "/deep/x", "\"rbind\",\"rprivate\"") ","
	BIND("tree", "/all", "\"rbind\",\"rro\",\"rnodev\"") ","
	BIND("tree", "/top", "\"rbind\",\"ro\"") ","
	BIND("closed", "/cleared", "\"bind\",\"rw\",\"exec\",\"suid\""),
	"");
/* clang-format on */

/* In the runtime's namespace, which dies with it. */
static rl_err mount_sources(const char *bundle)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/tree/inner", bundle);
	RL_TRY(rl_sys(mount("none", path, "tmpfs", 0, NULL), "tmpfs"));
	snprintf(path, sizeof(path), "%s/closed", bundle);
	RL_TRY(rl_sys(mount("none", path, "tmpfs", 0, NULL), "tmpfs"));
	return rl_sys(mount(NULL, path, NULL,
			    MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC | MS_NOSUID, NULL),
		      "remount");
}

TEST(binds)
{
	NEEDS_ROOT;
	for (int kernel = 0; kernel <= ROOTFS_NO_OPENAT2; kernel++) {
		struct rootfs r = { .dir = bind_bundle(),
				    .config = bind_config,
				    .kernel = (enum rootfs_kernel)kernel,
				    .prepare = mount_sources,
				    .inside = look_binds };

		CHECK_OK(rootfs_run(&r));
	}
}

TEST(recursive_attributes_need_the_call)
{
	struct rootfs r = { .config = bind_config,
			    .kernel = ROOTFS_NO_SETATTR,
			    .prepare = mount_sources };

	NEEDS_ROOT;
	r.dir = bind_bundle();
	CHECK_FAILS(rootfs_run(&r), ENOSYS, "$.mounts[4]");
}

static rl_err look_old_binds(void)
{
	RL_TRY(want_text("/a/b/c", "content"));
	RL_TRY(want_flags("/data", ST_RDONLY | ST_NOSUID, ST_NOEXEC));
	return want_flags("/cleared", 0, ST_RDONLY | ST_NOEXEC | ST_NOSUID);
}

TEST(binds_on_old_kernels)
{
	static const char config[] =
		CONFIG(PROC "," BIND("data", "/data", "\"bind\",\"ro\",\"nosuid\"") "," BIND(
			       "data/file", "/a/b/c",
			       "\"bind\"") "," BIND("closed", "/cleared",
						    "\"bind\",\"rw\",\"exec\",\"suid\""),
		       "");

	NEEDS_ROOT;
	for (int kernel = ROOTFS_NO_SETATTR; kernel < ROOTFS_KERNELS; kernel++) {
		struct rootfs r = { .dir = bind_bundle(),
				    .config = config,
				    .kernel = (enum rootfs_kernel)kernel,
				    .prepare = mount_sources,
				    .inside = look_old_binds };

		CHECK_OK(rootfs_run(&r));
	}
}

static rl_err look_user_namespace(void)
{
	struct stat st;

	RL_TRY(want_text("/data/secret", "content"));
	RL_TRY(rl_sys(stat("/dev/null", &st), "/dev/null"));
	RL_TRY(want(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3), "/dev/null"));
	RL_TRY(want_type("/proc", PROC_SUPER_MAGIC));
	RL_TRY(want_type("/sys", SYSFS_MAGIC));
	RL_TRY(want_flags("/proc/sys", ST_RDONLY, 0));
	RL_TRY(rl_sys(stat("/proc/keys", &st), "/proc/keys"));
	return want(st.st_rdev == makedev(1, 3), "/proc/keys is the null device");
}

/* The source lies where the container's root may not go; so does the root file system. */
TEST(user_namespace)
{
	static const char config[] =
		CONFIG(DEFAULT_MOUNTS "," BIND("closed/data", "/data", "\"rbind\""), "," PATHS);
	struct rootfs r = { .config = config,
			    .user_namespace = true,
			    .inside = look_user_namespace };
	char path[512];

	NEEDS_ROOT;
	r.dir = rootfs_bundle();
	put_dir(r.dir, "closed");
	put_dir(r.dir, "closed/data");
	put_file(r.dir, "closed/data/secret", "content");
	snprintf(path, sizeof(path), "%s/closed", r.dir);
	CHECK(chmod(path, 0700) == 0);
	snprintf(path, sizeof(path), "%s/rootfs", r.dir);
	CHECK(chown(path, 100000, 100000) == 0);
	CHECK_OK(rootfs_run(&r));
	CHECK(chmod(r.dir, 0700) == 0);
	CHECK_OK(rootfs_run(&r));
}

static rl_err look_idmap(void)
{
	struct stat st;

	RL_TRY(rl_sys(stat("/mapped/file", &st), "/mapped/file"));
	RL_TRY(want(st.st_uid == 1000 && st.st_gid == 2000, "the ids are mapped"));
	RL_TRY(rl_sys(stat("/tmp/", &st), "/tmp"));
	return want_text("/mapped/file", "content");
}

TEST(id_mapped_binds)
{
	static const char config[] =
		CONFIG(PROC "," BIND("data", "/mapped",
				     "\"bind\",\"idmap=uids=0-1000-1;gids=0-2000-"
				     "1\"") ","
					    "{\"destination\":\"/"
					    "tmp\",\"type\":\"tmpfs\",\"options\":["
					    "\"idmap\"],"
					    "\"uidMappings\":[{\"containerID\":0,"
					    "\"hostID\":7,\"size\":1}],"
					    "\"gidMappings\":[{\"containerID\":0,"
					    "\"hostID\":7,\"size\":1}]}",
		       "");
	struct rootfs r = { .config = config, .inside = look_idmap };

	NEEDS_ROOT;
	r.dir = bind_bundle();
	CHECK_OK(rootfs_run(&r));
	r.kernel = ROOTFS_NO_NEW;
	CHECK_FAILS(rootfs_run(&r), ENOSYS, "$.mounts[1]");
}

static rl_err look_links(void)
{
	RL_TRY(want_link("/copied", "file"));
	RL_TRY(want_link("/bound", "file"));
	RL_TRY(want_text("/usual", "content"));
	return want_text("/data/copied", "content");
}

/* copy-symlink, src-nofollow and dest-nofollow, as crun has them. */
TEST(links_as_such)
{
	/* clang-format off */
	static const char config[] = CONFIG(
		BIND("data/link", "/copied", "\"bind\",\"copy-symlink\"") ","
		BIND("data/link", "/bound", "\"bind\",\"src-nofollow\",\"dest-nofollow\"") ","
		BIND("data/link", "/usual", "\"bind\"") ","
		BIND("data", "/data", "\"bind\"") ","
		BIND("data/file", "/data/copied", "\"bind\",\"copy-symlink\""),
		"");
	/* clang-format on */

	NEEDS_ROOT;
	for (int kernel = 0; kernel < ROOTFS_NO_NEW; kernel++) {
		struct rootfs r = { .dir = bind_bundle(),
				    .config = config,
				    .kernel = (enum rootfs_kernel)kernel,
				    .inside = look_links };

		put_link(r.dir, "data/link", "file");
		put_link(r.dir, "rootfs/bound", "elsewhere");
		CHECK_OK(rootfs_run(&r));
	}
}

/* ---- file systems --------------------------------------------------------------------------- */

static rl_err look_copy_up(void)
{
	struct stat st;

	RL_TRY(want_type("/etc", TMPFS_MAGIC));
	RL_TRY(want_flags("/etc", ST_RDONLY, 0));
	RL_TRY(want_text("/etc/passwd", "root"));
	RL_TRY(want_text("/etc/d/deep", "deep"));
	RL_TRY(want_link("/etc/link", "/outside"));
	RL_TRY(rl_sys(stat("/etc", &st), "/etc"));
	RL_TRY(want((st.st_mode & 07777) == 0750, "the mode of /etc"));
	RL_TRY(rl_sys(stat("/var", &st), "/var"));
	return want((st.st_mode & 07777) == 01755, "the mode of /var");
}

TEST(tmpfs_takes_content_and_mode)
{
	static const char config[] = CONFIG(
		"{\"destination\":\"/etc\",\"type\":\"tmpfs\",\"options\":[\"tmpcopyup\",\"ro\"]},"
		"{\"destination\":\"/var\",\"type\":\"tmpfs\"}",
		"");

	NEEDS_ROOT;
	for (int kernel = 0; kernel < ROOTFS_KERNELS; kernel++) {
		struct rootfs r = { .config = config,
				    .kernel = (enum rootfs_kernel)kernel,
				    .inside = look_copy_up };
		char path[512];

		r.dir = rootfs_bundle();
		put_dir(r.dir, "rootfs/etc");
		put_dir(r.dir, "rootfs/etc/d");
		put_dir(r.dir, "rootfs/var");
		put_file(r.dir, "rootfs/etc/passwd", "root");
		put_file(r.dir, "rootfs/etc/d/deep", "deep");
		put_link(r.dir, "rootfs/etc/link", "/outside");
		snprintf(path, sizeof(path), "%s/rootfs/etc", r.dir);
		CHECK(chmod(path, 0750) == 0);
		snprintf(path, sizeof(path), "%s/rootfs/var", r.dir);
		CHECK(chmod(path, 01755) == 0);
		CHECK_OK(rootfs_run(&r));
	}
}

static rl_err look_remount(void)
{
	struct statvfs fs;

	RL_TRY(want_flags("/t", ST_RDONLY | ST_NOSUID, 0));
	RL_TRY(want_flags("/data", ST_RDONLY, 0));
	RL_TRY(rl_sys(statvfs("/t", &fs), "/t"));
	return want(fs.f_blocks * fs.f_frsize == 1 << 20, "the size of /t");
}

TEST(remounts)
{
	static const char config[] =
		CONFIG("{\"destination\":\"/"
		       "t\",\"type\":\"tmpfs\",\"options\":[\"nosuid\",\"size=64k\"]}," BIND(
			       "data", "/data",
			       "\"bind\"") ","
					   "{\"destination\":\"/"
					   "t\",\"type\":\"tmpfs\",\"options\":[\"remount\",\"ro\","
					   "\"size=1m\"]},"
					   "{\"destination\":\"/"
					   "data\",\"options\":[\"remount\",\"bind\",\"ro\"]}",
		       "");

	NEEDS_ROOT;
	for (int kernel = 0; kernel < ROOTFS_KERNELS; kernel++) {
		struct rootfs r = { .dir = bind_bundle(),
				    .config = config,
				    .kernel = (enum rootfs_kernel)kernel,
				    .inside = look_remount };

		CHECK_OK(rootfs_run(&r));
	}
}

TEST(the_kernel_says_what_is_wrong)
{
	static const char config[] =
		CONFIG("{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"sise=1\"]}", "");
	struct rootfs r = { .config = config };

	NEEDS_ROOT;
	r.dir = rootfs_bundle();
	CHECK_FAILS(rootfs_run(&r), EINVAL,
		    "$.mounts[0]: mount tmpfs at /t: tmpfs: Unknown parameter 'sise'");
}

/* ---- the rest ------------------------------------------------------------------------------- */

static rl_err look_console(void)
{
	struct stat st, pts;

	RL_TRY(rl_sys(stat("/dev/console", &st), "/dev/console"));
	RL_TRY(rl_sys(stat("/dev/pts/0", &pts), "/dev/pts/0"));
	RL_TRY(want(S_ISCHR(st.st_mode) && st.st_rdev == pts.st_rdev, "/dev/console is the pty"));
	return want(pts.st_uid == 1000, "its owner is the user");
}

TEST(console)
{
	static const char config[] =
		HEAD "},\"process\":{\"user\":{\"uid\":1000,\"gid\":1000},\"args\":[\"x\"],\"cwd\":"
		     "\"/a/b\","
		     "\"terminal\":true,\"consoleSize\":{\"height\":30,\"width\":90}},\"mounts\":"
		     "[" DEFAULT_MOUNTS "],\"linux\":{" NAMESPACES "}}";

	NEEDS_ROOT;
	for (int kernel = 0; kernel < ROOTFS_KERNELS; kernel++) {
		struct rootfs r = { .dir = rootfs_bundle(),
				    .config = config,
				    .kernel = (enum rootfs_kernel)kernel,
				    .inside = look_console };

		CHECK_OK(rootfs_run(&r));
		CHECK(exists(r.dir, "rootfs/a/b"));
	}
}

TEST(console_without_devpts)
{
	static const char config[] =
		HEAD "},\"process\":{\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"x\"],\"cwd\":\"/\","
		     "\"terminal\":true},\"mounts\":[" PROC "],\"linux\":{" NAMESPACES "}}";
	struct rootfs r = { .config = config };

	NEEDS_ROOT;
	r.dir = rootfs_bundle();
	CHECK_FAILS(rootfs_run(&r), ENOENT, "$.process.terminal");
	put_dir(r.dir, "rootfs/dev/pts");
	put_file(r.dir, "rootfs/dev/pts/ptmx", "");
	CHECK_FAILS(rootfs_run(&r), ENOTTY, "no terminal multiplexer");
}

static rl_err hook_sees_root(const char *root)
{
	char path[512];

	/* The host's root and the container's mounts, at the path of the bundle. */
	RL_TRY(rl_sys(access("/proc/self/ns", F_OK), "the host's /proc"));
	snprintf(path, sizeof(path), "%s/dev/shm", root);
	RL_TRY(want_type(path, TMPFS_MAGIC));
	snprintf(path, sizeof(path), "%s/from-hook", root);
	return rl_sys(mkdir(path, 0755), "mkdir");
}

static rl_err look_from_hook(void)
{
	RL_TRY(rl_sys(access("/from-hook", F_OK), "/from-hook"));
	return look_default();
}

TEST(hooks_run_between)
{
	struct rootfs r = { .config = default_config,
			    .before_hooks = hook_sees_root,
			    .inside = look_from_hook };

	NEEDS_ROOT;
	r.dir = rootfs_bundle();
	CHECK_OK(rootfs_run(&r));
}

static rl_err look_moved(void)
{
	RL_TRY(want_type("/proc", PROC_SUPER_MAGIC));
	RL_TRY(want_text("/data/file", "content"));
	return want(access("/rootfs", F_OK) < 0, "the host's root is not here");
}

TEST(no_pivot)
{
	static const char config[] = CONFIG(PROC "," BIND("data", "/data", "\"bind\""), "");

	NEEDS_ROOT;
	for (int kernel = 0; kernel < ROOTFS_KERNELS; kernel++) {
		struct rootfs r = { .dir = bind_bundle(),
				    .config = config,
				    .no_pivot = true,
				    .kernel = (enum rootfs_kernel)kernel,
				    .inside = look_moved };

		CHECK_OK(rootfs_run(&r));
	}
}

/* Whether the line of mountinfo for `path` has an optional field that begins like that. */
static rl_err want_propagation(const char *path, const char *field, bool wanted)
{
	char line[1024], at[256];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool found = false, has = false;

	RL_TRY(rl_sys(f ? 0 : -1, "mountinfo"));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*s %*s %255s", at) == 1 && strcmp(at, path) == 0) {
			char *end = strstr(line, " - ");

			found = true;
			if (end)
				*end = '\0';
			has = strstr(line, field) != NULL;
		}
	fclose(f);
	if (!found || has != wanted)
		return rl_fail(RL_E(EINVAL), "%s: %s %s%s", path, found ? "" : "not mounted",
			       wanted ? "no " : "", field);
	return RL_OK;
}

static rl_err look_slave(void)
{
	RL_TRY(want_propagation("/data", "shared:", false));
	RL_TRY(want_propagation("/data", "master:", true));
	RL_TRY(want_propagation("/private", "master:", false));
	return want_propagation("/", "shared:", false);
}

static rl_err look_shared(void)
{
	RL_TRY(want_propagation("/", "shared:", true));
	return want_propagation("/data", "shared:", true);
}

/* The parent is looked at by rootfs_run: nothing that was mounted inside shows there. */
TEST(propagation)
{
	static const char slave[] = CONFIG(PROC "," BIND("data", "/data", "\"bind\"") "," BIND(
						   "data", "/private", "\"bind\",\"private\""),
					   "");
	static const char shared[] = CONFIG(PROC "," BIND("data", "/data", "\"bind\",\"rshared\""),
					    ",\"rootfsPropagation\":\"shared\"");

	NEEDS_ROOT;
	for (int kernel = 0; kernel < ROOTFS_KERNELS; kernel++) {
		struct rootfs r = { .config = slave,
				    .shared_host = true,
				    .kernel = (enum rootfs_kernel)kernel,
				    .inside = look_slave };

		r.dir = bind_bundle();
		CHECK_OK(rootfs_run(&r));
		r.config = shared;
		r.inside = look_shared;
		CHECK_OK(rootfs_run(&r));
	}
}

TEST(no_propagation_modes_fail)
{
	static const char *const configs[] = {
		CONFIG(PROC, ",\"rootfsPropagation\":\"private\""),
		CONFIG(PROC, ",\"rootfsPropagation\":\"slave\""),
		CONFIG(PROC, ",\"rootfsPropagation\":\"unbindable\""),
		CONFIG(PROC, ",\"rootfsPropagation\":\"shared\""),
	};

	NEEDS_ROOT;
	for (int kernel = 0; kernel < ROOTFS_KERNELS; kernel++)
		for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
			struct rootfs r = { .config = configs[i],
					    .shared_host = true,
					    .kernel = (enum rootfs_kernel)kernel,
					    .inside = rootfs_as_it_is };

			r.dir = rootfs_bundle();
			CHECK_OK(rootfs_run(&r));
		}
}

RUN_TESTS()

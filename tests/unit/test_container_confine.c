/* SPDX-License-Identifier: Apache-2.0 */
/* A whole process is confined, in a child, and then asked what it still is. */
#include "child.h"
#include "config_fixture.h"
#include "container/confine.h"
#include "linux/abi.h"
#include "linux/caps.h"
#include "profile_fixture.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define CHOWN (UINT64_C(1) << 0)
#define KILL (UINT64_C(1) << 5)
#define SYS_ADMIN (UINT64_C(1) << 21)

static struct rl_arena arena;

/* A process as plans make it, for children to change. */
static struct plan_process simple(void)
{
	static const char *const args[] = { "x", NULL }, *const env[] = { "A=1", NULL };

	if (arena.base == NULL)
		rl_drop(rl_arena_new(4 << 20, &arena));
	return (struct plan_process){
		.args = args,
		.arg_count = 1,
		.env = env,
		.env_count = 1,
		.cwd = "/",
		.umask = 0027,
		.io_priority = -1,
	};
}

static struct ct_confinement confinement_of(const struct plan_process *p)
{
	static struct lx_proc proc;

	if (!rl_fd_has(&proc.root) && rl_drop_failed(lx_proc_host(&proc)))
		abort();
	return (struct ct_confinement){ .process = p, .proc = &proc, .last_capability = 40 };
}

static int status_field(const char *name, unsigned long long *ret)
{
	char text[4096] = "", *at;
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	EXPECT(n > 0);
	at = strstr(text, name);
	EXPECT(at != NULL);
	*ret = strtoull(at + strlen(name), NULL, 16);
	return 0;
}

static bool field_is(const char *name, uint64_t want)
{
	unsigned long long got;

	if (status_field(name, &got) != 0)
		return false;
	if (got != want)
		printf("# %s %llx, want %llx\n", name, got, (unsigned long long)want);
	return got == want;
}

/* ---- ids and capabilities ----------------------------------------------------------------------
 */

static int become_user(void)
{
	static const gid_t groups[] = { 20, 30 };
	struct plan_process p = simple();
	struct ct_confinement c;
	struct ct_confined done;
	gid_t got[8];

	if (geteuid() != 0)
		return SKIPPED;
	p.uid = 1234;
	p.gid = 2345;
	p.groups = groups;
	p.group_count = 2;
	p.caps = (struct plan_capabilities){ .bounding = CHOWN | KILL,
					     .effective = KILL,
					     .permitted = KILL,
					     .inheritable = KILL,
					     .ambient = KILL };
	p.no_new_privileges = true;
	p.cwd = "/tmp";
	c = confinement_of(&p);
	EXPECT_OK(ct_confine(&arena, &c, &done));
	EXPECT(getuid() == 1234 && geteuid() == 1234 && getgid() == 2345 && getegid() == 2345);
	EXPECT(getgroups(8, got) == 2 && got[0] == 20 && got[1] == 30);
	EXPECT(field_is("CapBnd:", CHOWN | KILL));
	EXPECT(field_is("CapEff:", KILL));
	EXPECT(field_is("CapPrm:", KILL));
	EXPECT(field_is("CapInh:", KILL));
	EXPECT(field_is("CapAmb:", KILL));
	EXPECT(field_is("NoNewPrivs:", 1));
	EXPECT(umask(0) == 0027);
	EXPECT(strcmp(done.env[0], "A=1") == 0 && done.env[1] == NULL);
	EXPECT(setuid(0) != 0 && setgid(0) != 0 && setgroups(0, NULL) != 0);
	return 0;
}

TEST(a_user_with_one_capability)
{
	CHECK_CHILD(become_user);
}

/* No capability that the runtime had is left anywhere (CVE-2022-27650: inheritable ones were). */
static int root_with_nothing(void)
{
	struct plan_process p = simple();
	struct lx_caps caps;
	struct ct_confinement c;
	struct ct_confined done;

	if (geteuid() != 0)
		return SKIPPED;
	EXPECT_OK(lx_caps_get(&caps));
	caps.inheritable = KILL;
	EXPECT_OK(lx_caps_set(&caps));
	EXPECT_OK(lx_caps_ambient(KILL, 40));
	c = confinement_of(&p);
	EXPECT_OK(ct_confine(&arena, &c, &done));
	EXPECT(geteuid() == 0);
	EXPECT(field_is("CapBnd:", 0) && field_is("CapEff:", 0) && field_is("CapPrm:", 0));
	EXPECT(field_is("CapInh:", 0) && field_is("CapAmb:", 0) && field_is("NoNewPrivs:", 0));
	return 0;
}

TEST(root_without_capabilities)
{
	CHECK_CHILD(root_with_nothing);
}

static int keep_groups(void)
{
	static const gid_t groups[] = { 41, 42 };
	struct plan_process p = simple();
	struct ct_confinement c;
	struct ct_confined done;
	gid_t got[8];

	if (geteuid() != 0)
		return SKIPPED;
	EXPECT(setgroups(2, groups) == 0);
	p.keep_original_groups = true;
	c = confinement_of(&p);
	EXPECT_OK(ct_confine(&arena, &c, &done));
	EXPECT(getgroups(8, got) == 2 && got[0] == 41);
	return 0;
}

TEST(original_groups)
{
	CHECK_CHILD(keep_groups);
}

static int find_home(void)
{
	struct plan_process p = simple();
	struct ct_confinement c = confinement_of(&p);
	struct ct_confined done;
	char want[32];

	if (geteuid() != 0)
		return SKIPPED;
	p.find_home = true;
	p.set_listen_pid = true;
	snprintf(want, sizeof(want), "LISTEN_PID=%d", getpid());
	EXPECT_OK(ct_confine(&arena, &c, &done));
	EXPECT(strcmp(done.env[0], "A=1") == 0 && strcmp(done.env[1], "HOME=/root") == 0);
	EXPECT(strcmp(done.env[2], want) == 0 && done.env[3] == NULL);
	return 0;
}

TEST(environment_is_completed)
{
	CHECK_CHILD(find_home);
}

static int label_without_procfs(void)
{
	struct plan_process p = simple();
	struct ct_confinement c = confinement_of(&p);
	struct ct_confined done;

	c.proc = NULL;
	p.apparmor_profile = "x";
	EXPECT_FAILS(ct_confine(&arena, &c, &done), EINVAL, "without a procfs");
	return 0;
}

TEST(a_label_needs_a_procfs)
{
	CHECK_CHILD(label_without_procfs);
}

/* ---- the filter --------------------------------------------------------------------------------
 */

static int prepare(struct ct_filter *f)
{
	const struct oci_config *config = config_of(
		"{'ociVersion':'1.0.2','root':{'path':'r'},'linux':{'seccomp':{%s}}}", PROFILE);
	struct plan_warnings w = { 0 };
	struct plan_seccomp s;

	EXPECT_OK(plan_seccomp_make(&fixture_arena, config, NULL, &w, &s));
	EXPECT_OK(ct_filter_prepare(&fixture_arena, &s, NULL, f));
	return 0;
}

static int filter_without_no_new_privs(void)
{
	struct plan_process p = simple();
	struct ct_confinement c = confinement_of(&p);
	struct ct_confined done;
	struct ct_filter f;

	if (geteuid() != 0)
		return SKIPPED;
	EXPECT(prepare(&f) == 0);
	c.filter = &f;
	p.uid = 1000;
	p.gid = 1000;
	p.caps.bounding = p.caps.permitted = p.caps.effective = KILL;
	EXPECT(ct_filter_is_early(&c));
	EXPECT_OK(ct_confine(&arena, &c, &done));
	EXPECT(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2);
	EXPECT_OK(ct_confine_last(&c));
	EXPECT(field_is("CapEff:", KILL) && field_is("CapPrm:", KILL));
	EXPECT(field_is("NoNewPrivs:", 0) && field_is("Seccomp_filters:", 1));
	EXPECT(syscall(SYS_mount, "a", "b", "c", 0, NULL) == -1 && errno == EPERM);
	return 0;
}

TEST(filter_comes_early_when_the_right_goes)
{
	CHECK_CHILD(filter_without_no_new_privs);
}

static int filter_last(bool nnp, uint64_t caps)
{
	struct plan_process p = simple();
	struct ct_confinement c = confinement_of(&p);
	struct ct_confined done;
	struct ct_filter f;

	if (geteuid() != 0)
		return SKIPPED;
	EXPECT(prepare(&f) == 0);
	c.filter = &f;
	p.no_new_privileges = nnp;
	p.caps.bounding = p.caps.permitted = p.caps.effective = caps;
	EXPECT(!ct_filter_is_early(&c));
	EXPECT_OK(ct_confine(&arena, &c, &done));
	EXPECT(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0);
	EXPECT_OK(ct_confine_last(&c));
	EXPECT(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2);
	EXPECT(field_is("CapEff:", caps));
	return 0;
}

static int filter_with_no_new_privs(void)
{
	return filter_last(true, 0);
}

static int filter_with_sys_admin(void)
{
	return filter_last(false, SYS_ADMIN);
}

TEST(filter_comes_last_when_it_can)
{
	CHECK_CHILD(filter_with_no_new_privs);
	CHECK_CHILD(filter_with_sys_admin);
}

/* ---- working directory -------------------------------------------------------------------------
 */

static char box[64];

/* A root of our own with a /proc, and a descriptor of a directory outside of it: its number. */
static int enter_box(void)
{
	char path[128];
	int outside;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return -1;
	outside = open(box, O_PATH | O_DIRECTORY);
	snprintf(path, sizeof(path), "%s/root", box);
	if (outside < 0 || mkdirat(outside, "root", 0755) != 0 ||
	    mkdirat(outside, "root/proc", 0755) != 0 || chdir(path) != 0 ||
	    mount("proc", "proc", "proc", 0, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0)
		abort();
	return outside;
}

/* CVE-2024-21626 */
static int cwd_by_descriptor(void)
{
	int fd = enter_box();
	char path[64];

	if (fd < 0)
		return SKIPPED;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_FAILS(ct_enter_cwd(path, true), EPERM, "outside of the container's root");
	EXPECT(mkdirat(fd, "beside", 0755) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/beside", fd);
	EXPECT_FAILS(ct_enter_cwd(path, true), EPERM, "outside");
	/* Not even a directory is made on the way. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d/made/deep", fd);
	EXPECT(rl_drop_failed(ct_enter_cwd(path, true)));
	EXPECT(faccessat(fd, "made", F_OK, 0) != 0 && errno == ENOENT);
	EXPECT(symlink(path, "/link") == 0);
	EXPECT(rl_drop_failed(ct_enter_cwd("/link", true)));
	EXPECT(rl_drop_failed(ct_enter_cwd("/link/more", true)));
	EXPECT(faccessat(fd, "made", F_OK, 0) != 0 && errno == ENOENT);
	return 0;
}

static int cwd_of_another_process(void)
{
	int fd = enter_box();
	char path[64];
	pid_t other;

	if (fd < 0)
		return SKIPPED;
	other = fork();
	if (other == 0) {
		(void)fchdir(fd);
		pause();
		_exit(0);
	}
	usleep(50000);
	snprintf(path, sizeof(path), "/proc/%d/cwd", other);
	EXPECT_FAILS(ct_enter_cwd(path, true), EPERM, "outside");
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	return 0;
}

static int cwd_is_made(void)
{
	struct stat st;

	if (enter_box() < 0)
		return SKIPPED;
	umask(0077);
	EXPECT(mkdir("/real", 0755) == 0 && symlink("/real", "/alias") == 0);
	EXPECT_OK(ct_enter_cwd("/alias/a/b", true));
	EXPECT(strcmp(getcwd((char[64]){ 0 }, 64), "/real/a/b") == 0);
	EXPECT(stat("/real/a/b", &st) == 0 && (st.st_mode & 0777) == 0755);
	EXPECT_FAILS(ct_enter_cwd("/nowhere", false), ENOENT, "/nowhere");
	EXPECT(close(open("/file", O_CREAT | O_WRONLY, 0644)) == 0);
	EXPECT_FAILS(ct_enter_cwd("/file", true), ENOTDIR, "/file");
	return 0;
}

/* A directory that only the user may enter, as on a file server that does not trust root. */
static int cwd_of_the_user_alone(void)
{
	struct plan_process p = simple();
	struct ct_confinement c = confinement_of(&p);
	struct lx_caps caps;
	struct ct_confined done;

	if (enter_box() < 0)
		return SKIPPED;
	EXPECT(mkdir("/private", 0700) == 0 && chown("/private", 1000, 1000) == 0);
	EXPECT_OK(lx_caps_get(&caps));
	caps.effective = caps.permitted &= ~(lx_cap_bit(1) | lx_cap_bit(2));
	EXPECT_OK(lx_caps_set(&caps));
	EXPECT(chdir("/private") != 0 && errno == EACCES);
	p.cwd = "/private";
	p.uid = p.gid = 1000;
	EXPECT_OK(ct_confine(&arena, &c, &done));
	EXPECT(strcmp(getcwd((char[64]){ 0 }, 64), "/private") == 0);
	return 0;
}

static void in_box(int (*f)(void))
{
	char command[128];
	int result;

	snprintf(box, sizeof(box), "/tmp/confine-XXXXXX");
	CHECK(mkdtemp(box) != NULL);
	snprintf(command, sizeof(command), "rm -rf --one-file-system '%s'", box);
	CHECK(chmod(box, 0755) == 0);
	result = in_child(f);
	CHECK(system(command) == 0);
	if (result == SKIPPED)
		printf("# SKIP: no privilege\n");
	else
		CHECK_INT(result, 0);
}

TEST(cwd_cannot_leave_by_a_descriptor)
{
	in_box(cwd_by_descriptor);
}

TEST(cwd_cannot_leave_by_another_process)
{
	in_box(cwd_of_another_process);
}

TEST(missing_cwd_is_made)
{
	in_box(cwd_is_made);
}

TEST(cwd_is_tried_again_as_the_user)
{
	in_box(cwd_of_the_user_alone);
}

/* ---- from outside ------------------------------------------------------------------------------
 */

TEST(limits_from_outside)
{
	static const struct plan_rlimit rlimits[] = { { RLIMIT_NOFILE, "RLIMIT_NOFILE", 40, 41 },
						      { RLIMIT_CORE, "RLIMIT_CORE", 0, 0 } };
	struct lx_proc LX_AUTO_PROC proc = { 0 };
	struct plan_process p = simple();
	char path[64], text[16] = "";
	uint8_t one[8] = { 1 };
	struct rlimit limit;
	cpu_set_t cpus;
	pid_t pid;
	int fd;

	p.rlimits = rlimits;
	p.rlimit_count = 2;
	p.set_oom_score_adj = true;
	p.oom_score_adj = 500;
	p.scheduler = (struct plan_scheduler){ .set = true, .policy = 5 };
	p.io_priority = 3 << 13;
	p.cpus_last = (struct plan_cpus){ one, sizeof(one) };
	CHECK_OK(lx_proc_host(&proc));
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	CHECK_OK(ct_limit(&p, &proc, pid));
	CHECK(prlimit(pid, RLIMIT_NOFILE, NULL, &limit) == 0);
	CHECK(limit.rlim_cur == 40 && limit.rlim_max == 41);
	CHECK_INT(sched_getscheduler(pid), 5);
	CHECK_INT(syscall(SYS_ioprio_get, 1, pid), 3 << 13);
	CHECK(sched_getaffinity(pid, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) == 1);
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	fd = open(path, O_RDONLY);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	CHECK_INT(atoi(text), 500);
	p.oom_score_adj = 5000;
	CHECK_FAILS(ct_limit(&p, &proc, pid), EINVAL, "$.process.oomScoreAdj: ");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

RUN_TESTS()

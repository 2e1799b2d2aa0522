/* SPDX-License-Identifier: Apache-2.0 */
/* Ids, capabilities, limits, keys and id maps, each in a child that may lose what it likes. */
#include "child.h"
#include "linux/caps.h"
#include "linux/ids.h"
#include "linux/keyring.h"
#include "linux/lsm.h"
#include "linux/rlimit.h"
#include "linux/sched.h"
#include "linux/sysctl.h"
#include "linux/uidmap.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

/* ---- home -------------------------------------------------------------------------------------
 */

static char root[64];
static int root_fd = -1;
static struct rl_arena arena;

static void set_up(void)
{
	char path[128];

	if (root_fd >= 0)
		return;
	snprintf(root, sizeof(root), "/tmp/identity-XXXXXX");
	if (mkdtemp(root) == NULL || rl_drop_failed(rl_arena_new(1 << 20, &arena)))
		abort();
	snprintf(path, sizeof(path), "%s/etc", root);
	if (mkdir(path, 0755) != 0)
		abort();
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static __attribute__((destructor)) void clean(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	if (root[0] != '\0' && system(command) != 0)
		abort();
}

static void write_passwd(const char *text, size_t len)
{
	int fd;

	set_up();
	(void)unlinkat(root_fd, "etc/passwd", 0);
	fd = openat(root_fd, "etc/passwd", O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		abort();
	close(fd);
}

static const char *home(uid_t uid)
{
	const char *found = NULL;

	rl_drop(lx_ids_home(&arena, root_fd, uid, &found));
	return found;
}

TEST(home_of_a_user)
{
	const char *text = "root:x:0:0:root:/root:/bin/sh\n"
			   "# comment\n"
			   "broken:x:7\n"
			   "+nis\n"
			   "a:x:1000:1000::/home/a:/bin/sh\n"
			   "b:x:1000:1000::/home/b:/bin/sh\n"
			   "empty:x:8:8:::/bin/sh\n"
			   "words:x:nine:9::/home/nine:/bin/sh\n"
			   "sign:x:+10:10::/home/sign:/bin/sh\n"
			   "blank:x: 11:11::/home/blank:/bin/sh\n"
			   "wrap:x:4294967308:12::/home/wrap:/bin/sh\n"
			   "last:x:13:13::/home/last:";

	write_passwd(text, strlen(text));
	CHECK_STR(home(0), "/root");
	CHECK_STR(home(1000), "/home/a");
	CHECK_STR(home(7), "/");
	CHECK_STR(home(8), "/");
	CHECK_STR(home(9), "/");
	CHECK_STR(home(10), "/");
	CHECK_STR(home(11), "/");
	CHECK_STR(home(12), "/");
	CHECK_STR(home(13), "/home/last");
	CHECK_STR(home(99), "/");
}

TEST(home_across_the_edges_of_the_buffer)
{
	static char text[20000];

	for (size_t filler = 4000; filler < 4200; filler++) {
		size_t n = filler;

		memset(text, 'x', n);
		text[n++] = '\n';
		n += (size_t)snprintf(text + n, sizeof(text) - n, "u:x:5:5::/home/five:/bin/sh\n");
		write_passwd(text, n);
		CHECK_STR(home(5), "/home/five");
	}
	/* A line longer than any user's is none, and what is behind it is not taken for its rest.
	 */
	memset(text, 'x', 9000);
	snprintf(text + 9000, sizeof(text) - 9000, ":x:5:5::/wrong:\nu:x:5:5::/right:\n");
	write_passwd(text, strlen(text));
	CHECK_STR(home(5), "/right");
}

TEST(hostile_passwd_files)
{
	int fd;

	set_up();
	(void)unlinkat(root_fd, "etc/passwd", 0);
	CHECK_STR(home(0), "/");
	CHECK(mkfifoat(root_fd, "etc/passwd", 0644) == 0);
	CHECK_STR(home(0), "/");
	CHECK(unlinkat(root_fd, "etc/passwd", 0) == 0);
	CHECK(mkdirat(root_fd, "etc/passwd", 0755) == 0);
	CHECK_STR(home(0), "/");
	CHECK(unlinkat(root_fd, "etc/passwd", AT_REMOVEDIR) == 0);
	/* Out of the root: it is looked for inside, where there is no such file. */
	CHECK(symlinkat("../../../../../../etc/passwd", root_fd, "etc/passwd") == 0);
	CHECK_STR(home(0), "/");
	CHECK(unlinkat(root_fd, "etc/passwd", 0) == 0);
	if (geteuid() == 0 && mknodat(root_fd, "etc/passwd", S_IFCHR | 0644, makedev(1, 5)) == 0) {
		CHECK_STR(home(0), "/");
		CHECK(unlinkat(root_fd, "etc/passwd", 0) == 0);
	}
	/* Endless, as far as anybody can tell. */
	fd = openat(root_fd, "etc/passwd", O_WRONLY | O_CREAT, 0644);
	CHECK(fd >= 0 && ftruncate(fd, 1LL << 40) == 0);
	close(fd);
	CHECK_STR(home(0), "/");
	/* What follows a NUL is not part of a name. */
	write_passwd("u:x:5:5::/h\0me:/bin/sh\n", 23);
	CHECK_STR(home(5), "/");
}

/* ---- ids and capabilities ----------------------------------------------------------------------
 */

static int change_ids(void)
{
	const gid_t groups[] = { 5, 6 };
	gid_t got[8];
	uid_t r, e, s;
	bool denied;

	if (geteuid() != 0)
		return SKIPPED;
	EXPECT_OK(lx_ids_set_groups(NULL, groups, 2, &denied));
	EXPECT(!denied && getgroups(8, got) == 2 && got[1] == 6);
	EXPECT_OK(lx_ids_set_groups(NULL, NULL, 0, &denied));
	EXPECT(getgroups(8, got) == 0);
	EXPECT_FAILS(lx_ids_set_gid((gid_t)-1), EINVAL, "-1");
	EXPECT_FAILS(lx_ids_set_uid((uid_t)-1), EINVAL, "-1");
	EXPECT_OK(lx_ids_set_gid(7));
	EXPECT_OK(lx_ids_set_uid(8));
	EXPECT(getresuid(&r, &e, &s) == 0 && r == 8 && e == 8 && s == 8);
	EXPECT(getgid() == 7 && getegid() == 7);
	EXPECT_FAILS(lx_ids_set_uid(0), EPERM, "set the user id to 0");
	EXPECT_FAILS(lx_ids_set_groups(NULL, groups, 2, &denied), EPERM, "2 supplementary");
	return 0;
}

TEST(ids_change_for_good)
{
	CHECK_CHILD(change_ids);
}

static int five_sets(void)
{
	const uint64_t chown = lx_cap_bit(0), kill = lx_cap_bit(5);
	struct lx_caps caps, want = { chown, chown | kill, kill };

	if (geteuid() != 0)
		return SKIPPED;
	EXPECT_OK(lx_caps_bound(chown | kill, 40));
	EXPECT(prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == 1);
	EXPECT(prctl(PR_CAPBSET_READ, 5, 0, 0, 0) == 1);
	for (int i = 0; i <= 40; i++)
		EXPECT(prctl(PR_CAPBSET_READ, i, 0, 0, 0) == (i == 0 || i == 5));
	EXPECT_OK(lx_caps_set(&want));
	EXPECT_OK(lx_caps_get(&caps));
	EXPECT(memcmp(&caps, &want, sizeof(caps)) == 0);
	EXPECT_OK(lx_caps_ambient(kill, 40));
	EXPECT(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 5, 0, 0) == 1);
	EXPECT_FAILS(lx_caps_ambient(chown, 40), EPERM, "ambient capability 0");
	EXPECT_OK(lx_caps_ambient(0, 40));
	EXPECT(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 5, 0, 0) == 0);
	/* Nothing to drop is no error without the right; something is. */
	EXPECT_OK(lx_caps_bound(chown | kill, 40));
	EXPECT_FAILS(lx_caps_bound(chown, 40), EPERM, "capability 5");
	want.permitted |= lx_cap_bit(1);
	EXPECT_FAILS(lx_caps_set(&want), EPERM, "capabilities");
	return 0;
}

TEST(five_sets_become_what_is_asked)
{
	CHECK_CHILD(five_sets);
}

/* ---- limits ------------------------------------------------------------------------------------
 */

static int limits(void)
{
	struct rlimit r;

	EXPECT_OK(lx_rlimit_set(0, RLIMIT_NOFILE, "RLIMIT_NOFILE", 50, 60));
	EXPECT(getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur == 50 && r.rlim_max == 60);
	if (prctl(PR_CAPBSET_READ, 24, 0, 0, 0) != 1 || geteuid() != 0)
		EXPECT_FAILS(lx_rlimit_set(0, RLIMIT_NOFILE, "RLIMIT_NOFILE", 50, UINT64_MAX),
			     EPERM, "set RLIMIT_NOFILE");
	EXPECT_FAILS(lx_rlimit_set(0, RLIMIT_NOFILE, "RLIMIT_NOFILE", 60, 50), EINVAL, "NOFILE");
	EXPECT_OK(lx_rlimit_set(0, RLIMIT_CORE, "RLIMIT_CORE", 0, 0));
	return 0;
}

TEST(limits_and_their_end)
{
	CHECK_CHILD(limits);
}

static int scheduling(void)
{
	struct lx_sched batch = { .policy = 3, .nice = 4 };
	struct lx_sched wrong = { .policy = 77 };
	struct lx_proc LX_AUTO_PROC proc = { 0 };
	char text[16] = "";
	uint8_t one[8] = { 1 };
	cpu_set_t all, now;
	int fd;

	EXPECT(sched_getaffinity(0, sizeof(all), &all) == 0);
	EXPECT_OK(lx_sched_affinity(0, one, sizeof(one)));
	EXPECT(sched_getaffinity(0, sizeof(now), &now) == 0 && CPU_COUNT(&now) == 1);
	lx_sched_affinity_reset(0);
	EXPECT(sched_getaffinity(0, sizeof(now), &now) == 0);
	EXPECT(CPU_COUNT(&now) >= CPU_COUNT(&all));
	EXPECT_OK(lx_sched_set(0, &batch));
	EXPECT(sched_getscheduler(0) == 3 && getpriority(PRIO_PROCESS, 0) == 4);
	EXPECT_FAILS(lx_sched_set(0, &wrong), EINVAL, "policy 77");
	EXPECT_OK(lx_io_priority(0, 3 << 13 | 2));
	EXPECT(syscall(SYS_ioprio_get, 1, 0) == (3 << 13 | 2));
	EXPECT_OK(lx_proc_host(&proc));
	EXPECT_OK(lx_oom_score_adj(&proc, 0, 321));
	fd = open("/proc/self/oom_score_adj", O_RDONLY);
	EXPECT(read(fd, text, sizeof(text) - 1) > 0 && atoi(text) == 321);
	close(fd);
	EXPECT_FAILS(lx_oom_score_adj(&proc, 0, 5000), EINVAL, "oom_score_adj to 5000");
	EXPECT_OK(lx_personality(8));
	EXPECT_OK(lx_personality(0));
	return 0;
}

TEST(scheduling_of_a_process)
{
	CHECK_CHILD(scheduling);
}

/* Attack: a keyring that somebody has ready under a guessable name. */
static int fresh_keyring(void)
{
	long before, first, second;
	bool made;

	before = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "_ses.c1", 0, 0, 0);
	if (before < 0)
		return SKIPPED;
	EXPECT_OK(lx_keyring_new_session(&made));
	EXPECT(made);
	first = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
	EXPECT_OK(lx_keyring_new_session(&made));
	second = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
	EXPECT(first > 0 && second > 0 && first != before && second != first);
	return 0;
}

TEST(session_keyring_is_always_new)
{
	CHECK_CHILD(fresh_keyring);
}

TEST(sysctl_paths_stay_beneath_proc_sys)
{
	struct lx_proc LX_AUTO_PROC proc = { 0 };

	CHECK_OK(lx_proc_host(&proc));
	CHECK_FAILS(lx_sysctl_write(&proc, "no/such", "1"), ENOENT, "set the sysctl no/such");
	CHECK_FAILS(lx_sysctl_write(&proc, "../sysrq-trigger", "x"), EINVAL, "sysctl");
}

TEST(labels_without_their_module_are_errors)
{
	struct lx_proc LX_AUTO_PROC proc = { 0 };

	CHECK_OK(lx_proc_host(&proc));
	if (access("/sys/kernel/security/apparmor", F_OK) == 0 ||
	    access("/sys/fs/selinux", F_OK) == 0) {
		printf("# SKIP: a security module is there\n");
		return;
	}
	CHECK(rl_drop_failed(lx_apparmor_on_exec(&proc, "p")));
	CHECK(rl_drop_failed(lx_selinux_on_exec(&proc, "l")));
}

/* ---- id maps -----------------------------------------------------------------------------------
 */

/* A child in a new user namespace; it runs `then` when told to. */
static int in_user_namespace(bool deny, int (*then)(void))
{
	struct lx_proc LX_AUTO_PROC proc = { 0 };
	const struct lx_uidmap map = { deny ? "0 0 1\n" : "0 0 1\n1 1000 10\n",
				       deny ? "0 0 1\n" : "0 0 1\n1 1000 10\n", deny };
	int go[2], ready[2], status;
	char byte = 0;
	pid_t pid;

	if (geteuid() != 0)
		return SKIPPED;
	EXPECT(pipe(go) == 0 && pipe(ready) == 0);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) != 0 || write(ready[1], &byte, 1) != 1 ||
		    read(go[0], &byte, 1) != 1)
			_exit(99);
		_exit(then());
	}
	EXPECT(read(ready[0], &byte, 1) == 1);
	EXPECT_OK(lx_proc_host(&proc));
	EXPECT_OK(lx_uidmap_write(&proc, pid, &map));
	/* Once only. */
	EXPECT(rl_drop_failed(lx_uidmap_write(&proc, pid, &map)));
	EXPECT(write(go[1], &byte, 1) == 1);
	EXPECT_OK(rl_sys(waitpid(pid, &status, 0), "wait"));
	return WEXITSTATUS(status);
}

static int mapped(void)
{
	struct lx_proc LX_AUTO_PROC proc = { 0 };
	const gid_t groups[] = { 3, 4 };
	bool denied;

	EXPECT_OK(lx_proc_host(&proc));
	EXPECT_OK(lx_ids_set_groups(&proc, groups, 2, &denied));
	EXPECT(!denied);
	EXPECT_FAILS(lx_ids_set_gid(99), EINVAL, "group id to 99");
	EXPECT_OK(lx_ids_set_gid(10));
	EXPECT_OK(lx_ids_set_uid(10));
	return 0;
}

static int denied_groups(void)
{
	struct lx_proc LX_AUTO_PROC proc = { 0 };
	const gid_t groups[] = { 0 };
	bool denied;

	EXPECT_OK(lx_proc_host(&proc));
	EXPECT_OK(lx_ids_set_groups(&proc, groups, 1, &denied));
	EXPECT(denied);
	EXPECT_FAILS(lx_ids_set_groups(NULL, groups, 1, &denied), EPERM, "supplementary");
	return 0;
}

static int with_map(void)
{
	return in_user_namespace(false, mapped);
}

static int with_denied_groups(void)
{
	return in_user_namespace(true, denied_groups);
}

TEST(id_map_is_written_once)
{
	CHECK_CHILD(with_map);
}

TEST(denied_setgroups_is_told_from_a_failure)
{
	CHECK_CHILD(with_denied_groups);
}

static const char *script(const char *text)
{
	static char path[128];
	int fd;

	set_up();
	snprintf(path, sizeof(path), "%s/helper", root);
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
	return path;
}

TEST(what_a_map_helper_says_is_in_the_error)
{
	static const char *const args[] = { "0", "1000", "1", NULL };
	char many[1200][8];
	const char *list[1201];

	CHECK_OK(lx_uidmap_helper(script("#!/bin/sh\n[ \"$*\" = '77 0 1000 1' ]\n"), 77, args));
	CHECK_FAILS(lx_uidmap_helper(script("#!/bin/sh\necho no range for you >&2\n"
					    "echo second >&2\nexit 3\n"),
				     77, args),
		    EPERM, "helper 77 0 1000 1 ...: no range for you (status 3)");
	/* However much it says, it is not blocked, and not believed. */
	CHECK_FAILS(lx_uidmap_helper(script("#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' x >&2\n"
					    "exit 1\n"),
				     77, args),
		    EPERM, "xxx");
	CHECK_FAILS(lx_uidmap_helper("/nonexistent/newuidmap", 77, args), ENOENT, "newuidmap");
	for (int i = 0; i < 1200; i++) {
		snprintf(many[i], sizeof(many[i]), "%d", i);
		list[i] = many[i];
	}
	list[1200] = NULL;
	CHECK_FAILS(lx_uidmap_helper("/bin/true", 77, list), E2BIG, "340 lines");
}

RUN_TESTS()

// SPDX-License-Identifier: Apache-2.0
//
// What the container looks like from inside. Where a system call can answer, /proc is not asked:
// a test may have left it out or put something else there.

#include "payload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47
#define PR_CAP_AMBIENT_IS_SET 1
#endif

extern char **environ;

static void report_ids(void)
{
	gid_t groups[256];
	int count = getgroups(256, groups);
	mode_t mask = umask(0);

	umask(mask);
	printf("uid=%u\neuid=%u\ngid=%u\negid=%u\ngroups=", getuid(), geteuid(), getgid(),
	       getegid());
	for (int i = 0; i < count; i++)
		printf("%s%u", i > 0 ? " " : "", groups[i]);
	printf("\numask=%04o\n", mask);
}

static void print_capabilities(const char *name, uint64_t set)
{
	printf("cap.%s=%016llx\n", name, (unsigned long long)set);
}

static void report_caps(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	uint64_t bounding = 0, ambient = 0;

	for (unsigned cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			bounding |= UINT64_C(1) << cap;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			ambient |= UINT64_C(1) << cap;
	}
	syscall(SYS_capget, &header, data);
	print_capabilities("effective", data[0].effective | (uint64_t)data[1].effective << 32);
	print_capabilities("permitted", data[0].permitted | (uint64_t)data[1].permitted << 32);
	print_capabilities("inheritable",
			   data[0].inheritable | (uint64_t)data[1].inheritable << 32);
	print_capabilities("bounding", bounding);
	print_capabilities("ambient", ambient);
	printf("securebits=%d\n", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	printf("nnp=%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

static void print_limit(rlim_t limit)
{
	if (limit == RLIM_INFINITY)
		printf("unlimited");
	else
		printf("%llu", (unsigned long long)limit);
}

static void report_rlimits(void)
{
	static const struct {
		int resource;
		const char *name;
	} limits[] = {
		{ RLIMIT_AS, "as" },
		{ RLIMIT_CORE, "core" },
		{ RLIMIT_CPU, "cpu" },
		{ RLIMIT_DATA, "data" },
		{ RLIMIT_FSIZE, "fsize" },
		{ RLIMIT_LOCKS, "locks" },
		{ RLIMIT_MEMLOCK, "memlock" },
		{ RLIMIT_MSGQUEUE, "msgqueue" },
		{ RLIMIT_NICE, "nice" },
		{ RLIMIT_NOFILE, "nofile" },
		{ RLIMIT_NPROC, "nproc" },
		{ RLIMIT_RSS, "rss" },
		{ RLIMIT_RTPRIO, "rtprio" },
		{ RLIMIT_RTTIME, "rttime" },
		{ RLIMIT_SIGPENDING, "sigpending" },
		{ RLIMIT_STACK, "stack" },
	};
	struct rlimit limit;

	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		if (getrlimit(limits[i].resource, &limit) != 0)
			continue;
		printf("rlimit.%s=", limits[i].name);
		print_limit(limit.rlim_cur);
		printf(":");
		print_limit(limit.rlim_max);
		printf("\n");
	}
}

static void report_ns(void)
{
	static const char *const names[] = { "cgroup", "ipc",  "mnt",  "net",
					     "pid",    "time", "user", "uts" };
	char path[32];
	struct stat info;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
		if (stat(path, &info) == 0)
			printf("ns.%s=%llu\n", names[i], (unsigned long long)info.st_ino);
	}
}

static void report_fds(void)
{
	char path[64], target[4096];

	// fcntl finds descriptors where /proc is missing; a target is a bonus.
	for (int fd = 0; fd < 1024; fd++) {
		int flags = fcntl(fd, F_GETFD);
		if (flags < 0)
			continue;
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t length = readlink(path, target, sizeof target - 1);
		target[length > 0 ? length : 0] = '\0';
		printf("fd.%d=%s\n", fd, target);
	}
}

// mountinfo: id parent major:minor root destination options [optional]... - type source super
static void print_mount(char *line)
{
	char *words[64], *save = NULL;
	size_t count = 0, dash = 0;

	for (char *w = strtok_r(line, " \n", &save); w != NULL && count < 64;
	     w = strtok_r(NULL, " \n", &save))
		words[count++] = w;
	for (size_t i = 6; i < count && dash == 0; i++)
		if (strcmp(words[i], "-") == 0)
			dash = i;
	if (dash == 0 || dash + 2 >= count)
		return;
	printf("mount=%s %s %s %s %s %s ", words[4], words[dash + 1], words[5],
	       dash + 3 < count ? words[dash + 3] : "-", words[dash + 2], words[3]);
	if (dash == 6)
		printf("private");
	for (size_t i = 6; i < dash; i++)
		printf("%s%s", i > 6 ? "," : "", words[i]);
	printf("\n");
}

static void report_mounts(void)
{
	char line[4096];
	FILE *mounts = fopen("/proc/self/mountinfo", "re");

	while (mounts != NULL && fgets(line, sizeof line, mounts) != NULL)
		print_mount(line);
	if (mounts != NULL)
		fclose(mounts);
}

static char type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFSOCK:
		return 's';
	default:
		return 'f';
	}
}

static void print_stat(const char *key, const struct stat *info)
{
	printf("%s=%c %u:%u %04o %u:%u\n", key, type_of(info->st_mode), major(info->st_rdev),
	       minor(info->st_rdev), info->st_mode & 07777, info->st_uid, info->st_gid);
}

static void report_devices(void)
{
	char key[300];
	struct dirent *entry;
	struct stat info;
	DIR *dev = opendir("/dev");

	while (dev != NULL && (entry = readdir(dev)) != NULL) {
		if (entry->d_name[0] == '.' ||
		    fstatat(dirfd(dev), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		snprintf(key, sizeof key, "dev.%s", entry->d_name);
		print_stat(key, &info);
	}
	if (dev != NULL)
		closedir(dev);
}

// The lines of /proc/self/status that no system call tells.
static void report_status(void)
{
	static const char *const keys[][2] = {
		{ "Seccomp:\t", "seccomp.mode" },
		{ "Seccomp_filters:\t", "seccomp.filters" },
		{ "SigBlk:\t", "sig.blocked" },
		{ "SigIgn:\t", "sig.ignored" },
		{ "Cpus_allowed_list:\t", "cpus" },
		{ "Mems_allowed_list:\t", "mems" },
		{ "NSpid:\t", "nspid" },
	};
	const char *status = payload_slurp("/proc/self/status");

	for (size_t i = 0; status != NULL && i < sizeof keys / sizeof *keys; i++) {
		const char *line = strstr(status, keys[i][0]);
		if (line == NULL)
			continue;
		line += strlen(keys[i][0]);
		printf("%s=%.*s\n", keys[i][1], (int)strcspn(line, "\n"), line);
	}
}

static void print_lines(const char *key, const char *path)
{
	char *save = NULL;
	const char *text = payload_slurp(path);

	if (text == NULL)
		return;
	for (char *line = strtok_r((char *)(uintptr_t)text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		printf("%s=%s\n", key, line);
}

static void report_process(void)
{
	char cwd[4096];
	struct utsname names;

	printf("pid=%d\nppid=%d\nsid=%d\npgid=%d\n", getpid(), getppid(), getsid(0), getpgid(0));
	printf("cwd=%s\n", getcwd(cwd, sizeof cwd) != NULL ? cwd : payload_errno_name(errno));
	uname(&names);
	printf("hostname=%s\ndomainname=%s\nmachine=%s\n", names.nodename, names.domainname,
	       names.machine);
	printf("nice=%d\n", getpriority(PRIO_PROCESS, 0));
	printf("sched=%ld\n", syscall(SYS_sched_getscheduler, 0)); // musl only has a stub
	printf("ioprio=%ld\n", syscall(SYS_ioprio_get, 1 /* a process */, 0));
	printf("personality=%lx\n", (unsigned long)personality(0xffffffff));
	printf("dumpable=%d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	print_lines("oom", "/proc/self/oom_score_adj");
	print_lines("apparmor", "/proc/self/attr/current");
	print_lines("cgroup", "/proc/self/cgroup");
	print_lines("uidmap", "/proc/self/uid_map");
	print_lines("gidmap", "/proc/self/gid_map");
	print_lines("setgroups", "/proc/self/setgroups");
}

static void report_keyring(void)
{
	char description[256] = "";
	// 0: KEYCTL_GET_KEYRING_ID, 6: KEYCTL_DESCRIBE, -3: the session keyring
	long id = syscall(SYS_keyctl, 0, -3, 0);

	printf("keyring=%ld\n", id);
	if (syscall(SYS_keyctl, 6, -3, description, sizeof description - 1) > 0)
		printf("keyring.name=%s\n", strrchr(description, ';') + 1);
}

static void report_env(void)
{
	for (char **variable = environ; *variable != NULL; variable++)
		printf("env=%s\n", *variable);
}

static void report_argv(void)
{
	char path[4096];
	char text[65536];
	FILE *file = fopen("/proc/self/cmdline", "re");
	size_t got = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;

	text[got] = '\0';
	for (size_t at = 0, i = 0; at < got; at += strlen(text + at) + 1, i++)
		printf("argv.%zu=%s\n", i, text + at);
	if (file != NULL)
		fclose(file);
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	if (length > 0)
		printf("exe=%.*s\n", (int)length, path);
}

static void report_tty(void)
{
	char name[256];
	struct winsize size;
	int control = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	printf("tty=%d%d%d\n", isatty(0), isatty(1), isatty(2));
	if (ttyname_r(0, name, sizeof name) == 0)
		printf("tty.name=%s\n", name);
	if (ioctl(0, TIOCGWINSZ, &size) == 0)
		printf("tty.size=%ux%u\n", size.ws_col, size.ws_row);
	printf("tty.control=%d\n", control >= 0);
	if (control >= 0)
		close(control);
}

static const struct {
	const char *name;
	void (*print)(void);
} sections[] = {
	{ "ids", report_ids },	       { "caps", report_caps },	    { "rlimits", report_rlimits },
	{ "ns", report_ns },	       { "fds", report_fds },	    { "mounts", report_mounts },
	{ "devices", report_devices }, { "status", report_status }, { "process", report_process },
	{ "keyring", report_keyring }, { "env", report_env },	    { "argv", report_argv },
	{ "tty", report_tty },
};

static int run_report(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
		int wanted = argc == 0;
		for (int a = 0; a < argc; a++)
			wanted |= strcmp(argv[a], sections[i].name) == 0;
		if (wanted)
			sections[i].print();
	}
	return 0;
}

static int run_stat(int argc, char **argv)
{
	struct stat info;
	char key[4200];

	for (int i = 0; i < argc; i++) {
		snprintf(key, sizeof key, "stat.%s", argv[i]);
		if (lstat(argv[i], &info) == 0)
			print_stat(key, &info);
		else
			payload_outcome(key, -1);
	}
	return 0;
}

static int run_ls(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		struct dirent *entry;
		unsigned count = 0;
		if (dir == NULL) {
			printf("ls.%s=%s\n", argv[i], payload_errno_name(errno));
			continue;
		}
		while ((entry = readdir(dir)) != NULL) {
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			printf("entry=%s\n", entry->d_name);
			count++;
		}
		closedir(dir);
		printf("ls.%s=%u\n", argv[i], count);
	}
	return 0;
}

static int run_cat(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char *text = payload_slurp(argv[i]);
		if (text != NULL)
			printf("%s=%s\n", argv[i], text);
		else
			printf("%s=!%s\n", argv[i], payload_errno_name(errno));
	}
	return 0;
}

static int run_readlink(int argc, char **argv)
{
	char target[4096];

	for (int i = 0; i < argc; i++) {
		ssize_t length = readlink(argv[i], target, sizeof target - 1);
		if (length >= 0)
			printf("link.%s=%.*s\n", argv[i], (int)length, target);
		else
			printf("link.%s=!%s\n", argv[i], payload_errno_name(errno));
	}
	return 0;
}

static int run_listen_fds(int argc, char **argv)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	const char *names = getenv("LISTEN_FDNAMES");

	(void)argc;
	(void)argv;
	printf("listen.fds=%s\nlisten.names=%s\n", count != NULL ? count : "",
	       names != NULL ? names : "");
	printf("listen.pid=%s\n", pid == NULL ? "" : atoi(pid) == getpid() ? "self" : pid);
	report_fds();
	return 0;
}

const struct payload_command payload_report_commands[] = {
	{ "report", run_report, "[SECTION]..." },
	{ "stat", run_stat, "PATH..." },
	{ "ls", run_ls, "DIR..." },
	{ "cat", run_cat, "FILE..." },
	{ "readlink", run_readlink, "PATH..." },
	{ "listen-fds", run_listen_fds, "" },
	{ 0 },
};

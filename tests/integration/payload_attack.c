// SPDX-License-Identifier: Apache-2.0
//
// Hostile programs: a neighbour that swaps paths while a container is made, and a first process
// that preys on the runtime's process when it comes in. They look for an opening and report it;
// none of them does damage when it finds one.

#include "payload.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// Exchanges two names again and again until FILE appears or SECONDS are over.
static int run_swap(int argc, char **argv)
{
	unsigned long count = 0;

	if (argc < 4)
		return 64;
	double end = now() + atof(argv[2]);
	while (now() < end && access(argv[3], F_OK) != 0)
		for (int i = 0; i < 64; i++)
			count += syscall(SYS_renameat2, AT_FDCWD, argv[0], AT_FDCWD, argv[1],
					 2 /* RENAME_EXCHANGE */) == 0;
	printf("swaps=%lu\n", count);
	return 0;
}

struct prey {
	int exe; // O_PATH descriptor of a foreign program, or -1
	unsigned seen, foreign, traced, fds;
	struct stat own;
	const char *harmless;
	char victim[512];
};

// The descriptors of the process: can any be reopened, and is it a directory of the host?
static void look_at_fds(struct prey *p, int proc)
{
	char path[64];

	for (int fd = 0; fd < 32; fd++) {
		snprintf(path, sizeof path, "fd/%d", fd);
		int got = openat(proc, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (got < 0)
			continue;
		struct stat info;
		if (fd > 2 && fstat(got, &info) == 0 && S_ISDIR(info.st_mode))
			p->fds++;
		close(got);
	}
}

// A process that could be traced. One that runs `harmless` does not count: it holds nothing, is
// confined like the program it is about to become, and exists so that the runtime's own program
// never runs where it could be traced.
static void count_traced(struct prey *p, int proc)
{
	char exe[512];
	ssize_t length = readlinkat(proc, "exe", exe, sizeof exe - 1);

	exe[length > 0 ? length : 0] = '\0';
	if (p->harmless != NULL && strstr(exe, p->harmless) != NULL)
		return;
	p->traced++;
	memcpy(p->victim, exe, sizeof exe);
}

static void look_at(struct prey *p, int proc, pid_t pid)
{
	struct stat info;
	int exe = openat(proc, "exe", O_PATH | O_CLOEXEC);

	p->seen++;
	if (exe < 0) {
		// Hidden from us, as it should be. The descriptors must be hidden as well.
		p->foreign += errno == EACCES || errno == EPERM;
		look_at_fds(p, proc);
	} else if (fstat(exe, &info) == 0 &&
		   (info.st_ino != p->own.st_ino || info.st_dev != p->own.st_dev)) {
		p->foreign++;
		look_at_fds(p, proc);
		if (p->exe < 0) {
			p->exe = exe;
			exe = -1;
		}
	}
	if (exe >= 0)
		close(exe);
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) {
		exe = openat(proc, "exe", O_PATH | O_CLOEXEC);
		if (exe >= 0 && fstat(exe, &info) == 0 && info.st_ino != p->own.st_ino)
			count_traced(p, proc);
		if (exe >= 0)
			close(exe);
		ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
		waitpid(pid, NULL, __WALL);
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
	}
}

static void look_around(struct prey *p)
{
	DIR *all = opendir("/proc");
	struct dirent *entry;

	while (all != NULL && (entry = readdir(all)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]) || atoi(entry->d_name) == getpid())
			continue;
		int proc = openat(dirfd(all), entry->d_name, O_PATH | O_CLOEXEC);
		if (proc < 0)
			continue;
		look_at(p, proc, atoi(entry->d_name));
		close(proc);
	}
	if (all != NULL)
		closedir(all);
}

// Writes back the byte that is there: a sealed file can be opened for writing, but not written.
static int rewrite_first_byte(const char *path, int fd)
{
	char byte;
	int reader = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = reader >= 0 ? pread(reader, &byte, 1, 0) : -1;

	if (reader >= 0)
		close(reader);
	return got == 1 && pwrite(fd, &byte, 1, 0) == 1 ? 0 : -1;
}

// The program of the process that came in must not be writable, neither while it runs (ETXTBSY
// protects it then) nor afterwards.
static const char *try_to_write(int exe)
{
	char path[64];
	const char *last = "none";

	snprintf(path, sizeof path, "/proc/self/fd/%d", exe);
	for (int i = 0; i < 200; i++) {
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		int written = fd >= 0 ? rewrite_first_byte(path, fd) : -1;
		last = written == 0 ? "ok" : payload_errno_name(errno);
		if (fd >= 0)
			close(fd);
		if (written == 0)
			break;
		if (errno != ETXTBSY)
			break;
		usleep(10000);
	}
	return last;
}

// Watches for SECONDS, or until FILE appears, who else runs in this pid namespace.
static int run_prey(int argc, char **argv)
{
	struct prey p = { .exe = -1 };

	if (argc < 3)
		return 64;
	p.harmless = argc > 3 ? argv[3] : NULL;
	stat("/proc/self/exe", &p.own);
	double end = now() + atof(argv[0]);
	FILE *report = fopen(argv[2], "we");
	if (report == NULL)
		return 70;
	fprintf(report, "ready=1\n");
	fflush(report);
	while (now() < end && access(argv[1], F_OK) != 0)
		look_around(&p);
	fprintf(report, "prey.seen=%u\nprey.foreign=%u\nprey.traced=%u\nprey.fds=%u\n", p.seen,
		p.foreign, p.traced, p.fds);
	fprintf(report, "prey.victim=%s\n", p.victim);
	fprintf(report, "prey.write=%s\n", p.exe >= 0 ? try_to_write(p.exe) : "none");
	fprintf(report, "finished=1\n");
	fclose(report);
	return 0;
}

// Opens its own program for writing, as `/proc/self/exe` started by the runtime would.
static int run_write_exe(int argc, char **argv)
{
	const char *path = argc > 0 ? argv[0] : "/proc/self/exe";
	int exe = open(path, O_PATH | O_CLOEXEC);

	printf("exe.write=%s\n", exe >= 0 ? try_to_write(exe) : payload_errno_name(errno));
	return 0;
}

// Opens a path again and again until FILE appears or SECONDS are over, and says what came of it.
static int run_hammer(int argc, char **argv)
{
	unsigned long counts[256] = { 0 };

	if (argc < 3)
		return 64;
	double end = now() + atof(argv[1]);
	while (now() < end && access(argv[2], F_OK) != 0)
		for (int i = 0; i < 256; i++) {
			int fd = open(argv[0], O_RDONLY | O_NONBLOCK | O_CLOEXEC);

			counts[fd >= 0 ? 0 : errno & 255]++;
			if (fd >= 0)
				close(fd);
		}
	for (int i = 0; i < 256; i++)
		if (counts[i] > 0)
			printf("hammer.%s=%lu\n", i == 0 ? "ok" : payload_errno_name(i), counts[i]);
	return 0;
}

const struct payload_command payload_attack_commands[] = {
	{ "swap", run_swap, "A B SECONDS FILE" },
	{ "prey", run_prey, "SECONDS FILE REPORT [HARMLESS]" },
	{ "hammer", run_hammer, "PATH SECONDS FILE" },
	{ "write-exe", run_write_exe, "[PATH]" },
	{ 0 },
};

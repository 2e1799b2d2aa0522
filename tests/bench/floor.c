// SPDX-License-Identifier: Apache-2.0
//
// The floor: what a container start costs when nothing but the kernel's work is done.
//
//     floor ROOTFS PROGRAM
//
// One file, no configuration, no JSON, no state, no error recovery: the kernel calls that the
// default configuration (`runc spec`, without cgroups) asks for, one after the other, in the
// simplest form the kernel has. No runtime can be faster than this while doing the same; the
// benchmark gives every other figure as a multiple of it.
//
// ROOTFS must hold the directories proc, dev and sys.

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

// struct clone_args of <linux/sched.h>, first version; that header cannot be included with
// <sched.h>.
struct floor_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static void must(long result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static void mount_filesystems(void)
{
	struct entry {
		const char *type, *target;
		unsigned long flags;
		const char *data;
	};
	static const struct entry entries[] = {
		{ "proc", "proc", 0, NULL },
		{ "tmpfs", "dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k" },
		{ "devpts", "dev/pts", MS_NOSUID | MS_NOEXEC,
		  "newinstance,ptmxmode=0666,mode=0620,gid=5" },
		{ "tmpfs", "dev/shm", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=1777,size=65536k" },
		{ "mqueue", "dev/mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL },
		{ "sysfs", "sys", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, NULL },
	};
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
		const struct entry *e = &entries[i];
		if (strncmp(e->target, "dev/", 4) == 0)
			must(mkdir(e->target, 0755), e->target);
		must(mount(e->type, e->target, e->type, e->flags, e->data), e->target);
	}
}

static void make_devices(void)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} nodes[] = {
		{ "dev/null", 1, 3 },	{ "dev/zero", 1, 5 },	 { "dev/full", 1, 7 },
		{ "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 },
	};
	static const char *const links[][2] = {
		{ "/proc/self/fd", "dev/fd" },	     { "/proc/self/fd/0", "dev/stdin" },
		{ "/proc/self/fd/1", "dev/stdout" }, { "/proc/self/fd/2", "dev/stderr" },
		{ "/proc/kcore", "dev/core" },	     { "pts/ptmx", "dev/ptmx" },
	};
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
		must(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)),
		     nodes[i].path);
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		must(symlink(links[i][0], links[i][1]), links[i][1]);
}

static void mask_paths(void)
{
	// The list of `crun spec`. Which of them exist is the kernel's business; ENOENT is no
	// failure.
	static const char *const masked[] = {
		"proc/acpi",	      "proc/asound",	 "proc/kcore",	     "proc/keys",
		"proc/latency_stats", "proc/timer_list", "proc/timer_stats", "proc/sched_debug",
		"sys/firmware",	      "proc/scsi",
	};
	static const char *const readonly[] = {
		"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger",
	};
	for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
		if (mount("dev/null", masked[i], NULL, MS_BIND, NULL) == 0 || errno == ENOENT)
			continue;
		if (errno != ENOTDIR)
			must(-1, masked[i]);
		must(mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, "size=0k"), masked[i]);
	}
	for (size_t i = 0; i < sizeof readonly / sizeof *readonly; i++) {
		if (mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL) != 0) {
			if (errno != ENOENT)
				must(-1, readonly[i]);
			continue;
		}
		must(mount(NULL, readonly[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL),
		     readonly[i]);
	}
}

static void change_root(const char *rootfs)
{
	must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "slave");
	must(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), "bind the root");
	must(chdir(rootfs), "chdir");
	mount_filesystems();
	make_devices();
	mask_paths();
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount the old root");
	must(chdir("/"), "chdir /");
}

static void limit_process(void)
{
	static const unsigned keep[] = { CAP_AUDIT_WRITE, CAP_KILL, CAP_NET_BIND_SERVICE };
	struct rlimit files = { 1024, 1024 };
	uint32_t mask = 0;

	for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
		mask |= 1u << keep[i];
	for (unsigned cap = 0; cap <= 63; cap++) {
		if (cap < 32 && (mask >> cap & 1))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			break; // EINVAL: past the last capability of this kernel
	}
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { mask, mask, 0 }, { 0, 0, 0 } };

	must(setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
	must(syscall(SYS_capset, &header, data), "capset");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

static _Noreturn void container(const char *rootfs, char *program)
{
	char *argv[] = { program, NULL };
	char *envp[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			 NULL };

	must(setsid(), "setsid");
	must(syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL, 0, 0, 0), "keyctl");
	must(sethostname("floor", 5), "sethostname");
	change_root(rootfs);
	limit_process();
	execve(program, argv, envp);
	must(-1, program);
	_exit(1);
}

int main(int argc, char **argv)
{
	struct floor_clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS |
			 CLONE_NEWCGROUP,
		.exit_signal = SIGCHLD,
	};
	int status;

	if (argc != 3) {
		fprintf(stderr, "usage: floor ROOTFS PROGRAM\n");
		return 2;
	}
	umask(0);
	long pid = syscall(SYS_clone3, &args, sizeof args);
	must(pid, "clone3");
	if (pid == 0)
		container(argv[1], argv[2]);
	must(waitpid((pid_t)pid, &status, 0), "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

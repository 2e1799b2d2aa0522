/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/confine.h"

#include "base/fd.h"
#include "vmm/log.h"
#include "vmm/virtio/net/net.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's header of the filter has the name of one of ours. */
#define SECCOMP_SET_MODE_FILTER 1
#define SECCOMP_RET_KILL_PROCESS 0x80000000u
#define SECCOMP_RET_ERRNO 0x00050000u
#define SECCOMP_RET_ALLOW 0x7fff0000u
struct seccomp_data {
	int nr;
	uint32_t arch;
	uint64_t instruction_pointer;
	uint64_t args[6];
};

/* ---- System calls ---- */

/*
 * What a running machine does: vCPUs, loop, workers, files, and the end. Those that go on all the
 * time come first; newer kernels remember the answer for each anyway.
 */
static const uint16_t calls[] = {
	/* requests, interrupts, sleeping */
	SYS_io_uring_enter, SYS_epoll_wait, SYS_epoll_pwait, SYS_write, SYS_read, SYS_futex,
	/* files */
	SYS_openat, SYS_statx, SYS_close, SYS_preadv, SYS_pwritev, SYS_preadv2, SYS_pwritev2,
	SYS_pread64, SYS_pwrite64, SYS_readv, SYS_writev, SYS_getdents64, SYS_newfstatat, SYS_fstat,
	SYS_readlinkat, SYS_lseek, SYS_fcntl, SYS_ftruncate, SYS_fallocate, SYS_fsync,
	SYS_fdatasync, SYS_syncfs, SYS_copy_file_range, SYS_symlinkat, SYS_mkdirat, SYS_mknodat,
	SYS_unlinkat, SYS_unlink, SYS_linkat, SYS_renameat2, SYS_renameat, SYS_fchmod, SYS_fchmodat,
	SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_fstatfs, SYS_statfs, SYS_getxattr,
	SYS_lgetxattr, SYS_fgetxattr, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_listxattr,
	SYS_llistxattr, SYS_flistxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr,
	SYS_fchdir, SYS_umask, SYS_faccessat, SYS_dup, SYS_dup3,
	/* streams and sockets */
	SYS_poll, SYS_ppoll, SYS_epoll_ctl, SYS_epoll_create1, SYS_eventfd2, SYS_timerfd_settime,
	SYS_timerfd_create, SYS_pipe2, SYS_connect, SYS_accept4, SYS_shutdown, SYS_sendto,
	SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_getsockopt, SYS_setsockopt, SYS_getsockname,
	SYS_getpeername, SYS_getrandom,
	/* memory, threads, signals, clocks, the end */
	SYS_munmap, SYS_madvise, SYS_mremap, SYS_brk, SYS_set_robust_list, SYS_rseq, SYS_gettid,
	SYS_getpid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_tgkill, SYS_sched_yield,
	SYS_sched_getaffinity, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
	SYS_sigaltstack, SYS_restart_syscall, SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep,
	SYS_gettimeofday, SYS_exit, SYS_exit_group
};

/* ... and with some arguments only: (argument & mask) == value. */
static const struct narrow {
	uint16_t call;
	uint8_t argument;
	uint32_t mask, value;
} narrow[] = {
	/* KVM, by the type in a number's second byte; terminals one by one, TIOCSTI is none of it
	 */
	{ SYS_ioctl, 1, 0xff00, 0xae00 },
	{ SYS_ioctl, 1, UINT32_MAX, TCGETS },
	{ SYS_ioctl, 1, UINT32_MAX, TCSETS },
	{ SYS_ioctl, 1, UINT32_MAX, TCSETSW },
	{ SYS_ioctl, 1, UINT32_MAX, TCSETSF },
	{ SYS_ioctl, 1, UINT32_MAX, TIOCGWINSZ },
	{ SYS_ioctl, 1, UINT32_MAX, FIONREAD },
	{ SYS_ioctl, 1, UINT32_MAX, FIONBIO },
	{ SYS_ioctl, 1, UINT32_MAX, (uint32_t)TUNSETOFFLOAD },
	/* no memory becomes code */
	{ SYS_mmap, 2, PROT_EXEC, 0 },
	{ SYS_mprotect, 2, PROT_EXEC, 0 },
	/* a thread, never a process or a namespace */
	{ SYS_clone, 0,
	  CLONE_THREAD | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
		  CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
	  CLONE_THREAD },
	/* a thread's own working directory and umask */
	{ SYS_unshare, 0, UINT32_MAX, CLONE_FS },
	/* vsock ports */
	{ SYS_socket, 0, UINT32_MAX, AF_UNIX },
	/* the rings made before, which can do little */
	{ SYS_io_uring_register, 1, UINT32_MAX, IORING_REGISTER_ENABLE_RINGS },
	{ SYS_prctl, 0, UINT32_MAX, PR_SET_NAME },
	{ SYS_prctl, 0, UINT32_MAX, 0x53564d41 /* PR_SET_VMA, by malloc(3) */ },
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))
#define NARROW (sizeof(narrow) / sizeof(narrow[0]))
#define PROGRAM_MAX (8 + 2 * CALLS + 6 * NARROW)

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, (value))
/* Goes on if the accumulator is `value`, else skips `n` instructions. */
#define UNLESS(value, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (n))

static void add(struct sock_fprog *p, struct sock_filter instruction)
{
	p->filter[p->len++] = instruction;
}

static void add_narrow(struct sock_fprog *p, const struct narrow *n)
{
	/* The kernel looks at 32 bits of each of these; little-endian, so the low half is first. */
	uint32_t at = (uint32_t)(offsetof(struct seccomp_data, args) + 8ul * n->argument);

	add(p, (struct sock_filter)UNLESS(n->call, 5));
	add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
	add(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, n->mask));
	add(p, (struct sock_filter)UNLESS(n->value, 1));
	add(p, (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW));
	add(p, (struct sock_filter)LOAD(nr));
}

rl_err vmm_confine_calls(void)
{
	struct sock_filter filter[PROGRAM_MAX];
	struct sock_fprog p = { .filter = filter };

	add(&p, (struct sock_filter)LOAD(arch));
	add(&p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	add(&p, (struct sock_filter)ANSWER(SECCOMP_RET_KILL_PROCESS));
	add(&p, (struct sock_filter)LOAD(nr));
	for (size_t i = 0; i < CALLS; i++) {
		add(&p, (struct sock_filter)UNLESS(calls[i], 1));
		add(&p, (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW));
	}
	for (size_t i = 0; i < NARROW; i++)
		add_narrow(&p, &narrow[i]);
	/* Its arguments are in memory. Without it libc takes clone. */
	add(&p, (struct sock_filter)UNLESS(SYS_clone3, 1));
	add(&p, (struct sock_filter)ANSWER(SECCOMP_RET_ERRNO | ENOSYS));
	add(&p, (struct sock_filter)ANSWER(SECCOMP_RET_ERRNO | EPERM));

	RL_TRY(rl_sys(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up new privileges"));
	return rl_sys((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p),
		      "filter system calls");
}

/* ---- Files ---- */

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ull << 13)
#endif
#define TRUNCATE (1ull << 14)  /* LANDLOCK_ACCESS_FS_TRUNCATE, Linux 6.2 */
#define IOCTL_DEV (1ull << 15) /* LANDLOCK_ACCESS_FS_IOCTL_DEV, Linux 6.10 */

#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* No EXECUTE, MAKE_BLOCK, IOCTL_DEV: the file server does none of that. MAKE_CHAR: whiteouts. */
#define WRITING                                                                    \
	(READING | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |           \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |               \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |             \
	 LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER | TRUNCATE)

/* Every right that this kernel's version knows: what is not granted below is denied. */
static uint64_t known(int version)
{
	if (version >= 5)
		return 2 * IOCTL_DEV - 1;
	return version >= 3 ? 2 * TRUNCATE - 1 : 2 * LANDLOCK_ACCESS_FS_REFER - 1;
}

static rl_err allow(int ruleset, const struct vmm_reach *reach, uint64_t handled)
{
	struct rl_fd RL_AUTO_FD dir = { 0 };
	struct landlock_path_beneath_attr rule = {
		.allowed_access = reach->names_only  ? LANDLOCK_ACCESS_FS_REMOVE_FILE
				  : reach->read_only ? READING
						     : WRITING & handled,
	};

	RL_TRY(rl_fd_from(open(reach->path, O_PATH | O_CLOEXEC), &dir, "open %s", reach->path));
	rule.parent_fd = rl_fd_get(&dir);
	return rl_sys(
		(int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0),
		"keep %s reachable", reach->path);
}

rl_err vmm_confine_files(const struct vmm_reach *reach, size_t count, bool *ret_done)
{
	struct rl_fd RL_AUTO_FD ruleset = { 0 };
	struct landlock_ruleset_attr attr = { 0 };
	int version =
		(int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	*ret_done = false;
	if (version < 2)
		return RL_OK;
	attr.handled_access_fs = known(version);
	RL_TRY(rl_fd_from(
		(int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0),
		&ruleset, "make a Landlock ruleset"));
	for (size_t i = 0; i < count; i++)
		RL_TRY(allow(rl_fd_get(&ruleset), &reach[i], attr.handled_access_fs));
	RL_TRY(rl_sys(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up new privileges"));
	RL_TRY(rl_sys((int)syscall(SYS_landlock_restrict_self, rl_fd_get(&ruleset), 0),
		      "give up other files"));
	*ret_done = true;
	return RL_OK;
}

/* Sockets of ours have a name to be removed in the end. */
static const char *directory_of(struct rl_arena *a, const char *path, rl_err *e)
{
	const char *slash = strrchr(path, '/'), *dir = ".";

	if (slash == path)
		return "/";
	if (slash != NULL)
		*e = rl_arena_fmt(a, &dir, "%.*s", (int)(slash - path), path);
	return dir;
}

rl_err vmm_confine_to(const struct vmm_config *c, struct rl_arena *a)
{
	struct vmm_reach *reach;
	size_t n = 0, count = 1;
	rl_err e = RL_OK;
	bool done, datagrams = false;

	for (const struct vmm_fs *fs = c->fs; fs; fs = fs->next)
		count++;
	for (const struct vmm_vsock_map *v = c->vsock; v; v = v->next)
		count++;
	RL_TRY(rl_new_array(a, count, &reach));
	for (const struct vmm_fs *fs = c->fs; fs; fs = fs->next) {
		if (fs->path)
			reach[n++] =
				(struct vmm_reach){ .path = fs->path, .read_only = fs->read_only };
	}
	for (const struct vmm_vsock_map *v = c->vsock; v && !rl_failed(e); v = v->next) {
		if (v->listen)
			reach[n++] = (struct vmm_reach){ .path = directory_of(a, v->path, &e),
							 .names_only = true };
	}
	RL_TRY(e);
	for (const struct vmm_net *net = c->net; net && !datagrams; net = net->next)
		datagrams = net->backend == VMM_BACKEND_DGRAM && net->path;
	if (datagrams)
		reach[n++] = (struct vmm_reach){ .path = VMM_NET_SOCKET_DIR, .names_only = true };
	RL_TRY(vmm_confine_files(reach, n, &done));
	if (!done)
		vmm_log(VMM_LOG_INFO, "machine",
			"files: not confined, this kernel has no Landlock");
	return RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine's process may do on the host. A guest that has broken out of its machine finds
 * itself in here: in the container's namespaces, cgroup and root, with less rights than a native
 * container's root has.
 */
#include "handlers/handler.h"
#include "plan/plan.h"

#include <linux/capability.h>
#include <linux/if_tun.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef SECCOMP_RET_ALLOW
#define SECCOMP_RET_ALLOW 0x7fff0000U
#define SECCOMP_RET_ERRNO 0x00050000U
#endif

/* ---- identity -------------------------------------------------------------------------------- */

static uint64_t bit(int capability)
{
	return UINT64_C(1) << capability;
}

/*
 * The guest's root owns the container's files, and its users have files of their own: so the file
 * server needs the rights over files that the container was given, as far as files are served, and
 * no others. The original's server takes on the ids of its callers.
 */
static uint64_t file_rights(const struct hdl_facts *facts, enum hdl_files files)
{
	uint64_t reading = bit(CAP_DAC_OVERRIDE);
	uint64_t writing =
		reading | bit(CAP_CHOWN) | bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_SETFCAP);

	if (!facts->ours)
		return writing | bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_MKNOD);
	return files == HDL_FILES_WRITTEN ? writing : files == HDL_FILES_READ ? reading : 0;
}

static rl_err rlimit_lines(struct rl_arena *a, const struct plan_process *p, struct hdl_plan *plan)
{
	const char **lines;

	RL_TRY(rl_new_array(a, p->rlimit_count + 1, &lines));
	for (size_t i = 0; i < p->rlimit_count; i++)
		RL_TRY(rl_arena_fmt(a, &lines[i], "%d=%llu:%llu", p->rlimits[i].resource,
				    (unsigned long long)p->rlimits[i].soft,
				    (unsigned long long)p->rlimits[i].hard));
	plan->rlimits = lines;
	return RL_OK;
}

rl_err hdl_plan_process(struct rl_arena *a, const struct hdl_facts *facts, struct plan_process *p,
			struct hdl_plan *plan)
{
	uint64_t rights = p->caps.bounding & file_rights(facts, plan->files);

	RL_TRY(rlimit_lines(a, p, plan));
	plan->find_home = p->find_home;
	plan->home_of = p->uid;
	p->caps = (struct plan_capabilities){ .bounding = rights,
					      .effective = rights,
					      .permitted = rights };
	p->no_new_privileges = true;
	p->uid = 0;
	p->gid = 0;
	p->groups = NULL;
	p->group_count = 0;
	/* Without a descriptor to pass on, /dev/kvm may be reached by group kvm only. */
	p->keep_original_groups = !facts->takes_kvm;
	p->umask = 0;
	p->cwd = "/";
	p->find_home = false;
	p->set_listen_pid = false;
	/* These are the program's, and hold in the guest. */
	p->rlimits = NULL;
	p->rlimit_count = 0;
	p->set_personality = false;
	return RL_OK;
}

/* ---- system calls ---------------------------------------------------------------------------- */

/* Threads, memory, waiting, and files: what the container's root offers. Nothing makes processes,
 * mounts, namespaces, keys or programs. */
static const char *const plain_calls[] = {
	"access",
	"accept",
	"accept4",
	"arch_prctl",
	"bind",
	"brk",
	"chdir",
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"close",
	"close_range",
	"connect",
	"copy_file_range",
	"dup",
	"dup2",
	"dup3",
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"eventfd2",
	"exit",
	"exit_group",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"fallocate",
	"fchdir",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"fchown",
	"fchownat",
	"fcntl",
	"fdatasync",
	"fgetxattr",
	"flistxattr",
	"flock",
	"fremovexattr",
	"fsetxattr",
	"fstat",
	"fstatfs",
	"fsync",
	"ftruncate",
	"futex",
	"getcwd",
	"getdents64",
	"getegid",
	"geteuid",
	"getgid",
	"getgroups",
	"getpeername",
	"getpid",
	"getppid",
	"getrandom",
	"getresgid",
	"getresuid",
	"getrlimit",
	"getrusage",
	"getsockname",
	"getsockopt",
	"gettid",
	"gettimeofday",
	"getuid",
	"getxattr",
	"get_robust_list",
	"lgetxattr",
	"linkat",
	"listen",
	"listxattr",
	"llistxattr",
	"lremovexattr",
	"lseek",
	"lsetxattr",
	"lstat",
	"madvise",
	"membarrier",
	"memfd_create",
	"mincore",
	"mkdirat",
	"mknodat",
	"mmap",
	"mprotect",
	"mremap",
	"msync",
	"munmap",
	"nanosleep",
	"newfstatat",
	"open",
	"openat",
	"openat2",
	"pipe2",
	"poll",
	"ppoll",
	"pread64",
	"preadv",
	"preadv2",
	"prlimit64",
	"pselect6",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"read",
	"readlink",
	"readlinkat",
	"readv",
	"recvfrom",
	"recvmmsg",
	"recvmsg",
	"removexattr",
	"renameat",
	"renameat2",
	"restart_syscall",
	"rseq",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigtimedwait",
	"sched_getaffinity",
	"sched_setaffinity",
	"sched_yield",
	"select",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"setgid",
	"setresgid",
	"setresuid",
	"setrlimit",
	"setsockopt",
	"setuid",
	"setxattr",
	"set_robust_list",
	"shutdown",
	"sigaltstack",
	"signalfd4",
	"socketpair",
	"stat",
	"statfs",
	"statx",
	"symlinkat",
	"sync_file_range",
	"syncfs",
	"sysinfo",
	"tgkill",
	"time",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_settime",
	"umask",
	"uname",
	"unlink",
	"unlinkat",
	"utimensat",
	"wait4",
	"write",
	"writev",
	"capget",
	"capset",
	"set_tid_address",
};
#define PLAIN_CALLS (sizeof(plain_calls) / sizeof(plain_calls[0]))

/* What is allowed with some arguments only: (argument & mask) == value. */
static const struct {
	const char *name;
	uint32_t argument;
	uint64_t mask, value;
} narrow_calls[] = {
	/* A thread, never a process or a namespace. */
	{ "clone", 0,
	  CLONE_THREAD | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
		  CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
	  CLONE_THREAD },
	/* A thread's own working directory and umask. */
	{ "unshare", 0, UINT64_MAX, CLONE_FS },
	{ "socket", 0, UINT64_MAX, AF_UNIX },
	{ "socket", 0, UINT64_MAX, AF_INET }, /* the original's TSI */
	{ "socket", 0, UINT64_MAX, AF_INET6 },
	/* KVM, by the type in a number's second byte. */
	{ "ioctl", 1, 0xff00, 0xae00 },
	/* Of terminals one by one: TIOCSTI would type into the caller's. */
	{ "ioctl", 1, UINT64_MAX, TCGETS },
	{ "ioctl", 1, UINT64_MAX, TCSETS },
	{ "ioctl", 1, UINT64_MAX, TCSETSW },
	{ "ioctl", 1, UINT64_MAX, TCSETSF },
	{ "ioctl", 1, UINT64_MAX, TIOCGWINSZ },
	{ "ioctl", 1, UINT64_MAX, FIONREAD },
	{ "ioctl", 1, UINT64_MAX, FIONBIO },
	{ "ioctl", 1, UINT64_MAX, FIOCLEX },
	{ "ioctl", 1, UINT64_MAX, TUNGETFEATURES },
	{ "ioctl", 1, UINT64_MAX, TUNGETIFF },
	{ "ioctl", 1, UINT64_MAX, TUNSETIFF },
	{ "ioctl", 1, UINT64_MAX, TUNSETOFFLOAD },
	{ "ioctl", 1, UINT64_MAX, TUNSETVNETHDRSZ },
	{ "prctl", 0, UINT64_MAX, 15 /* PR_SET_NAME */ },
	{ "prctl", 0, UINT64_MAX, 0x53564d41 /* PR_SET_VMA, by malloc(3) */ },
};
#define NARROW_CALLS (sizeof(narrow_calls) / sizeof(narrow_calls[0]))

static rl_err narrow_rule(struct rl_arena *a, size_t i, struct plan_seccomp_rule *ret)
{
	struct plan_seccomp_arg *arg;
	const char **name;

	RL_TRY(rl_new(a, &arg));
	RL_TRY(rl_new(a, &name));
	*name = narrow_calls[i].name;
	*arg = (struct plan_seccomp_arg){ .index = narrow_calls[i].argument,
					  .op = OCI_CMP_MASKED_EQ,
					  .value = narrow_calls[i].mask,
					  .value_two = narrow_calls[i].value };
	if (narrow_calls[i].mask == UINT64_MAX)
		*arg = (struct plan_seccomp_arg){ .index = narrow_calls[i].argument,
						  .op = OCI_CMP_EQ,
						  .value = narrow_calls[i].value };
	*ret = (struct plan_seccomp_rule){ .names = name,
					   .name_count = 1,
					   .action = SECCOMP_RET_ALLOW,
					   .args = arg,
					   .arg_count = 1 };
	return RL_OK;
}

/* clone3 hides its flags from filters: without it libc takes clone. */
rl_err hdl_plan_seccomp(struct rl_arena *a, struct plan_seccomp *ret)
{
	static const char *const clone3[] = { "clone3" };
	struct plan_seccomp_rule *rules;
	const char **known;

	RL_TRY(rl_new_array(a, NARROW_CALLS + 2, &rules));
	RL_TRY(rl_new_array(a, PLAIN_CALLS + NARROW_CALLS + 1, &known));
	rules[0] = (struct plan_seccomp_rule){ .names = plain_calls,
					       .name_count = PLAIN_CALLS,
					       .action = SECCOMP_RET_ALLOW };
	rules[1] = (struct plan_seccomp_rule){ .names = clone3,
					       .name_count = 1,
					       .action = SECCOMP_RET_ERRNO | ENOSYS };
	memcpy(known, plain_calls, sizeof(plain_calls));
	known[PLAIN_CALLS] = clone3[0];
	for (size_t i = 0; i < NARROW_CALLS; i++) {
		RL_TRY(narrow_rule(a, i, &rules[i + 2]));
		known[PLAIN_CALLS + 1 + i] = narrow_calls[i].name;
	}
	*ret = (struct plan_seccomp){ .enabled = true,
				      .default_action = SECCOMP_RET_ERRNO | EPERM,
				      .rules = rules,
				      .rule_count = NARROW_CALLS + 2,
				      .known = known,
				      .known_count = PLAIN_CALLS + NARROW_CALLS + 1 };
	return RL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs.h"

#include "base/fd.h"
#include "container/furnish.h"
#include "enosys.h"
#include "linux/host.h"
#include "linux/idmap.h"
#include "linux/sys.h"
#include "oci/read.h"
#include "plan/furnish.h"

#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUNDLES_MAX 256
#define MAPS "0 100000 65536\n"

static char *bundles[BUNDLES_MAX];
static unsigned bundle_count;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static void remove_bundles(void)
{
	while (bundle_count > 0)
		(void)nftw(bundles[--bundle_count], remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *rootfs_bundle(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[256], root[300];

	if (bundle_count == 0)
		atexit(remove_bundles);
	snprintf(path, sizeof(path), "%s/rootfs.XXXXXX", tmp ? tmp : "/tmp");
	if (bundle_count == BUNDLES_MAX || mkdtemp(path) == NULL)
		abort();
	snprintf(root, sizeof(root), "%s/rootfs", path);
	if (chmod(path, 0755) < 0 || mkdir(root, 0755) < 0)
		abort();
	return bundles[bundle_count++] = strdup(path);
}

bool rootfs_possible(void)
{
	pid_t pid;
	int status;

	if (geteuid() != 0)
		return false;
	pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) < 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static rl_err forget_calls(enum rootfs_kernel kernel)
{
	static const int new_mount[] = { SYS_openat2, SYS_open_tree,	 SYS_move_mount,
					 SYS_fsopen,  SYS_fsconfig,	 SYS_fsmount,
					 SYS_fspick,  SYS_mount_setattr, SYS_close_range };
	static const int openat2[] = { SYS_openat2 };
	static const int setattr[] = { SYS_mount_setattr };

	switch (kernel) {
	case ROOTFS_NO_OPENAT2:
		return rl_sys(enosys_for(openat2, 1), "seccomp");
	case ROOTFS_NO_SETATTR:
		return rl_sys(enosys_for(setattr, 1), "seccomp");
	case ROOTFS_NO_NEW:
		return rl_sys(enosys_for(new_mount, 9), "seccomp");
	case ROOTFS_THIS:
	case ROOTFS_KERNELS:
		break;
	}
	return RL_OK;
}

struct made {
	const struct rootfs *r;
	struct rl_arena arena;
	struct plan_furnish plan;
	struct ct_served served;
};

static rl_err plan_it(struct made *m)
{
	const struct rootfs *r = m->r;
	struct plan_warnings warnings = { 0 };
	struct oci_problems problems;
	const struct oci_config *config;
	struct lx_host host;
	struct plan_request request = {
		.id = "test", .bundle = r->dir, .state_root = "/nowhere", .no_pivot = r->no_pivot
	};
	struct plan_furnish_input in = {
		.request = &request,
		.host = &host,
		.has_user_namespace = r->user_namespace,
		.new_network_namespace = true,
		.new_cgroup_namespace = true,
		.has_mount_namespace = true,
		.uid_lines = r->user_namespace ? MAPS : NULL,
		.gid_lines = r->user_namespace ? MAPS : NULL,
	};

	RL_TRY(rl_arena_new(64 << 20, &m->arena));
	problems = oci_problems_in(&m->arena);
	RL_TRY(oci_config_read(&problems, "config.json", r->config, strlen(r->config), &config));
	RL_TRY(lx_host_read(&m->arena, LX_HOST_CGROUPS, &host));
	in.config = config;
	return plan_furnish_make(&m->arena, &in, &warnings, &m->plan);
}

static rl_err build(struct made *m)
{
	struct ct_furnish state = { 0 };
	char root[300];

	snprintf(root, sizeof(root), "%s/rootfs", m->r->dir);
	RL_TRY(ct_furnish_mounts(&m->plan, &m->served, &state));
	if (m->r->before_hooks)
		RL_TRY(m->r->before_hooks(root), "before the hooks");
	RL_TRY(ct_furnish_enter(&m->plan, &state));
	if (m->r->inside)
		RL_TRY(m->r->inside(), "inside");
	ct_furnish_close(&state);
	return RL_OK;
}

static void report(int fd, rl_err e)
{
	const char *text = rl_failed(e) ? rl_text(e) : "";
	int code = rl_errno(e);

	(void)!write(fd, &code, sizeof(code));
	(void)!write(fd, text, strlen(text) + 1);
	_exit(rl_failed(e));
}

/* In the new user namespace: waits for its maps, then is root there. */
static rl_err become_mapped(int ready_fd, int mapped_fd)
{
	char byte = 0;

	RL_TRY(rl_sys(unshare(CLONE_NEWUSER), "unshare"));
	RL_TRY(rl_sys(write(ready_fd, &byte, 1), "write"));
	RL_TRY(rl_sys(read(mapped_fd, &byte, 1), "read"));
	RL_TRY(rl_sys(setresgid(0, 0, 0), "setresgid"));
	return rl_sys(setresuid(0, 0, 0), "setresuid");
}

static void write_maps(pid_t pid)
{
	for (int i = 0; i < 2; i++) {
		char path[64];
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/%cid_map", pid, "ug"[i]);
		f = fopen(path, "w");
		if (f) {
			fputs(MAPS, f);
			fclose(f);
		}
	}
}

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static rl_err enter_and_build(struct made *m)
{
	RL_TRY(rl_sys(unshare(NAMESPACES), "unshare"));
	RL_TRY(forget_calls(m->r->kernel));
	return build(m);
}

/* Makes the namespaces: the user namespace first, so that it owns the others. */
static void container_main(struct made *m, int report_fd, int ready_fd, int mapped_fd)
{
	rl_err e = RL_OK;
	int status = 1;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (m->r->user_namespace)
		e = become_mapped(ready_fd, mapped_fd);
	if (!rl_failed(e))
		e = rl_sys(unshare(CLONE_NEWPID), "unshare");
	if (rl_failed(e))
		report(report_fd, e);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		e = enter_and_build(m);
		if (rl_failed(e))
			report(report_fd, e);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	_exit(status != 0);
}

static unsigned count_mounts(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	unsigned lines = 0;

	for (int c; f && (c = getc(f)) != EOF;)
		lines += c == '\n';
	if (f)
		fclose(f);
	return lines;
}

/*
 * What the runtime does, in a mount namespace of its own, so that no test can leave a mount on
 * this machine.
 */
static rl_err runtime(struct made *m, int report_fd)
{
	int ready[2], mapped[2], status;
	unsigned before;
	char byte = 0;
	pid_t pid;

	RL_TRY(rl_sys(unshare(CLONE_NEWNS), "unshare"));
	RL_TRY(rl_sys(
		mount(NULL, "/", NULL, (m->r->shared_host ? MS_SHARED : MS_PRIVATE) | MS_REC, NULL),
		"propagation"));
	if (m->r->prepare)
		RL_TRY(m->r->prepare(m->r->dir), "prepare");
	before = count_mounts();
	if (m->r->kernel == ROOTFS_NO_NEW)
		RL_TRY(forget_calls(m->r->kernel));
	RL_TRY(plan_it(m), "plan");
	RL_TRY(ct_serve_open(&m->arena, &m->plan, &m->served), "serve");
	RL_TRY(rl_sys(pipe(ready), "pipe"));
	RL_TRY(rl_sys(pipe(mapped), "pipe"));
	pid = fork();
	RL_TRY(rl_sys(pid, "fork"));
	if (pid == 0)
		container_main(m, report_fd, ready[1], mapped[0]);
	if (m->r->user_namespace && read(ready[0], &byte, 1) == 1) {
		write_maps(pid);
		(void)!write(mapped[1], &byte, 1);
	}
	waitpid(pid, &status, 0);
	if (status == 0 && count_mounts() != before)
		return rl_fail(RL_E(EUCLEAN), "mounts of the container show on the host");
	report(report_fd, RL_OK);
	return RL_OK;
}

rl_err rootfs_run(const struct rootfs *r)
{
	char text[RL_ERROR_TEXT] = "";
	int channel[2], status, code = 0;
	ssize_t n;
	pid_t pid;

	fflush(NULL);
	RL_TRY(rl_sys(pipe(channel), "pipe"));
	pid = fork();
	RL_TRY(rl_sys(pid, "fork"));
	if (pid == 0) {
		struct made m = { .r = r };

		(void)close(channel[0]);
		report(channel[1], runtime(&m, channel[1]));
	}
	(void)close(channel[1]);
	n = read(channel[0], &code, sizeof(code));
	if (n == (ssize_t)sizeof(code))
		(void)!read(channel[0], text, sizeof(text) - 1);
	(void)close(channel[0]);
	waitpid(pid, &status, 0);
	if (n != (ssize_t)sizeof(code))
		return rl_fail(RL_E(ECHILD), "the container died without a word");
	if (code == 0)
		return RL_OK;
	return rl_refuse((struct rl_code){ code }, "%s", text);
}

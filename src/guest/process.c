/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/process.h"

#include "guest/device.h"
#include "guest/fail.h"
#include "guest/ports.h"
#include "guest/proto.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define CAP_LAST_POSSIBLE 63
#define MEMORY 1 /* the major number of /dev/null and the like */

const char *gst_getenv(const struct gst_strings *env, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < env->count; i++) {
		if (strncmp(env->item[i], name, len) == 0 && env->item[i][len] == '=')
			return env->item[i] + len + 1;
	}
	return NULL;
}

static void set_limits(const struct gst_config *c)
{
	for (const struct gst_limit *l = c->limits; l != NULL; l = l->next) {
		struct rlimit limit = { l->soft, l->hard };

		if (setrlimit((int)l->resource, &limit) != 0)
			gst_fail("set the resource limit %u to %llu:%llu", l->resource,
				 (unsigned long long)l->soft, (unsigned long long)l->hard);
	}
}

static void set_oom_score(const struct gst_config *c)
{
	int fd;

	if (!c->has_oom_score)
		return;
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || dprintf(fd, "%d", c->oom_score) < 0)
		gst_fail("set oom_score_adj to %d", c->oom_score);
	close(fd);
}

static void drop_bounding(const struct gst_config *c)
{
	for (int cap = 0; cap <= CAP_LAST_POSSIBLE; cap++) {
		if (c->caps[GST_BOUNDING] >> cap & 1)
			continue;
		/* EINVAL: beyond the last one that this kernel knows. */
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL)
			gst_fail("drop capability %d from the bounding set", cap);
	}
}

static void set_user(const struct gst_config *c)
{
	if (c->has_groups ? setgroups(c->group_count, c->groups) : setgroups(0, NULL))
		gst_fail("set %zu supplementary groups", c->group_count);
	if (setresgid(c->gid, c->gid, c->gid) != 0)
		gst_fail("become group %u", c->gid);
	if (setresuid(c->uid, c->uid, c->uid) != 0)
		gst_fail("become user %u", c->uid);
	umask(c->umask == GST_UMASK_UNSET ? 022 : c->umask & 0777);
}

/* Those that this kernel knows: a bit beyond would be refused. */
static uint64_t known_caps(void)
{
	int cap = 0;

	while (cap <= CAP_LAST_POSSIBLE && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0)
		cap++;
	return cap > CAP_LAST_POSSIBLE ? ~0ull : (1ull << cap) - 1;
}

static void set_caps(const struct gst_config *c, uint64_t known)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)((c->caps[GST_EFFECTIVE] & known) >> 32 * i);
		data[i].permitted = (uint32_t)((c->caps[GST_PERMITTED] & known) >> 32 * i);
		data[i].inheritable = (uint32_t)((c->caps[GST_INHERITABLE] & known) >> 32 * i);
	}
	if (syscall(SYS_capset, &head, data) != 0)
		gst_fail("set the capabilities");
	for (int cap = 0; cap <= CAP_LAST_POSSIBLE; cap++) {
		if (!((c->caps[GST_AMBIENT] & known) >> cap & 1))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0)
			gst_fail("raise the ambient capability %d", cap);
	}
}

static void set_identity(const struct gst_config *c)
{
	uint64_t known = known_caps();

	if (c->has_caps) {
		drop_bounding(c);
		/* Or a change of user would take them all. */
		if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
			gst_fail("keep the capabilities across the change of user");
	}
	set_user(c);
	if (c->has_caps)
		set_caps(c, known);
	if (c->flags & GST_F_NO_NEW_PRIVS && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		gst_fail("set no_new_privs");
}

/* A directory that is missing is made, as container engines do; then it must be accessible. */
static void make_cwd(const struct gst_config *c)
{
	char part[4096];
	size_t len = strlen(c->cwd);

	if (len == 0 || len >= sizeof(part))
		gst_refuse("the working directory \"%.60s\" is no path", c->cwd);
	for (size_t i = 1; i <= len; i++) {
		if (c->cwd[i] != '/' && c->cwd[i] != '\0')
			continue;
		memcpy(part, c->cwd, i);
		part[i] = '\0';
		/* A failure shows when it is entered. */
		if (mkdir(part, 0755) == 0)
			(void)chown(part, c->uid, c->gid);
	}
}

static void enter_cwd(const struct gst_config *c)
{
	if (c->cwd != NULL && chdir(c->cwd) != 0)
		gst_fail("enter the working directory %s", c->cwd);
}

static _Noreturn void fail_exec(const char *path)
{
	int status = errno == ENOENT || errno == ENOTDIR ? GST_STATUS_NOT_FOUND
							 : GST_STATUS_NOT_EXECUTABLE;

	/* A script or a program whose interpreter is missing gives ENOENT too. */
	if (errno == ENOENT && access(path, F_OK) == 0)
		gst_fail_exec(GST_STATUS_NOT_EXECUTABLE, "execute %s: its interpreter", path);
	gst_fail_exec(status, "execute %s", path);
}

/* execvp(3) with the workload's PATH, and an error that says which of several mattered. */
static _Noreturn void execute(const char *file, const char **args, const struct gst_strings *env)
{
	const char *path = gst_getenv(env, "PATH");
	/* execve(2) promises not to change them. */
	char *const *argv = (char *const *)(uintptr_t)args;
	char *none[] = { NULL };
	char *const *envp = env->count ? (char *const *)(uintptr_t)env->item : none;
	char full[4096];
	int seen = 0;

	if (strchr(file, '/') != NULL) {
		execve(file, argv, envp);
		fail_exec(file);
	}
	if (path == NULL)
		path = GST_DEFAULT_PATH;
	while (*path) {
		size_t len = strcspn(path, ":");

		if (snprintf(full, sizeof(full), "%.*s%s%s", (int)len, path, len ? "/" : "./",
			     file) < (int)sizeof(full)) {
			execve(full, argv, envp);
			/* Found, but: that is what to tell if nothing else is found. */
			if (errno != ENOENT && errno != ENOTDIR)
				seen = errno;
			else if (errno == ENOENT && access(full, F_OK) == 0)
				fail_exec(full);
		}
		path += len + (path[len] == ':');
	}
	errno = seen ? seen : ENOENT;
	if (seen)
		gst_fail_exec(GST_STATUS_NOT_EXECUTABLE, "execute %s", file);
	gst_fail_exec(GST_STATUS_NOT_FOUND, "find %s in PATH", file);
}

/*
 * The streams are the user's, who may open them again as /dev/stdout. /dev/null is everybody's.
 */
static void own_streams(const struct gst_config *c)
{
	struct stat st;

	for (int fd = 0; fd <= 2; fd++) {
		if (fstat(fd, &st) == 0 &&
		    (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && major(st.st_rdev) != MEMORY)))
			(void)fchown(fd, c->uid, (gid_t)-1);
	}
}

void gst_become(const struct gst_config *c)
{
	gst_stdio_open(c->rows, c->columns);
	if (c->cwd != NULL)
		make_cwd(c);
	gst_become_process(c);
}

void gst_become_process(const struct gst_config *c)
{
	const char *shell[] = { GST_DEFAULT_SHELL, NULL };
	const char **argv = c->args.count ? c->args.item : shell;
	sigset_t none;

	set_limits(c);
	set_oom_score(c);
	/* Init's right to talk to the host is not the process's. */
	gst_device_close();
	own_streams(c);
	set_identity(c);
	enter_cwd(c);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execute(c->exec ? c->exec : argv[0], argv, &c->env);
}

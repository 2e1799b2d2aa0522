/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/lsm.h"

#include "base/io.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One write of the whole value: the kernel takes a label in one piece. */
static rl_err write_label(const struct lx_proc *proc, const char *file, const char *label)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	size_t len = strlen(label);
	ssize_t n;

	RL_TRY(lx_proc_open(proc, file, O_WRONLY, &fd));
	n = write(rl_fd_get(&fd), label, len);
	/* The path between back quotes is how engines tell this error from others. */
	RL_TRY(rl_sys(n, "write \"%s\" to `/proc/%s`", label, file));
	if ((size_t)n != len)
		return rl_fail(RL_E(EIO), "write \"%s\" to `/proc/%s`", label, file);
	return RL_OK;
}

static rl_err apparmor(const struct lx_proc *proc, const char *attribute, const char *command,
		       const char *profile)
{
	char value[PATH_MAX], file[64];
	rl_err e;

	if ((size_t)snprintf(value, sizeof(value), "%s %s", command, profile) >= sizeof(value))
		return rl_fail(RL_E(ENAMETOOLONG), "AppArmor profile");
	/* AppArmor's own directory is there since Linux 5.8, for machines with several modules. */
	snprintf(file, sizeof(file), "thread-self/attr/apparmor/%s", attribute);
	e = write_label(proc, file, value);
	if (rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		snprintf(file, sizeof(file), "thread-self/attr/%s", attribute);
		e = write_label(proc, file, value);
	}
	if (rl_is(e, RL_E(ENOENT)))
		e = rl_hint(e, "is the profile loaded? see /sys/kernel/security/apparmor/profiles");
	return rl_wrap(e, "enter the AppArmor profile %s", profile);
}

rl_err lx_apparmor_on_exec(const struct lx_proc *proc, const char *profile)
{
	return apparmor(proc, "exec", "exec", profile);
}

rl_err lx_apparmor_now(const struct lx_proc *proc, const char *profile)
{
	return apparmor(proc, "current", "changeprofile", profile);
}

static rl_err selinux(const struct lx_proc *proc, const char *file, const char *context)
{
	return rl_wrap(write_label(proc, file, context), "enter the SELinux context %s", context);
}

rl_err lx_selinux_on_exec(const struct lx_proc *proc, const char *context)
{
	return selinux(proc, "thread-self/attr/exec", context);
}

rl_err lx_selinux_on_keys(const struct lx_proc *proc, const char *context)
{
	/* A lone newline is how the interface spells "as by default". */
	return selinux(proc, "thread-self/attr/keycreate", context ? context : "\n");
}

rl_err lx_selinux_now(const struct lx_proc *proc, const char *context)
{
	return selinux(proc, "thread-self/attr/current", context);
}

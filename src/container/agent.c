/* SPDX-License-Identifier: Apache-2.0 */
#include "container/agent.h"

#include "base/log.h"
#include "linux/mount.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A process that fills its directory with more levels than that keeps them. */
#define DEPTH_MAX 32

/* Who the machine's process is on the host is not always known; nobody else comes this far. */
static rl_err make(int store_dir_fd)
{
	RL_TRY(rl_sys(mkdirat(store_dir_fd, CT_VM, 0700), "make the agent's directory"));
	return rl_sys(fchmodat(store_dir_fd, CT_VM, 0777, 0), "open the agent's directory");
}

static rl_err hand_over(int dir_fd, const char *path, struct hdl_session *session, bool last)
{
	struct rl_fd RL_AUTO_FD tree = { 0 };
	rl_err e = lx_tree_clone(dir_fd, path, 0, &tree);

	if (rl_is(e, RL_E(EPERM)) || rl_is(e, RL_E(ENOSYS)) || (last && rl_is(e, RL_E(EACCES)))) {
		if (last)
			rl_log(RL_LOG_WARNING, "the virtual machine has no agent: %s", rl_text(e));
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e, "agent's directory");
	hdl_agent_dir(session, rl_fd_take(&tree));
	return RL_OK;
}

rl_err ct_agent_prepare(const struct ct_store *store, struct hdl_session *session)
{
	if (hdl_has_agent_dir(session))
		return RL_OK;
	RL_TRY(make(rl_fd_get(&store->dir)));
	return hand_over(rl_fd_get(&store->dir), CT_VM, session, false);
}

rl_err ct_agent_prepare_in(const char *dir, struct hdl_session *session)
{
	return hdl_has_agent_dir(session) ? RL_OK : hand_over(AT_FDCWD, dir, session, true);
}

/* ---- finding --------------------------------------------------------------------------------- */

struct hdl_agent_at ct_agent_at(const struct ct_store *store)
{
	return (struct hdl_agent_at){ .dir_fd = rl_fd_get(&store->dir),
				      .path = CT_VM "/" HDL_AGENT_SOCKET };
}

rl_err ct_agent_check(const struct ct_store *store, const struct oci_record *record,
		      const char *what)
{
	if (faccessat(rl_fd_get(&store->dir), CT_VM, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return RL_OK;
	return rl_hint(rl_refuse(RL_E(ENOTSUP),
				 "%s: container %s is a virtual machine without an agent in it",
				 what, record->id),
		       "runlet's own libkrun.so.1 has one, the original has none");
}

/* ---- removing -------------------------------------------------------------------------------- */

static rl_err remove_tree(int parent_fd, const char *name, unsigned depth)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	rl_err e = RL_OK;

	if (fd >= 0 && dir == NULL) {
		(void)close(fd);
		return rl_nomem();
	}
	if (dir == NULL)
		return errno == ENOENT ? RL_OK : rl_sys(-1, "open %s", name);
	while (!rl_failed(e) && (entry = readdir(dir)) != NULL) {
		const char *n = entry->d_name;

		if (strcmp(n, ".") == 0 || strcmp(n, "..") == 0 || unlinkat(fd, n, 0) == 0)
			continue;
		e = rl_sys(-1, "remove %s", n);
		if (rl_is(e, RL_E(EISDIR)) && depth < DEPTH_MAX) {
			rl_drop(e);
			e = remove_tree(fd, n, depth + 1);
		}
	}
	(void)closedir(dir);
	RL_TRY(e);
	return rl_sys(unlinkat(parent_fd, name, AT_REMOVEDIR), "remove %s", name);
}

rl_err ct_agent_remove(int store_dir_fd)
{
	return remove_tree(store_dir_fd, CT_VM, 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/store.h"

#include "container/agent.h"

#include "base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void ct_store_close(struct ct_store *s)
{
	rl_fd_close(&s->dir);
	rl_fd_close(&s->root);
}

/* Whoever can write here decides which processes we signal and which cgroups we remove. */
static rl_err check_owner(int fd, const char *name)
{
	struct stat st;

	RL_TRY(rl_sys(fstat(fd, &st), "stat %s", name));
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return rl_hint(rl_refuse(RL_E(EPERM), "state directory %s belongs to uid %u", name,
					 (unsigned)st.st_uid),
			       "use another --root");
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0)
		return rl_hint(rl_refuse(RL_E(EPERM),
					 "state directory %s may be written by others "
					 "(mode %04o)",
					 name, st.st_mode & 07777u),
			       "chmod 0700 %s", name);
	return RL_OK;
}

rl_err ct_root_open(const char *root, bool make, struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	long r = openat(AT_FDCWD, root, DIR_FLAGS);

	if (r < 0 && errno == ENOENT && make) {
		RL_TRY(rl_make_dirs(root, 0700));
		r = openat(AT_FDCWD, root, DIR_FLAGS);
	}
	RL_TRY(rl_fd_from(r, &fd, "open the state directory %s", root));
	RL_TRY(check_owner(rl_fd_get(&fd), root));
	*ret = rl_fd_own(rl_fd_take(&fd));
	return RL_OK;
}

rl_err ct_store_claim(const char *root, const char *id, struct ct_store *ret)
{
	struct ct_store CT_AUTO_STORE s = { 0 };

	RL_TRY(ct_root_open(root, true, &s.root));
	if (mkdirat(rl_fd_get(&s.root), id, 0700) < 0 && errno == EEXIST)
		return rl_hint(
			rl_refuse(RL_E(EEXIST), "container with given ID already exists: %s", id),
			"choose another id, or remove it with `delete %s`", id);
	RL_TRY(rl_fd_from(openat(rl_fd_get(&s.root), id, DIR_FLAGS), &s.dir,
			  "make the state directory of %s", id));
	RL_TRY(ct_store_lock(&s));
	*ret = s;
	s = (struct ct_store){ 0 };
	return RL_OK;
}

static rl_err does_not_exist(const char *root, const char *id)
{
	return rl_hint(
		rl_refuse(RL_E(ENOENT), "container \"%s\" does not exist", id),
		"no such directory in %s; see `list`, or give the --root it was created with",
		root);
}

rl_err ct_store_open(const char *root, const char *id, struct ct_store *ret)
{
	struct ct_store CT_AUTO_STORE s = { 0 };
	rl_err e = ct_root_open(root, false, &s.root);
	int fd;

	if (rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		return does_not_exist(root, id);
	}
	RL_TRY(e);
	fd = openat(rl_fd_get(&s.root), id, DIR_FLAGS);
	if (fd < 0 && errno == ENOENT)
		return does_not_exist(root, id);
	RL_TRY(rl_fd_from(fd, &s.dir, "open the state directory of %s", id));
	RL_TRY(check_owner(rl_fd_get(&s.dir), id));
	*ret = s;
	s = (struct ct_store){ 0 };
	return RL_OK;
}

rl_err ct_store_lock(struct ct_store *s)
{
	int r;

	do
		r = flock(rl_fd_get(&s->dir), LOCK_EX);
	while (r < 0 && errno == EINTR);
	return rl_sys(r, "lock the state directory");
}

void ct_store_unlock(struct ct_store *s)
{
	(void)flock(rl_fd_get(&s->dir), LOCK_UN);
}

bool ct_store_exists(const struct ct_store *s)
{
	return faccessat(rl_fd_get(&s->dir), CT_STATUS, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Temporary files of rl_write_atomic that a killed process left: "status.PID~". */
static bool is_ours(const char *name)
{
	static const char *const known[] = { CT_STATUS, CT_CONFIG, CT_GATE };
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = strlen(known[i]);

		if (strncmp(name, known[i], n) == 0 &&
		    (name[n] == '\0' || (name[n] == '.' && name[len - 1] == '~')))
			return true;
	}
	return false;
}

static rl_err remove_leftovers(int dir_fd)
{
	DIR *dir;
	struct dirent *entry;
	int copy = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
	rl_err e = RL_OK;

	RL_TRY(rl_sys(copy, "read the state directory"));
	dir = fdopendir(copy);
	if (dir == NULL) {
		(void)close(copy);
		return rl_nomem();
	}
	rewinddir(dir);
	while (!rl_failed(e) && (entry = readdir(dir)) != NULL)
		if (is_ours(entry->d_name))
			e = rl_sys(unlinkat(dir_fd, entry->d_name, 0), "remove %s", entry->d_name);
	closedir(dir);
	return e;
}

static rl_err remove_notify(int dir_fd)
{
	if (unlinkat(dir_fd, CT_NOTIFY_SOCKET, 0) < 0 && errno != ENOENT && errno != ENOTDIR)
		return rl_sys(-1, "remove " CT_NOTIFY_SOCKET);
	if (unlinkat(dir_fd, CT_NOTIFY, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return rl_sys(-1, "remove " CT_NOTIFY);
	return RL_OK;
}

rl_err ct_store_remove(struct ct_store *s, const char *id)
{
	/* The gate is gone once the container was started; CT_FENCED is there with cgroups. */
	static const char *const usual[] = { CT_STATUS, CT_CONFIG, CT_FENCED };

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (unlinkat(rl_fd_get(&s->dir), usual[i], 0) < 0 && errno != ENOENT)
			return rl_sys(-1, "remove %s of %s", usual[i], id);
		if (i > 0 &&
		    (unlinkat(rl_fd_get(&s->root), id, AT_REMOVEDIR) == 0 || errno == ENOENT))
			return RL_OK;
	}
	RL_TRY(remove_notify(rl_fd_get(&s->dir)), "container %s", id);
	RL_TRY(ct_agent_remove(rl_fd_get(&s->dir)), "container %s", id);
	RL_TRY(remove_leftovers(rl_fd_get(&s->dir)), "container %s", id);
	return rl_sys(unlinkat(rl_fd_get(&s->root), id, AT_REMOVEDIR),
		      "remove the state directory of %s", id);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static rl_err collect(struct rl_arena *a, DIR *dir, const char ***ret_ids, size_t *ret_count)
{
	size_t room = 64, count = 0;
	const char **ids, **larger;
	struct dirent *entry;

	RL_TRY(rl_new_array(a, room, &ids));
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || entry->d_type == DT_REG)
			continue;
		if (count == room) {
			RL_TRY(rl_new_array(a, room * 2, &larger));
			memcpy(larger, ids, room * sizeof(*ids));
			ids = larger;
			room *= 2;
		}
		RL_TRY(rl_arena_str(a, entry->d_name, &ids[count++]));
	}
	qsort(ids, count, sizeof(*ids), by_name);
	*ret_ids = ids;
	*ret_count = count;
	return RL_OK;
}

rl_err ct_store_list(struct rl_arena *a, const char *root, const char ***ret_ids, size_t *ret_count)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	rl_err e = ct_root_open(root, false, &fd);
	DIR *dir;

	if (rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		*ret_ids = NULL;
		*ret_count = 0;
		return RL_OK;
	}
	RL_TRY(e);
	dir = fdopendir(rl_fd_get(&fd));
	if (dir == NULL)
		return rl_nomem();
	(void)rl_fd_take(&fd); /* closedir closes it */
	e = collect(a, dir, ret_ids, ret_count);
	closedir(dir);
	return e;
}

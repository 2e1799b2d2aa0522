/* SPDX-License-Identifier: Apache-2.0 */
/* What only version 2 has: controllers handed on, events, cgroup.freeze, cgroup.kill, delegation.
 */
#include "base/io.h"
#include "linux/cgroup_parts.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- controllers ----------------------------------------------------------------------------- */

/* The next word of a blank-separated list; false at its end. */
static bool next_word(const char **at, char *word, size_t size)
{
	size_t len;

	*at += strspn(*at, " \n");
	len = strcspn(*at, " \n");
	if (len == 0 || len >= size)
		return false;
	memcpy(word, *at, len);
	word[len] = '\0';
	*at += len;
	return true;
}

static bool has_word(const char *list, const char *word)
{
	char other[64];

	while (next_word(&list, other, sizeof(other)))
		if (strcmp(other, word) == 0)
			return true;
	return false;
}

static bool has_words(const char *list, const char *words)
{
	char word[64];

	while (next_word(&words, word, sizeof(word)))
		if (!has_word(list, word))
			return false;
	return true;
}

/* "cpu memory" -> "+cpu +memory" */
static void with_plus(const char *words, char *text, size_t size)
{
	char word[64];
	size_t len = 0;

	text[0] = '\0';
	while (next_word(&words, word, sizeof(word)) && len < size)
		len += (size_t)snprintf(text + len, size - len, "%s+%s", len ? " " : "", word);
}

/* All at once if the kernel takes that, else one by one; what fails stays off. */
static rl_err enable_in(const char *path, const char *words)
{
	char file[PATH_MAX + 32], text[512], word[64];
	rl_err e, first;

	snprintf(file, sizeof(file), "%s/cgroup.subtree_control", path);
	with_plus(words, text, sizeof(text));
	first = rl_write_kernel(-1, file, text);
	if (!rl_failed(first) || rl_is(first, RL_E(EACCES)) || rl_is(first, RL_E(EPERM)) ||
	    rl_is(first, RL_E(EROFS)))
		return first;
	while (next_word(&words, word, sizeof(word))) {
		with_plus(word, text, sizeof(text));
		e = rl_write_kernel(-1, file, text);
		rl_drop(e);
	}
	return first;
}

static rl_err lacking(const char *dir, const char *controller, rl_err cause)
{
	int code = rl_errno(cause);
	rl_err e = rl_refuse(RL_E(EOPNOTSUPP), "controller %s is not available in cgroup %s%s%s",
			     controller, dir, code ? ": " : "", rl_text(cause));

	rl_drop(cause);
	if (code == EBUSY)
		return rl_hint(e,
			       "a cgroup above it has processes of its own and so cannot hand "
			       "controllers on; move them to a child, or choose another place by "
			       "linux.cgroupsPath");
	return rl_hint(e,
		       "it has to be enabled in cgroup.subtree_control of every cgroup above; "
		       "with systemd by `Delegate=%s` of the unit",
		       controller);
}

rl_err lx_cg_v2_enable(const struct lx_cgroup_dir *dir, size_t from, const char *enable,
		       const char *require)
{
	char path[PATH_MAX], file[PATH_MAX + 32], have[512], word[64];
	size_t len = strlen(dir->path);
	rl_err cause = RL_OK;

	if (enable[0] == '\0')
		return RL_OK;
	memcpy(path, dir->path, len + 1);
	/* The parent mostly has all of them on: its other children needed them as well. */
	*strrchr(path, '/') = '\0';
	snprintf(file, sizeof(file), "%s/cgroup.subtree_control", path);
	RL_TRY(rl_read_small(-1, file, have, sizeof(have)));
	if (has_words(have, enable))
		return RL_OK;
	for (size_t i = from; i < len; i++) {
		if (dir->path[i] != '/')
			continue;
		memcpy(path, dir->path, i);
		path[i] = '\0';
		cause = rl_first(cause, enable_in(path, enable));
	}
	if (require[0] != '\0') {
		snprintf(file, sizeof(file), "%s/cgroup.controllers", dir->path);
		RL_TRY(rl_first(rl_read_small(-1, file, have, sizeof(have)), RL_OK));
		while (next_word(&require, word, sizeof(word)))
			if (!has_word(have, word))
				return lacking(dir->path, word, cause);
	}
	rl_drop(cause);
	return RL_OK;
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool find_event(const char *text, const char *key)
{
	char line[64];

	snprintf(line, sizeof(line), "%s 1\n", key);
	for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
		if (at == text || at[-1] == '\n')
			return true;
	return false;
}

static rl_err open_events(struct lx_cgroup *cg, size_t index, struct rl_fd *ret)
{
	int dir_fd;

	RL_TRY(lx_cg_dir(cg, index, &dir_fd));
	return rl_fd_from(openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC), ret,
			  "open cgroup.events of %s", cg->dirs[index].path);
}

static rl_err read_event(int fd, const char *key, bool *ret)
{
	char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	RL_TRY(rl_sys(n, "read cgroup.events"));
	text[n] = '\0';
	*ret = find_event(text, key);
	return RL_OK;
}

rl_err lx_cg_v2_event(struct lx_cgroup *cg, size_t index, const char *key, bool *ret)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };

	RL_TRY(open_events(cg, index, &fd));
	return read_event(rl_fd_get(&fd), key, ret);
}

rl_err lx_cg_v2_wait_event(struct lx_cgroup *cg, size_t index, const char *key, bool value,
			   int64_t deadline)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };
	bool now;

	RL_TRY(open_events(cg, index, &fd));
	for (;;) {
		/* Reading arms the poll for changes after it. */
		struct pollfd p = { .fd = rl_fd_get(&fd), .events = POLLPRI };
		int left = lx_cg_left(deadline);

		RL_TRY(read_event(p.fd, key, &now));
		if (now == value)
			return RL_OK;
		if (left == 0)
			return rl_fail(RL_E(ETIMEDOUT), "cgroup %s: wait for \"%s %d\"",
				       cg->dirs[index].path, key, value);
		if (poll(&p, 1, left) < 0 && errno != EINTR)
			return rl_sys(-1, "wait for cgroup.events");
	}
}

/* ---- freezing and ending --------------------------------------------------------------------- */

rl_err lx_cg_v2_freeze(struct lx_cgroup *cg, size_t index, bool frozen, int64_t deadline)
{
	int dir_fd;
	rl_err e;

	RL_TRY(lx_cg_dir(cg, index, &dir_fd));
	RL_TRY(rl_write_kernel(dir_fd, "cgroup.freeze", frozen ? "1" : "0"), "cgroup %s",
	       cg->dirs[index].path);
	e = lx_cg_v2_wait_event(cg, index, "frozen", frozen, deadline);
	if (rl_failed(e) && frozen)
		rl_drop(rl_write_kernel(dir_fd, "cgroup.freeze", "0"));
	return e;
}

rl_err lx_cg_v2_kill(struct lx_cgroup *cg, size_t index, bool *ret_done)
{
	int dir_fd;
	rl_err e;

	RL_TRY(lx_cg_dir(cg, index, &dir_fd));
	e = rl_write_kernel(dir_fd, "cgroup.kill", "1");
	*ret_done = !rl_failed(e);
	/* EOPNOTSUPP: a threaded cgroup, whose processes belong to the domain above. */
	if (rl_is(e, RL_E(ENOENT)) || rl_is(e, RL_E(EOPNOTSUPP))) {
		rl_drop(e);
		return RL_OK;
	}
	return rl_wrap(e, "cgroup %s", cg->dirs[index].path);
}

/* ---- delegation ------------------------------------------------------------------------------ */

rl_err lx_cg_v2_delegate(int dir_fd, const char *path, uid_t owner, gid_t group)
{
	char files[4096], file[64];
	const char *at = files;

	/* Linux 4.15; before that these three were all. */
	if (rl_drop_failed(rl_read_small(-1, "/sys/kernel/cgroup/delegate", files, sizeof(files))))
		strcpy(files, "cgroup.procs cgroup.threads cgroup.subtree_control");
	RL_TRY(rl_sys(fchownat(dir_fd, "", owner, group, AT_EMPTY_PATH), "give cgroup %s to %u:%u",
		      path, (unsigned)owner, (unsigned)group));
	while (next_word(&at, file, sizeof(file)))
		/* The list names what the kernel knows, not what this cgroup has. */
		if (fchownat(dir_fd, file, owner, group, AT_SYMLINK_NOFOLLOW) < 0 &&
		    errno != ENOENT)
			return rl_sys(-1, "give %s/%s to %u:%u", path, file, (unsigned)owner,
				      (unsigned)group);
	return RL_OK;
}

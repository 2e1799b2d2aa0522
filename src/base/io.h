/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole reads and whole writes on descriptors, and small files beneath a directory descriptor.
 * Every file here is one of the host's own: what a container can influence goes through
 * linux/path.h.
 */
#pragma once

#include "base/arena.h"
#include "base/fd.h"

/*
 * Reads to the end of the file, at most `limit` bytes (EFBIG beyond). The text is followed by a
 * NUL that is not counted.
 */
RL_MUST rl_err rl_read_fd(struct rl_arena *a, int fd, size_t limit, const char **ret_text,
			  size_t *ret_len);
/* Opens (never a FIFO or a device: EINVAL) and reads a regular file of the host. */
RL_MUST rl_err rl_read_file(struct rl_arena *a, int dir_fd, const char *path, size_t limit,
			    const char **ret_text, size_t *ret_len);
/* One read(2) of a small kernel file (procfs, sysfs, cgroup) into a caller's buffer, NUL added. */
RL_MUST rl_err rl_read_small(int dir_fd, const char *path, char *buf, size_t size);

/* Everything or an error; EINTR is retried. */
RL_MUST rl_err rl_write_all(int fd, const void *bytes, size_t len);
/* One write(2) to an existing kernel file; the value is named in the error. */
RL_MUST rl_err rl_write_kernel(int dir_fd, const char *path, const char *value);
/*
 * Makes or replaces a file in one step (temporary name, then rename): readers see the old or the
 * new content, never a part.
 */
RL_MUST rl_err rl_write_atomic(int dir_fd, const char *name, const void *bytes, size_t len,
			       unsigned mode);
/* Makes a file that must not be there yet, for directories that nobody reads meanwhile. */
RL_MUST rl_err rl_write_new(int dir_fd, const char *name, const void *bytes, size_t len,
			    unsigned mode);
/* Makes `path` and its parents on the host, mode 0700 for new ones. Existing ones are kept. */
RL_MUST rl_err rl_make_dirs(const char *path, unsigned mode);

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/core.h"

#include <fcntl.h>
#include <unistd.h>

uint32_t fs_to_guest(const struct vmm_id_map *map, uint32_t host)
{
	if (map->count == 0)
		return host;
	for (size_t i = 0; i < map->count; i++) {
		const struct vmm_id_range *m = &map->range[i];

		if (host >= m->host && host - m->host < m->count)
			return m->guest + (host - m->host);
	}
	return VMM_ID_NOBODY;
}

/* The log tells once why a guest's chown fails; the guest itself gets only the number. */
static void warn(struct fs_server *s, uint32_t id, const char *why)
{
	if (!s->warned_owner)
		vmm_log(VMM_LOG_WARN, s->name,
			"the guest wanted a file to belong to id %u: %s; it sees EPERM", id, why);
	s->warned_owner = true;
}

struct fs_status fs_to_host(struct fs_server *s, const struct vmm_id_map *map, uint32_t guest,
			    uint32_t *ret)
{
	if (map->count == 0) {
		*ret = guest;
		return FS_OK;
	}
	for (size_t i = 0; i < map->count; i++) {
		const struct vmm_id_range *m = &map->range[i];

		if (guest >= m->guest && guest - m->guest < m->count) {
			*ret = m->host + (guest - m->guest);
			return FS_OK;
		}
	}
	warn(s, guest, "it is not mapped");
	return fs_fail(EPERM);
}

struct fs_status fs_give(struct fs_request *r, const struct fs_node *dir, int fd)
{
	struct fs_server *s = r->server;
	uint32_t uid, gid;
	bool keep_group = dir->mode & S_ISGID;

	FS_TRY(fs_to_host(s, &s->uid_map, r->head.uid, &uid));
	FS_TRY(fs_to_host(s, &s->gid_map, r->head.gid, &gid));
	if (uid == s->self_uid && (keep_group || gid == s->self_gid))
		return FS_OK;
	if (fchownat(fd, "", uid, keep_group ? (gid_t)-1 : gid,
		     AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0)
		return FS_OK;

	struct fs_status failed = fs_fail(errno);

	warn(s, uid, "this process has no privilege to give files away");
	return failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/core.h"

#include <string.h>

struct fs_status fs_take_string(struct fs_request *r, char *buf, size_t size)
{
	/* Byte by byte only at the end of a segment; names are short. */
	for (size_t n = 0; n < size; n++) {
		if (!vmm_cursor_read(&r->in, &buf[n], 1))
			return fs_fail(EINVAL); /* no NUL before the end of the request */
		if (buf[n] == '\0')
			return FS_OK;
	}
	return fs_fail(ENAMETOOLONG);
}

struct fs_status fs_take_name(struct fs_request *r, struct fs_name *ret)
{
	FS_TRY(fs_take_string(r, ret->text, sizeof(ret->text)));
	if (ret->text[0] == '\0' || strcmp(ret->text, ".") == 0 || strcmp(ret->text, "..") == 0 ||
	    strchr(ret->text, '/') != NULL)
		return fs_fail(EINVAL);
	return FS_OK;
}

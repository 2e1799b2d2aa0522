/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/chain.h"

#include <string.h>

struct vmm_cursor vmm_cursor_at(const struct iovec *segment, size_t count)
{
	struct vmm_cursor c = { .segment = segment, .count = count };

	for (size_t i = 0; i < count; i++)
		c.left += segment[i].iov_len;
	return c;
}

/* The rest of the current segment, at most `len` bytes; the cursor moves behind it. */
static void *step(struct vmm_cursor *c, size_t len, size_t *ret_len)
{
	while (c->count > 0 && c->offset == c->segment->iov_len) {
		c->segment++;
		c->count--;
		c->offset = 0;
	}
	if (c->count == 0) {
		*ret_len = 0;
		return NULL;
	}

	size_t here = c->segment->iov_len - c->offset;

	if (here > c->left) /* a caller may have made `left` smaller */
		here = c->left;

	uint8_t *at = (uint8_t *)c->segment->iov_base + c->offset;

	*ret_len = len < here ? len : here;
	c->offset += *ret_len;
	c->left -= *ret_len;
	return at;
}

enum direction { OUT_OF_GUEST, INTO_GUEST, CLEAR_GUEST, SKIP };

static bool move(struct vmm_cursor *c, uint8_t *buf, size_t len, enum direction direction)
{
	if (len > c->left)
		return false;
	while (len > 0) {
		size_t n;
		void *at = step(c, len, &n);

		switch (direction) {
		case OUT_OF_GUEST:
			memcpy(buf, at, n);
			buf += n;
			break;
		case INTO_GUEST:
			memcpy(at, buf, n);
			buf += n;
			break;
		case CLEAR_GUEST:
			memset(at, 0, n);
			break;
		case SKIP:
			break;
		}
		len -= n;
	}
	return true;
}

bool vmm_cursor_read(struct vmm_cursor *c, void *buf, size_t len)
{
	return move(c, buf, len, OUT_OF_GUEST);
}

bool vmm_cursor_write(struct vmm_cursor *c, const void *buf, size_t len)
{
	return move(c, (uint8_t *)(uintptr_t)buf, len, INTO_GUEST);
}

bool vmm_cursor_skip(struct vmm_cursor *c, size_t len)
{
	return move(c, NULL, len, SKIP);
}

bool vmm_cursor_clear(struct vmm_cursor *c, size_t len)
{
	return move(c, NULL, len, CLEAR_GUEST);
}

size_t vmm_cursor_take(struct vmm_cursor *c, size_t len, struct iovec *ret, size_t max,
		       size_t *ret_len)
{
	size_t taken = 0, count = 0;

	while (taken < len && count < max && c->left > 0) {
		size_t n;
		void *at = step(c, len - taken, &n);

		ret[count++] = (struct iovec){ at, n };
		taken += n;
	}
	*ret_len = taken;
	return count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buffers of one request as they came through a virtqueue, and a cursor that reads and writes
 * through them.
 *
 * The segments point into guest memory. Their addresses and lengths are ours (checked copies),
 * their contents are the guest's, which may change them at any moment: copy out once, judge the
 * copy.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * More segments than this are refused. It is IOV_MAX of Linux, so that a chain can always be given
 * to preadv(2) in one piece, and above what any driver sends to our queues.
 */
#define VMM_CHAIN_SEGMENTS 1024

struct vmm_chain {
	uint16_t head;	    /* what vmm_queue_push gives back */
	uint16_t out_count; /* segments the device may read, first in `segment` */
	uint16_t in_count;  /* segments the device may write, behind them */
	size_t out_size, in_size;
	struct iovec segment[VMM_CHAIN_SEGMENTS];
};

static inline struct iovec *vmm_chain_in(struct vmm_chain *c)
{
	return c->segment + c->out_count;
}

/* A place in a list of segments. Copied freely: a copy is a bookmark. */
struct vmm_cursor {
	const struct iovec *segment;
	size_t count;  /* segments from here on */
	size_t offset; /* in the first of them */
	size_t left;   /* bytes from here on; may be made smaller to set an earlier end */
};

struct vmm_cursor vmm_cursor_at(const struct iovec *segment, size_t count);

/* All of `len` bytes, or false and nothing moved. */
bool vmm_cursor_read(struct vmm_cursor *c, void *buf, size_t len);
bool vmm_cursor_write(struct vmm_cursor *c, const void *buf, size_t len);
bool vmm_cursor_skip(struct vmm_cursor *c, size_t len);
/* Zeroes. */
bool vmm_cursor_clear(struct vmm_cursor *c, size_t len);

/*
 * The next `len` bytes as a list of at most `max` segments for preadv(2); the cursor moves behind
 * what was taken. *ret_len may be less than `len` if the segments or `max` do not reach.
 */
size_t vmm_cursor_take(struct vmm_cursor *c, size_t len, struct iovec *ret, size_t max,
		       size_t *ret_len);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the configuration blob of guest/proto.h, for both who do: the machine's monitor and the
 * agent's client. Done twice with the same calls: once to count, once to write.
 */
#pragma once

#include "guest/proto.h"

#include <stddef.h>
#include <string.h>

struct gst_blob {
	uint8_t *bytes; /* NULL: only count */
	size_t used;
};

static inline void gst_blob_put(struct gst_blob *b, const void *bytes, size_t len)
{
	if (b->bytes && len > 0)
		memcpy(b->bytes + b->used, bytes, len);
	b->used += len;
}

static inline void gst_blob_record(struct gst_blob *b, unsigned type, const void *bytes, size_t len)
{
	static const uint8_t zeroes[8];
	struct gst_record head = { 0 };

	gst_put16(head.type, (uint16_t)type);
	gst_put32(head.length, (uint32_t)len);
	gst_blob_put(b, &head, sizeof(head));
	gst_blob_put(b, bytes, len);
	gst_blob_put(b, zeroes, -len & 7);
}

/* NULL: no record. */
static inline void gst_blob_string(struct gst_blob *b, unsigned type, const char *s)
{
	if (s)
		gst_blob_record(b, type, s, strlen(s) + 1);
}

static inline void gst_blob_number(struct gst_blob *b, unsigned type, uint32_t value)
{
	uint8_t le[4];

	gst_put32(le, value);
	gst_blob_record(b, type, le, sizeof(le));
}

static inline void gst_blob_limit(struct gst_blob *b, uint32_t resource, uint64_t soft,
				  uint64_t hard)
{
	struct gst_rlimit wire = { 0 };

	gst_put32(wire.resource, resource);
	gst_put64(wire.soft, soft);
	gst_put64(wire.hard, hard);
	gst_blob_record(b, GST_RLIMIT, &wire, sizeof(wire));
}

/* The header, first of all; its size is set in the end. */
static inline void gst_blob_begin(struct gst_blob *b)
{
	struct gst_header head = { .magic = GST_MAGIC };

	gst_put32(head.version, GST_VERSION);
	gst_blob_put(b, &head, sizeof(head));
}

static inline void gst_blob_end(struct gst_blob *b)
{
	struct gst_header *head = (struct gst_header *)b->bytes;

	if (head)
		gst_put32(head->size, (uint32_t)b->used);
}

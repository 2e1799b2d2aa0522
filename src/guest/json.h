/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259) as a tree, for the configuration file of a container. Small, strict, recursive.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GST_JSON_DEPTH 32

enum gst_json_type {
	GST_JSON_NULL,
	GST_JSON_BOOL,
	GST_JSON_NUMBER,
	GST_JSON_STRING,
	GST_JSON_ARRAY,
	GST_JSON_OBJECT,
};

struct gst_json {
	enum gst_json_type type;
	bool boolean;
	const char *key;  /* in an object */
	const char *text; /* string: its value; number: as written */
	struct gst_json *first, *next;
};

/*
 * Parses text of `len` bytes, which is changed (strings are decoded in place) and must live as
 * long as the tree. NULL: *ret_why and *ret_line say what is wrong and where.
 */
struct gst_json *gst_json_parse(char *text, size_t len, const char **ret_why, unsigned *ret_line);

/* Member of an object; NULL if there is none, if it is null, or if `object` is no object. */
const struct gst_json *gst_json_get(const struct gst_json *object, const char *key);

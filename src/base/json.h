/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON documents as a tree in an arena. yajl does the lexing (RFC 8259); here are the limits, the
 * characters, the lines and the tree.
 *
 * Refused while parsing, each with the line: nesting deeper than RL_JSON_DEPTH, a key that occurs
 * twice in one object, a NUL inside a string (every string ends up in a system call), malformed
 * UTF-8, an escaped half of a surrogate pair, trailing text after the document.
 *
 * Numbers keep their text: 64-bit integers of either sign are exact.
 */
#pragma once

#include "base/arena.h"

#define RL_JSON_DEPTH 64

enum rl_json_type {
	RL_JSON_NULL,
	RL_JSON_BOOL,
	RL_JSON_NUMBER,
	RL_JSON_STRING,
	RL_JSON_ARRAY,
	RL_JSON_OBJECT,
};

struct rl_json {
	enum rl_json_type type;
	uint32_t line;	/* 1-based line of the value's last byte */
	uint32_t count; /* array and object: members */
	bool boolean;
	const char *key;	     /* name of this member of an object, else NULL */
	const char *text;	     /* string: its value; number: as written */
	const struct rl_json *first; /* array and object: members in the order of the document */
	const struct rl_json *next;
};

/* `name` is what errors call the document, usually its path. */
RL_MUST rl_err rl_json_parse(struct rl_arena *a, const char *name, const char *text, size_t len,
			     const struct rl_json **ret_root);

/* Member of an object, NULL if absent (or if `object` is not an object or NULL). */
const struct rl_json *rl_json_get(const struct rl_json *object, const char *key);

/* "string", "number", "object" ... for messages. */
const char *rl_json_type_name(enum rl_json_type type);

/* Exact conversions: false when the text is not an integer of that range. */
bool rl_json_i64(const struct rl_json *number, int64_t *ret);
bool rl_json_u64(const struct rl_json *number, uint64_t *ret);

/*
 * Writing: a growing buffer and an unforgiving order of calls. Errors stick: the writer goes dead
 * and rl_json_end reports it, so callers check once.
 */
struct rl_json_writer {
	struct rl_arena arena; /* of yajl and the text; so a writer does not move */
	void *gen;	       /* yajl_gen */
	int depth;	       /* arrays and objects that are open */
	bool failed;
};

/* pretty: two-space indentation, as people read it; else one line. */
RL_MUST rl_err rl_json_begin(struct rl_json_writer *w, bool pretty);
void rl_json_object(struct rl_json_writer *w);
void rl_json_object_end(struct rl_json_writer *w);
void rl_json_array(struct rl_json_writer *w);
void rl_json_array_end(struct rl_json_writer *w);
void rl_json_key(struct rl_json_writer *w, const char *key);
void rl_json_string(struct rl_json_writer *w, const char *value);
void rl_json_integer(struct rl_json_writer *w, int64_t value);
void rl_json_unsigned(struct rl_json_writer *w, uint64_t value);
/* With so many decimals, at most 9. */
void rl_json_real(struct rl_json_writer *w, double value, int decimals);
void rl_json_bool(struct rl_json_writer *w, bool value);
void rl_json_null(struct rl_json_writer *w);
/* A parsed value again, whole. */
void rl_json_value(struct rl_json_writer *w, const struct rl_json *value);
/* Key and value in one. */
void rl_json_put(struct rl_json_writer *w, const char *key, const char *value);
void rl_json_put_i(struct rl_json_writer *w, const char *key, int64_t value);
void rl_json_put_u(struct rl_json_writer *w, const char *key, uint64_t value);
void rl_json_put_b(struct rl_json_writer *w, const char *key, bool value);

/*
 * The whole document, without a final newline; valid until rl_json_writer_free. EINVAL when it is
 * none: nothing written, something still open, a member without a key.
 */
RL_MUST rl_err rl_json_end(struct rl_json_writer *w, const char **ret_text, size_t *ret_len);
void rl_json_writer_free(struct rl_json_writer *w);
#define RL_AUTO_JSON __attribute__((cleanup(rl_json_writer_free)))

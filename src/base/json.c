/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/json_memory.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define LEXER_ROOM ((size_t)16 << 10)

/* An open array or object and where its next member will be linked. */
struct level {
	struct rl_json *node;
	const struct rl_json **tail;
	const char *pending_key;
};

struct parse {
	struct rl_arena *arena;
	const char *name;
	const char *text;
	yajl_handle yajl;
	size_t counted; /* bytes of text whose newlines are in `line` */
	uint32_t line;
	uint32_t depth;
	struct level levels[RL_JSON_DEPTH + 1];
	const struct rl_json *root;
	rl_err err;
};

static uint32_t line_now(struct parse *p)
{
	size_t end = yajl_get_bytes_consumed(p->yajl);

	for (; p->counted < end; p->counted++)
		if (p->text[p->counted] == '\n')
			p->line++;
	return p->line;
}

/* Stops the parser, keeping the first error. */
static int stop(struct parse *p, rl_err e)
{
	p->err = rl_first(p->err, e);
	return 0;
}

static int add(struct parse *p, enum rl_json_type type, struct rl_json **ret)
{
	struct level *level = &p->levels[p->depth];
	struct rl_json *node;
	rl_err e = rl_new(p->arena, &node);

	if (rl_failed(e))
		return stop(p, e);
	node->type = type;
	node->line = line_now(p);
	if (p->depth == 0) {
		p->root = node;
	} else {
		node->key = level->pending_key;
		level->pending_key = NULL;
		level->node->count++;
		*level->tail = node;
		level->tail = &node->next;
	}
	*ret = node;
	return 1;
}

static int add_text(struct parse *p, enum rl_json_type type, const char *text, size_t len)
{
	struct rl_json *node;
	rl_err e;

	if (!add(p, type, &node))
		return 0;
	if (memchr(text, '\0', len) != NULL)
		return stop(p, rl_refuse(RL_E(EINVAL), "%s: line %u: a string contains a NUL byte",
					 p->name, node->line));
	e = rl_arena_strn(p->arena, text, len, &node->text);
	return rl_failed(e) ? stop(p, e) : 1;
}

static int open_level(struct parse *p, enum rl_json_type type)
{
	struct rl_json *node;

	if (p->depth == RL_JSON_DEPTH)
		return stop(p, rl_refuse(RL_E(EINVAL), "%s: line %u: nested deeper than %d levels",
					 p->name, line_now(p), RL_JSON_DEPTH));
	if (!add(p, type, &node))
		return 0;
	p->levels[++p->depth] = (struct level){ .node = node, .tail = &node->first };
	return 1;
}

static int on_null(void *ctx)
{
	struct rl_json *node;

	return add(ctx, RL_JSON_NULL, &node);
}

static int on_boolean(void *ctx, int value)
{
	struct rl_json *node;

	if (!add(ctx, RL_JSON_BOOL, &node))
		return 0;
	node->boolean = value != 0;
	return 1;
}

static int on_number(void *ctx, const char *text, size_t len)
{
	return add_text(ctx, RL_JSON_NUMBER, text, len);
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	return add_text(ctx, RL_JSON_STRING, (const char *)text, len);
}

static int on_key(void *ctx, const unsigned char *text, size_t len)
{
	struct parse *p = ctx;
	struct level *level = &p->levels[p->depth];
	rl_err e;

	if (memchr(text, '\0', len) != NULL)
		return stop(p, rl_refuse(RL_E(EINVAL), "%s: line %u: a key contains a NUL byte",
					 p->name, line_now(p)));
	e = rl_arena_strn(p->arena, (const char *)text, len, &level->pending_key);
	if (rl_failed(e))
		return stop(p, e);
	if (rl_json_get(level->node, level->pending_key) != NULL)
		return stop(p, rl_refuse(RL_E(EINVAL), "%s: line %u: key \"%s\" occurs twice",
					 p->name, line_now(p), level->pending_key));
	return 1;
}

static int on_object(void *ctx)
{
	return open_level(ctx, RL_JSON_OBJECT);
}

static int on_array(void *ctx)
{
	return open_level(ctx, RL_JSON_ARRAY);
}

static int on_close(void *ctx)
{
	struct parse *p = ctx;

	p->depth--;
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_close,
	.yajl_start_array = on_array,
	.yajl_end_array = on_close,
};

/* yajl's own words are "parse error: reason\n   (excerpt)": the first line is what we want. */
static rl_err syntax_error(struct parse *p, size_t len)
{
	unsigned char *words = yajl_get_error(p->yajl, 0, (const unsigned char *)p->text, len);
	rl_err e;

	if (words == NULL)
		return rl_nomem();
	words[strcspn((const char *)words, "\n")] = '\0';
	e = rl_refuse(RL_E(EINVAL), "%s: line %u: %s", p->name, line_now(p), (const char *)words);
	yajl_free_error(p->yajl, words);
	return e;
}

/* The code unit of an escape \uXXXX at `at`, -1 if there is none. */
static int escaped_unit(const char *at, size_t left)
{
	int unit = 0;

	if (left < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		const char *digits = "0123456789abcdefABCDEF", *d = strchr(digits, at[i]);

		if (at[i] == '\0' || d == NULL)
			return -1;
		unit = unit << 4 | (int)(d - digits < 16 ? d - digits : d - digits - 6);
	}
	return unit;
}

/* Offset of the first escaped half of a surrogate pair without its other half, `len` if none. */
static size_t lone_surrogate(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int unit;

		if (text[i] != '\\')
			continue;
		unit = escaped_unit(text + i, len - i);
		if (unit < 0xd800 || unit > 0xdfff) {
			i++; /* what is escaped is no backslash of its own */
			continue;
		}
		if (unit > 0xdbff || (escaped_unit(text + i + 6, len - i - 6) & 0xfc00) != 0xdc00)
			return i;
		i += 11;
	}
	return len;
}

/*
 * yajl takes overlong forms and surrogates in UTF-8, and turns half a pair of escapes into '?':
 * what the document says would not be what the kernel gets.
 */
static rl_err check_characters(const char *name, const char *text, size_t len)
{
	const char *what = "malformed UTF-8";
	size_t at = rl_utf8_check(text, len);
	unsigned line = 1;

	if (at == len) {
		what = "half of a surrogate pair";
		at = lone_surrogate(text, len);
	}
	if (at == len)
		return RL_OK;
	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	return rl_refuse(RL_E(EINVAL), "%s: line %u: %s", name, line, what);
}

rl_err rl_json_parse(struct rl_arena *a, const char *name, const char *text, size_t len,
		     const struct rl_json **ret_root)
{
	struct parse p = { .arena = a, .name = name, .text = text, .line = 1 };
	/* Its buffers double until they hold the longest string, or the words of an error. */
	yajl_alloc_funcs memory = rl_json_in_arena(a);
	yajl_status status;

	RL_TRY(check_characters(name, text, len));
	if (a->size - a->used < 8 * len + LEXER_ROOM)
		return rl_nomem();
	p.yajl = yajl_alloc(&callbacks, &memory, &p);
	if (p.yajl == NULL)
		return rl_nomem();
	(void)yajl_config(p.yajl, yajl_dont_validate_strings, 1);
	status = yajl_parse(p.yajl, (const unsigned char *)text, len);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(p.yajl);
	if (status != yajl_status_ok && !rl_failed(p.err))
		p.err = syntax_error(&p, len);
	yajl_free(p.yajl);
	RL_TRY(p.err);
	if (p.root == NULL)
		return rl_refuse(RL_E(EINVAL), "%s: line 1: the document is empty", name);
	*ret_root = p.root;
	return RL_OK;
}

const struct rl_json *rl_json_get(const struct rl_json *object, const char *key)
{
	if (object == NULL || object->type != RL_JSON_OBJECT)
		return NULL;
	for (const struct rl_json *m = object->first; m != NULL; m = m->next)
		if (strcmp(m->key, key) == 0)
			return m;
	return NULL;
}

const char *rl_json_type_name(enum rl_json_type type)
{
	static const char *const names[] = {
		[RL_JSON_NULL] = "null",     [RL_JSON_BOOL] = "boolean",
		[RL_JSON_NUMBER] = "number", [RL_JSON_STRING] = "string",
		[RL_JSON_ARRAY] = "array",   [RL_JSON_OBJECT] = "object",
	};

	return names[type];
}

/* Digits with an optional minus only: what strtol would forgive is refused. */
static bool is_integer(const char *s)
{
	if (*s == '-')
		s++;
	return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

bool rl_json_i64(const struct rl_json *number, int64_t *ret)
{
	long long value;

	if (number == NULL || number->type != RL_JSON_NUMBER || !is_integer(number->text))
		return false;
	errno = 0;
	value = strtoll(number->text, NULL, 10);
	if (errno != 0)
		return false;
	*ret = value;
	return true;
}

bool rl_json_u64(const struct rl_json *number, uint64_t *ret)
{
	unsigned long long value;

	if (number == NULL || number->type != RL_JSON_NUMBER || !is_integer(number->text) ||
	    number->text[0] == '-')
		return false;
	errno = 0;
	value = strtoull(number->text, NULL, 10);
	if (errno != 0)
		return false;
	*ret = value;
	return true;
}

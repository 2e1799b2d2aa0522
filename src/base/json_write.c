/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/json_memory.h"

#include <stdio.h>
#include <string.h>
#include <yajl/yajl_gen.h>

/*
 * The largest document we write has the annotations of a configuration again, each byte perhaps as
 * six, in a buffer that doubles. It is address space, not memory.
 */
#define WRITER_LIMIT ((size_t)1 << 30)

rl_err rl_json_begin(struct rl_json_writer *w, bool pretty)
{
	yajl_alloc_funcs memory = rl_json_in_arena(&w->arena);
	yajl_gen gen;

	*w = (struct rl_json_writer){ 0 };
	RL_TRY(rl_arena_new(WRITER_LIMIT, &w->arena));
	gen = yajl_gen_alloc(&memory);
	if (gen == NULL)
		return rl_nomem();
	if (pretty) {
		yajl_gen_config(gen, yajl_gen_beautify, 1);
		yajl_gen_config(gen, yajl_gen_indent_string, "  ");
	}
	w->gen = gen;
	return RL_OK;
}

static void note(struct rl_json_writer *w, yajl_gen_status status)
{
	if (status != yajl_gen_status_ok)
		w->failed = true;
}

void rl_json_object(struct rl_json_writer *w)
{
	w->depth++;
	note(w, yajl_gen_map_open(w->gen));
}

void rl_json_object_end(struct rl_json_writer *w)
{
	w->depth--;
	note(w, yajl_gen_map_close(w->gen));
}

void rl_json_array(struct rl_json_writer *w)
{
	w->depth++;
	note(w, yajl_gen_array_open(w->gen));
}

void rl_json_array_end(struct rl_json_writer *w)
{
	w->depth--;
	note(w, yajl_gen_array_close(w->gen));
}

void rl_json_string(struct rl_json_writer *w, const char *value)
{
	note(w, yajl_gen_string(w->gen, (const unsigned char *)value, strlen(value)));
}

void rl_json_key(struct rl_json_writer *w, const char *key)
{
	rl_json_string(w, key);
}

void rl_json_integer(struct rl_json_writer *w, int64_t value)
{
	note(w, yajl_gen_integer(w->gen, value));
}

void rl_json_unsigned(struct rl_json_writer *w, uint64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);

	note(w, yajl_gen_number(w->gen, text, (size_t)n));
}

void rl_json_real(struct rl_json_writer *w, double value, int decimals)
{
	char text[340];
	int n = snprintf(text, sizeof(text), "%.*f", decimals > 9 ? 9 : decimals, value);

	note(w, yajl_gen_number(w->gen, text, (size_t)n));
}

void rl_json_bool(struct rl_json_writer *w, bool value)
{
	note(w, yajl_gen_bool(w->gen, value));
}

void rl_json_null(struct rl_json_writer *w)
{
	note(w, yajl_gen_null(w->gen));
}

/* Recursion is bounded by RL_JSON_DEPTH: the tree came out of rl_json_parse. */
void rl_json_value(struct rl_json_writer *w, const struct rl_json *value)
{
	switch (value->type) {
	case RL_JSON_NULL:
		rl_json_null(w);
		break;
	case RL_JSON_BOOL:
		rl_json_bool(w, value->boolean);
		break;
	case RL_JSON_NUMBER:
		note(w, yajl_gen_number(w->gen, value->text, strlen(value->text)));
		break;
	case RL_JSON_STRING:
		rl_json_string(w, value->text);
		break;
	case RL_JSON_ARRAY:
		rl_json_array(w);
		for (const struct rl_json *m = value->first; m != NULL; m = m->next)
			rl_json_value(w, m);
		rl_json_array_end(w);
		break;
	case RL_JSON_OBJECT:
		rl_json_object(w);
		for (const struct rl_json *m = value->first; m != NULL; m = m->next) {
			rl_json_key(w, m->key);
			rl_json_value(w, m);
		}
		rl_json_object_end(w);
		break;
	}
}

void rl_json_put(struct rl_json_writer *w, const char *key, const char *value)
{
	rl_json_key(w, key);
	rl_json_string(w, value);
}

void rl_json_put_i(struct rl_json_writer *w, const char *key, int64_t value)
{
	rl_json_key(w, key);
	rl_json_integer(w, value);
}

void rl_json_put_u(struct rl_json_writer *w, const char *key, uint64_t value)
{
	rl_json_key(w, key);
	rl_json_unsigned(w, value);
}

void rl_json_put_b(struct rl_json_writer *w, const char *key, bool value)
{
	rl_json_key(w, key);
	rl_json_bool(w, value);
}

rl_err rl_json_end(struct rl_json_writer *w, const char **ret_text, size_t *ret_len)
{
	const unsigned char *text;
	size_t len;

	if (w->failed || w->depth != 0 ||
	    yajl_gen_get_buf(w->gen, &text, &len) != yajl_gen_status_ok || len == 0)
		return rl_fail(RL_E(EINVAL), "write a JSON document");
	/* With beautify yajl ends the document by a newline; callers decide about that. */
	while (len > 0 && text[len - 1] == '\n')
		len--;
	*ret_text = (const char *)text;
	*ret_len = len;
	return RL_OK;
}

void rl_json_writer_free(struct rl_json_writer *w)
{
	rl_arena_free(&w->arena);
	*w = (struct rl_json_writer){ 0 };
}

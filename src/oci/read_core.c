/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/read_core.h"

#include <stdio.h>
#include <string.h>

/*
 * Where we are in the document: a chain on the stack, made to text when something is wrong. A
 * frame without key is an element of an array.
 */
struct frame {
	const struct frame *up;
	const char *key;
	size_t index;
};

struct reader {
	struct oci_problems *problems;
	struct rl_arena *arena;
};

static const char *path_of(struct reader *r, const struct frame *at)
{
	const char *up;

	if (at->up == NULL)
		return "$";
	up = path_of(r, at->up);
	if (at->key != NULL)
		return oci_path_key(r->problems, up, at->key);
	return oci_text(r->problems, "%s[%zu]", up, at->index);
}

/* ---- problems ------------------------------------------------------------------------------- */

static const char *article(enum rl_json_type type)
{
	static const char *const names[] = {
		[RL_JSON_NULL] = "null",       [RL_JSON_BOOL] = "a boolean",
		[RL_JSON_NUMBER] = "a number", [RL_JSON_STRING] = "a string",
		[RL_JSON_ARRAY] = "an array",  [RL_JSON_OBJECT] = "an object",
	};

	return names[type];
}

static void wrong_type(struct reader *r, const struct frame *at, const struct rl_json *json,
		       enum rl_json_type want, const char *hint)
{
	oci_error(r->problems, path_of(r, at), NULL, hint, "must be %s, is %s", article(want),
		  article(json->type));
}

static bool is_type(struct reader *r, const struct frame *at, const struct rl_json *json,
		    enum rl_json_type want)
{
	const char *hint = NULL;
	int64_t ignored;

	if (json->type == want)
		return true;
	if (want == RL_JSON_STRING && json->type == RL_JSON_NUMBER)
		hint = oci_text(r->problems, "write \"%s\", with quotes", json->text);
	else if (want == RL_JSON_NUMBER && json->type == RL_JSON_STRING &&
		 rl_json_i64(&(struct rl_json){ .type = RL_JSON_NUMBER, .text = json->text },
			     &ignored))
		hint = oci_text(r->problems, "write %s, without quotes", json->text);
	else if (want == RL_JSON_ARRAY && json->type == RL_JSON_STRING)
		hint = "write [\"...\"], also for one";
	else if (want == RL_JSON_BOOL && json->type == RL_JSON_STRING)
		hint = "write true or false, without quotes";
	wrong_type(r, at, json, want, hint);
	return false;
}

static void missing(struct reader *r, const struct frame *at, const struct oci_object *object,
		    const char *name)
{
	oci_error(r->problems, oci_path_key(r->problems, path_of(r, at), name),
		  oci_text(r->problems, "required in %s", object->what), NULL, "is missing");
}

static void unknown_word(struct reader *r, const struct frame *at, const struct oci_words *list,
			 const char *word)
{
	const char *near = oci_word_near(list->words, list->count, word);
	char all[256];
	size_t n = 0;

	if (near != NULL) {
		oci_error(r->problems, path_of(r, at), NULL,
			  oci_text(r->problems, "did you mean \"%s\"?", near), "is no %s: %s",
			  list->what, oci_quote(r->problems, word));
		return;
	}
	for (uint32_t i = 0; i < list->count && n < sizeof(all); i++)
		if (list->words[i] != NULL)
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", n > 0 ? ", " : "",
					      list->words[i]);
	oci_error(r->problems, path_of(r, at), NULL,
		  oci_text(r->problems, "known are %s%s", all, n >= sizeof(all) ? "..." : ""),
		  "is no %s: %s", list->what, oci_quote(r->problems, word));
}

/* Only names that look meant for something else: unknown properties are allowed. */
static void unknown_member(struct reader *r, const struct frame *at,
			   const struct oci_object *object, const char *name)
{
	const char *names[64];
	const char *near;

	for (size_t i = 0; i < object->count; i++)
		names[i] = object->members[i].name;
	near = oci_word_near(names, object->count, name);
	if (near != NULL)
		oci_warning(r->problems, path_of(r, at), NULL,
			    oci_text(r->problems, "did you mean \"%s\"?", near),
			    "is ignored: %s has no such property", object->what);
}

/* ---- scalars -------------------------------------------------------------------------------- */

static bool is_whole(const char *number)
{
	return number[strspn(number, "-0123456789")] == '\0';
}

static void bad_integer(struct reader *r, const struct frame *at, const struct rl_json *json,
			const char *range)
{
	if (!is_type(r, at, json, RL_JSON_NUMBER))
		return;
	if (!is_whole(json->text))
		oci_error(r->problems, path_of(r, at), NULL, "write all its digits",
			  "must be an integer, is %.40s", json->text);
	else
		oci_error(r->problems, path_of(r, at), NULL, NULL, "must be in %s, is %.40s", range,
			  json->text);
}

static bool read_signed(struct reader *r, const struct frame *at, const struct rl_json *json,
			bool wide, int64_t *ret)
{
	if (rl_json_i64(json, ret) && (wide || (*ret >= INT32_MIN && *ret <= INT32_MAX)))
		return true;
	bad_integer(r, at, json,
		    wide ? "-9223372036854775808..9223372036854775807" : "-2147483648..2147483647");
	return false;
}

static void read_unsigned(struct reader *r, const struct frame *at, const struct rl_json *json,
			  bool wide, uint64_t *ret)
{
	uint64_t value;

	if (rl_json_u64(json, &value) && (wide || value <= UINT32_MAX))
		*ret = value;
	else
		bad_integer(r, at, json, wide ? "0..18446744073709551615" : "0..4294967295");
}

static void read_number(struct reader *r, const struct frame *at, const struct rl_json *json,
			enum oci_kind kind, void *ret)
{
	bool wide = kind == OCI_KIND_I64 || kind == OCI_KIND_U64 || kind == OCI_KIND_OPT_I64 ||
		    kind == OCI_KIND_OPT_U64;
	int64_t i = 0;
	uint64_t u = 0;

	/* An unreadable optional number is present as 0: what rests on its presence is no new
	 * problem. */
	if (kind == OCI_KIND_I64 || kind == OCI_KIND_OPT_I32 || kind == OCI_KIND_OPT_I64)
		read_signed(r, at, json, wide, &i);
	else
		read_unsigned(r, at, json, wide, &u);
	if (kind == OCI_KIND_U32)
		*(uint32_t *)ret = (uint32_t)u;
	else if (kind == OCI_KIND_I64)
		*(int64_t *)ret = i;
	else if (kind == OCI_KIND_U64)
		*(uint64_t *)ret = u;
	else if (kind == OCI_KIND_OPT_I32)
		*(struct oci_i32 *)ret = (struct oci_i32){ true, (int32_t)i };
	else if (kind == OCI_KIND_OPT_U32)
		*(struct oci_u32 *)ret = (struct oci_u32){ true, (uint32_t)u };
	else if (kind == OCI_KIND_OPT_I64)
		*(struct oci_i64 *)ret = (struct oci_i64){ true, i };
	else
		*(struct oci_u64 *)ret = (struct oci_u64){ true, u };
}

/* Index of a word of the list, -1 after a problem. */
static int read_word(struct reader *r, const struct frame *at, const struct rl_json *json,
		     const struct oci_words *list)
{
	int index;

	if (json->type != RL_JSON_STRING) {
		wrong_type(r, at, json, RL_JSON_STRING, NULL);
		return -1;
	}
	index = oci_word_find(list, json->text);
	if (index < 0)
		unknown_word(r, at, list, json->text);
	return index;
}

/* ---- arrays of scalars ---------------------------------------------------------------------- */

/* An element that cannot be read stays in its place, empty: indices in messages remain true. */

static rl_err read_strings(struct reader *r, const struct frame *at, const struct rl_json *json,
			   struct oci_strings *ret)
{
	struct frame here = { .up = at };
	const char **items;

	if (!is_type(r, at, json, RL_JSON_ARRAY))
		return RL_OK;
	RL_TRY(rl_new_array(r->arena, (size_t)json->count + 1, &items));
	for (const struct rl_json *m = json->first; m != NULL; m = m->next, here.index++)
		items[here.index] = is_type(r, &here, m, RL_JSON_STRING) ? m->text : "";
	*ret = (struct oci_strings){ items, json->count };
	return RL_OK;
}

static rl_err read_ids(struct reader *r, const struct frame *at, const struct rl_json *json,
		       struct oci_ids *ret)
{
	struct frame here = { .up = at };
	uint32_t *items;

	if (!is_type(r, at, json, RL_JSON_ARRAY))
		return RL_OK;
	RL_TRY(rl_new_array(r->arena, json->count, &items));
	for (const struct rl_json *m = json->first; m != NULL; m = m->next, here.index++) {
		uint64_t value = 0;

		read_unsigned(r, &here, m, false, &value);
		items[here.index] = (uint32_t)value;
	}
	*ret = (struct oci_ids){ items, json->count };
	return RL_OK;
}

static rl_err read_words(struct reader *r, const struct frame *at, const struct rl_json *json,
			 const struct oci_words *list, const uint32_t **ret_items,
			 size_t *ret_count)
{
	struct frame here = { .up = at };
	uint32_t *items;

	if (!is_type(r, at, json, RL_JSON_ARRAY))
		return RL_OK;
	RL_TRY(rl_new_array(r->arena, json->count, &items));
	for (const struct rl_json *m = json->first; m != NULL; m = m->next, here.index++) {
		int word = read_word(r, &here, m, list);

		items[here.index] = word < 0 ? 0 : (uint32_t)word;
	}
	*ret_items = items;
	*ret_count = json->count;
	return RL_OK;
}

static void read_flags(struct reader *r, const struct frame *at, const struct rl_json *json,
		       const struct oci_words *list, struct oci_flags *ret)
{
	struct frame here = { .up = at };

	if (!is_type(r, at, json, RL_JSON_ARRAY))
		return;
	ret->set = true;
	for (const struct rl_json *m = json->first; m != NULL; m = m->next, here.index++) {
		int bit = read_word(r, &here, m, list);

		if (bit >= 0)
			ret->bits |= UINT32_C(1) << bit;
	}
}

static rl_err read_map(struct reader *r, const struct frame *at, const struct rl_json *json,
		       struct oci_map *ret)
{
	struct oci_key_value *items;
	size_t n = 0;

	if (!is_type(r, at, json, RL_JSON_OBJECT))
		return RL_OK;
	RL_TRY(rl_new_array(r->arena, json->count, &items));
	for (const struct rl_json *m = json->first; m != NULL; m = m->next) {
		struct frame here = { .up = at, .key = m->key };

		if (m->type != RL_JSON_NULL && is_type(r, &here, m, RL_JSON_STRING))
			items[n++] = (struct oci_key_value){ m->key, m->text, m->line };
	}
	*ret = (struct oci_map){ items, n };
	return RL_OK;
}

/* ---- objects -------------------------------------------------------------------------------- */

static rl_err read_object(struct reader *r, const struct frame *at, const struct rl_json *json,
			  const struct oci_object *object, void *ret);

/* Elements of the array `json`, or of the object `json` whose keys go to object->key. */
static rl_err read_items(struct reader *r, const struct frame *at, const struct rl_json *json,
			 const struct oci_object *object, bool keyed, void *ret_items,
			 size_t *ret_count)
{
	struct frame here = { .up = at };
	unsigned char *items;
	size_t n = 0;

	if (!is_type(r, at, json, keyed ? RL_JSON_OBJECT : RL_JSON_ARRAY))
		return RL_OK;
	RL_TRY(rl_arena_get(r->arena, json->count, object->size, &items));
	for (const struct rl_json *m = json->first; m != NULL; m = m->next, here.index++) {
		unsigned char *item = items + n * object->size;

		here.key = m->key;
		if (keyed && m->type == RL_JSON_NULL)
			continue;
		if (is_type(r, &here, m, RL_JSON_OBJECT))
			RL_TRY(read_object(r, &here, m, object, item));
		if (keyed)
			*(const char **)(item + object->key) = m->key;
		n++;
	}
	memcpy(ret_items, &items, sizeof(items));
	*ret_count = n;
	return RL_OK;
}

static rl_err read_pointed(struct reader *r, const struct frame *at, const struct rl_json *json,
			   const struct oci_object *object, void *ret_pointer)
{
	void *item;

	if (!is_type(r, at, json, RL_JSON_OBJECT))
		return RL_OK;
	RL_TRY(rl_arena_get(r->arena, 1, object->size, &item));
	RL_TRY(read_object(r, at, json, object, item));
	memcpy(ret_pointer, &item, sizeof(item));
	return RL_OK;
}

/* An empty string is an absent one, because Go writes it for "not given"; true if it is that. */
static bool is_empty(struct reader *r, const struct frame *at, const struct rl_json *json,
		     const struct oci_member *member)
{
	if (json->type != RL_JSON_STRING || json->text[0] != '\0')
		return false;
	if (member->required)
		oci_error(r->problems, path_of(r, at), NULL, NULL, "must not be empty");
	return true;
}

static rl_err read_member(struct reader *r, const struct frame *at, const struct rl_json *json,
			  const struct oci_member *member, void *ret)
{
	struct oci_strings *pair = ret; /* pointer and count, as every array has them */
	int word;

	switch ((enum oci_kind)member->kind) {
	case OCI_KIND_STRING:
		if (!is_empty(r, at, json, member) && is_type(r, at, json, RL_JSON_STRING))
			*(const char **)ret = json->text;
		return RL_OK;
	case OCI_KIND_WORD:
		if (is_empty(r, at, json, member))
			return RL_OK;
		word = read_word(r, at, json, member->of);
		*(uint32_t *)ret = word < 0 ? 0 : (uint32_t)word;
		return RL_OK;
	case OCI_KIND_FLAG:
		if (is_type(r, at, json, RL_JSON_BOOL))
			*(bool *)ret = json->boolean;
		return RL_OK;
	case OCI_KIND_BOOL:
		if (is_type(r, at, json, RL_JSON_BOOL))
			*(struct oci_bool *)ret = (struct oci_bool){ true, json->boolean };
		return RL_OK;
	case OCI_KIND_U32:
	case OCI_KIND_I64:
	case OCI_KIND_U64:
	case OCI_KIND_OPT_I32:
	case OCI_KIND_OPT_U32:
	case OCI_KIND_OPT_I64:
	case OCI_KIND_OPT_U64:
		read_number(r, at, json, (enum oci_kind)member->kind, ret);
		return RL_OK;
	case OCI_KIND_STRINGS:
		return read_strings(r, at, json, ret);
	case OCI_KIND_IDS:
		return read_ids(r, at, json, ret);
	case OCI_KIND_MAP:
		return read_map(r, at, json, ret);
	case OCI_KIND_FLAGS:
		read_flags(r, at, json, member->of, ret);
		return RL_OK;
	case OCI_KIND_WORDS:
		return read_words(r, at, json, member->of, ret, &pair->count);
	case OCI_KIND_EMBEDDED:
		if (!is_type(r, at, json, RL_JSON_OBJECT))
			return RL_OK;
		return read_object(r, at, json, member->of, ret);
	case OCI_KIND_OBJECT:
		return read_pointed(r, at, json, member->of, ret);
	case OCI_KIND_ARRAY:
	case OCI_KIND_KEYED:
		return read_items(r, at, json, member->of, member->kind == OCI_KIND_KEYED, ret,
				  &pair->count);
	}
	return RL_OK;
}

/*
 * The row of a property, -1 if there is none. Documents keep the order of the table, so the row
 * behind the last one found is tried first.
 */
static int find_member(const struct oci_object *object, const char *name, int start)
{
	for (int i = start; i < object->count; i++)
		if (strcmp(object->members[i].name, name) == 0)
			return i;
	for (int i = 0; i < start; i++)
		if (strcmp(object->members[i].name, name) == 0)
			return i;
	return -1;
}

static rl_err read_object(struct reader *r, const struct frame *at, const struct rl_json *json,
			  const struct oci_object *object, void *ret)
{
	uint64_t seen = 0;
	int next = 0;

	*(uint32_t *)ret = json->line;
	for (const struct rl_json *m = json->first; m != NULL; m = m->next) {
		struct frame here = { .up = at, .key = m->key };
		int row = find_member(object, m->key, next);

		if (row < 0) {
			unknown_member(r, &here, object, m->key);
			continue;
		}
		next = row + 1;
		if (m->type == RL_JSON_NULL)
			continue;
		seen |= UINT64_C(1) << row;
		RL_TRY(read_member(r, &here, m, &object->members[row],
				   (unsigned char *)ret + object->members[row].offset));
	}
	for (int i = 0; i < object->count; i++)
		if (object->members[i].required && (seen & UINT64_C(1) << i) == 0)
			missing(r, at, object, object->members[i].name);
	return RL_OK;
}

rl_err oci_read_object(struct oci_problems *p, const struct rl_json *json,
		       const struct oci_object *object, void *ret)
{
	struct reader r = { .problems = p, .arena = p->arena };
	const struct frame top = { 0 };

	p->document = json;
	if (!is_type(&r, &top, json, RL_JSON_OBJECT))
		return RL_OK;
	return read_object(&r, &top, json, object, ret);
}

rl_err oci_read_array(struct oci_problems *p, const struct rl_json *json,
		      const struct oci_object *object, void *ret_items, size_t *ret_count)
{
	struct reader r = { .problems = p, .arena = p->arena };
	const struct frame top = { 0 };

	p->document = json;
	return read_items(&r, &top, json, object, false, ret_items, ret_count);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "test.h"

static struct rl_arena arena;

static rl_err parse_bytes(const char *text, size_t len, const struct rl_json **ret)
{
	rl_arena_free(&arena);
	RL_TRY(rl_arena_new(4 << 20, &arena));
	return rl_json_parse(&arena, "doc", text, len, ret);
}

static rl_err parse(const char *text, const struct rl_json **ret)
{
	return parse_bytes(text, strlen(text), ret);
}

static rl_err only_parse(const char *text)
{
	const struct rl_json *root;

	return parse(text, &root);
}

TEST(every_type_and_the_order_of_members)
{
	const struct rl_json *root, *m;

	CHECK_OK(parse("{\"z\":null,\"a\":true,\"b\":false,\"c\":-1.5e3,\"d\":\"x\\u00e9\","
		       "\"e\":[1,2],\"f\":{}}",
		       &root));
	CHECK_INT(root->type, RL_JSON_OBJECT);
	CHECK_INT(root->count, 7);
	m = root->first;
	CHECK_STR(m->key, "z");
	CHECK_INT(m->type, RL_JSON_NULL);
	m = m->next;
	CHECK_STR(m->key, "a");
	CHECK(m->type == RL_JSON_BOOL && m->boolean);
	m = m->next;
	CHECK(m->type == RL_JSON_BOOL && !m->boolean);
	m = m->next;
	CHECK_INT(m->type, RL_JSON_NUMBER);
	CHECK_STR(m->text, "-1.5e3");
	m = m->next;
	CHECK_STR(m->text, "x\xc3\xa9");
	m = m->next;
	CHECK(m->type == RL_JSON_ARRAY && m->count == 2 && m->first->key == NULL);
	CHECK_STR(m->first->next->text, "2");
	m = m->next;
	CHECK(m->type == RL_JSON_OBJECT && m->count == 0 && m->first == NULL);
	CHECK(m->next == NULL);
}

TEST(a_document_may_be_any_value)
{
	const struct rl_json *root;

	CHECK_OK(parse("  \"s\"\n", &root));
	CHECK_STR(root->text, "s");
	CHECK_OK(parse("7", &root));
	CHECK_STR(root->text, "7");
	CHECK_OK(parse("[]", &root));
	CHECK_INT(root->count, 0);
}

TEST(members_by_name)
{
	const struct rl_json *root;

	CHECK_OK(parse("{\"a\":{\"b\":\"x\"},\"\":1,\"n\":null}", &root));
	CHECK_STR(rl_json_get(rl_json_get(root, "a"), "b")->text, "x");
	CHECK_STR(rl_json_get(root, "")->text, "1");
	CHECK(rl_json_get(root, "n") != NULL);
	CHECK(rl_json_get(root, "c") == NULL);
	CHECK(rl_json_get(NULL, "c") == NULL);
	CHECK(rl_json_get(rl_json_get(root, ""), "c") == NULL);
	CHECK(rl_json_get(rl_json_get(root, "c"), "d") == NULL);
}

TEST(lines)
{
	const struct rl_json *root, *a, *b;

	CHECK_OK(parse("{\n\"a\":\n 1,\n\n \"b\": [\n\n\"x\"]}", &root));
	a = rl_json_get(root, "a");
	b = rl_json_get(root, "b");
	CHECK_INT(root->line, 1);
	CHECK_INT(a->line, 3);
	CHECK_INT(b->line, 5);
	CHECK_INT(b->first->line, 7);
}

static void nest(char *text, int depth)
{
	memset(text, '[', (size_t)depth);
	memset(text + depth, ']', (size_t)depth);
	text[2 * depth] = '\0';
}

TEST(depth_is_bounded)
{
	static char text[200001];

	nest(text, RL_JSON_DEPTH);
	CHECK_OK(only_parse(text));
	nest(text, RL_JSON_DEPTH + 1);
	CHECK_FAILS(only_parse(text), EINVAL, "doc: line 1: nested deeper than 64 levels");
	nest(text, 100000);
	CHECK_FAILS(only_parse(text), EINVAL, "nested deeper");
	/* Mixed with objects, which count as well. */
	text[0] = '\0';
	for (int i = 0; i < RL_JSON_DEPTH; i++)
		strcat(text, "{\"a\":");
	strcat(text, "{");
	CHECK_FAILS(only_parse(text), EINVAL, "nested deeper");
}

TEST(a_key_occurs_once)
{
	CHECK_FAILS(only_parse("{\"a\":1,\n\"b\":2,\n\"a\":3}"), EINVAL,
		    "doc: line 3: key \"a\" occurs twice");
	/* The escaped form is the same key. */
	CHECK_FAILS(only_parse("{\"a\":1,\"\\u0061\":2}"), EINVAL, "occurs twice");
	CHECK_FAILS(only_parse("[{\"x\":{\"a\":1,\"a\":2}}]"), EINVAL, "occurs twice");
	CHECK_OK(only_parse("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"));
	CHECK_OK(only_parse("{\"a\":1,\"A\":2}"));
}

TEST(no_nul_in_strings)
{
	const struct rl_json *root;

	CHECK_FAILS(only_parse("[\n\"a\\u0000b\"]"), EINVAL,
		    "doc: line 2: a string contains a NUL byte");
	CHECK_FAILS(only_parse("{\"a\\u0000\":1}"), EINVAL, "a key contains a NUL byte");
	CHECK_FAILS(parse_bytes("[\"a\0b\"]", 8, &root), EINVAL, "doc: line 1:");
	CHECK_FAILS(parse_bytes("[]\0", 3, &root), EINVAL, "doc: line 1:");
}

TEST(only_one_document)
{
	CHECK_FAILS(only_parse("{} {}"), EINVAL, "trailing");
	CHECK_FAILS(only_parse("{}\n\nx"), EINVAL, "doc: line 3: ");
	CHECK_FAILS(only_parse("1 2"), EINVAL, "trailing");
	CHECK_OK(only_parse("{} \n\t\r "));
}

TEST(no_document)
{
	CHECK_FAILS(only_parse(""), EINVAL, "doc: line 1:");
	CHECK_FAILS(only_parse("  \n"), EINVAL, "doc: line");
	CHECK_FAILS(only_parse("{"), EINVAL, "doc: line 1:");
	CHECK_FAILS(only_parse("[1,"), EINVAL, "doc: line 1:");
	CHECK_FAILS(only_parse("\"abc"), EINVAL, "doc: line 1:");
}

TEST(what_json_is_not)
{
	static const char *const wrong[] = {
		"{a:1}",
		"{'a':1}",
		"[1,]",
		"{\"a\":1,}",
		"[01]",
		"[+1]",
		"[.5]",
		"[1.]",
		"[1e]",
		"[NaN]",
		"[Infinity]",
		"[0x10]",
		"[tru]",
		"// c\n[]",
		"/* c */[]",
		"[\"\t\"]",
		"[\"\\x41\"]",
		"[\"\\u12\"]",
		"[\"\xff\"]",
		"[\"\xc3\"]",
		"[1 2]",
		"{\"a\" 1}",
		"{\"a\":1 \"b\":2}",
		"]",
		"\xef\xbb\xbf[]",
		"[\"\xc0\x80\"]",
		"[\"\xed\xa0\x80\"]",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct rl_json *root = NULL;
		rl_err e = parse(wrong[i], &root);

		if (!rl_failed(e) || rl_errno(e) != EINVAL || root != NULL)
			FAIL_("accepted: %s", wrong[i]);
		rl_drop(e);
	}
}

TEST(escaped_characters)
{
	const struct rl_json *root;

	CHECK_OK(parse("\"\\u0041\\ud83d\\uDE00\\\\ud83d\\/\\t\"", &root));
	CHECK_STR(root->text, "A\xf0\x9f\x98\x80\\ud83d/\t");
	CHECK_FAILS(only_parse("[\n\"\\ud83d\"]"), EINVAL, "doc: line 2: half of a surrogate pair");
	CHECK_FAILS(only_parse("\"\\ud83dx\""), EINVAL, "half of a surrogate pair");
	CHECK_FAILS(only_parse("\"\\ud83d\\u0041\""), EINVAL, "half of a surrogate pair");
	CHECK_FAILS(only_parse("\"\\ud83d\\ud83d\""), EINVAL, "half of a surrogate pair");
	CHECK_FAILS(only_parse("\"\\ude00\""), EINVAL, "half of a surrogate pair");
	CHECK_FAILS(only_parse("\"\\ud83d"), EINVAL, "half of a surrogate pair");
	CHECK_FAILS(only_parse("\"\\ud83"), EINVAL, "doc: line 1:");
	CHECK_FAILS(only_parse("\"\\"), EINVAL, "doc: line 1:");
}

TEST(malformed_characters)
{
	static const char *const wrong[] = {
		"\xff",
		"\x80",
		"\xc3",
		"\xc3(",
		"\xc0\xaf",
		"\xc1\xbf",
		"\xe0\x9f\x80",
		"\xe2\x82",
		"\xed\xa0\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf5\x80\x80\x80",
		"\xf4\x90\x80\x80",
		"\xf0\x9f\x98",
		"\xf8\x88\x80\x80\x80",
	};
	const struct rl_json *root;
	char text[32];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "\n\"%s\"", wrong[i]);
		CHECK_FAILS(only_parse(text), EINVAL, "doc: line 2: malformed UTF-8");
	}
	CHECK_OK(parse(
		"\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4"
		"\x8f\xbf\xbf\"",
		&root));
	CHECK_INT(strlen(root->text), 22);
}

TEST(integers_are_exact)
{
	const struct rl_json *root;
	uint64_t u;
	int64_t i;

	CHECK_OK(parse("9223372036854775807", &root));
	CHECK(rl_json_i64(root, &i) && i == INT64_MAX);
	CHECK(rl_json_u64(root, &u) && u == INT64_MAX);
	CHECK_OK(parse("-9223372036854775808", &root));
	CHECK(rl_json_i64(root, &i) && i == INT64_MIN);
	CHECK(!rl_json_u64(root, &u));
	CHECK_OK(parse("18446744073709551615", &root));
	CHECK(!rl_json_i64(root, &i));
	CHECK(rl_json_u64(root, &u) && u == UINT64_MAX);
	CHECK_OK(parse("18446744073709551616", &root));
	CHECK(!rl_json_u64(root, &u));
	CHECK_OK(parse("9223372036854775808", &root));
	CHECK(!rl_json_i64(root, &i));
	CHECK_OK(parse("0", &root));
	CHECK(rl_json_i64(root, &i) && i == 0 && rl_json_u64(root, &u) && u == 0);
}

TEST(what_is_no_integer)
{
	static const char *const wrong[] = { "1.0", "1e3", "1E3", "-0.5", "\"1\"", "true", "null" };
	const struct rl_json *root;
	uint64_t u;
	int64_t i;

	for (size_t n = 0; n < sizeof(wrong) / sizeof(wrong[0]); n++) {
		CHECK_OK(parse(wrong[n], &root));
		CHECK(!rl_json_i64(root, &i));
		CHECK(!rl_json_u64(root, &u));
	}
	CHECK(!rl_json_i64(NULL, &i));
	CHECK(!rl_json_u64(NULL, &u));
}

TEST(an_arena_that_is_too_small)
{
	static char text[40000];
	const struct rl_json *root = NULL;
	struct rl_arena RL_AUTO_ARENA small = { 0 };
	size_t at = 0;

	text[at++] = '[';
	for (int i = 0; i < 9999; i++)
		at += (size_t)sprintf(text + at, "11,");
	strcpy(text + at, "1]");
	CHECK_OK(rl_arena_new(8192, &small));
	CHECK_FAILS(rl_json_parse(&small, "doc", text, strlen(text), &root), ENOMEM,
		    "out of memory");
	CHECK(root == NULL);
}

TEST(names_of_types)
{
	CHECK_STR(rl_json_type_name(RL_JSON_NULL), "null");
	CHECK_STR(rl_json_type_name(RL_JSON_OBJECT), "object");
	CHECK_STR(rl_json_type_name(RL_JSON_NUMBER), "number");
}

static void write_sample(struct rl_json_writer *w)
{
	rl_json_object(w);
	rl_json_put(w, "s", "a\"b\\c\n\x01/é");
	rl_json_put_i(w, "i", INT64_MIN);
	rl_json_put_u(w, "u", UINT64_MAX);
	rl_json_put_b(w, "b", true);
	rl_json_key(w, "n");
	rl_json_null(w);
	rl_json_key(w, "a");
	rl_json_array(w);
	rl_json_integer(w, 1);
	rl_json_string(w, "");
	rl_json_array_end(w);
	rl_json_object_end(w);
}

TEST(writing)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const char *text;
	size_t len;

	CHECK_OK(rl_json_begin(&w, false));
	write_sample(&w);
	CHECK_OK(rl_json_end(&w, &text, &len));
	CHECK_INT(strlen(text), len);
	CHECK_STR(text, "{\"s\":\"a\\\"b\\\\c\\n\\u0001/é\",\"i\":-9223372036854775808,"
			"\"u\":18446744073709551615,\"b\":true,\"n\":null,\"a\":[1,\"\"]}");
}

TEST(writing_for_people)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	char copy[100] = "";
	const char *text;
	size_t len;

	CHECK_OK(rl_json_begin(&w, true));
	rl_json_object(&w);
	rl_json_put_i(&w, "a", 1);
	rl_json_object_end(&w);
	CHECK_OK(rl_json_end(&w, &text, &len));
	memcpy(copy, text, len); /* the final newline is not counted */
	CHECK_STR(copy, "{\n  \"a\": 1\n}");
}

TEST(what_was_read_is_written_again)
{
	static const char sample[] =
		"{\"a\":[1,-2.50,1e400,true,null,{}],\"b\":{\"c\":\"\\u0007\"},"
		"\"big\":123456789012345678901234567890}";
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const struct rl_json *root;
	const char *text;
	size_t len;

	CHECK_OK(parse(sample, &root));
	CHECK_OK(rl_json_begin(&w, false));
	rl_json_value(&w, root);
	CHECK_OK(rl_json_end(&w, &text, &len));
	CHECK_STR(text, sample);
}

TEST(errors_of_the_order_stick)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 }, RL_AUTO_JSON v = { 0 };
	const char *text = NULL;
	size_t len;

	CHECK_OK(rl_json_begin(&w, false));
	rl_json_object(&w);
	rl_json_integer(&w, 1); /* a member without a key */
	rl_json_object_end(&w);
	CHECK_FAILS(rl_json_end(&w, &text, &len), EINVAL, "write a JSON document");
	CHECK(text == NULL);
	CHECK_OK(rl_json_begin(&v, false));
	rl_json_object(&v);
	rl_json_object_end(&v);
	rl_json_object(&v); /* a second document */
	CHECK_FAILS(rl_json_end(&v, &text, &len), EINVAL, "write a JSON document");
}

TEST(an_unfinished_document_is_an_error)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const char *text = NULL;
	size_t len;

	CHECK_OK(rl_json_begin(&w, false));
	rl_json_array(&w);
	rl_json_object(&w);
	rl_json_object_end(&w);
	CHECK_FAILS(rl_json_end(&w, &text, &len), EINVAL, "write a JSON document");
}

RUN_TESTS()

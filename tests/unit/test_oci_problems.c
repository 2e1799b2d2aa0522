/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/problems.h"
#include "test.h"

static struct rl_arena arena;

static struct oci_problems fresh(void)
{
	rl_arena_free(&arena);
	rl_drop(rl_arena_new(1 << 20, &arena));
	return oci_problems_in(&arena);
}

static const char document[] = "{\n"
			       "\"a\": {\n"
			       "\"b.c\": 1,\n"
			       "\"q\\\"\\u001b\": 2,\n"
			       "\"list\": [\n"
			       "10,\n"
			       "{ \"x\": \n"
			       "5 } ] } }";

static uint32_t line(const char *path)
{
	struct oci_problems p = fresh();
	const struct rl_json *json = NULL;

	rl_drop(rl_json_parse(p.arena, "d", document, strlen(document), &json));
	return oci_path_line(json, path);
}

TEST(paths_lead_to_lines)
{
	CHECK_INT(line("$"), 1);
	CHECK_INT(line("$.a"), 2);
	CHECK_INT(line("$.a[\"b.c\"]"), 3);
	CHECK_INT(line("$.a[\"q\\\"\\u001b\"]"), 4);
	CHECK_INT(line("$.a.list"), 5);
	CHECK_INT(line("$.a.list[0]"), 6);
	CHECK_INT(line("$.a.list[1]"), 7);
	CHECK_INT(line("$.a.list[1].x"), 8);
}

TEST(what_is_not_there_is_looked_for_where_it_would_be)
{
	CHECK_INT(line("$.z"), 1);
	CHECK_INT(line("$.a.z.y"), 2);
	CHECK_INT(line("$.a.list[2]"), 5);
	CHECK_INT(line("$.a.list[1].z"), 7);
	CHECK_INT(line("$.a[\"b"), 2);
	CHECK_INT(line("$.a[x]"), 2);
	CHECK_INT(line("$.a.list.x"), 5);
	CHECK_INT(line("$.."), 1);
	CHECK_INT(oci_path_line(NULL, "$.a"), 0);
}

TEST(the_path_of_a_key_is_read_back)
{
	struct oci_problems p = fresh();

	CHECK_STR(oci_path_key(&p, "$.a", "plain_1"), "$.a.plain_1");
	CHECK_STR(oci_path_key(&p, "$", "b.c"), "$[\"b.c\"]");
	CHECK_STR(oci_path_key(&p, "$", "1st"), "$[\"1st\"]");
	CHECK_STR(oci_path_key(&p, "$", ""), "$[\"\"]");
	CHECK_STR(oci_path_key(&p, "$", "q\"\x1b"), "$[\"q\\\"\\u001b\"]");
}

TEST(quoted_values_are_harmless_and_short)
{
	struct oci_problems p = fresh();
	char text[400];

	CHECK_STR(oci_quote(&p, "tmp"), "\"tmp\"");
	CHECK_STR(oci_quote(&p, ""), "\"\"");
	CHECK_STR(oci_quote(&p, "a\"\\\n\x7f"), "\"a\\\"\\\\\\u000a\\u007f\"");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK_INT(strlen(oci_quote(&p, text)), 72 + 5);
	/* Not cut inside a character: 71 bytes, then one of four. */
	memcpy(text + 71, "\xf0\x9f\x98\x80", 4);
	CHECK(strstr(oci_quote(&p, text), "\xf0\x9f\x98\x80...\"") != NULL);
	/* Control bytes to the end of the buffer. */
	memset(text, 1, sizeof(text) - 1);
	CHECK(strlen(oci_quote(&p, text)) < 100);
}

TEST(none_is_success)
{
	struct oci_problems p = fresh();

	oci_warning(&p, "$.a", NULL, NULL, "looks odd");
	CHECK_OK(oci_problems_error(&p, "d"));
	CHECK_INT(p.warnings.count, 1);
}

TEST(one_is_one_line)
{
	struct oci_problems p = fresh();
	rl_err e;

	oci_error(&p, "$.a", "because", "do so", "is %d", 5);
	e = oci_problems_error(&p, "d.json");
	CHECK_INT(rl_errno(e), EINVAL);
	CHECK_STR(rl_text(e), "d.json: $.a: is 5 (because)");
	CHECK_STR(rl_hint_text(e), "do so");
	rl_drop(e);
}

TEST(several_are_counted_and_listed_by_line)
{
	struct oci_problems p = fresh();
	rl_err e;

	rl_drop(rl_json_parse(p.arena, "d", document, strlen(document), &p.document));
	oci_error(&p, "$.a.list[0]", NULL, "second hint", "third");
	oci_error(&p, "$.a[\"b.c\"]", NULL, "first hint", "second");
	oci_error(&p, "$", NULL, NULL, "first");
	e = oci_problems_error(&p, "d");
	CHECK_STR(rl_text(e), "d: 3 problems: line 1: $: first\n"
			      "  line 3: $.a[\"b.c\"]: second\n"
			      "  line 6: $.a.list[0]: third");
	CHECK_STR(rl_hint_text(e), "$.a[\"b.c\"]: first hint");
	rl_drop(e);
}

TEST(a_value_is_complained_of_once)
{
	struct oci_problems p = fresh();

	oci_error(&p, "$.a[1]", NULL, NULL, "broken");
	oci_error(&p, "$.a[1]", NULL, NULL, "again");
	oci_error(&p, "$.a[1].x", NULL, NULL, "inside");
	CHECK_INT(p.errors.count, 1);
	oci_error(&p, "$.a[11]", NULL, NULL, "another");
	oci_error(&p, "$.a", NULL, NULL, "around");
	CHECK_INT(p.errors.count, 3);
}

TEST(many_are_counted_but_not_kept)
{
	struct oci_problems p = fresh();
	int kept = 0;
	rl_err e;

	for (int i = 0; i < 1000; i++)
		oci_error(&p, oci_text(&p, "$[%d]", i), NULL, NULL, "is wrong");
	CHECK_INT(p.errors.count, 1000);
	for (const struct oci_problem *q = p.errors.first; q != NULL; q = q->next)
		kept++;
	CHECK_INT(kept, OCI_PROBLEMS_KEPT);
	e = oci_problems_error(&p, "d");
	CHECK(strncmp(rl_text(e), "d: 1000 problems: $[0]: is wrong\n  $[1]: is wrong\n", 50) == 0);
	CHECK(strstr(rl_text(e), "\n  and 9") != NULL);
	CHECK(strlen(rl_text(e)) < 1300);
	rl_drop(e);
}

TEST(an_enormous_first_problem_still_fits)
{
	struct oci_problems p = fresh();
	char big[600];
	rl_err e;

	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	oci_error(&p, oci_text(&p, "$.%s", big), oci_text(&p, "%s", big), NULL, "%s", big);
	oci_error(&p, "$.a", NULL, NULL, "small");
	e = oci_problems_error(&p, "d");
	CHECK(strncmp(rl_text(e), "d: 2 problems: $.yyy", 20) == 0);
	CHECK(strlen(rl_text(e)) < 1300);
	rl_drop(e);
}

TEST(want_of_memory_comes_out_at_the_end)
{
	struct oci_problems p = fresh();

	arena.used = arena.size;
	oci_warning(&p, "$.a", NULL, NULL, "lost");
	CHECK_FAILS(oci_problems_error(&p, "d"), ENOMEM, "out of memory");
}

RUN_TESTS()

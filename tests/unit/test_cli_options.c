/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"
#include "scratch.h"

struct wanted {
	bool tty, detach;
	const char *bundle, *format;
	unsigned count;
	struct cli_list env;
};

#define O(field) offsetof(struct wanted, field)

static const struct cli_option table[] = {
	{ "tty", 't', CLI_FLAG, O(tty), NULL, "allocate a terminal" },
	{ "detach", 0, CLI_FLAG, O(detach), NULL, "return at once" },
	{ "bundle", 'b', CLI_TEXT, O(bundle), "DIR", "directory" },
	{ "format", 'f', CLI_TEXT, O(format), "FORMAT", NULL },
	{ "preserve-fds", 0, CLI_NUMBER, O(count), "N", "how many" },
	{ "env", 'e', CLI_LIST, O(env), "K=V", "environment" },
	{ "criu", 0, CLI_TEXT, O(format), "PATH", NULL },
	{ 0 },
};

/* What the last call of parse() gave. */
static struct wanted got;
static struct cli_words words;

#define WORDS_MAX 600
static char program[] = "runlet", a_variable[] = "-eA=1";
static char *argv[WORDS_MAX + 1];

static rl_err parse_argv(int argc, bool stop_at_word)
{
	got = (struct wanted){ 0 };
	words = (struct cli_words){ 0 };
	return cli_parse(table, argc, argv, stop_at_word, &got, &words);
}

/* The words of `line`, split at blanks, behind a program's name. */
static rl_err parse(bool stop_at_word, const char *line)
{
	static char copy[4096];
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	argv[0] = program;
	for (char *w = strtok(copy, " "); w != NULL; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	return parse_argv(argc, stop_at_word);
}

#define MIXED(line) parse(false, line)
#define ORDERED(line) parse(true, line)

TEST(nothing)
{
	CHECK_OK(MIXED(""));
	CHECK_INT(words.count, 0);
	CHECK(words.items[0] == NULL);
}

TEST(spellings_of_a_value)
{
	static const char *const lines[] = {
		"--bundle /b", "--bundle=/b", "-b /b", "-b/b", "-b=/b", "-bundle /b", "-bundle=/b",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		CHECK_OK(MIXED(lines[i]));
		CHECK_STR(got.bundle, "/b");
		CHECK_INT(words.count, 0);
	}
}

TEST(a_value_may_look_like_anything)
{
	CHECK_OK(MIXED("--bundle --tty"));
	CHECK_STR(got.bundle, "--tty");
	CHECK(!got.tty);
	CHECK_OK(MIXED("--bundle= x"));
	CHECK_STR(got.bundle, "");
	CHECK_INT(words.count, 1);
	CHECK_OK(MIXED("--bundle=a=b"));
	CHECK_STR(got.bundle, "a=b");
	CHECK_OK(MIXED("--bundle -- x"));
	CHECK_STR(got.bundle, "--");
	CHECK_OK(MIXED("-b -"));
	CHECK_STR(got.bundle, "-");
}

TEST(the_last_one_counts)
{
	CHECK_OK(MIXED("--bundle a -b b --tty=false -t"));
	CHECK_STR(got.bundle, "b");
	CHECK(got.tty);
	CHECK_OK(MIXED("-t --tty=false"));
	CHECK(!got.tty);
}

TEST(spellings_of_a_flag)
{
	static const char *const on[] = {
		"-t", "--tty", "-tty", "--tty=true", "-ttrue", "-t=true"
	};
	static const char *const off[] = { "--tty=false", "-tfalse", "-t=false", "-tty=false" };

	for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); i++) {
		CHECK_OK(MIXED(on[i]));
		CHECK(got.tty);
	}
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		CHECK_OK(MIXED(off[i]));
		CHECK(!got.tty);
	}
	/* A flag takes no word. */
	CHECK_OK(MIXED("--tty false"));
	CHECK(got.tty);
	CHECK_STR(words.items[0], "false");
	CHECK_FAILS(MIXED("--tty=no"), EINVAL, "option --tty=no: \"no\" is neither true nor false");
	CHECK_FAILS(MIXED("-tx"), EINVAL, "\"x\" is neither true nor false");
	CHECK_FAILS(MIXED("--tty="), EINVAL, "\"\" is neither true nor false");
}

TEST(numbers)
{
	CHECK_OK(MIXED("--preserve-fds 3"));
	CHECK_INT(got.count, 3);
	CHECK_OK(MIXED("--preserve-fds=0"));
	CHECK_INT(got.count, 0);
	CHECK_OK(MIXED("--preserve-fds=2147483647"));
	CHECK_INT(got.count, INT32_MAX);
	CHECK_FAILS(MIXED("--preserve-fds=2147483648"), EINVAL, "is not a number");
	CHECK_FAILS(MIXED("--preserve-fds=99999999999999999999"), EINVAL, "is not a number");
	CHECK_FAILS(MIXED("--preserve-fds=-1"), EINVAL, "\"-1\" is not a number");
	CHECK_FAILS(MIXED("--preserve-fds=+1"), EINVAL, "\"+1\" is not a number");
	CHECK_FAILS(MIXED("--preserve-fds=1x"), EINVAL, "\"1x\" is not a number");
	CHECK_FAILS(MIXED("--preserve-fds="), EINVAL, "\"\" is not a number");
	CHECK_FAILS(MIXED("--preserve-fds x"), EINVAL, "\"x\" is not a number");
}

TEST(lists_keep_their_order)
{
	CHECK_OK(MIXED("-e A=1 c1 --env B= --env=C=3 -eD=4 -e=E=5"));
	CHECK_INT(got.env.count, 5);
	CHECK_STR(got.env.items[0], "A=1");
	CHECK_STR(got.env.items[1], "B=");
	CHECK_STR(got.env.items[2], "C=3");
	CHECK_STR(got.env.items[3], "D=4");
	CHECK_STR(got.env.items[4], "E=5");
	CHECK(got.env.items[5] == NULL);
	CHECK_STR(words.items[0], "c1");
}

static rl_err many(int n)
{
	argv[0] = program;
	for (int i = 0; i < n; i++)
		argv[1 + i] = a_variable;
	argv[1 + n] = NULL;
	return parse_argv(1 + n, false);
}

TEST(lists_have_an_end)
{
	CHECK_OK(many(CLI_LIST_MAX));
	CHECK_INT(got.env.count, CLI_LIST_MAX);
	CHECK(got.env.items[CLI_LIST_MAX] == NULL);
	CHECK_FAILS(many(CLI_LIST_MAX + 1), E2BIG, "given more than 256 times");
}

TEST(one_dash_for_a_long_name)
{
	/* go-runc writes one dash. */
	CHECK_OK(MIXED("-detach --detach --criu /usr/sbin/criu --criu=x c1"));
	CHECK_INT(words.count, 1);
	CHECK_STR(words.items[0], "c1");
}

TEST(unknown_options)
{
	CHECK_FAILS(MIXED("--nope"), EINVAL, "unknown option --nope");
	CHECK_FAILS(MIXED("-x"), EINVAL, "unknown option -x");
	CHECK_FAILS(MIXED("--t"), EINVAL, "unknown option --t"); /* a letter has one dash */
	CHECK_FAILS(MIXED("--bundl=x"), EINVAL, "unknown option --bundl=x");
	CHECK_FAILS(MIXED("--bundlex"), EINVAL, "unknown option --bundlex");
	CHECK_FAILS(MIXED("--=x"), EINVAL, "unknown option --=x");
	CHECK_FAILS(MIXED("-=x"), EINVAL, "unknown option -=x");
	CHECK_FAILS(MIXED("---tty"), EINVAL, "unknown option ---tty");
}

TEST(a_value_that_is_missing)
{
	CHECK_FAILS(MIXED("c1 --bundle"), EINVAL, "option --bundle needs a value");
	CHECK_FAILS(MIXED("-b"), EINVAL, "option -b needs a value");
	CHECK_FAILS(MIXED("--criu"), EINVAL, "option --criu needs a value");
}

TEST(words_and_options_mixed)
{
	CHECK_OK(MIXED("a -t b --bundle /x c"));
	CHECK_INT(words.count, 3);
	CHECK_STR(words.items[0], "a");
	CHECK_STR(words.items[1], "b");
	CHECK_STR(words.items[2], "c");
	CHECK(words.items[3] == NULL);
	CHECK(got.tty);
}

TEST(what_follows_the_first_word_belongs_to_someone_else)
{
	CHECK_OK(ORDERED("-t c1 ls -t --nope -- -x"));
	CHECK_INT(words.count, 6);
	CHECK_STR(words.items[0], "c1");
	CHECK_STR(words.items[2], "-t");
	CHECK_STR(words.items[4], "--");
	CHECK(words.items[6] == NULL);
	CHECK(got.tty);
	CHECK(!got.detach);
}

TEST(two_dashes_end_options)
{
	CHECK_OK(MIXED("a -- --tty -b"));
	CHECK_INT(words.count, 3);
	CHECK_STR(words.items[1], "--tty");
	CHECK_STR(words.items[2], "-b");
	CHECK(!got.tty);
	CHECK_OK(ORDERED("-t -- -c1 -x"));
	CHECK_STR(words.items[0], "-c1");
	CHECK_STR(words.items[1], "-x");
}

TEST(one_dash_is_a_word)
{
	CHECK_OK(MIXED("- -t"));
	CHECK_INT(words.count, 1);
	CHECK_STR(words.items[0], "-");
	CHECK(got.tty);
	CHECK_OK(ORDERED("-t - -t"));
	CHECK_INT(words.count, 2);
}

TEST(help_shows_what_has_a_help_text)
{
	const char *path = scratch_file("help", "");
	pid_t pid = fork();

	if (pid == 0) {
		if (freopen(path, "we", stdout) == NULL)
			_exit(1);
		cli_print_options(table);
		fflush(stdout);
		_exit(0);
	}
	CHECK_INT(exit_status(pid), 0);
	CHECK_STR(scratch_read(path), "  -t, --tty                          allocate a terminal\n"
				      "      --detach                       return at once\n"
				      "  -b, --bundle DIR                   directory\n"
				      "      --preserve-fds N               how many\n"
				      "  -e, --env K=V                      environment\n");
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The corpus: what stands in good/ is accepted, what stands in bad/ is refused, and beside each
 * file that has something to say stands NAME.txt with all that is said. RUNLET_UPDATE=1 writes
 * those texts anew; whoever does so reads the difference.
 *
 * RUNLET_SPEC_CORPUS may name a directory with good/ and bad/ of the specification's own examples.
 */
#include "base/io.h"
#include "oci/read.h"
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#define TEXT_MAX 65536

struct verdict {
	bool accepted;
	char text[TEXT_MAX];
};

static void say(struct verdict *v, const char *head, const char *text)
{
	size_t n = strlen(v->text);

	snprintf(v->text + n, sizeof(v->text) - n, "%s%s\n", head, text);
}

static rl_err judge(const char *dir, const char *name, struct verdict *ret)
{
	struct rl_arena RL_AUTO_ARENA arena = { 0 };
	const struct oci_config *config;
	struct oci_problems problems;
	const char *text;
	char path[512];
	size_t len;
	rl_err e;

	*ret = (struct verdict){ 0 };
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	RL_TRY(rl_arena_new(16 << 20, &arena));
	RL_TRY(rl_read_file(&arena, AT_FDCWD, path, 1 << 20, &text, &len));
	problems = oci_problems_in(&arena);
	e = oci_config_read(&problems, "config.json", text, len, &config);
	ret->accepted = !rl_failed(e);
	if (rl_failed(e))
		say(ret, "", rl_text(e));
	if (rl_hint_text(e)[0] != '\0')
		say(ret, "hint: ", rl_hint_text(e));
	for (const struct oci_problem *q = problems.warnings.first; q != NULL; q = q->next) {
		say(ret, "warning: ", oci_problem_text(&problems, q));
		if (q->hint != NULL)
			say(ret, "hint: ", q->hint);
	}
	rl_drop(e);
	return RL_OK;
}

/* Compares with NAME.txt; an empty text has no file. */
static bool as_written(const char *dir, const char *name, const struct verdict *v)
{
	char path[512], want[TEXT_MAX] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%.*s.txt", dir, (int)strlen(name) - 5, name);
	if (getenv("RUNLET_UPDATE") != NULL) {
		unlink(path);
		if (v->text[0] == '\0')
			return true;
		f = fopen(path, "w");
		if (f == NULL)
			return false;
		fputs(v->text, f);
		return fclose(f) == 0;
	}
	f = fopen(path, "r");
	if (f != NULL) {
		want[fread(want, 1, sizeof(want) - 1, f)] = '\0';
		fclose(f);
	}
	if (strcmp(want, v->text) != 0)
		printf("# %s/%s says:\n# %s\n# but should say:\n# %s\n", dir, name, v->text, want);
	return strcmp(want, v->text) == 0;
}

/* Every .json of the directory; `texts`: what is said must be what is written beside it. */
static void check_dir(const char *top, const char *kind, bool accept, bool texts)
{
	static struct verdict v;
	struct dirent *entry;
	int files = 0, wrong = 0;
	char dir[400];
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/%s", top, kind);
	d = opendir(dir);
	CHECK(d != NULL);
	while ((entry = readdir(d)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (len < 6 || strcmp(entry->d_name + len - 5, ".json") != 0)
			continue;
		files++;
		if (rl_drop_failed(judge(dir, entry->d_name, &v)) || v.accepted != accept) {
			printf("# %s/%s: %s\n", dir, entry->d_name,
			       v.accepted ? "accepted" : v.text);
			wrong++;
		} else if (texts && !as_written(dir, entry->d_name, &v)) {
			wrong++;
		}
	}
	closedir(d);
	CHECK(files > 0);
	CHECK_INT(wrong, 0);
}

static const char *corpus(void)
{
	static char dir[300];

	snprintf(dir, sizeof(dir), "%s/corpus/config", getenv("RUNLET_TESTS"));
	return dir;
}

TEST(good_configurations_are_accepted)
{
	CHECK(getenv("RUNLET_TESTS") != NULL);
	check_dir(corpus(), "good", true, true);
}

TEST(bad_configurations_are_refused_with_the_right_words)
{
	CHECK(getenv("RUNLET_TESTS") != NULL);
	check_dir(corpus(), "bad", false, true);
}

TEST(examples_of_the_specification)
{
	const char *dir = getenv("RUNLET_SPEC_CORPUS");

	if (dir == NULL) {
		printf("# RUNLET_SPEC_CORPUS is not set\n");
		return;
	}
	check_dir(dir, "good", true, false);
	check_dir(dir, "bad", false, false);
}

RUN_TESTS()

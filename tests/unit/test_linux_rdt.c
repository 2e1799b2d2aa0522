/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resctrl, on a tree that looks like it: where the kernel would fill a new directory, mkdir() of
 * this program does.
 */
#include "container/rdt.h"
#include "linux/rdt.h"
#include "scratch.h"
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct rl_arena arena;
static bool fill = true; /* new directories get files, as resctrl's do */

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);

static void put(const char *dir, const char *file, const char *text)
{
	char *path;
	FILE *f;

	if (asprintf(&path, "%s/%s", dir, file) < 0)
		return;
	f = fopen(path, "w");
	free(path);
	if (f == NULL)
		return;
	fputs(text, f);
	fclose(f);
}

static const char *get(const char *dir, const char *file)
{
	static char text[4096];
	char *path;
	FILE *f;
	size_t n = 0;

	if (asprintf(&path, "%s/%s", dir, file) < 0)
		return "";
	f = fopen(path, "r");
	free(path);
	if (f != NULL) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	return text;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	int r = __real_mkdir(path, mode);

	if (r == 0 && fill) {
		put(path, "schemata", "    L3:0=7ff;1=7ff\n    MB:0=100;1=100\n");
		put(path, "tasks", "");
	}
	return r;
}

/* A mount with one class, "there". */
static const char *tree(void)
{
	static char root[4096];

	if (arena.base == NULL)
		(void)!rl_failed(rl_arena_new(4 << 20, &arena));
	snprintf(root, sizeof(root), "%s", scratch("resctrl"));
	if (__real_mkdir(root, 0755) == 0) {
		char path[12000];

		put(root, "schemata", "    L3:0=7ff;1=7ff\n    MB:0=100;1=100\n");
		snprintf(path, sizeof(path), "%s/there", root);
		if (__wrap_mkdir(path, 0755) != 0)
			return root;
		put(path, "schemata", "    L3:0=00f;1=7f0\n    MB:0= 50;1= 70\n");
	}
	return root;
}

static const char *in_tree(const char *name)
{
	static char paths[8][5000];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", tree(), name);
	return path;
}

static bool noted;

static rl_err note(void *context)
{
	(void)context;
	noted = true;
	return RL_OK;
}

TEST(the_mount_is_found)
{
	const char *root = "x";

	tree();
	put(scratch(""), "mountinfo",
	    "20 1 0:5 / /proc rw - proc proc rw\n"
	    "36 1 0:30 / /sys/fs/resctrl rw,relatime - resctrl resctrl rw\n");
	CHECK_OK(lx_rdt_find(&arena, scratch("mountinfo"), &root));
	CHECK_STR(root, "/sys/fs/resctrl");
	put(scratch(""), "none", "20 1 0:5 / /proc rw - proc proc rw\n");
	CHECK_OK(lx_rdt_find(&arena, scratch("none"), &root));
	CHECK(root == NULL);
}

TEST(a_new_class_gets_its_lines)
{
	const char *const lines[] = { "MB:0=20;1=70" };
	struct lx_rdt_spec spec = { .group = in_tree("new"), .lines = lines, .line_count = 1 };

	noted = false;
	CHECK_OK(lx_rdt_make(&spec, note, NULL));
	CHECK(noted);
	/* A file keeps the last write only; resctrl takes each line by itself. */
	CHECK(strstr(get(spec.group, "schemata"), "MB:0=20;1=70\n") != NULL);
	CHECK_OK(lx_rdt_join(spec.group, NULL, 4711));
	CHECK_STR(get(spec.group, "tasks"), "4711");
}

TEST(an_existing_class_must_match)
{
	static const struct {
		const char *line;
		bool same;
	} cases[] = { { "L3:0=f;1=7f0", true },	 { "L3:1=7F0;0=0f", true }, { "L3:0=f", true },
		      { "MB:0=50;1=70", true },	 { "L3:0=ff", false },	    { "L3:2=f", false },
		      { "MB:0=5", false },	 { "L2:0=f", false },	    { "nonsense", false },
		      { " L3:0=f; 1=7f0", true } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lx_rdt_spec spec = { .group = in_tree("there"),
					    .lines = &cases[i].line,
					    .line_count = 1 };

		noted = false;
		if (cases[i].same)
			CHECK_OK(lx_rdt_make(&spec, note, NULL));
		else
			CHECK_FAILS(lx_rdt_make(&spec, note, NULL), EEXIST, "differ");
		CHECK(!noted);
	}
	CHECK_STR(get(in_tree("there"), "schemata"), "    L3:0=00f;1=7f0\n    MB:0= 50;1= 70\n");
}

TEST(a_class_without_a_schema_must_be_there)
{
	struct lx_rdt_spec spec = { .group = in_tree("nowhere"), .must_exist = true };

	noted = false;
	CHECK_FAILS(lx_rdt_make(&spec, note, NULL), ENOENT, "there is no class");
	CHECK(!noted && access(spec.group, F_OK) != 0);
	spec.group = in_tree("there");
	CHECK_OK(lx_rdt_make(&spec, note, NULL));
	CHECK(!noted);
}

TEST(monitoring_groups)
{
	const char *dir = in_tree("there/mon_groups/c1");

	fill = false;
	CHECK(__real_mkdir(in_tree("there/mon_groups"), 0755) == 0);
	fill = true;
	CHECK_OK(lx_rdt_monitor(dir));
	CHECK_FAILS(lx_rdt_monitor(dir), EEXIST, "monitoring group");
	CHECK_OK(lx_rdt_join(in_tree("there"), dir, 12));
	CHECK_STR(get(dir, "tasks"), "12");
	CHECK(unlink(in_tree("there/mon_groups/c1/tasks")) == 0);
	CHECK(unlink(in_tree("there/mon_groups/c1/schemata")) == 0);
	CHECK_OK(lx_rdt_remove(dir));
	CHECK_OK(lx_rdt_remove(dir));
	CHECK_FAILS(lx_rdt_remove(in_tree("there")), ENOTEMPTY, "remove");
}

/* Only what the record says was made goes. */
TEST(what_was_there_stays)
{
	struct oci_record record = { .id = "c1", .rdt_group = in_tree("there") };

	CHECK_OK(ct_rdt_remove(&record));
	CHECK(access(in_tree("there"), F_OK) == 0);
	fill = false;
	CHECK(mkdir(in_tree("made"), 0755) == 0);
	fill = true;
	record.rdt_group = in_tree("made");
	record.rdt_made = true;
	CHECK_OK(ct_rdt_remove(&record));
	CHECK(access(in_tree("made"), F_OK) != 0);
}

TEST(update_of_schemata)
{
	struct oci_record record = { .id = "c1", .rdt_group = in_tree("upd") };

	fill = true;
	CHECK(mkdir(in_tree("upd"), 0755) == 0);
	CHECK_OK(ct_rdt_update(&arena, &record, NULL, "MB:0=30"));
	CHECK(strstr(get(in_tree("upd"), "schemata"), "MB:0=30\n") != NULL);
	CHECK_FAILS(ct_rdt_update(&arena, &record, NULL, "L3:0=3"), EINVAL, "mem-bw-schema");
	CHECK_FAILS(ct_rdt_update(&arena, &record, "MB:0=3", NULL), EINVAL, "l3-cache-schema");
	record.rdt_group = NULL;
	CHECK_FAILS(ct_rdt_update(&arena, &record, "L3:0=3", NULL), ENOTSUP, "without");
	CHECK_OK(ct_rdt_update(&arena, &record, NULL, NULL));
}

TEST(statistics)
{
	struct lx_rdt_stats s;

	fill = false;
	CHECK(mkdir(in_tree("there/mon_data"), 0755) == 0);
	CHECK(mkdir(in_tree("there/mon_data/mon_L3_00"), 0755) == 0);
	CHECK(mkdir(in_tree("there/mon_data/mon_L3_01"), 0755) == 0);
	put(in_tree("there/mon_data/mon_L3_00"), "llc_occupancy", "1000\n");
	put(in_tree("there/mon_data/mon_L3_01"), "llc_occupancy", "2000\n");
	put(in_tree("there/mon_data/mon_L3_01"), "mbm_total_bytes", "Unavailable\n");
	CHECK(mkdir(in_tree("info"), 0755) == 0);
	CHECK(mkdir(in_tree("info/L3"), 0755) == 0);
	fill = true;
	put(in_tree("info/L3"), "cbm_mask", "7ff\n");
	put(in_tree("info/L3"), "min_cbm_bits", "2\n");
	CHECK_OK(lx_rdt_stats(&arena, tree(), in_tree("there"), NULL, &s));
	CHECK_STR(s.cbm_mask, "7ff");
	CHECK_INT((int)s.min_cbm_bits, 2);
	CHECK(!s.has_bandwidth);
	CHECK(s.has_occupancy);
	CHECK(!s.has_bytes);
	CHECK_INT((int)s.domain_count, 2);
	CHECK_INT((int)s.domains[1].occupancy, 2000);
	CHECK_STR(s.l3, "L3:0=00f;1=7f0");
	CHECK_STR(s.mb_root, "MB:0=100;1=100");
	CHECK_OK(lx_rdt_stats(&arena, "/nowhere", "/nowhere", NULL, &s));
	CHECK(s.cbm_mask == NULL && s.domain_count == 0);
}

TEST(lines_in_the_order_of_the_specification)
{
	static const char *const more[] = { "L2:0=1" };
	const struct oci_strings schemata = { more, 1 };
	const char *const *lines;
	size_t count;

	tree();
	CHECK_OK(plan_rdt_lines(&arena, "L3:0=f\nMB:0=9\nL3CODE:0=1\n", "MB:0=50", &schemata,
				&lines, &count));
	CHECK_INT((int)count, 4);
	CHECK_STR(lines[0], "L3:0=f");
	CHECK_STR(lines[1], "L3CODE:0=1");
	CHECK_STR(lines[2], "MB:0=50");
	CHECK_STR(lines[3], "L2:0=1");
}

TEST(the_class_of_a_container)
{
	const struct plan_request request = { .id = "c1" };
	struct lx_host host = { .resctrl = "/sys/fs/resctrl" };
	struct oci_intel_rdt rdt = { .l3_cache_schema = "L3:0=f" };
	struct oci_config config = { 0 };
	struct plan_rdt p;

	tree();
	/* Not asked for: nothing is touched. */
	CHECK_OK(plan_rdt_make(&arena, &config, &request, &host, &p));
	CHECK(p.group == NULL && p.monitor == NULL && p.line_count == 0);
	config.linux_.intel_rdt = &rdt;
	CHECK_OK(plan_rdt_make(&arena, &config, &request, &host, &p));
	CHECK_STR(p.group, "/sys/fs/resctrl/c1");
	CHECK(p.monitor == NULL && !p.must_exist);
	rdt = (struct oci_intel_rdt){ .clos_id = "gold", .enable_monitoring = true };
	CHECK_OK(plan_rdt_make(&arena, &config, &request, &host, &p));
	CHECK_STR(p.group, "/sys/fs/resctrl/gold");
	CHECK_STR(p.monitor, "/sys/fs/resctrl/gold/mon_groups/c1");
	CHECK(p.must_exist && p.line_count == 0);
	rdt = (struct oci_intel_rdt){ .clos_id = "/" };
	CHECK_OK(plan_rdt_make(&arena, &config, &request, &host, &p));
	CHECK_STR(p.group, "/sys/fs/resctrl");
	host.resctrl = NULL;
	CHECK_FAILS(plan_rdt_make(&arena, &config, &request, &host, &p), ENOTSUP, "no resctrl");
}

RUN_TESTS()

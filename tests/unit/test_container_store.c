/* SPDX-License-Identifier: Apache-2.0 */
#include "container/store.h"
#include "scratch.h"

#include <sys/file.h>

static struct rl_arena arena;

static const char *fresh_root(const char *name)
{
	rl_arena_free(&arena);
	rl_drop(rl_arena_new(1 << 20, &arena));
	return scratch("%s", name);
}

static rl_err claim_only(const char *root, const char *id)
{
	struct ct_store CT_AUTO_STORE s = { 0 };

	return ct_store_claim(root, id, &s);
}

static rl_err open_only(const char *root, const char *id)
{
	struct ct_store CT_AUTO_STORE s = { 0 };

	return ct_store_open(root, id, &s);
}

static void touch(const char *path)
{
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

TEST(claiming_makes_a_private_directory)
{
	const char *root = fresh_root("one/two");
	struct stat st;

	CHECK_OK(claim_only(root, "c1"));
	CHECK(stat(scratch("one/two"), &st) == 0);
	CHECK_INT(st.st_mode & 07777, 0700);
	CHECK(stat(scratch("one/two/c1"), &st) == 0);
	CHECK_INT(st.st_mode & 07777, 0700);
	CHECK_FAILS(claim_only(root, "c1"), EEXIST, "container with given ID already exists: c1");
	CHECK_OK(open_only(root, "c1"));
}

TEST(of_many_claims_one_wins)
{
	const char *root = fresh_root("race");
	int won = 0;
	pid_t pids[8];

	for (int i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(rl_drop_failed(claim_only(root, "c1")));
	}
	for (int i = 0; i < 8; i++)
		won += exit_status(pids[i]) == 0;
	CHECK_INT(won, 1);
}

/* Whether another process can take the lock of a container right now. */
static bool is_locked(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		_exit(flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	}
	return exit_status(pid) == 1;
}

TEST(one_change_at_a_time)
{
	const char *root = fresh_root("locks");

	{
		struct ct_store CT_AUTO_STORE s = { 0 };

		CHECK_OK(ct_store_claim(root, "c1", &s));
		CHECK(is_locked(scratch("locks/c1")));
	}
	CHECK(!is_locked(scratch("locks/c1")));
	{
		struct ct_store CT_AUTO_STORE s = { 0 };

		CHECK_OK(ct_store_open(root, "c1", &s));
		CHECK(!is_locked(scratch("locks/c1"))); /* looking needs no lock */
		CHECK_OK(ct_store_lock(&s));
		CHECK(is_locked(scratch("locks/c1")));
	}
	CHECK(!is_locked(scratch("locks/c1")));
}

TEST(what_does_not_exist)
{
	const char *root = fresh_root("none");
	rl_err e = open_only(root, "c1");

	/* In the words that containerd looks for. */
	CHECK_STR(rl_text(e), "container \"c1\" does not exist");
	CHECK(strstr(rl_hint_text(e), "see `list`") != NULL);
	CHECK_FAILS(e, ENOENT, "does not exist");
	CHECK(mkdir(root, 0700) == 0);
	CHECK_FAILS(open_only(root, "c1"), ENOENT, "container \"c1\" does not exist");
}

TEST(removing_takes_what_is_ours)
{
	const char *root = fresh_root("remove");
	struct ct_store CT_AUTO_STORE s = { 0 };

	CHECK_OK(ct_store_claim(root, "c1", &s));
	CHECK_OK(ct_store_remove(&s, "c1")); /* empty: killed right after the claim */
	CHECK(access(scratch("remove/c1"), F_OK) != 0);
	ct_store_close(&s);
	CHECK_OK(ct_store_claim(root, "c1", &s));
	touch(scratch("remove/c1/status"));
	touch(scratch("remove/c1/config.json"));
	touch(scratch("remove/c1/gate"));
	touch(scratch("remove/c1/status.123~")); /* killed while replacing */
	touch(scratch("remove/c1/config.json.9~"));
	CHECK_OK(ct_store_remove(&s, "c1"));
	CHECK(access(scratch("remove/c1"), F_OK) != 0);
	CHECK_OK(ct_store_remove(&s, "c1")); /* again: somebody else was faster */
}

TEST(removing_leaves_what_is_not_ours)
{
	const char *root = fresh_root("foreign");
	struct ct_store CT_AUTO_STORE s = { 0 };

	CHECK_OK(ct_store_claim(root, "c1", &s));
	touch(scratch("foreign/c1/status"));
	touch(scratch("foreign/c1/status.txt"));
	CHECK_FAILS(ct_store_remove(&s, "c1"), ENOTEMPTY, "remove the state directory of c1");
	CHECK(access(scratch("foreign/c1/status.txt"), F_OK) == 0);
}

TEST(directories_that_others_may_write)
{
	const char *root = fresh_root("open-to-all");

	CHECK_OK(claim_only(root, "c1"));
	CHECK(chmod(scratch("open-to-all/c1"), 0770) == 0);
	CHECK_FAILS(open_only(root, "c1"), EPERM, "may be written by others (mode 0770)");
	CHECK(chmod(scratch("open-to-all/c1"), 0700) == 0);
	CHECK(chmod(root, 0777) == 0);
	CHECK_FAILS(open_only(root, "c1"), EPERM, "may be written by others (mode 0777)");
	CHECK_FAILS(claim_only(root, "c2"), EPERM, "may be written by others");
	CHECK(chmod(root, 01777) == 0); /* as /tmp is: nobody removes another's files */
	CHECK_OK(open_only(root, "c1"));
}

TEST(directories_of_others)
{
	const char *root = fresh_root("theirs");

	if (geteuid() != 0)
		SKIP("making a file of another user needs root");
	CHECK_OK(claim_only(root, "c1"));
	CHECK(chown(scratch("theirs/c1"), 12345, 12345) == 0);
	CHECK_FAILS(open_only(root, "c1"), EPERM, "state directory c1 belongs to uid 12345");
	CHECK(chown(root, 12345, 12345) == 0);
	CHECK_FAILS(claim_only(root, "c2"), EPERM, "belongs to uid 12345");
}

TEST(links_are_not_followed)
{
	const char *root = fresh_root("links");

	CHECK_OK(claim_only(root, "c1"));
	CHECK(symlink("c1", scratch("links/c2")) == 0);
	CHECK_FAILS(open_only(root, "c2"), ENOTDIR, "open the state directory of c2");
	CHECK_FAILS(claim_only(root, "c2"), EEXIST, "already exists");
	CHECK(symlink("links", scratch("root-link")) == 0);
	CHECK_FAILS(claim_only(scratch("root-link"), "c3"), ENOTDIR, "open the state directory");
	touch(scratch("links/c4"));
	CHECK_FAILS(open_only(root, "c4"), ENOTDIR, "open the state directory of c4");
}

TEST(a_list)
{
	const char *root = fresh_root("list"), **ids = NULL;
	size_t count = 99;

	CHECK_OK(ct_store_list(&arena, root, &ids, &count));
	CHECK_INT(count, 0); /* no directory, no containers, no error */
	CHECK_OK(claim_only(root, "b"));
	CHECK_OK(claim_only(root, "a"));
	CHECK_OK(claim_only(root, "10"));
	CHECK(mkdir(scratch("list/.cache"), 0700) == 0);
	touch(scratch("list/file"));
	CHECK_OK(ct_store_list(&arena, root, &ids, &count));
	CHECK_INT(count, 3);
	CHECK_STR(ids[0], "10");
	CHECK_STR(ids[1], "a");
	CHECK_STR(ids[2], "b");
}

TEST(a_long_list)
{
	const char *root = fresh_root("long"), **ids;
	size_t count;
	char id[16];

	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "c%03d", i);
		CHECK_OK(claim_only(root, id));
	}
	CHECK_OK(ct_store_list(&arena, root, &ids, &count));
	CHECK_INT(count, 200);
	CHECK_STR(ids[199], "c199");
}

TEST(no_descriptor_is_left)
{
	const char *root = fresh_root("leaks"), **ids;
	size_t count;
	int before = open_descriptors();

	CHECK_OK(claim_only(root, "c1"));
	CHECK_FAILS(claim_only(root, "c1"), EEXIST, "");
	CHECK_OK(open_only(root, "c1"));
	CHECK_FAILS(open_only(root, "c2"), ENOENT, "");
	CHECK_OK(ct_store_list(&arena, root, &ids, &count));
	CHECK_INT(open_descriptors(), before);
}

RUN_TESTS()

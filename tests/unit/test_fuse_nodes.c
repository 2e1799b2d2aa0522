/* SPDX-License-Identifier: Apache-2.0 */
/* The file server: names, nodes and what they lead to. */
#include "fuse_fixture.h"

#include <sys/resource.h>

TEST(names)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/", "/etc/passwd", "../x", "a/" };
	char name[300];
	uint64_t node, fh;

	start();
	make_file("a", "", 0644);
	CHECK(serve());
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fuse_mkdir_in in = { .mode = 0755 };

		CHECK_INT(fuse_lookup(c, 1, bad[i], &node), EINVAL);
		CHECK_INT(fuse_create(c, 1, bad[i], O_RDWR, 0644, &node, &fh), EINVAL);
		fuse_begin(c, FUSE_UNLINK, 1);
		fuse_add_name(c, bad[i]);
		CHECK_INT(fuse_send(c), EINVAL);
		fuse_begin(c, FUSE_MKDIR, 1);
		fuse_add(c, &in, sizeof(in));
		fuse_add_name(c, bad[i]);
		CHECK_INT(fuse_send(c), EINVAL);
		fuse_begin(c, FUSE_RENAME, 1);
		fuse_add(c, &(uint64_t){ 1 }, 8);
		fuse_add_name(c, "a");
		fuse_add_name(c, bad[i]);
		CHECK_INT(fuse_send(c), EINVAL);
	}
	memset(name, 'x', 255);
	name[255] = '\0';
	CHECK_INT(fuse_lookup(c, 1, name, &node), ENOENT);
	name[255] = 'x';
	name[256] = '\0';
	CHECK_INT(fuse_lookup(c, 1, name, &node), ENAMETOOLONG);
	fuse_begin(c, FUSE_LOOKUP, 1); /* no NUL */
	fuse_add(c, "abc", 3);
	CHECK_INT(fuse_send(c), EINVAL);
	stop();
}

TEST(nodes_are_counted)
{
	struct fuse_forget_in forget = { .nlookup = 1 };
	uint64_t node, again;
	int before;

	start();
	make_file("f", "x", 0644);
	CHECK(serve());
	before = open_descriptors();
	CHECK_INT(fuse_lookup(c, 1, "f", &node), 0);
	CHECK_INT(fuse_lookup(c, 1, "f", &again), 0);
	CHECK_INT(node, again);
	CHECK_INT(open_descriptors(), before + 1);
	fuse_begin(c, FUSE_FORGET, node);
	fuse_add(c, &forget, sizeof(forget));
	CHECK_INT(fuse_send(c), -1); /* no reply */
	CHECK_INT(open_descriptors(), before + 1);
	fuse_begin(c, FUSE_FORGET, node);
	forget.nlookup = UINT64_MAX; /* more than there were */
	fuse_add(c, &forget, sizeof(forget));
	CHECK_INT(fuse_send(c), -1);
	CHECK_INT(open_descriptors(), before);
	fuse_begin(c, FUSE_GETATTR, node);
	fuse_add(c, &(struct fuse_getattr_in){ 0 }, sizeof(struct fuse_getattr_in));
	CHECK_INT(fuse_send(c), ESTALE);
	CHECK_INT(fuse_lookup(c, 1, "f", &again), 0);
	CHECK(again != node); /* the place is taken again, the number is not */
	/* The root cannot be forgotten. */
	fuse_begin(c, FUSE_FORGET, 1);
	fuse_add(c, &forget, sizeof(forget));
	CHECK_INT(fuse_send(c), -1);
	CHECK_INT(fuse_lookup(c, 1, "f", &again), 0);
	stop();
}

/* A name that was looked up not long ago is asked for by one call; whoever changes it meanwhile is
 * seen. */
TEST(names_that_are_known)
{
	uint64_t node, again, other;

	start();
	make_file("f", "one", 0644);
	make_file("g", "other", 0644);
	CHECK(serve());
	CHECK_INT(fuse_lookup(c, 1, "f", &node), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(fuse_lookup(c, 1, "f", &again), 0);
		CHECK(again == node);
	}
	/* Another file has the name now. */
	CHECK_INT(renameat(dir_fd, "g", dir_fd, "f"), 0);
	CHECK_INT(fuse_lookup(c, 1, "f", &other), 0);
	CHECK(other != node);
	CHECK_INT(fuse_lookup(c, 1, "f", &again), 0);
	CHECK(again == other);
	/* A link is not followed, and nothing is something that was there. */
	CHECK_INT(unlinkat(dir_fd, "f", 0), 0);
	CHECK_INT(symlinkat("/etc/passwd", dir_fd, "f"), 0);
	CHECK_INT(fuse_lookup(c, 1, "f", &again), 0);
	CHECK(again != other && again != node);
	CHECK_INT(unlinkat(dir_fd, "f", 0), 0);
	CHECK_INT(fuse_lookup(c, 1, "f", &again), ENOENT);
	CHECK_INT(fuse_lookup(c, 1, "f", &again), ENOENT);
	stop();
}

TEST(batch_forget)
{
	struct fuse_batch_forget_in in = { .count = 1000000 };
	struct fuse_forget_one one = { .nlookup = 1 };
	uint64_t node;
	int before;

	start();
	make_file("f", "x", 0644);
	CHECK(serve());
	before = open_descriptors();
	CHECK_INT(fuse_lookup(c, 1, "f", &node), 0);
	one.nodeid = node;
	fuse_begin(c, FUSE_BATCH_FORGET, 0);
	fuse_add(c, &in, sizeof(in)); /* claims a million, has one */
	fuse_add(c, &one, sizeof(one));
	CHECK_INT(fuse_send(c), -1);
	CHECK_INT(open_descriptors(), before);
	stop();
}

TEST(no_way_out)
{
	uint64_t link, fifo, node, fh;

	start();
	CHECK_INT(symlinkat("/etc", dir_fd, "out"), 0);
	CHECK_INT(symlinkat("..", dir_fd, "up"), 0);
	CHECK_INT(mkfifoat(dir_fd, "fifo", 0600), 0);
	CHECK(serve());
	CHECK_INT(fuse_lookup(c, 1, "out", &link), 0); /* the link itself */
	CHECK(S_ISLNK(fuse_reply(c, struct fuse_entry_out).attr.mode));
	CHECK_INT(fuse_lookup(c, link, "passwd", &node), ENOTDIR);
	CHECK_INT(fuse_open(c, FUSE_OPEN, link, O_RDONLY, &fh), EACCES);
	CHECK_INT(fuse_open(c, FUSE_OPENDIR, link, O_RDONLY, &fh), ENOTDIR);
	CHECK_INT(fuse_create(c, link, "x", O_RDWR, 0644, &node, &fh), ENOTDIR);
	/* An open that exists already and is a link: not followed. */
	CHECK_INT(fuse_create(c, 1, "out", O_RDWR, 0644, &node, &fh), EEXIST);
	CHECK_INT(fuse_lookup(c, 1, "up", &link), 0);
	CHECK_INT(fuse_lookup(c, link, "tmp", &node), ENOTDIR);
	/* A FIFO would block, a device would be worse. */
	CHECK_INT(fuse_lookup(c, 1, "fifo", &fifo), 0);
	CHECK_INT(fuse_open(c, FUSE_OPEN, fifo, O_RDONLY, &fh), EACCES);
	CHECK_INT(fuse_open(c, FUSE_OPEN, 1, O_RDONLY, &fh), EISDIR);
	/* A change of a link's attributes stays with the link. */
	CHECK_INT(fuse_setattr(c, link, (struct fuse_setattr_in){ .valid = FATTR_SIZE }), EINVAL);
	stop();
}

TEST(device_nodes)
{
	static const struct {
		uint32_t mode, rdev;
		int want;
	} cases[] = {
		{ S_IFBLK | 0600, 0x800, EPERM }, { S_IFCHR | 0600, 0x103, EPERM },
		{ S_IFCHR | 0600, 0, 0 },	  { S_IFIFO | 0640, 0, 0 },
		{ S_IFSOCK | 0600, 0, 0 },	  { S_IFREG | 0600, 0, 0 },
		{ S_IFDIR | 0600, 0, EPERM },	  { 0600, 0, EPERM },
	};

	start();
	CHECK(serve());
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fuse_mknod_in in = { .mode = cases[i].mode, .rdev = cases[i].rdev };
		char name[8];

		snprintf(name, sizeof(name), "n%zu", i);
		fuse_begin(c, FUSE_MKNOD, 1);
		fuse_add(c, &in, sizeof(in));
		fuse_add_name(c, name);
		CHECK_INT(fuse_send(c), cases[i].want);
		CHECK_INT(stat_of(name).st_mode, cases[i].want ? 0 : cases[i].mode);
	}
	stop();
}

TEST(file_survives_its_name)
{
	uint64_t node, fh;

	start();
	make_file("f", "text", 0644);
	CHECK(serve());
	CHECK_INT(fuse_lookup(c, 1, "f", &node), 0);
	unlinkat(dir_fd, "f", 0);
	make_file("f", "another", 0644); /* same name, another file */
	CHECK_INT(fuse_open(c, FUSE_OPEN, node, O_RDONLY, &fh), 0);
	CHECK_INT(fuse_read(c, FUSE_READ, node, fh, 0, 100), 0);
	CHECK_INT(c->reply_len, 4);
	CHECK(memcmp(c->reply, "text", 4) == 0);
	stop();
}

TEST(links_and_removal)
{
	struct fuse_link_in in;
	uint64_t node, link;

	start();
	make_file("f", "x", 0644);
	CHECK_INT(symlinkat("/nowhere", dir_fd, "s"), 0);
	CHECK(serve());
	CHECK_INT(fuse_lookup(c, 1, "f", &node), 0);
	in.oldnodeid = node;
	fuse_begin(c, FUSE_LINK, 1);
	fuse_add(c, &in, sizeof(in));
	fuse_add_name(c, "g");
	CHECK_INT(fuse_send(c), 0);
	CHECK_INT(fuse_reply(c, struct fuse_entry_out).nodeid, node); /* the same file */
	CHECK_INT(fuse_reply(c, struct fuse_entry_out).attr.nlink, 2);
	/* A link to a symbolic link is a link to it, not to where it points. */
	CHECK_INT(fuse_lookup(c, 1, "s", &link), 0);
	in.oldnodeid = link;
	fuse_begin(c, FUSE_LINK, 1);
	fuse_add(c, &in, sizeof(in));
	fuse_add_name(c, "t");
	CHECK_INT(fuse_send(c), 0);
	CHECK(S_ISLNK(stat_of("t").st_mode));
	fuse_begin(c, FUSE_READLINK, link);
	CHECK_INT(fuse_send(c), 0);
	CHECK_INT(c->reply_len, 8);
	CHECK(memcmp(c->reply, "/nowhere", 8) == 0);
	fuse_begin(c, FUSE_READLINK, node);
	CHECK_INT(fuse_send(c), EINVAL);
	fuse_begin(c, FUSE_UNLINK, 1);
	fuse_add_name(c, "f");
	CHECK_INT(fuse_send(c), 0);
	fuse_begin(c, FUSE_RMDIR, 1);
	fuse_add_name(c, "g");
	CHECK_INT(fuse_send(c), ENOTDIR);

	struct fuse_rename2_in rename = { .newdir = 1, .flags = 1 }; /* RENAME_NOREPLACE */

	fuse_begin(c, FUSE_RENAME2, 1);
	fuse_add(c, &rename, sizeof(rename));
	fuse_add_name(c, "g");
	fuse_add_name(c, "t");
	CHECK_INT(fuse_send(c), EEXIST);
	rename.flags = 0x100;
	fuse_begin(c, FUSE_RENAME2, 1);
	fuse_add(c, &rename, sizeof(rename));
	fuse_add_name(c, "g");
	fuse_add_name(c, "h");
	CHECK_INT(fuse_send(c), EINVAL);
	rename.flags = 0;
	fuse_begin(c, FUSE_RENAME2, 1);
	fuse_add(c, &rename, sizeof(rename));
	fuse_add_name(c, "g");
	fuse_add_name(c, "h");
	CHECK_INT(fuse_send(c), 0);
	CHECK_INT(stat_of("h").st_nlink, 1);
	stop();
}

TEST(create_of_what_exists)
{
	uint64_t node, fh;

	start();
	make_file("f", "old", 0644);
	CHECK(serve());
	CHECK_INT(fuse_create(c, 1, "f", O_RDWR | O_EXCL, 0644, &node, &fh), EEXIST);
	CHECK_INT(fuse_create(c, 1, "f", O_RDWR, 0644, &node, &fh), 0);
	CHECK_INT(fuse_read(c, FUSE_READ, node, fh, 0, 10), 0);
	CHECK_INT(c->reply_len, 3);
	CHECK_INT(fuse_create(c, 1, "f", O_RDWR | O_TRUNC, 0644, &node, &fh), 0);
	CHECK_INT(stat_of("f").st_size, 0);
	stop();
}

TEST(descriptors_run_out)
{
	struct rlimit before, small;
	uint64_t node;
	int got = 0, e = 0;

	start();
	for (int i = 0; i < 100; i++) {
		char name[8];

		snprintf(name, sizeof(name), "%d", i);
		make_file(name, "", 0644);
	}
	CHECK(serve());
	getrlimit(RLIMIT_NOFILE, &before);
	small = (struct rlimit){ 60, before.rlim_max };
	setrlimit(RLIMIT_NOFILE, &small);
	for (int i = 0; i < 100 && e == 0; i++) {
		char name[8];

		snprintf(name, sizeof(name), "%d", i);
		e = fuse_lookup(c, 1, name, &node);
		got += e == 0;
	}
	setrlimit(RLIMIT_NOFILE, &before);
	CHECK_INT(e, ENFILE);
	CHECK(got > 10);
	CHECK(strstr(fake_log, "RLIMIT_NOFILE") != NULL);
	CHECK_INT(fuse_lookup(c, 1, "99", &node), 0); /* it recovers */
	stop();
}

TEST(nothing_leaks)
{
	int before;

	start();
	before = open_descriptors();
	make_file("f", "x", 0644);
	CHECK(serve());
	for (int i = 0; i < 50; i++) {
		uint64_t node, fh;

		CHECK_INT(fuse_lookup(c, 1, "f", &node), 0);
		CHECK_INT(fuse_open(c, FUSE_OPEN, node, O_RDWR, &fh), 0);
		CHECK_INT(fuse_open(c, FUSE_OPENDIR, 1, O_RDONLY, &fh), 0);
		CHECK_INT(fuse_read(c, FUSE_READDIRPLUS, 1, fh, 0, 4096), 0);
	}
	CHECK_INT(fuse_init(c), 0); /* a new mount begins with nothing */
	fs_server_free(c->server);
	CHECK_INT(open_descriptors(), before);
	CHECK(serve());
	stop();
}

TEST(shared_directory_is_missing)
{
	start();
	config.path = "/nonexistent/root";
	CHECK_FAILS(fs_server_new(&config, &env, &c->server), ENOENT, "/nonexistent/root");
	config.path = "/etc/passwd";
	CHECK_FAILS(fs_server_new(&config, &env, &c->server), ENOTDIR, "/etc/passwd");
	config.path = dir;
	CHECK(serve());
	stop();
}

RUN_TESTS()

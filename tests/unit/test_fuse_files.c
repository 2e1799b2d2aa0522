/* SPDX-License-Identifier: Apache-2.0 */
/* The file server: names, nodes, contents, attributes. */
#include "fake_loop.h"
#include "fuse_client.h"
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static struct fuse_client client;
static struct fuse_client *const c = &client;
static char dir[64];
static int dir_fd = -1;
static struct vmm_fs_config config;
static int exit_code;

static void on_exit_code(void *arg, int code)
{
	(void)arg;
	exit_code = code;
}

static const struct vmm_virtio_env env = { .exit_code = on_exit_code };

static int open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void start(void)
{
	strcpy(dir, "/tmp/fuse.XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	chmod(dir, 0755);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	config = (struct vmm_fs_config){ .tag = "test", .path = dir };
	fake_log[0] = '\0';
}

static bool serve(void)
{
	c->uid = geteuid();
	c->gid = getegid();
	if (rl_drop_failed(fs_server_new(&config, &env, &c->server)))
		return false;
	return !rl_drop_failed(fs_server_enter(c->server)) && fuse_init(c) == 0;
}

static void remove_tree(int fd, const char *name)
{
	int sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = sub >= 0 ? fdopendir(sub) : NULL;

	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(sub, e->d_name, 0) != 0)
			remove_tree(sub, e->d_name);
	}
	if (d != NULL)
		closedir(d);
	unlinkat(fd, name, AT_REMOVEDIR);
}

static void stop(void)
{
	fs_server_free(c->server);
	c->server = NULL;
	close(dir_fd);
	remove_tree(AT_FDCWD, dir);
}

static void make_file(const char *name, const char *text, mode_t mode)
{
	int fd = openat(dir_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, mode);

	if (write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) != 0)
		abort();
	close(fd);
}

static struct stat stat_of(const char *name)
{
	struct stat st = { 0 };

	fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW);
	return st;
}

TEST(init)
{
	struct fuse_init_in in = { .major = 6, .minor = 1 };

	start();
	CHECK_OK(fs_server_new(&config, &env, &c->server));
	uint64_t node;

	CHECK_INT(fuse_lookup(c, 1, "x", &node), EIO); /* before INIT */
	fuse_begin(c, FUSE_INIT, 0);
	fuse_add(c, &in, sizeof(in));
	CHECK_INT(fuse_send(c), EPROTO);
	in.major = 8;
	fuse_begin(c, FUSE_INIT, 0);
	fuse_add(c, &in, sizeof(in));
	CHECK_INT(fuse_send(c), 0); /* "let us speak 7" */
	CHECK_INT(fuse_reply(c, struct fuse_init_out).major, 7);
	CHECK_INT(fuse_lookup(c, 1, "x", &node), EIO);
	in = (struct fuse_init_in){ .major = 7, .minor = 31, .flags = FUSE_MAX_PAGES };
	fuse_begin(c, FUSE_INIT, 0);
	fuse_add(c, &in, 16); /* the short structure of older guests */
	CHECK_INT(fuse_send(c), 0);
	CHECK_INT(fuse_reply(c, struct fuse_init_out).flags, FUSE_MAX_PAGES); /* never more */
	CHECK_INT(fuse_lookup(c, 1, "x", &node), ENOENT);
	stop();
}

TEST(malformed_requests)
{
	struct fuse_out_header head;
	struct iovec out, in;

	start();
	CHECK(serve());
	fuse_begin(c, 9999, 1);
	CHECK_INT(fuse_send(c), ENOSYS);
	fuse_begin(c, 0, 1);
	CHECK_INT(fuse_send(c), ENOSYS);
	fuse_begin(c, FUSE_GETATTR, 1); /* no argument */
	CHECK_INT(fuse_send(c), EINVAL);
	fuse_begin(c, FUSE_GETATTR, 12345);
	fuse_add(c, &(struct fuse_getattr_in){ 0 }, sizeof(struct fuse_getattr_in));
	CHECK_INT(fuse_send(c), ESTALE);
	/* The header says more than there is. */
	fuse_begin(c, FUSE_LOOKUP, 1);
	fuse_add_name(c, "x");
	*(uint32_t *)(void *)c->request = 4000;
	out = (struct iovec){ c->request, c->request_len };
	in = (struct iovec){ &head, sizeof(head) };
	CHECK_INT(fs_server_request(c->server, &out, 1, &in, 1), sizeof(head));
	CHECK_INT(head.error, -EINVAL);
	/* The header says less: the name behind it is not looked at. */
	*(uint32_t *)(void *)c->request = sizeof(struct fuse_in_header);
	CHECK_INT(fs_server_request(c->server, &out, 1, &in, 1), sizeof(head));
	CHECK_INT(head.error, -EINVAL);
	/* No whole header; no room for an answer. */
	out.iov_len = 39;
	CHECK_INT(fs_server_request(c->server, &out, 1, &in, 1), 0);
	out.iov_len = c->request_len;
	in.iov_len = 15;
	CHECK_INT(fs_server_request(c->server, &out, 1, &in, 1), 0);
	CHECK_INT(fs_server_request(c->server, NULL, 0, NULL, 0), 0);
	stop();
}

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

TEST(read_and_write)
{
	uint64_t node, fh;
	char big[5000], text[16] = "";

	start();
	CHECK(serve());
	CHECK_INT(fuse_create(c, 1, "f", O_RDWR, 0640, &node, &fh), 0);
	CHECK_INT(stat_of("f").st_mode, S_IFREG | 0640);
	memset(big, 'b', sizeof(big));
	CHECK_INT(fuse_write(c, node, fh, 3, big, sizeof(big), 0), 0);
	CHECK_INT(fuse_reply(c, struct fuse_write_out).size, 5000);
	CHECK_INT(fuse_write(c, node, fh, 0, "abc", 3, 0), 0);
	CHECK_INT(fuse_read(c, FUSE_READ, node, fh, 1, 5), 0);
	CHECK_INT(c->reply_len, 5);
	CHECK(memcmp(c->reply, "bcbbb", 5) == 0);
	CHECK_INT(fuse_read(c, FUSE_READ, node, fh, 5000, 4096), 0);
	CHECK_INT(c->reply_len, 3); /* short at the end */
	CHECK_INT(fuse_read(c, FUSE_READ, node, fh, 9000, 4096), 0);
	CHECK_INT(c->reply_len, 0);
	CHECK_INT(fuse_read(c, FUSE_READ, node, fh, UINT64_MAX, 1), EINVAL);
	CHECK_INT(fuse_write(c, node, fh, UINT64_MAX, "x", 1, 0), EINVAL);
	/* Less room than asked for: no more is read. */
	c->reply_room = 4;
	CHECK_INT(fuse_read(c, FUSE_READ, node, fh, 0, 100), 0);
	CHECK_INT(c->reply_len, 4);

	/* The size field says more than was sent. */
	struct fuse_write_in in = { .fh = fh, .size = 100 };

	fuse_begin(c, FUSE_WRITE, node);
	fuse_add(c, &in, sizeof(in));
	fuse_add(c, "x", 1);
	CHECK_INT(fuse_send(c), EINVAL);

	int fd = openat(dir_fd, "f", O_RDONLY | O_CLOEXEC);

	CHECK_INT(pread(fd, text, 4, 0), 4);
	close(fd);
	CHECK_STR(text, "abcb");
	CHECK_INT(fuse_read(c, FUSE_READDIR, node, fh, 0, 100), EBADF); /* of the other kind */
	CHECK_INT(fuse_release(c, FUSE_RELEASEDIR, fh), EBADF);
	CHECK_INT(fuse_release(c, FUSE_RELEASE, fh), 0);
	CHECK_INT(fuse_release(c, FUSE_RELEASE, fh), EBADF);
	CHECK_INT(fuse_read(c, FUSE_READ, node, fh, 0, 1), EBADF);
	stop();
}

TEST(open_keeps_the_cache_of_what_did_not_change)
{
	uint64_t node, fh;

	start();
	make_file("f", "one", 0644);
	CHECK(serve());
	CHECK_INT(fuse_lookup(c, 1, "f", &node), 0);
	CHECK_INT(fuse_open(c, FUSE_OPEN, node, O_RDONLY, &fh), 0);
	CHECK_INT(fuse_reply(c, struct fuse_open_out).open_flags & FOPEN_KEEP_CACHE, 0);
	CHECK_INT(fuse_open(c, FUSE_OPEN, node, O_RDONLY, &fh), 0);
	CHECK(fuse_reply(c, struct fuse_open_out).open_flags & FOPEN_KEEP_CACHE);
	make_file("f", "other", 0644);
	CHECK_INT(fuse_open(c, FUSE_OPEN, node, O_RDONLY, &fh), 0);
	CHECK_INT(fuse_reply(c, struct fuse_open_out).open_flags & FOPEN_KEEP_CACHE, 0);
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

TEST(attributes)
{
	struct fuse_setattr_in in;
	uint64_t node;
	struct stat st;

	start();
	make_file("f", "12345678", 0644);
	CHECK(serve());
	CHECK_INT(fuse_lookup(c, 1, "f", &node), 0);
	in = (struct fuse_setattr_in){ .valid = FATTR_MODE, .mode = S_IFREG | 06755 };
	CHECK_INT(fuse_setattr(c, node, in), 0);
	CHECK_INT(fuse_reply(c, struct fuse_attr_out).attr.mode, S_IFREG | 06755);
	in = (struct fuse_setattr_in){ .valid = FATTR_SIZE, .size = 3 };
	CHECK_INT(fuse_setattr(c, node, in), 0);
	CHECK_INT(fuse_reply(c, struct fuse_attr_out).attr.size, 3);
	in = (struct fuse_setattr_in){ .valid = FATTR_SIZE, .size = UINT64_MAX };
	CHECK_INT(fuse_setattr(c, node, in), EINVAL);
	in = (struct fuse_setattr_in){ .valid = FATTR_MTIME | FATTR_ATIME | FATTR_ATIME_NOW,
				       .mtime = 1000,
				       .mtimensec = 5 };
	CHECK_INT(fuse_setattr(c, node, in), 0);
	st = stat_of("f");
	CHECK_INT(st.st_mtim.tv_sec, 1000);
	CHECK_INT(st.st_mtim.tv_nsec, 5);
	CHECK(st.st_atim.tv_sec > 1000);
	if (geteuid() == 0) {
		in = (struct fuse_setattr_in){ .valid = FATTR_UID | FATTR_GID, .uid = 7, .gid = 8 };
		CHECK_INT(fuse_setattr(c, node, in), 0);
		st = stat_of("f");
		CHECK_INT(st.st_uid, 7);
		CHECK_INT(st.st_gid, 8);
	}
	/* Nothing to change is fine, and answers. */
	CHECK_INT(fuse_setattr(c, node, (struct fuse_setattr_in){ 0 }), 0);
	stop();
}

TEST(writing_ends_set_user_id)
{
	uint64_t node, fh;

	start();
	make_file("f", "x", 06755);
	CHECK(serve());
	CHECK_INT(fuse_lookup(c, 1, "f", &node), 0);
	CHECK_INT(fuse_open(c, FUSE_OPEN, node, O_WRONLY, &fh), 0);
	CHECK_INT(fuse_write(c, node, fh, 0, "y", 1, 0), 0);
	if (geteuid() == 0) /* a privileged writer of the guest may keep them */
		CHECK_INT(stat_of("f").st_mode & 07000, 06000);
	CHECK_INT(fuse_write(c, node, fh, 0, "y", 1, FUSE_WRITE_KILL_SUIDGID), 0);
	CHECK_INT(stat_of("f").st_mode & 07000, 0);
	stop();
}

TEST(owners_of_new_files)
{
	uint64_t node, fh, sub;
	struct fuse_mkdir_in in = { .mode = 0755 };

	if (geteuid() != 0)
		return;
	start();
	CHECK(serve());
	c->uid = 1000;
	c->gid = 100;
	CHECK_INT(fuse_create(c, 1, "f", O_RDWR, 04755, &node, &fh), 0);
	CHECK_INT(stat_of("f").st_uid, 1000);
	CHECK_INT(stat_of("f").st_gid, 100);
	CHECK_INT(fuse_reply(c, struct fuse_entry_out).attr.uid, 1000);
	fuse_begin(c, FUSE_MKDIR, 1);
	fuse_add(c, &in, sizeof(in));
	fuse_add_name(c, "d");
	CHECK_INT(fuse_send(c), 0);
	CHECK_INT(stat_of("d").st_uid, 1000);
	fuse_begin(c, FUSE_SYMLINK, 1);
	fuse_add_name(c, "l");
	fuse_add_name(c, "/anywhere/at/all");
	CHECK_INT(fuse_send(c), 0);
	CHECK_INT(stat_of("l").st_uid, 1000);
	/* A set-group-ID directory hands its group down. */
	CHECK_INT(fchownat(dir_fd, "d", 1, 55, 0), 0);
	CHECK_INT(fchmodat(dir_fd, "d", 02755, 0), 0);
	CHECK_INT(fuse_lookup(c, 1, "d", &sub), 0);
	CHECK_INT(fuse_create(c, sub, "g", O_RDWR, 0644, &node, &fh), 0);
	CHECK_INT(stat_of("d/g").st_gid, 55);
	CHECK_INT(stat_of("d/g").st_uid, 1000);
	stop();
}

TEST(mapped_ids)
{
	static const struct vmm_id_range range[] = { { 0, 100000, 1000 }, { 2000, 5, 1 } };
	uint64_t node, fh;

	if (geteuid() != 0)
		return;
	start();
	config.uid_map = config.gid_map = (struct vmm_id_map){ range, 2 };
	make_file("nobody", "", 0644);
	make_file("five", "", 0644);
	CHECK_INT(fchownat(dir_fd, "five", 5, 5, 0), 0);
	CHECK(serve());
	CHECK_INT(fuse_lookup(c, 1, "nobody", &node), 0);
	CHECK_INT(fuse_reply(c, struct fuse_entry_out).attr.uid, VMM_ID_NOBODY); /* host root */
	CHECK_INT(fuse_lookup(c, 1, "five", &node), 0);
	CHECK_INT(fuse_reply(c, struct fuse_entry_out).attr.uid, 2000);
	c->uid = c->gid = 10;
	CHECK_INT(fuse_create(c, 1, "f", O_RDWR, 0644, &node, &fh), 0);
	CHECK_INT(fuse_reply(c, struct fuse_entry_out).attr.uid, 10);
	CHECK_INT(stat_of("f").st_uid, 100010);
	c->uid = 1000; /* the first one beyond the map */
	CHECK_INT(fuse_create(c, 1, "g", O_RDWR, 0644, &node, &fh), EPERM);
	CHECK_INT(stat_of("g").st_mode, 0); /* nothing stays behind */
	CHECK(strstr(fake_log, "id 1000") != NULL);
	CHECK_INT(fuse_setattr(c, 1, (struct fuse_setattr_in){ .valid = FATTR_UID, .uid = 3000 }),
		  EPERM);
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

TEST(no_room_for_the_reply)
{
	uint64_t node, fh;
	int before;

	start();
	make_file("f", "x", 0644);
	CHECK(serve());
	before = open_descriptors();
	c->reply_room = sizeof(struct fuse_entry_out) - 1;
	CHECK_INT(fuse_lookup(c, 1, "f", &node), ERANGE);
	CHECK_INT(open_descriptors(), before); /* what the guest never heard of is forgotten */
	c->reply_room = sizeof(struct fuse_entry_out);
	CHECK_INT(fuse_create(c, 1, "new", O_RDWR, 0644, &node, &fh), ERANGE);
	CHECK_INT(open_descriptors(), before);
	CHECK_INT(stat_of("new").st_mode, 0);
	CHECK_INT(fuse_lookup(c, 1, "f", &node), 0);
	c->reply_room = 4;
	CHECK_INT(fuse_open(c, FUSE_OPEN, node, O_RDONLY, &fh), ERANGE);
	CHECK_INT(open_descriptors(), before + 1);
	stop();
}

TEST(read_only)
{
	uint64_t node, fh;

	start();
	make_file("f", "x", 0644);
	config.read_only = true;
	CHECK(serve());
	CHECK_INT(fuse_lookup(c, 1, "f", &node), 0);
	CHECK_INT(fuse_open(c, FUSE_OPEN, node, O_RDWR, &fh), EROFS);
	CHECK_INT(fuse_open(c, FUSE_OPEN, node, O_RDONLY | O_TRUNC, &fh), EROFS);
	CHECK_INT(fuse_create(c, 1, "n", O_RDWR, 0644, &node, &fh), EROFS);
	CHECK_INT(fuse_setattr(c, node, (struct fuse_setattr_in){ .valid = FATTR_MODE }), EROFS);
	CHECK_INT(fuse_open(c, FUSE_OPEN, node, O_RDONLY, &fh), 0);
	CHECK_INT(fuse_read(c, FUSE_READ, node, fh, 0, 10), 0);
	CHECK_INT(fuse_write(c, node, fh, 0, "y", 1, 0), EROFS);
	CHECK_INT(stat_of("f").st_size, 1);
	stop();
}

static int xattr(uint32_t op, uint64_t node, const char *name, const char *value)
{
	struct fuse_setxattr_in set = { .size = value ? (uint32_t)strlen(value) : 0 };
	struct fuse_getxattr_in get = { .size = 1000 };

	fuse_begin(c, op, node);
	if (op == FUSE_SETXATTR)
		fuse_add(c, &set, 8);
	else if (op != FUSE_REMOVEXATTR)
		fuse_add(c, &get, sizeof(get));
	if (name != NULL)
		fuse_add_name(c, name);
	if (value != NULL)
		fuse_add(c, value, strlen(value));
	return fuse_send(c);
}

TEST(extended_attributes)
{
	uint64_t node;
	struct fuse_getxattr_in get = { 0 };

	start();
	make_file("f", "x", 0644);
	bool supported =
		fsetxattr(openat(dir_fd, "f", O_RDWR | O_CLOEXEC), "user.t", "1", 1, 0) == 0;

	CHECK(serve());
	CHECK_INT(fuse_lookup(c, 1, "f", &node), 0);
	CHECK_INT(xattr(FUSE_SETXATTR, node, "trusted.overlay.opaque", "y"), EOPNOTSUPP);
	CHECK_INT(xattr(FUSE_SETXATTR, node, "system.posix_acl_access", "y"), EOPNOTSUPP);
	CHECK_INT(xattr(FUSE_GETXATTR, node, "trusted.x", NULL), EOPNOTSUPP);
	if (supported) {
		CHECK_INT(xattr(FUSE_SETXATTR, node, "user.a", "value"), 0);
		CHECK_INT(xattr(FUSE_GETXATTR, node, "user.a", NULL), 0);
		CHECK_INT(c->reply_len, 5);
		CHECK(memcmp(c->reply, "value", 5) == 0);
		fuse_begin(c, FUSE_GETXATTR, node); /* only the size */
		fuse_add(c, &get, sizeof(get));
		fuse_add_name(c, "user.a");
		CHECK_INT(fuse_send(c), 0);
		CHECK_INT(fuse_reply(c, struct fuse_getxattr_out).size, 5);
		get.size = 2;
		fuse_begin(c, FUSE_GETXATTR, node);
		fuse_add(c, &get, sizeof(get));
		fuse_add_name(c, "user.a");
		CHECK_INT(fuse_send(c), ERANGE);
		CHECK_INT(xattr(FUSE_LISTXATTR, node, NULL, NULL), 0);
		CHECK_INT(c->reply_len, 14);
		CHECK_INT(xattr(FUSE_REMOVEXATTR, node, "user.a", NULL), 0);
		CHECK_INT(xattr(FUSE_GETXATTR, node, "user.a", NULL), ENODATA);
		/* On a file in /tmp, trusted.* exists for root and is hidden. */
		int fd = openat(dir_fd, "f", O_RDWR | O_CLOEXEC);

		(void)fsetxattr(fd, "trusted.t", "1", 1, 0);
		close(fd);
		CHECK_INT(xattr(FUSE_LISTXATTR, node, NULL, NULL), 0);
		CHECK_INT(c->reply_len, 7);
	}
	struct fuse_setxattr_in set = { .size = 0x7fffffff };

	fuse_begin(c, FUSE_SETXATTR, node);
	fuse_add(c, &set, 8);
	fuse_add_name(c, "user.big");
	CHECK_INT(fuse_send(c), E2BIG);
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

TEST(exit_status_by_ioctl)
{
	struct fuse_ioctl_in in = { .cmd = 0x7602, .arg = 42, .flags = FUSE_IOCTL_DIR };

	start();
	CHECK(serve());
	exit_code = -1;
	fuse_begin(c, FUSE_IOCTL, 1);
	fuse_add(c, &in, sizeof(in));
	CHECK_INT(fuse_send(c), 0);
	CHECK_INT(exit_code, 42);
	in.cmd = 0x5401;
	fuse_begin(c, FUSE_IOCTL, 1);
	fuse_add(c, &in, sizeof(in));
	CHECK_INT(fuse_send(c), ENOTTY);
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

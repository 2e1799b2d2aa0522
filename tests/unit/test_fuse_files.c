/* SPDX-License-Identifier: Apache-2.0 */
/* The file server: requests, contents, attributes. */
#include "fuse_fixture.h"

#include <sys/xattr.h>

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

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
/* The file server: directories, virtual entries, the DAX window. */
#include "fake_loop.h"
#include "fuse_client.h"
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>

static struct fuse_client client;
static struct fuse_client *const c = &client;
static char dir[64];
static struct vmm_fs_config config;

#define FILES 300

static const uint8_t init_bytes[] = "#!init";

static const struct vmm_fs_entry entries[] = {
	{ "init.krun", init_bytes, sizeof(init_bytes) - 1, S_IFREG | 0755, true },
	{ "dev", NULL, 0, S_IFDIR | 0755, false },
	{ "dev/inner", NULL, 0, S_IFDIR | 0700, false },
	{ "dev/inner/file", init_bytes, 3, S_IFREG | 0444, false },
};

static bool start(void)
{
	static char path[80];

	strcpy(dir, "/tmp/fuse.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return false;
	snprintf(path, sizeof(path), "%s/shared", dir);
	mkdir(path, 0755);
	config.tag = "test";
	if (rl_drop_failed(fs_server_new(&config, NULL, &c->server)))
		return false;
	return !rl_drop_failed(fs_server_enter(c->server)) && fuse_init(c) == 0;
}

static const char *shared(void)
{
	static char path[80];

	snprintf(path, sizeof(path), "%s/shared", dir);
	return path;
}

static void make_files(int n)
{
	for (int i = 0; i < n; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/file-with-a-longer-name-%d", shared(), i);
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	}
}

static void stop(void)
{
	char command[128];

	fs_server_free(c->server);
	config = (struct vmm_fs_config){ 0 };
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		abort();
}

static bool start_real(int files)
{
	static char path[80];

	strcpy(dir, "/tmp/fuse.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return false;
	snprintf(path, sizeof(path), "%s/shared", dir);
	mkdir(path, 0755);
	make_files(files);
	config.tag = "test";
	config.path = path;
	if (rl_drop_failed(fs_server_new(&config, NULL, &c->server)))
		return false;
	return !rl_drop_failed(fs_server_enter(c->server)) && fuse_init(c) == 0;
}

struct listing {
	int count, dots, with_node;
	uint64_t last_offset, dotdot_ino;
	bool seen[FILES];
	bool twice;
};

/* Walks the entries of one reply. */
static void collect(struct listing *l, bool plus)
{
	for (size_t at = 0; at < c->reply_len;) {
		struct fuse_entry_out entry = { 0 };
		struct fuse_dirent d;
		const char *name;
		int n;

		if (plus) {
			memcpy(&entry, c->reply + at, sizeof(entry));
			at += sizeof(entry);
		}
		memcpy(&d, c->reply + at, FUSE_NAME_OFFSET);
		name = (const char *)c->reply + at + FUSE_NAME_OFFSET;
		at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + d.namelen);
		l->count++;
		l->last_offset = d.off;
		l->with_node += entry.nodeid != 0;
		if (name[0] == '.') {
			l->dots++;
			if (d.namelen == 2)
				l->dotdot_ino = d.ino;
		} else if (sscanf(name, "file-with-a-longer-name-%d", &n) == 1) {
			l->twice |= l->seen[n];
			l->seen[n] = true;
		}
	}
}

static struct listing list(uint64_t node, uint32_t op, uint32_t size)
{
	struct listing l = { 0 };
	uint64_t fh;

	if (fuse_open(c, FUSE_OPENDIR, node, O_RDONLY, &fh) != 0)
		return l;
	do {
		if (fuse_read(c, op, node, fh, l.last_offset, size) != 0)
			break;
		collect(&l, op == FUSE_READDIRPLUS);
	} while (c->reply_len > 0);
	fuse_release(c, FUSE_RELEASEDIR, fh);
	return l;
}

TEST(plain_listing_in_small_steps)
{
	static const uint32_t sizes[] = { 64, 100, 1000, 4096, 65536 };
	struct stat st;

	CHECK(start_real(FILES));
	stat(shared(), &st);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct listing l = list(1, FUSE_READDIR, sizes[i]);

		CHECK_INT(l.count, FILES + 2);
		CHECK_INT(l.dots, 2);
		CHECK(!l.twice);
		CHECK_INT(l.dotdot_ino, st.st_ino); /* what is above the root is not told */
	}
	stop();
}

TEST(listing_with_attributes)
{
	CHECK(start_real(FILES));
	struct listing l = list(1, FUSE_READDIRPLUS, 4096);

	CHECK_INT(l.count, FILES + 2);
	CHECK_INT(l.with_node, FILES); /* not "." and ".." */
	CHECK(!l.twice);
	/* No room for one entry: none, and no node is counted for it. */
	l = list(1, FUSE_READDIRPLUS, 100);
	CHECK_INT(l.count, 0);
	stop();
}

TEST(any_offset)
{
	uint64_t fh;

	CHECK(start_real(10));
	CHECK_INT(fuse_open(c, FUSE_OPENDIR, 1, O_RDONLY, &fh), 0);
	for (uint64_t i = 0; i < 64; i++) {
		int e = fuse_read(c, FUSE_READDIR, 1, fh, 1ull << i, 4096);

		CHECK(e == 0 || e == EINVAL);
	}
	stop();
}

TEST(virtual_entries_in_front)
{
	uint64_t node, fh, other;
	char path[128];

	config.entry = entries;
	config.entry_count = sizeof(entries) / sizeof(entries[0]);
	CHECK(start_real(1));
	snprintf(path, sizeof(path), "%s/init.krun", shared());
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	/* The first lookup finds the virtual file, the second the real one. */
	CHECK_INT(fuse_lookup(c, 1, "init.krun", &node), 0);
	CHECK_INT(fuse_reply(c, struct fuse_entry_out).attr.size, 6);
	CHECK_INT(fuse_reply(c, struct fuse_entry_out).attr.mode, S_IFREG | 0755);
	CHECK_INT(fuse_reply(c, struct fuse_entry_out).entry_valid, 0);
	CHECK_INT(fuse_lookup(c, 1, "init.krun", &other), 0);
	CHECK(other != node);
	CHECK_INT(fuse_reply(c, struct fuse_entry_out).attr.size, 0);
	CHECK_INT(fuse_open(c, FUSE_OPEN, node, O_RDONLY, &fh), 0);
	CHECK_INT(fuse_read(c, FUSE_READ, node, fh, 2, 100), 0);
	CHECK_INT(c->reply_len, 4);
	CHECK(memcmp(c->reply, "init", 4) == 0);
	CHECK_INT(fuse_read(c, FUSE_READ, node, fh, 100, 100), 0);
	CHECK_INT(c->reply_len, 0);
	CHECK_INT(fuse_read(c, FUSE_READ, node, fh, UINT64_MAX, UINT32_MAX), 0);
	CHECK_INT(fuse_write(c, node, fh, 0, "x", 1, 0), EROFS);
	CHECK_INT(fuse_open(c, FUSE_OPEN, node, O_RDWR, &fh), EROFS);
	CHECK_INT(fuse_setattr(c, node, (struct fuse_setattr_in){ .valid = FATTR_MODE }), EROFS);
	/* Nothing real is made or removed behind a virtual name. */
	CHECK_INT(fuse_create(c, 1, "dev", O_RDWR, 0644, &node, &fh), EEXIST);
	fuse_begin(c, FUSE_RMDIR, 1);
	fuse_add_name(c, "dev");
	CHECK_INT(fuse_send(c), EROFS);
	CHECK_INT(fuse_lookup(c, 1, "dev", &node), 0);
	CHECK_INT(fuse_create(c, node, "x", O_RDWR, 0644, &other, &fh), EROFS);
	CHECK_INT(fuse_lookup(c, node, "inner", &other), 0);
	CHECK_INT(fuse_lookup(c, other, "file", &node), 0);
	CHECK_INT(fuse_reply(c, struct fuse_entry_out).attr.size, 3);
	/* A listing of the real root shows real names only. */
	CHECK_INT(list(1, FUSE_READDIR, 4096).count, 2 + 2);
	stop();
}

TEST(empty_file_system)
{
	uint64_t node;

	config.entry = entries;
	config.entry_count = sizeof(entries) / sizeof(entries[0]);
	CHECK(start());
	CHECK_INT(list(1, FUSE_READDIR, 4096).count, 4); /* . .. init.krun dev */
	CHECK_INT(list(1, FUSE_READDIRPLUS, 400).count, 4);
	CHECK_INT(fuse_lookup(c, 1, "init.krun", &node), 0);
	CHECK_INT(fuse_lookup(c, 1, "init.krun", &node), ENOENT);
	CHECK_INT(fuse_lookup(c, 1, "etc", &node), ENOENT);
	CHECK_INT(list(1, FUSE_READDIR, 4096).count, 3);
	fuse_begin(c, FUSE_STATFS, 1);
	CHECK_INT(fuse_send(c), 0);
	stop();
}

TEST(entries_need_their_directory)
{
	static const struct vmm_fs_entry orphan = { "a/b", NULL, 0, S_IFREG | 0644, false };
	static const struct vmm_fs_entry beneath_file[] = {
		{ "a", NULL, 0, S_IFREG | 0644, false },
		{ "a/b", NULL, 0, S_IFREG | 0644, false },
	};
	struct vmm_fs_config bad = { .tag = "t", .entry = &orphan, .entry_count = 1 };

	CHECK_FAILS(fs_server_new(&bad, NULL, &c->server), ENOENT, "overlay a/b");
	bad.entry = beneath_file;
	bad.entry_count = 2;
	CHECK_FAILS(fs_server_new(&bad, NULL, &c->server), ENOTDIR, "parent is a file");
}

static int map(uint64_t fh, uint64_t at, uint64_t len, uint64_t from)
{
	struct fuse_setupmapping_in in = { .fh = fh,
					   .foffset = from,
					   .len = len,
					   .moffset = at,
					   .flags = FUSE_SETUPMAPPING_FLAG_READ };

	fuse_begin(c, FUSE_SETUPMAPPING, 1);
	fuse_add(c, &in, sizeof(in));
	return fuse_send(c);
}

static int unmap(uint64_t at, uint64_t len)
{
	struct fuse_removemapping_in in = { .count = 1 };
	struct fuse_removemapping_one one = { at, len };

	fuse_begin(c, FUSE_REMOVEMAPPING, 1);
	fuse_add(c, &in, sizeof(in));
	fuse_add(c, &one, sizeof(one));
	return fuse_send(c);
}

TEST(dax_window)
{
	struct vmm_shm window = { .size = 1 << 20 };
	uint64_t node, fh;
	char path[128];
	int fd;

	CHECK(start_real(1));
	snprintf(path, sizeof(path), "%s/file-with-a-longer-name-0", shared());
	fd = open(path, O_WRONLY | O_CLOEXEC);
	CHECK_INT(pwrite(fd, "mapped", 6, 4096), 6);
	close(fd);
	window.host = mmap(NULL, window.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_INT(fuse_lookup(c, 1, "file-with-a-longer-name-0", &node), 0);
	CHECK_INT(fuse_open(c, FUSE_OPEN, node, O_RDONLY, &fh), 0);
	CHECK_INT(map(fh, 0, 4096, 4096), ENOSYS); /* no window */
	fs_server_window(c->server, &window);
	CHECK_INT(map(fh, 8192, 4096, 4096), 0);
	CHECK(memcmp(window.host + 8192, "mapped", 6) == 0);
	CHECK_INT(map(fh, 1 << 20, 4096, 0), EINVAL);
	CHECK_INT(map(fh, (1 << 20) - 4096, 8192, 0), EINVAL);
	CHECK_INT(map(fh, UINT64_MAX & ~4095ull, 4096, 0), EINVAL);
	CHECK_INT(map(fh, 4096, UINT64_MAX & ~4095ull, 0), EINVAL);
	CHECK_INT(map(fh, 100, 4096, 0), EINVAL);
	CHECK_INT(map(fh, 0, 0, 0), EINVAL);
	CHECK_INT(map(fh + 1, 0, 4096, 0), EBADF);
	CHECK_INT(unmap(8192, 4096), 0);
	CHECK_INT(unmap(0, (1 << 20) + 4096), EINVAL);
	fs_server_window(c->server, NULL);
	munmap(window.host, window.size);
	stop();
}

RUN_TESTS()

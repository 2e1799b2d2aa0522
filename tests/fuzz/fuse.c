/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is a list of requests, each a 16-bit length and that many bytes; the header's length
 * field is set to be true most of the time, or everything would stop there. The server shares
 * "shared"; what lies beside it must never change.
 */
#include "fuzz.h"
#include "vmm/log.h"
#include "vmm/virtio/fs/server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char base[64];

static void remove_beneath(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d;

	if (fd < 0)
		return;
	(void)fchmod(fd, 0700);
	d = fdopendir(fd);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, e->d_name, 0) != 0) {
			remove_beneath(fd, e->d_name);
			(void)unlinkat(fd, e->d_name, AT_REMOVEDIR);
		}
	}
	if (d != NULL)
		closedir(d);
}

static void clean_up(void)
{
	remove_beneath(AT_FDCWD, base);
	rmdir(base);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
	FUZZ_CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void make_base(void)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };
	char path[128];

	if (base[0] != '\0')
		return;
	/* A fallocate of exabytes is a legal request; the disk must not pay for it. */
	setrlimit(RLIMIT_FSIZE, &limit);
	signal(SIGXFSZ, SIG_IGN); /* the device's thread has every signal blocked */
	strcpy(base, "/tmp/fuzz.XXXXXX");
	FUZZ_CHECK(mkdtemp(base) != NULL);
	atexit(clean_up);
	write_file("canary", "alive");
	snprintf(path, sizeof(path), "%s/shared", base);
	FUZZ_CHECK(mkdir(path, 0755) == 0);
}

/* Nothing beside the shared directory has changed. */
static void check_outside(void)
{
	DIR *d = opendir(base);
	char path[128], text[8] = "";
	int n = 0, fd;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	FUZZ_CHECK(n == 4); /* . .. canary shared */
	snprintf(path, sizeof(path), "%s/canary", base);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	FUZZ_CHECK(fd >= 0 && read(fd, text, sizeof(text)) == 5 && strcmp(text, "alive") == 0);
	close(fd);
}

static void serve(struct fs_server *s, uint8_t *request, size_t len)
{
	static uint8_t reply[8192];
	struct iovec out = { request, len }, in = { reply, sizeof(reply) };
	struct fuse_out_header head;
	size_t n;

	if (len >= sizeof(uint32_t) && request[len - 1] != 0xfe) {
		uint32_t true_len = (uint32_t)len;

		memcpy(request, &true_len, sizeof(true_len));
	}
	n = fs_server_request(s, &out, 1, &in, 1);
	FUZZ_CHECK(n == 0 || (n >= sizeof(head) && n <= sizeof(reply)));
	if (n > 0) {
		memcpy(&head, reply, sizeof(head));
		FUZZ_CHECK(head.len == n && head.error <= 0 && head.error > -4096);
		FUZZ_CHECK(head.error == 0 || n == sizeof(head));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const uint8_t data[] = "virtual";
	static const struct vmm_fs_entry entry[] = {
		{ "v", data, sizeof(data), S_IFREG | 0644, true },
		{ "d", NULL, 0, S_IFDIR | 0755, false },
		{ "d/f", data, sizeof(data), S_IFREG | 0644, false },
	};
	struct vmm_fs_config config = { .tag = "fuzz", .entry = entry, .entry_count = 3 };
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct fs_server *s;
	char path[128];

	make_base();
	snprintf(path, sizeof(path), "%s/shared", base);
	remove_beneath(AT_FDCWD, path);
	write_file("shared/file", "contents");
	config.path = path;
	FUZZ_CHECK(!rl_drop_failed(fs_server_new(&config, NULL, &s)));
	FUZZ_CHECK(!rl_drop_failed(fs_server_enter(s)));
	while (len >= 2) {
		size_t n = (size_t)(bytes[0] | bytes[1] << 8);
		uint8_t *copy;

		bytes += 2;
		len -= 2;
		n = n < len ? n : len;
		copy = malloc(n ? n : 1); /* exactly as long, for the sanitizer */
		memcpy(copy, bytes, n);
		serve(s, copy, n);
		free(copy);
		bytes += n;
		len -= n;
	}
	fs_server_free(s);
	/* The server's thread is ours, and has its own idea of "here". */
	FUZZ_CHECK(here >= 0 && fchdir(here) == 0);
	close(here);
	check_outside();
	return 0;
}

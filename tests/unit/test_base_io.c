/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"
#include "scratch.h"

#include <signal.h>
#include <sys/resource.h>

static struct rl_arena arena;

static struct rl_arena *fresh(void)
{
	rl_arena_free(&arena);
	rl_drop(rl_arena_new(16 << 20, &arena));
	return &arena;
}

static int scratch_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open(scratch_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

TEST(a_file_as_a_whole)
{
	const char *text;
	size_t len;

	scratch_file("a", "one\ntwo");
	CHECK_OK(rl_read_file(fresh(), scratch_fd(), "a", 100, &text, &len));
	CHECK_INT(len, 7);
	CHECK_STR(text, "one\ntwo");
	scratch_file("empty", "");
	CHECK_OK(rl_read_file(fresh(), AT_FDCWD, scratch("empty"), 100, &text, &len));
	CHECK_INT(len, 0);
	CHECK_STR(text, "");
}

TEST(a_file_without_a_size)
{
	const char *text;
	size_t len;

	/* procfs says 0 bytes. */
	CHECK_OK(rl_read_file(fresh(), AT_FDCWD, "/proc/self/status", 1 << 20, &text, &len));
	CHECK(strncmp(text, "Name:", 5) == 0);
	CHECK_INT(strlen(text), len);
}

TEST(a_long_stream_grows)
{
	const size_t total = 100000; /* many times the first guess */
	int status, pair[2];
	const char *text;
	size_t len;
	pid_t pid;

	CHECK(pipe(pair) == 0);
	pid = fork();
	if (pid == 0) {
		static char bytes[100000];

		memset(bytes, 'x', sizeof(bytes));
		_exit(rl_drop_failed(rl_write_all(pair[1], bytes, sizeof(bytes))));
	}
	close(pair[1]);
	CHECK_OK(rl_read_fd(fresh(), pair[0], 1 << 20, &text, &len));
	close(pair[0]);
	CHECK_INT(len, total);
	CHECK_INT(strspn(text, "x"), total);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

TEST(the_limit_is_exact)
{
	const char *text;
	size_t len;

	scratch_file("ten", "0123456789");
	CHECK_OK(rl_read_file(fresh(), scratch_fd(), "ten", 10, &text, &len));
	CHECK_STR(text, "0123456789");
	CHECK_FAILS(rl_read_file(fresh(), scratch_fd(), "ten", 9, &text, &len), EFBIG,
		    "read ten: more than 9 bytes: File too large");
	/* Also of what grows while it is read. */
	CHECK_FAILS(rl_read_file(fresh(), AT_FDCWD, "/proc/self/status", 9, &text, &len), EFBIG,
		    "more than 9 bytes");
}

TEST(only_regular_files)
{
	const char *text;
	size_t len;

	CHECK(mkfifo(scratch("fifo"), 0600) == 0);
	/* Without a writer a plain open would wait for ever. */
	alarm(10);
	CHECK_FAILS(rl_read_file(fresh(), scratch_fd(), "fifo", 10, &text, &len), EINVAL,
		    "fifo is not a regular file");
	alarm(0);
	CHECK_FAILS(rl_read_file(fresh(), AT_FDCWD, "/dev/zero", 10, &text, &len), EINVAL,
		    "/dev/zero is not a regular file");
	CHECK_FAILS(rl_read_file(fresh(), AT_FDCWD, scratch_dir(), 10, &text, &len), EINVAL,
		    "is not a regular file");
	CHECK_FAILS(rl_read_file(fresh(), scratch_fd(), "none", 10, &text, &len), ENOENT,
		    "open none: No such file or directory");
}

TEST(reading_leaves_no_descriptor)
{
	int before;
	const char *text;
	size_t len;

	scratch_file("ten", "0123456789");
	scratch_fd();
	before = open_descriptors();
	rl_drop(rl_read_file(fresh(), scratch_fd(), "ten", 10, &text, &len));
	rl_drop(rl_read_file(fresh(), scratch_fd(), "ten", 5, &text, &len));
	rl_drop(rl_read_file(fresh(), AT_FDCWD, "/dev/zero", 5, &text, &len));
	CHECK_INT(open_descriptors(), before);
}

TEST(small_files_into_a_buffer)
{
	char buf[6];

	scratch_file("ten", "0123456789");
	CHECK_OK(rl_read_small(scratch_fd(), "ten", buf, sizeof(buf)));
	CHECK_STR(buf, "01234");
	CHECK_FAILS(rl_read_small(scratch_fd(), "none", buf, sizeof(buf)), ENOENT, "open none");
	CHECK_FAILS(rl_read_small(AT_FDCWD, scratch_dir(), buf, sizeof(buf)), EISDIR, "read ");
}

TEST(kernel_files_are_not_made)
{
	scratch_file("knob", "old");
	CHECK_OK(rl_write_kernel(scratch_fd(), "knob", "new"));
	CHECK_STR(scratch_read(scratch("knob")), "new");
	CHECK_FAILS(rl_write_kernel(scratch_fd(), "no-knob", "1"), ENOENT, "open no-knob");
	CHECK(access(scratch("no-knob"), F_OK) != 0);
	/* The value that the kernel did not take is named. */
	CHECK_FAILS(rl_write_kernel(AT_FDCWD, "/proc/self/oom_score_adj", "5000"), EINVAL,
		    "write \"5000\" to /proc/self/oom_score_adj: Invalid argument");
}

TEST(replacing_in_one_step)
{
	struct stat before, after;
	int entries;

	CHECK(mkdir(scratch("atomic"), 0700) == 0);
	CHECK_OK(rl_write_atomic(scratch_fd(), "atomic/f", "one", 3, 0640));
	CHECK(stat(scratch("atomic/f"), &before) == 0);
	CHECK_INT(before.st_mode & 07777, 0640);
	CHECK_OK(rl_write_atomic(scratch_fd(), "atomic/f", "three", 5, 0640));
	CHECK_STR(scratch_read(scratch("atomic/f")), "three");
	CHECK(stat(scratch("atomic/f"), &after) == 0);
	/* Another file: whoever has the old one open goes on reading the old text. */
	CHECK(before.st_ino != after.st_ino || before.st_ctim.tv_nsec != after.st_ctim.tv_nsec);
	entries = scratch_count(scratch("atomic"));
	CHECK_INT(entries, 1);
}

TEST(a_failed_replacement_leaves_nothing)
{
	struct rlimit old, small = { 4096, 0 };
	static char large[8192];
	rl_err e;

	CHECK(mkdir(scratch("failed"), 0700) == 0);
	CHECK(mkdir(scratch("failed/target"), 0700) == 0);
	CHECK_FAILS(rl_write_atomic(scratch_fd(), "failed/target", "x", 1, 0600), EISDIR,
		    "write failed/target: rename failed/target.");
	CHECK_INT(scratch_count(scratch("failed")), 1);
	/* The disk is full in the middle: the old file stays whole. */
	scratch_file("failed/old", "old");
	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	e = rl_write_atomic(scratch_fd(), "failed/old", large, sizeof(large), 0600);
	setrlimit(RLIMIT_FSIZE, &old);
	CHECK_FAILS(e, EFBIG, "write failed/old: write: File too large");
	CHECK_STR(scratch_read(scratch("failed/old")), "old");
	CHECK_INT(scratch_count(scratch("failed")), 2);
}

TEST(a_planted_name_is_an_error_not_a_target)
{
	char planted[100];

	scratch_file("victim", "precious");
	snprintf(planted, sizeof(planted), "f.%d~", (int)getpid());
	CHECK(symlink(scratch("victim"), scratch("%s", planted)) == 0);
	CHECK_FAILS(rl_write_atomic(scratch_fd(), "f", "x", 1, 0600), EEXIST, "create f.");
	CHECK_STR(scratch_read(scratch("victim")), "precious");
}

TEST(a_link_is_replaced_not_followed)
{
	struct stat st;

	scratch_file("victim", "precious");
	CHECK(symlink(scratch("victim"), scratch("link")) == 0);
	CHECK_OK(rl_write_atomic(scratch_fd(), "link", "x", 1, 0600));
	CHECK(lstat(scratch("link"), &st) == 0 && S_ISREG(st.st_mode));
	CHECK_STR(scratch_read(scratch("victim")), "precious");
}

TEST(a_name_that_is_too_long)
{
	static char name[5000];

	memset(name, 'n', sizeof(name) - 1);
	CHECK_FAILS(rl_write_atomic(scratch_fd(), name, "x", 1, 0600), ENAMETOOLONG,
		    "nnn: File name too long");
}

TEST(writing_to_nobody)
{
	int pair[2];

	signal(SIGPIPE, SIG_IGN);
	CHECK(pipe(pair) == 0);
	close(pair[0]);
	CHECK_FAILS(rl_write_all(pair[1], "x", 1), EPIPE, "write: Broken pipe");
	close(pair[1]);
	CHECK_OK(rl_write_all(-1, "", 0));
}

TEST(directories_with_their_parents)
{
	static char name[5000];
	struct stat st;
	mode_t old = umask(0);

	CHECK_OK(rl_make_dirs(scratch("d/e/f"), 0700));
	CHECK(stat(scratch("d/e"), &st) == 0 && S_ISDIR(st.st_mode));
	CHECK_INT(st.st_mode & 07777, 0700);
	CHECK(chmod(scratch("d/e"), 0755) == 0);
	CHECK_OK(rl_make_dirs(scratch("d/e/f"), 0700));
	CHECK_OK(rl_make_dirs(scratch("d/e//g/"), 0700));
	CHECK(stat(scratch("d/e/g"), &st) == 0 && S_ISDIR(st.st_mode));
	CHECK(stat(scratch("d/e"), &st) == 0 && (st.st_mode & 07777) == 0755);
	scratch_file("d/file", "");
	CHECK_FAILS(rl_make_dirs(scratch("d/file/x/y"), 0700), ENOTDIR, "create directory ");
	CHECK_FAILS(rl_make_dirs("", 0700), ENOENT, "create directory \"\"");
	memset(name, 'n', sizeof(name) - 1);
	CHECK_FAILS(rl_make_dirs(name, 0700), ENAMETOOLONG, "nnn: File name too long");
	umask(old);
}

RUN_TESTS()

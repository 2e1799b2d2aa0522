/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"
#include "container/program.h"
#include "stub/stub.h"
#include "test.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *find(const char *name, const char *path_variable, rl_err *ret_error)
{
	static struct rl_arena a;
	const char *args[] = { name, NULL };
	const char *env[] = { "A=B", path_variable, NULL };
	struct plan_process p = { .args = args, .arg_count = 1 };
	const char *path = NULL;

	if (a.base == NULL)
		rl_drop(rl_arena_new(1 << 20, &a));
	*ret_error = ct_program_find(&a, &p, env, &path);
	return path;
}

#define CHECK_FOUND(name, path, want)                             \
	do {                                                      \
		rl_err find_error_;                               \
		const char *at_ = find(name, path, &find_error_); \
		CHECK_OK(find_error_);                            \
		CHECK_STR(at_, want);                             \
	} while (0)

#define CHECK_NOT_FOUND(name, path, errnum, text)       \
	do {                                            \
		rl_err find_error_;                     \
		find(name, path, &find_error_);         \
		CHECK_FAILS(find_error_, errnum, text); \
	} while (0)

TEST(found_in_path_in_order)
{
	CHECK_FOUND("sh", "PATH=/nonexistent:/bin:/usr/bin", "/bin/sh");
	CHECK_FOUND("sh", "PATH=/usr/bin:/bin", "/usr/bin/sh");
	CHECK_FOUND("/bin/sh", "PATH=", "/bin/sh");
	CHECK_FOUND("sh", "OTHER=", "/usr/bin/sh");
}

TEST(not_found_in_the_words_of_engines)
{
	CHECK_NOT_FOUND("nosuch", "PATH=/bin", ENOENT,
			"exec: \"nosuch\": executable file not found in $PATH");
	CHECK_NOT_FOUND("", "PATH=/bin", ENOENT, "executable file not found in $PATH");
	CHECK_NOT_FOUND("/nosuch", "PATH=/bin", ENOENT,
			"exec: \"/nosuch\": stat /nosuch: no such file or directory");
	CHECK_NOT_FOUND("/etc/passwd", "PATH=/bin", EACCES,
			"exec: \"/etc/passwd\": permission denied");
	CHECK_NOT_FOUND("/bin", "PATH=/bin", EISDIR, "exec: \"/bin\": is a directory");
	CHECK_NOT_FOUND("/bin/sh/x", "PATH=/bin", ENOTDIR, "Not a directory");
}

TEST(path_goes_on_after_what_cannot_be_executed)
{
	char dir[] = "/tmp/program-XXXXXX", file[64], variable[128];

	CHECK(mkdtemp(dir) != NULL);
	snprintf(file, sizeof(file), "%s/sh", dir);
	close(open(file, O_CREAT | O_WRONLY, 0644));
	snprintf(variable, sizeof(variable), "PATH=%s:/bin", dir);
	CHECK_FOUND("sh", variable, "/bin/sh");
	snprintf(variable, sizeof(variable), "PATH=%s:/nonexistent", dir);
	CHECK_NOT_FOUND("sh", variable, EACCES, "exec: \"sh\": permission denied");
	unlink(file);
	rmdir(dir);
}

/* Runs `args` through the stub; the exit status and what the report says. */
static void through_stub(const char *path, const char *const *args, int out_fd, int *ret_status,
			 rl_err *ret_report)
{
	struct rl_fd RL_AUTO_FD stub = { 0 };
	const char *const env[] = { "GREETING=hello", NULL };
	int report[2];
	pid_t pid;

	rl_drop(rl_sealed_memfd("stub", stub_image, stub_image_size, &stub));
	if (pipe2(report, O_CLOEXEC) != 0)
		abort();
	pid = fork();
	if (pid == 0) {
		struct rl_arena a;

		if (out_fd >= 0)
			dup2(out_fd, 1);
		rl_drop(rl_arena_new(1 << 16, &a));
		rl_drop(ct_program_close_from(3));
		rl_drop(ct_program_by_stub(&a, rl_fd_get(&stub), report[1], path, args, env));
		_exit(99);
	}
	close(report[1]);
	*ret_report = ct_program_report(report[0], path);
	close(report[0]);
	rl_drop(rl_wait_status(pid, ret_status));
}

TEST(stub_starts_the_program_with_its_arguments_and_environment)
{
	const char *const args[] = {
		"zero",
		"-c",
		"printf '%s %s %s ' \"$0\" \"$1\" \"$GREETING\"; ls /proc/$$/fd | tr '\\n' ' '; "
		"exit 42",
		"one",
		"two words",
		NULL
	};
	char text[200];
	int out[2], status = -1;
	rl_err report;
	ssize_t n;

	CHECK(pipe2(out, O_CLOEXEC) == 0);
	through_stub("/bin/sh", args, out[1], &status, &report);
	close(out[1]);
	n = read(out[0], text, sizeof(text) - 1);
	close(out[0]);
	CHECK_OK(report);
	CHECK_INT(status, 42);
	CHECK(n > 0);
	text[n] = '\0';
	/* The report descriptor and the stub are gone. */
	CHECK(strncmp(text, "one two words hello 0 1 2 ", 26) == 0);
}

TEST(stub_reports_a_failure)
{
	const char *const args[] = { "x", NULL };
	int status = -1;
	rl_err report;

	through_stub("/nonexistent", args, -1, &status, &report);
	CHECK_FAILS(report, ENOENT, "exec: \"/nonexistent\": No such file or directory");
	CHECK_INT(status, 127);
	through_stub("/etc/passwd", args, -1, &status, &report);
	CHECK_FAILS(report, EACCES, "Permission denied");
	CHECK_INT(status, 126);
}

/* What a container can do with the stub: run it in its own way. */
static int run_stub_raw(const char *const *argv)
{
	struct rl_fd RL_AUTO_FD stub = { 0 };
	const char *const env[] = { NULL };
	int status = -1;
	pid_t pid;

	rl_drop(rl_sealed_memfd("stub", stub_image, stub_image_size, &stub));
	pid = fork();
	if (pid == 0) {
		fexecve(rl_fd_get(&stub), (char *const *)argv, (char *const *)env);
		_exit(99);
	}
	rl_drop(rl_wait_status(pid, &status));
	return status;
}

TEST(stub_does_nothing_when_started_in_another_way)
{
	static const char *const bad[] = { "",
					   "x",
					   "- ",
					   "-/bin/true",
					   "1/bin/true",
					   "3 ",
					   "-1 /bin/true",
					   " /bin/true",
					   "99 /bin/true",
					   "99999999999999 /bin/true",
					   "/proc/self/exe" };
	const char *const alone[] = { "- /bin/true", NULL };
	const char *const good[] = { "- /bin/true", "true", NULL };
	const char *const none[] = { NULL };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *const argv[] = { bad[i], "true", NULL };

		CHECK_INT(run_stub_raw(argv), 127);
	}
	CHECK_INT(run_stub_raw(alone), 127);
	CHECK_INT(run_stub_raw(none), 127);
	CHECK_INT(run_stub_raw(good), 0);
}

/* CVE-2019-5736: whatever leads back to /proc/self/exe finds the stub, and the stub alone. */
TEST(entrypoint_that_is_proc_self_exe_finds_the_stub)
{
	char script[] = "/tmp/stub-XXXXXX";
	const char *const args[] = { "x", NULL };
	const char text[] = "#!/proc/self/exe\n";
	int status = -1, fd;
	rl_err report;

	through_stub("/proc/self/exe", args, -1, &status, &report);
	CHECK_OK(report); /* it was executed, as a program that does nothing */
	CHECK_INT(status, 127);

	fd = mkstemp(script);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(fchmod(fd, 0755) == 0);
	close(fd);
	through_stub(script, args, -1, &status, &report);
	unlink(script);
	CHECK_OK(report);
	CHECK_INT(status, 127);
}

/* The same by way of an ELF file whose interpreter it is. */
TEST(interpreter_that_is_proc_self_exe_is_the_stub)
{
	static const char interpreter[] = "/proc/self/exe";
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr parts[2];
		char interpreter[sizeof(interpreter)];
	} elf = {
		.head = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
#if defined(__x86_64__)
			.e_machine = EM_X86_64,
#else
			.e_machine = EM_AARCH64,
#endif
			.e_version = EV_CURRENT,
			.e_entry = 0x10000000,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
		},
		.parts = {
			{ .p_type = PT_INTERP,
			  .p_offset = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr),
			  .p_filesz = sizeof(interpreter),
			  .p_memsz = sizeof(interpreter) },
			{ .p_type = PT_LOAD,
			  .p_flags = PF_R | PF_X,
			  .p_vaddr = 0x10000000,
			  .p_filesz = sizeof(elf),
			  .p_memsz = sizeof(elf),
			  .p_align = 0x1000 },
		},
	};
	const char *const args[] = { "x", NULL };
	char file[] = "/tmp/stub-XXXXXX";
	int status = -1, fd = mkstemp(file);
	rl_err report;

	memcpy(elf.interpreter, interpreter, sizeof(interpreter));
	CHECK(fd >= 0 && write(fd, &elf, sizeof(elf)) == (ssize_t)sizeof(elf));
	CHECK(fchmod(fd, 0755) == 0);
	close(fd);
	through_stub(file, args, -1, &status, &report);
	unlink(file);
	CHECK_OK(report);
	CHECK_INT(status, 127);
}

TEST(stub_in_its_memory_file_cannot_be_written)
{
	struct rl_fd RL_AUTO_FD stub = { 0 };
	char path[40];
	int fd;

	CHECK_OK(rl_sealed_memfd("stub", stub_image, stub_image_size, &stub));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", rl_fd_get(&stub));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t n = write(fd, "x", 1);

		close(fd);
		CHECK_INT(n, -1);
	}
	fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
	CHECK_INT(fd, -1);
	CHECK(stub_image_size < 4096);
}

TEST(report_that_is_cut_short_is_an_error)
{
	int report[2];

	CHECK(pipe2(report, O_CLOEXEC) == 0);
	CHECK(write(report[1], "\1\0", 2) == 2);
	close(report[1]);
	CHECK_FAILS(ct_program_report(report[0], "/x"), EPROTO, "report");
	close(report[0]);
}

TEST(descriptors_close_on_exec_from_a_number_on)
{
	int a = dup(1), b = dup(1);

	CHECK(a >= 3 && b > a);
	CHECK_OK(ct_program_close_from((unsigned)b));
	CHECK_INT(fcntl(a, F_GETFD), 0);
	CHECK_INT(fcntl(b, F_GETFD), FD_CLOEXEC);
	close(a);
	close(b);
}

RUN_TESTS()

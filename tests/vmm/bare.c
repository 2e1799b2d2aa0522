/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines without an operating system, on whatever /dev/kvm there is: each case is a process that
 * configures a machine by the public API and becomes it, with a guest of a few instructions.
 * And what a start refuses, each row of it provoked for real.
 *
 *     bare GUESTS_DIR
 */
#include "libkrun.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#define STARTED_WRONG 250 /* the child's way to say: start returned, see the pipe */

static const char *guests;
static int number, failures;

struct result {
	int status;	/* exit status, or 1000 + signal */
	int returned;	/* what krun_start_enter returned, if it did */
	char out[4096]; /* the serial port */
	char err[4096]; /* stderr, or the last error after a refused start */
};

struct machine {
	uint32_t ctx;
	int serial; /* where its serial port writes */
};

typedef void configure_fn(struct machine *m);
typedef void meanwhile_fn(pid_t pid, int out_fd);

static void must(int32_t result)
{
	if (result < 0) {
		fprintf(stderr, "a setter failed: %s\n", strerror(-result));
		_exit(249);
	}
}

static char *guest(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", guests, name);
	return path;
}

static void boot(struct machine *m, const char *name)
{
	must(krun_disable_implicit_console(m->ctx));
	must(krun_add_serial_console_default(m->ctx, -1, m->serial));
	must(krun_set_kernel(m->ctx, guest(name), KRUN_KERNEL_FORMAT_ELF, NULL, "from the host"));
	must(krun_set_vm_config(m->ctx, 1, 32));
}

static void child(configure_fn *configure, int out, int err)
{
	struct machine m = { .serial = out };
	int32_t result = krun_create_ctx();
	char text[2048];

	dup2(err, STDERR_FILENO);
	alarm(60);
	must(result);
	m.ctx = (uint32_t)result;
	configure(&m);
	result = krun_start_enter(m.ctx);
	krun_get_last_error(m.ctx, text, sizeof(text));
	dprintf(err, "%d %s\n", result, text);
	_exit(STARTED_WRONG);
}

static void slurp(int fd, char *buf, size_t size)
{
	size_t used = strlen(buf);
	ssize_t n;

	while (used < size - 1 && (n = read(fd, buf + used, size - 1 - used)) > 0)
		used += (size_t)n;
	buf[used] = '\0';
}

static struct result run(configure_fn *configure, meanwhile_fn *meanwhile)
{
	struct result r = { 0 };
	int out[2], err[2], status;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		abort();
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(configure, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	if (meanwhile)
		meanwhile(pid, out[0]);
	slurp(out[0], r.out, sizeof(r.out));
	slurp(err[0], r.err, sizeof(r.err));
	waitpid(pid, &status, 0);
	r.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
	if (r.status == STARTED_WRONG) {
		const char *line = strrchr(r.err, '\n');

		/* the last line is the child's */
		while (line > r.err && line[-1] != '\n')
			line--;
		r.returned = atoi(line);
	}
	close(out[0]);
	close(err[0]);
	return r;
}

static void verdict(const char *name, int good, const struct result *r)
{
	number++;
	printf("%sok %d - %s\n", good ? "" : "not ", number, name);
	if (good)
		return;
	failures++;
	printf("# status %d, returned %d, out \"%s\", err \"%s\"\n", r->status, r->returned, r->out,
	       r->err);
}

/* ---- Machines that run ---- */

static void hello(struct machine *m)
{
	boot(m, "hello.elf");
}
static void hello_smp(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_set_vm_config(m->ctx, 4, 64));
}
static void hello_large(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_set_vm_config(m->ctx, 1, 5000));
}
static void hello_split(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_split_irqchip(m->ctx, true));
}
static void hello_twice_serial(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_add_serial_console_default(m->ctx, -1, -1));
}
static void reset(struct machine *m)
{
	boot(m, "reset.elf");
}
static void fault(struct machine *m)
{
	boot(m, "fault.elf");
}
static void spin(struct machine *m)
{
	boot(m, "spin.elf");
}
static void pvh(struct machine *m)
{
	boot(m, "pvh.elf");
}
static void probe(struct machine *m)
{
	boot(m, "probe.elf");
	must(krun_add_virtiofs(m->ctx, "t", "/tmp"));
}
static void as_nobody(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_setgid(m->ctx, 65534));
	must(krun_setuid(m->ctx, 65534));
}
static void wait_for(int fd, const char *text)
{
	char buf[256] = "";
	size_t used = 0;

	while (strstr(buf, text) == NULL && used < sizeof(buf) - 1) {
		ssize_t n = read(fd, buf + used, 1);

		if (n <= 0)
			return;
		used += (size_t)n;
	}
}
static void terminate_twice(pid_t pid, int out)
{
	wait_for(out, "ready");
	kill(pid, SIGTERM);
	usleep(200000); /* once more, after the first was heard */
	kill(pid, SIGTERM);
}

static int eventfd_of_parent = -1;

static void spin_with_eventfd(struct machine *m)
{
	uint64_t one = 1;

	boot(m, "spin.elf");
	eventfd_of_parent = krun_get_shutdown_eventfd(m->ctx);
	must(eventfd_of_parent);
	/* Asked before it runs: the request is there when the machine looks. */
	if (write(eventfd_of_parent, &one, sizeof(one)) != sizeof(one))
		_exit(249);
}
static void terminate_once(pid_t pid, int out)
{
	wait_for(out, "ready");
	usleep(200000);
	kill(pid, SIGTERM);
}

struct good {
	const char *name;
	configure_fn *configure;
	meanwhile_fn *meanwhile;
	int status;
	const char *out, *err;
};

static const struct good runs[] = {
	{ "hello", hello, NULL, 42, "hello from the guest\n", "" },
	{ "hello with 4 vCPUs", hello_smp, NULL, 42, "hello from the guest\n", "" },
	{ "hello with memory above 4 GiB", hello_large, NULL, 42, "hello from the guest\n", "" },
	{ "hello with a split irqchip", hello_split, NULL, 42, "hello from the guest\n", "" },
	{ "hello with two serial ports", hello_twice_serial, NULL, 42, "hello", "" },
	{ "reset without a status is 0", reset, NULL, 0, "", "" },
	{ "triple fault is 125", fault, NULL, 125, "falling\n", "triple fault" },
	{ "PVH entry and command line", pvh, NULL, 7, "from the host virtio_mmio.device=", "" },
	{ "virtio windows and the guest device", probe, NULL, 0, "ed{runletG", "" },
	{ "another user", as_nobody, NULL, 42, "hello from the guest\n", "" },
	{ "SIGTERM twice stops it", spin, terminate_twice, 137, "", "second request" },
	{ "shutdown eventfd, then SIGTERM", spin_with_eventfd, terminate_once, 137, "",
	  "second request" },
};

static void check_runs(void)
{
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		const struct good *g = &runs[i];
		struct result r = run(g->configure, g->meanwhile);

		verdict(g->name,
			r.status == g->status && strstr(r.out, g->out) != NULL &&
				(*g->err ? strstr(r.err, g->err) != NULL : *r.err == '\0'),
			&r);
	}
}

/* ---- Machines that are refused ---- */

static void kernel_absent(struct machine *m)
{
	must(krun_set_kernel(m->ctx, "/no/such/kernel", KRUN_KERNEL_FORMAT_ELF, NULL, NULL));
}
static void kernel_is_text(struct machine *m)
{
	must(krun_set_kernel(m->ctx, "/etc/passwd", KRUN_KERNEL_FORMAT_ELF, NULL, NULL));
}
static void kernel_is_dir(struct machine *m)
{
	must(krun_set_kernel(m->ctx, "/etc", KRUN_KERNEL_FORMAT_ELF, NULL, NULL));
}
static void kernel_not_raw(struct machine *m)
{
	must(krun_set_kernel(m->ctx, "/etc/passwd", KRUN_KERNEL_FORMAT_RAW, NULL, NULL));
}
static void kernel_not_zstd(struct machine *m)
{
	must(krun_set_kernel(m->ctx, "/etc/passwd", KRUN_KERNEL_FORMAT_IMAGE_ZSTD, NULL, NULL));
}
static void kernel_pe(struct machine *m)
{
	must(krun_set_kernel(m->ctx, "/etc/passwd", KRUN_KERNEL_FORMAT_PE_GZ, NULL, NULL));
}
static void too_little_memory(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_set_vm_config(m->ctx, 1, 8));
}
static void too_much_memory(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_set_vm_config(m->ctx, 1, UINT32_MAX));
}
static void memory_unavailable(struct machine *m)
{
	struct rlimit limit = { 768 << 20, 768 << 20 }; /* enough for all else */

	boot(m, "hello.elf");
	must(krun_set_vm_config(m->ctx, 1, 1024));
#ifndef SANITIZED
	setrlimit(RLIMIT_AS, &limit);
#else
	/* A sanitizer lives on address space. There is no other way to fail: leave it out. */
	(void)limit;
	dprintf(STDERR_FILENO, "libkrun: start the machine: (skipped) 1024 MiB\n-12 skipped\n");
	_exit(STARTED_WRONG);
#endif
}
static void initramfs_too_large(struct machine *m)
{
	static char path[] = "/tmp/bare-initramfs-XXXXXX";
	int fd = mkstemp(path);

	boot(m, "hello.elf");
	if (fd < 0 || ftruncate(fd, 40 << 20) < 0)
		_exit(249);
	must(krun_set_kernel(m->ctx, guest("hello.elf"), KRUN_KERNEL_FORMAT_ELF, path, ""));
	/* Gone by the time it is opened by name would be ENOENT: so by descriptor. */
	unlink(path);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	must(krun_set_kernel(m->ctx, guest("hello.elf"), KRUN_KERNEL_FORMAT_ELF, path, ""));
}
static void cmdline_too_long(struct machine *m)
{
	static char line[3000];

	memset(line, 'x', sizeof(line) - 1);
	boot(m, "hello.elf");
	must(krun_set_kernel(m->ctx, guest("hello.elf"), KRUN_KERNEL_FORMAT_ELF, NULL, line));
}
static void cmdline_not_ascii(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_set_kernel(m->ctx, guest("hello.elf"), KRUN_KERNEL_FORMAT_ELF, NULL, "\xc3\xa4"));
}
static void root_absent(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_set_root(m->ctx, "/no/such/root"));
}
static void root_is_file(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_set_root(m->ctx, "/etc/passwd"));
}
static void disk_absent(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_add_disk(m->ctx, "data", "/no/such/disk", false));
}
static void disk_is_dir(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_add_disk(m->ctx, "data", "/etc", true));
}
static void console_file_absent(struct machine *m)
{
	must(krun_set_console_output(m->ctx, "/no/such/dir/log"));
	must(krun_set_kernel(m->ctx, guest("hello.elf"), KRUN_KERNEL_FORMAT_ELF, NULL, ""));
}
static void console_closed_meanwhile(struct machine *m)
{
	/* High, so that it is not used again for something else. */
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 900);

	must(krun_add_virtio_console_multiport(m->ctx));
	must(krun_add_console_port_inout(m->ctx, 0, "p", fd, fd));
	must(krun_set_kernel(m->ctx, guest("hello.elf"), KRUN_KERNEL_FORMAT_ELF, NULL, ""));
	close(fd);
}
static void no_descriptors(struct machine *m)
{
	struct rlimit limit = { 16, 16 };

	boot(m, "hello.elf");
	for (int i = 0; i < 20; i++)
		must(krun_add_virtiofs(m->ctx, (char[]){ (char)('a' + i), 0 }, "/tmp"));
	setrlimit(RLIMIT_NOFILE, &limit);
}
static void no_kvm_permission(struct machine *m)
{
	boot(m, "hello.elf");
	if (setgid(65534) < 0 || setuid(65534) < 0)
		_exit(249);
}
static void firmware_odd(struct machine *m)
{
	must(krun_set_firmware(m->ctx, "/etc/passwd"));
}
/* Network: opened by the start, not by a thread when the driver wakes up. */
static uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

static void net_absent(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_add_net_unixstream(m->ctx, "/no/such/proxy", -1, mac, 0, 0));
}
static void net_refused(struct machine *m)
{
	boot(m, "hello.elf");
	/* A socket's name without a socket behind it. */
	must(krun_add_net_unixgram(m->ctx, "/etc/passwd", -1, mac, 0, NET_FLAG_VFKIT));
}
static void net_no_socket(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_set_passt_fd(m->ctx, m->serial));
}
static void tap_absent(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_add_net_tap(m->ctx, (char *)"no-such-tap", mac, 0, 0));
}
static void vsock_no_directory(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_add_vsock_port2(m->ctx, 1, "/no/such/dir/socket", true));
}
static void same_tag(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_set_root(m->ctx, "/"));
	must(krun_set_root(m->ctx, "/"));
}
static void too_many_devices(struct machine *m)
{
	char tag[16];

	boot(m, "hello.elf");
	for (int i = 0; i < 300; i++) {
		snprintf(tag, sizeof(tag), "t%d", i);
		must(krun_add_virtiofs(m->ctx, tag, "/tmp"));
	}
}

static const struct {
	const char *id, *name;
	configure_fn *configure;
	int errnum;
	const char *text;
} refusals[] = {
	{ "S1", "no permission for /dev/kvm", no_kvm_permission, EACCES, "open /dev/kvm" },
	{ "S5", "no memory for the guest", memory_unavailable, ENOMEM, "1024 MiB" },
	{ "S6", "less memory than the kernel needs", too_little_memory, ENOMEM,
	  "needs RAM up to 17 MiB, the machine has 8 MiB" },
	{ "S7", "more memory than addresses", too_much_memory, ERANGE, "4294967295 MiB of RAM" },
	{ "S8", "disk absent", disk_absent, ENOENT, "/no/such/disk" },
	{ "S8", "disk is a directory", disk_is_dir, 0, "/etc" },
	{ "S10", "too many devices", too_many_devices, ENOSPC, "room for 256" },
	{ "S11", "console file cannot be made", console_file_absent, ENOENT, "/no/such/dir/log" },
	{ "S12", "kernel absent", kernel_absent, ENOENT, "/no/such/kernel" },
	{ "S12", "kernel is text", kernel_is_text, ENOEXEC, "kernel /etc/passwd" },
	{ "S12", "kernel is a directory", kernel_is_dir, EISDIR, "/etc" },
	{ "S12", "kernel is neither ELF nor bzImage", kernel_not_raw, ENOEXEC, "bzImage" },
	{ "S12", "kernel without zstd data", kernel_not_zstd, ENOEXEC, "zstd" },
	{ "S12", "kernel for arm64", kernel_pe, ENOTSUP, "arm64" },
	{ "S13", "initramfs too large", initramfs_too_large, EFBIG, "initramfs of 40 MiB" },
	{ "S14", "command line too long", cmdline_too_long, E2BIG, "takes 2047" },
	{ "S14", "command line not ASCII", cmdline_not_ascii, EILSEQ, "byte 0xc3 at offset 0" },
	{ "S16", "no descriptors left", no_descriptors, EMFILE, "" },
	{ "S18", "network socket absent", net_absent, ENOENT, "net 0: connect to /no/such/proxy" },
	{ "S18", "network socket refused", net_refused, ECONNREFUSED, "connect to /etc/passwd" },
	{ "S18", "network descriptor is no socket", net_no_socket, ENOTSOCK, "net 0: descriptor" },
	{ "S18", "tap device absent", tap_absent, ENODEV, "tap device no-such-tap" },
	{ "-", "vsock path without directory", vsock_no_directory, ENOENT,
	  "vsock port 1: bind /no/such/dir/socket" },
	{ "S21", "console descriptor closed meanwhile", console_closed_meanwhile, EBADF, "" },
	{ "S30", "root absent", root_absent, ENOENT, "/no/such/root" },
	{ "S30", "root is a file", root_is_file, ENOTDIR, "/etc/passwd" },
	{ "-", "firmware of odd size", firmware_odd, EINVAL, "whole pages" },
	{ "-", "one tag twice", same_tag, EEXIST, "/dev/root" },
};

static void check_refusals(void)
{
	char name[128];

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct result r = run(refusals[i].configure, NULL);
		int want = -refusals[i].errnum;

		snprintf(name, sizeof(name), "%s: %s", refusals[i].id, refusals[i].name);
		/* Said on stderr by the library, and again by krun_get_last_error. */
		verdict(name,
			r.status == STARTED_WRONG && r.returned < 0 &&
				(want == 0 || r.returned == want) &&
				strstr(r.err, refusals[i].text) != NULL &&
				strncmp(r.err, "libkrun: start the machine: ", 28) == 0,
			&r);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	guests = argv[1];
	if (access("/dev/kvm", R_OK | W_OK) < 0) {
		printf("1..0 # SKIP /dev/kvm: %s\n", strerror(errno));
		return 0;
	}
	check_runs();
	check_refusals();
	printf("1..%d\n", number);
	return failures != 0;
}

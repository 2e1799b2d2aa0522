/* SPDX-License-Identifier: Apache-2.0 */
/* What a start refuses, each row of it provoked for real. */
#include "bare.h"
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

static void old_kvm(struct machine *m)
{
	boot(m, "hello.elf");
	fault_set(&(struct fault){ KVM_GET_API_VERSION, FAULT_ANY, 1, 11, 0 });
}
static void poor_kvm(struct machine *m)
{
	boot(m, "hello.elf");
	fault_set(&(struct fault){ KVM_CHECK_EXTENSION, KVM_CAP_IRQFD, 1, 0, 0 });
}
static void kvm_without_memory(struct machine *m)
{
	boot(m, "hello.elf");
	fault_set(&(struct fault){ KVM_CREATE_VM, FAULT_ANY, 1, -1, ENOMEM });
}
static void kvm_in_use(struct machine *m)
{
	boot(m, "hello.elf");
	fault_set(&(struct fault){ KVM_CREATE_VM, FAULT_ANY, 1, -1, EBUSY });
}
static void memory_refused(struct machine *m)
{
	boot(m, "hello.elf");
	fault_set(&(struct fault){ KVM_SET_USER_MEMORY_REGION, FAULT_ANY, 1, -1, EACCES });
}

/* S17: no kernel of the distribution, and no bundle, unless somebody has one installed. */
static void hide_kernels(void)
{
	if (access("/lib/modules", F_OK) == 0 && unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		(void)mount("none", "/lib/modules", "tmpfs", 0, NULL);
}
static void no_kernel(struct machine *m)
{
	char name[256];

	if (krun_get_kernel_name(m->ctx, name, sizeof(name)) != -ENOENT) {
		dprintf(STDERR_FILENO,
			"libkrun: start the machine: no kernel was found: (not so "
			"here: %s)\n-2 skipped\n",
			name);
		_exit(STARTED_WRONG);
	}
}

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
	{ "S2", "KVM of another API", old_kvm, ENOTSUP, "/dev/kvm has API version 11, not 12" },
	{ "S2", "KVM without a capability", poor_kvm, ENOTSUP, "/dev/kvm lacks KVM_CAP_IRQFD" },
	{ "S3", "KVM without memory", kvm_without_memory, ENOMEM,
	  "KVM_CREATE_VM: Cannot allocate" },
	{ "S3", "KVM in use", kvm_in_use, EBUSY,
	  "KVM_CREATE_VM: Device or resource busy (another hypervisor" },
	{ "S4", "the guest's memory is refused", memory_refused, EACCES, "Permission denied" },
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
	{ "S17", "no kernel anywhere", no_kernel, ENOENT, "no kernel was found: " },
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

void check_refusals(void)
{
	char name[128];

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		int want = -refusals[i].errnum;
		struct result r;

		before_context = refusals[i].configure == no_kernel ? hide_kernels : NULL;
		r = run(refusals[i].configure, NULL);
		before_context = NULL;
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every function of the API by its public header: what it refuses, with which errno, in which
 * order, and what it says about it. Nothing here needs KVM.
 */
#include "libkrun.h"

#include "test.h"

#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOWHERE 987654u /* no such context */

static const char bad_utf8[] = "a\xff"
			       "b";
static uint8_t mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };

static char said[2048];

/* The call's result, and a part of what krun_get_last_error says about it. */
#define EXPECT(call, want, part)                                                    \
	do {                                                                        \
		long got_ = (call), want_ = (want);                                 \
		if (got_ != want_)                                                  \
			FAIL_("%s is %ld, want %ld", #call, got_, want_);           \
		(void)krun_get_last_error(KRUN_LAST_ERROR_ANY, said, sizeof(said)); \
		if (want_ < 0 && strstr(said, (part)) == NULL)                      \
			FAIL_("%s says \"%s\", want \"%s\"", #call, said, (part));  \
	} while (0)

static uint32_t new_ctx(void)
{
	return (uint32_t)krun_create_ctx();
}

TEST(contexts_are_numbered_and_not_reused)
{
	int32_t a = krun_create_ctx(), b = krun_create_ctx();

	CHECK(a >= 0);
	CHECK_INT(b, a + 1);
	EXPECT(krun_free_ctx((uint32_t)a), 0, "");
	EXPECT(krun_free_ctx((uint32_t)a), -ENOENT, "no such context");
	EXPECT(krun_free_ctx(NOWHERE), -ENOENT, "no such context");
	CHECK_INT(krun_create_ctx(), b + 1);
	EXPECT(krun_set_vm_config((uint32_t)a, 1, 1), -ENOENT, "no such context");
	CHECK_INT(krun_free_ctx((uint32_t)b), 0);
}

TEST(an_unknown_context_is_enoent_everywhere)
{
	static const char *const none[] = { NULL };

	EXPECT(krun_set_vm_config(NOWHERE, 1, 1), -ENOENT, "context");
	EXPECT(krun_set_root(NOWHERE, "/"), -ENOENT, "context");
	EXPECT(krun_add_virtiofs(NOWHERE, "t", "/"), -ENOENT, "context");
	EXPECT(krun_add_virtiofs2(NOWHERE, "t", "/", 0), -ENOENT, "context");
	EXPECT(krun_add_virtiofs3(NOWHERE, "t", NULL, 0, true), -ENOENT, "context");
	EXPECT(krun_fs_add_overlay_file(NOWHERE, "t", "f", mac, 1, 0644, false), -ENOENT, "");
	EXPECT(krun_fs_add_overlay_dir(NOWHERE, "t", "d", 0755), -ENOENT, "context");
	EXPECT(krun_disable_implicit_init(NOWHERE), -ENOENT, "context");
	EXPECT(krun_add_disk(NOWHERE, "d", "/x", false), -ENOENT, "context");
	EXPECT(krun_add_disk2(NOWHERE, "d", "/x", 0, false), -ENOENT, "context");
	EXPECT(krun_add_disk3(NOWHERE, "d", "/x", 0, false, false, 0), -ENOENT, "context");
	EXPECT(krun_set_root_disk(NOWHERE, "/x"), -ENOENT, "context");
	EXPECT(krun_set_data_disk(NOWHERE, "/x"), -ENOENT, "context");
	EXPECT(krun_set_root_disk_remount(NOWHERE, "/dev/vda", NULL, NULL), -ENOENT, "context");
	EXPECT(krun_add_net_unixstream(NOWHERE, "/s", -1, mac, 0, 0), -ENOENT, "context");
	EXPECT(krun_add_net_unixgram(NOWHERE, "/s", -1, mac, 0, 0), -ENOENT, "context");
	EXPECT(krun_add_net_tap(NOWHERE, (char *)"t", mac, 0, 0), -ENOENT, "context");
	EXPECT(krun_add_net_tap_fd(NOWHERE, 0, mac, 0, 0), -ENOENT, "context");
	EXPECT(krun_set_container_config(NOWHERE, "{}"), -ENOENT, "context");
	EXPECT(krun_set_passt_fd(NOWHERE, 0), -ENOENT, "context");
	EXPECT(krun_set_gvproxy_path(NOWHERE, (char *)"/s"), -ENOENT, "context");
	EXPECT(krun_set_net_mac(NOWHERE, mac), -ENOENT, "context");
	EXPECT(krun_set_port_map(NOWHERE, none), -ENOENT, "context");
	EXPECT(krun_add_vsock_port(NOWHERE, 1, "/s"), -ENOENT, "context");
	EXPECT(krun_add_vsock_port2(NOWHERE, 1, "/s", true), -ENOENT, "context");
	EXPECT(krun_disable_implicit_vsock(NOWHERE), -ENOENT, "context");
	EXPECT(krun_add_vsock(NOWHERE, 0), -ENOENT, "context");
	EXPECT(krun_disable_implicit_console(NOWHERE), -ENOENT, "context");
	EXPECT(krun_set_console_output(NOWHERE, "/x"), -ENOENT, "context");
	EXPECT(krun_add_virtio_console_default(NOWHERE, 0, 1, 2), -ENOENT, "context");
	EXPECT(krun_add_serial_console_default(NOWHERE, -1, 1), -ENOENT, "context");
	EXPECT(krun_add_virtio_console_multiport(NOWHERE), -ENOENT, "context");
	EXPECT(krun_add_console_port_inout(NOWHERE, 0, "p", -1, 1), -ENOENT, "context");
	EXPECT(krun_set_kernel_console(NOWHERE, "hvc0"), -ENOENT, "context");
	EXPECT(krun_set_exec(NOWHERE, "/x", NULL, NULL), -ENOENT, "context");
	EXPECT(krun_set_env(NOWHERE, none), -ENOENT, "context");
	EXPECT(krun_set_workdir(NOWHERE, "/"), -ENOENT, "context");
	EXPECT(krun_set_rlimits(NOWHERE, none), -ENOENT, "context");
	EXPECT(krun_set_kernel(NOWHERE, "/x", KRUN_KERNEL_FORMAT_ELF, NULL, NULL), -ENOENT, "");
	EXPECT(krun_set_firmware(NOWHERE, "/x"), -ENOENT, "context");
	EXPECT(krun_set_nested_virt(NOWHERE, true), -ENOENT, "context");
	EXPECT(krun_set_confinement(NOWHERE, 0), -ENOENT, "context");
	EXPECT(krun_set_confinement(NOWHERE, 4), -EINVAL, "confinement 0x4");
	EXPECT(krun_split_irqchip(NOWHERE, true), -ENOENT, "context");
	EXPECT(krun_set_smbios_oem_strings(NOWHERE, none), -ENOENT, "context");
	EXPECT(krun_setuid(NOWHERE, 0), -ENOENT, "context");
	EXPECT(krun_setgid(NOWHERE, 0), -ENOENT, "context");
	EXPECT(krun_get_shutdown_eventfd(NOWHERE), -ENOENT, "context");
	EXPECT(krun_start_enter(NOWHERE), -ENOENT, "no such context");
	EXPECT(krun_get_last_error(NOWHERE, said, sizeof(said)), -ENOENT, "");
}

/* Arguments are judged before the context is looked for. */
TEST(null_pointers_and_bad_text_are_einval)
{
	const char *const bad_list[] = { bad_utf8, NULL };

	const uint32_t ids[] = { new_ctx(), NOWHERE };

	for (int i = 0; i < 2; i++) {
		uint32_t id = ids[i];

		EXPECT(krun_set_root(id, NULL), -EINVAL, "NULL");
		EXPECT(krun_set_root(id, bad_utf8), -EINVAL, "byte 1 is not UTF-8");
		EXPECT(krun_add_virtiofs(id, NULL, "/"), -EINVAL, "NULL");
		EXPECT(krun_add_virtiofs(id, "t", NULL), -EINVAL, "NULL");
		EXPECT(krun_add_virtiofs2(id, bad_utf8, "/", 0), -EINVAL, "UTF-8");
		EXPECT(krun_add_virtiofs3(id, NULL, NULL, 0, false), -EINVAL, "NULL");
		EXPECT(krun_add_virtiofs3(id, "", "/", 0, false), -EINVAL, "empty");
		EXPECT(krun_fs_add_overlay_file(id, NULL, "f", mac, 1, 0, false), -EINVAL, "");
		EXPECT(krun_fs_add_overlay_file(id, "t", NULL, mac, 1, 0, false), -EINVAL, "");
		EXPECT(krun_fs_add_overlay_file(id, "t", "f", NULL, 1, 0, false), -EINVAL, "");
		EXPECT(krun_fs_add_overlay_file(id, "t", "", mac, 1, 0, false), -EINVAL, "");
		EXPECT(krun_fs_add_overlay_file(id, "t", "a//b", mac, 1, 0, false), -EINVAL, "");
		EXPECT(krun_fs_add_overlay_file(id, "t", "a/", mac, 1, 0, false), -EINVAL, "");
		EXPECT(krun_fs_add_overlay_file(id, "t", "..", mac, 1, 0, false), -EINVAL, "");
		EXPECT(krun_fs_add_overlay_dir(id, NULL, "d", 0), -EINVAL, "NULL");
		EXPECT(krun_fs_add_overlay_dir(id, "t", NULL, 0), -EINVAL, "NULL");
		EXPECT(krun_add_disk(id, NULL, "/x", false), -EINVAL, "id of the disk");
		EXPECT(krun_add_disk(id, "d", NULL, false), -EINVAL, "path of the disk");
		EXPECT(krun_add_disk2(id, "d", "/x", 3, false), -EINVAL, "format 3");
		EXPECT(krun_add_disk3(id, "d", "/x", 0, false, false, 3), -EINVAL, "sync mode 3");
		EXPECT(krun_set_root_disk(id, NULL), -EINVAL, "NULL");
		EXPECT(krun_set_data_disk(id, NULL), -EINVAL, "NULL");
		EXPECT(krun_set_root_disk_remount(id, NULL, NULL, NULL), -EINVAL, "NULL");
		EXPECT(krun_set_root_disk_remount(id, "/d", bad_utf8, NULL), -EINVAL, "UTF-8");
		EXPECT(krun_add_net_unixstream(id, "/s", -1, NULL, 0, 0), -EINVAL, "MAC");
		EXPECT(krun_set_net_mac(id, NULL), -EINVAL, "MAC");
		EXPECT(krun_add_net_tap(id, NULL, mac, 0, 0), -EINVAL, "NULL");
		EXPECT(krun_set_gvproxy_path(id, NULL), -EINVAL, "");
		EXPECT(krun_set_passt_fd(id, -1), -EINVAL, "");
		EXPECT(krun_add_vsock_port(id, 1, NULL), -EINVAL, "NULL");
		EXPECT(krun_set_console_output(id, NULL), -EINVAL, "NULL");
		EXPECT(krun_add_console_port_tty(id, 0, bad_utf8, 0), -EINVAL, "UTF-8");
		EXPECT(krun_add_console_port_tty(id, 0, NULL, -1), -EINVAL, "negative");
		EXPECT(krun_set_kernel_console(id, NULL), -EINVAL, "NULL");
		EXPECT(krun_set_kernel_console(id, "hvc0 quiet"), -EINVAL, "one word");
		EXPECT(krun_set_exec(id, NULL, NULL, NULL), -EINVAL, "NULL");
		EXPECT(krun_set_exec(id, "/x", bad_list, NULL), -EINVAL, "argument");
		EXPECT(krun_set_exec(id, "/x", NULL, bad_list), -EINVAL, "environment");
		EXPECT(krun_set_env(id, bad_list), -EINVAL, "environment");
		EXPECT(krun_set_workdir(id, NULL), -EINVAL, "NULL");
		EXPECT(krun_set_rlimits(id, NULL), -EINVAL, "NULL");
		EXPECT(krun_set_kernel(id, NULL, 0, NULL, NULL), -EINVAL, "NULL");
		EXPECT(krun_set_kernel(id, "/x", 6, NULL, NULL), -EINVAL, "format 6");
		EXPECT(krun_set_firmware(id, NULL), -EINVAL, "NULL");
		EXPECT(krun_set_smbios_oem_strings(id, NULL), -EINVAL, "NULL");
		EXPECT(krun_set_mapped_volumes(id, NULL), -EINVAL, "removed");
		EXPECT(krun_set_vm_config(id, 0, 128), -EINVAL, "at least 1 vCPU");
		EXPECT(krun_set_vm_config(id, 1, 0), -EINVAL, "at least 1 MiB");
		EXPECT(krun_get_default_init(NULL, NULL), -EINVAL, "NULL");
	}
}

TEST(utf8_is_judged_by_its_rules)
{
	static const char *const bad[] = { "\x80",	   "\xc0\x80",	       "\xc3",
					   "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80" };
	uint32_t ctx = new_ctx();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT(krun_set_workdir(ctx, bad[i]), -EINVAL, "UTF-8");
	EXPECT(krun_set_workdir(ctx, "/\xc3\xa4/\xe2\x82\xac/\xf0\x9f\x90\xa7"), 0, "");
}

TEST(file_systems)
{
	static const uint8_t data[] = "x";
	uint32_t ctx = new_ctx();

	EXPECT(krun_add_virtiofs(ctx, "0123456789012345678901234567890123456", "/"), -ENAMETOOLONG,
	       "more than 36 bytes");
	EXPECT(krun_add_virtiofs(ctx, "012345678901234567890123456789012345", "/"), 0, "");
	EXPECT(krun_fs_add_overlay_dir(ctx, "t", "etc", 0755), -ENOENT, "with the tag \"t\"");
	EXPECT(krun_add_virtiofs3(ctx, "t", NULL, 0, true), 0, "");
	EXPECT(krun_fs_add_overlay_file(ctx, "t", "etc/hosts", data, 1, 0644, false), -ENOENT,
	       "\"etc\" was not added");
	EXPECT(krun_fs_add_overlay_dir(ctx, "t", "etc", 0755), 0, "");
	EXPECT(krun_fs_add_overlay_file(ctx, "t", "etc/hosts", data, 1, 0644, false), 0, "");
	EXPECT(krun_fs_add_overlay_file(ctx, "t", "etc/hosts", data, 1, 0644, true), 0, "");
	EXPECT(krun_fs_add_overlay_file(ctx, "t", "etc/hosts/x", data, 1, 0, false), -ENOTDIR,
	       "\"etc/hosts\" is a file");
	EXPECT(krun_fs_add_overlay_file(ctx, "t", "empty", NULL, 0, 0, false), 0, "");
	EXPECT(krun_disable_implicit_init(ctx), 0, "");
	EXPECT(krun_set_root(ctx, "/"), 0, "");
}

TEST(disks)
{
	uint32_t ctx = new_ctx();

	EXPECT(krun_set_root_disk_remount(ctx, "/dev/vda", NULL, NULL), -EINVAL, "no disk");
	EXPECT(krun_set_root_disk(ctx, "/x"), 0, "");
	EXPECT(krun_set_root_disk_remount(ctx, "/dev/vda", NULL, NULL), -EINVAL, "no disk");
	EXPECT(krun_add_disk2(ctx, "q", "/x", KRUN_DISK_FORMAT_QCOW2, false), -ENOTSUP, "qcow2");
	EXPECT(krun_add_disk2(ctx, "v", "/x", KRUN_DISK_FORMAT_VMDK, false), -ENOTSUP, "vmdk");
	EXPECT(krun_add_disk3(ctx, "d", "/x", 0, true, true, KRUN_SYNC_NONE), 0, "");
	EXPECT(krun_set_root_disk_remount(ctx, "/dev/vda", "ext4", "ro"), 0, "");
	EXPECT(krun_set_root_disk_remount(ctx, "/dev/vda", NULL, NULL), -EINVAL, "already");
}

TEST(network_and_vsock)
{
	static const char *const good[] = { "8080:80", "53:53", NULL }, *const none[] = { NULL };
	static const char *const malformed[] = { "8080", NULL }, *const big[] = { "70000:1", NULL };
	static const char *const twice[] = { "1:2", "1:3", NULL }, *const guest[] = { "1:2", "3:2",
										      NULL };
	uint32_t ctx = new_ctx();

	EXPECT(krun_add_net_unixstream(ctx, NULL, -1, mac, 0, 0), -EINVAL, "one of them");
	EXPECT(krun_add_net_unixstream(ctx, "/s", 3, mac, 0, 0), -EINVAL, "one of them");
	EXPECT(krun_add_net_unixstream(ctx, "/s", -1, mac, 1u << 31, 0), -EINVAL, "features");
	EXPECT(krun_add_net_unixstream(ctx, "/s", -1, mac, 0, NET_FLAG_VFKIT), -EINVAL, "flags");
	EXPECT(krun_add_net_unixgram(ctx, "/s", -1, mac, 0, 4), -EINVAL, "flags");
	EXPECT(krun_add_net_tap(ctx, (char *)"t", mac, NET_FEATURE_GUEST_TSO4, 0), -EINVAL,
	       "GUEST_CSUM");
	EXPECT(krun_add_net_tap(ctx, (char *)"t", mac, 1u << 3, 0), -EINVAL, "features 0x8");
	EXPECT(krun_add_net_tap(ctx, (char *)"t", mac, 0, NET_FLAG_VFKIT), -EINVAL, "flags");
	EXPECT(krun_add_net_tap_fd(ctx, 9999, mac, 0, 0), -EBADF, "descriptor 9999");
	EXPECT(krun_add_net_tap_fd(ctx, 0, mac, NET_FEATURE_GUEST_TSO4, 0), -EINVAL, "GUEST_CSUM");
	EXPECT(krun_add_net_tap_fd(ctx, 0, NULL, 0, 0), -EINVAL, "MAC");
	EXPECT(krun_set_passt_fd(ctx, -1), -EINVAL, "one of them");
	EXPECT(krun_set_gvproxy_path(ctx, NULL), -EINVAL, "one of them");

	EXPECT(krun_set_port_map(ctx, malformed), -EINVAL, "\"8080\" is not HOST:GUEST");
	EXPECT(krun_set_port_map(ctx, big), -EINVAL, "HOST:GUEST");
	EXPECT(krun_set_port_map(ctx, twice), -EINVAL, "host port 1 occurs twice");
	EXPECT(krun_set_port_map(ctx, guest), -EINVAL, "guest port 2 occurs twice");
	EXPECT(krun_set_port_map(ctx, NULL), 0, "");
	EXPECT(krun_set_port_map(ctx, none), 0, "");
	EXPECT(krun_set_port_map(ctx, good), -ENOTSUP, "not built");
	EXPECT(krun_add_vsock_port2(ctx, 1, "/", true), -EEXIST, "");
	EXPECT(krun_add_vsock_port(ctx, 1, "/s"), 0, "");
	EXPECT(krun_add_vsock_port2(ctx, 2, "/nonexistent/s", true), 0, "");
	EXPECT(krun_add_vsock(ctx, 4), -EINVAL, "0x4");
	EXPECT(krun_add_vsock(ctx, 0), -EEXIST, "was not disabled");
	EXPECT(krun_disable_implicit_vsock(ctx), 0, "");
	EXPECT(krun_set_port_map(ctx, good), -ENODEV, "disabled");
	EXPECT(krun_add_vsock_port(ctx, 1, "/s"), -ENODEV, "disabled");
	EXPECT(krun_add_vsock(ctx, 1), -ENOTSUP, "TSI");
	EXPECT(krun_add_vsock(ctx, 0), 0, "");
	EXPECT(krun_add_vsock(ctx, 0), -EEXIST, "already");

	ctx = new_ctx();
	EXPECT(krun_set_net_mac(ctx, mac), 0, "");
	EXPECT(krun_set_passt_fd(ctx, 3), 0, "");
	EXPECT(krun_set_gvproxy_path(ctx, (char *)"/s"), -EINVAL, "already");
	EXPECT(krun_add_net_tap(ctx, (char *)"t", mac, COMPAT_NET_FEATURES, 0), 0, "");
	EXPECT(krun_add_net_unixgram(ctx, "/s", -1, mac, 0, NET_FLAG_VFKIT | NET_FLAG_DHCP_CLIENT),
	       0, "");
	EXPECT(krun_add_net_unixstream(ctx, "/s", -1, mac, COMPAT_NET_FEATURES, 2), 0, "");
	EXPECT(krun_set_passt_fd(ctx, 3), -EINVAL, "already");
	EXPECT(krun_set_port_map(ctx, none), -ENOTSUP, "which has its own");
	EXPECT(krun_add_vsock_port(ctx, 1, "/s"), 0, "");
}

TEST(consoles)
{
	uint32_t ctx = new_ctx();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), closed = 1000;

	EXPECT(krun_set_console_output(ctx, "/tmp/x"), 0, "");
	EXPECT(krun_set_console_output(ctx, "/tmp/y"), -EINVAL, "/tmp/x already");
	EXPECT(krun_add_virtio_console_default(ctx, closed, -1, -1), -EBADF, "console input 1000");
	EXPECT(krun_add_virtio_console_default(ctx, -2, -1, -1), -EBADF, "console input -2");
	EXPECT(krun_add_virtio_console_default(ctx, null, null, -1), 0, "");
	EXPECT(krun_add_console_port_tty(ctx, 0, "p", null), -ENOTTY, "descriptor");
	EXPECT(krun_add_console_port_tty(ctx, 0, "p", closed), -EBADF, "1000");
	/* Console 0 configures itself: it takes no ports. */
	EXPECT(krun_add_console_port_inout(ctx, 0, "p", null, null), -EINVAL, "console 0");
	EXPECT(krun_add_virtio_console_multiport(ctx), 1, "");
	EXPECT(krun_add_console_port_inout(ctx, 1, NULL, null, -1), 0, "");
	EXPECT(krun_add_console_port_inout(ctx, 2, "p", null, null), -EINVAL, "console 2");
	for (int i = 0; i < 4; i++)
		EXPECT(krun_add_serial_console_default(ctx, -1, null), 0, "");
	EXPECT(krun_add_serial_console_default(ctx, -1, null), -ENOSPC, "at most 4");
	close(null);
}

TEST(workload)
{
	static const char *const malformed[] = { "7=1", NULL }, *const words[] = { "NOFILE=1:1",
										   NULL };
	static const char *const inverted[] = { "7=2:1", NULL }, *const unknown[] = { "99=1:1",
										      NULL };
	static const char *const good[] = { "7=1024:2048", "6:10:20", NULL };
	static const char *args[5001];
	uint32_t ctx = new_ctx();

	EXPECT(krun_set_rlimits(ctx, malformed), -EINVAL, "NUMBER=SOFT:HARD");
	EXPECT(krun_set_rlimits(ctx, words), -EINVAL, "NUMBER=SOFT:HARD");
	EXPECT(krun_set_rlimits(ctx, inverted), -EINVAL, "above hard");
	EXPECT(krun_set_rlimits(ctx, unknown), -EINVAL, "no resource 99");
	EXPECT(krun_set_rlimits(ctx, good), 0, "");
	/* More than the 32 that fit on a kernel command line, and than the original takes. */
	for (int i = 0; i < 5000; i++)
		args[i] = "argument";
	EXPECT(krun_set_exec(ctx, "/bin/true", args, NULL), 0, "");
	EXPECT(krun_set_exec(ctx, "/bin/true", NULL, NULL), 0, "");
	EXPECT(krun_set_workdir(ctx, "/tmp"), 0, "");
}

TEST(kernels)
{
	uint32_t ctx = new_ctx();

	EXPECT(krun_set_kernel(ctx, "/no/such/kernel", KRUN_KERNEL_FORMAT_RAW, NULL, NULL), -ENOENT,
	       "/no/such/kernel");
	/* Other formats are opened at start. */
	EXPECT(krun_set_kernel(ctx, "/no/such/kernel", KRUN_KERNEL_FORMAT_ELF, NULL, "x"), 0, "");
	EXPECT(krun_set_kernel(ctx, "/x", KRUN_KERNEL_FORMAT_ELF, "/no/initrd", NULL), -ENOENT,
	       "/no/initrd");
	EXPECT(krun_set_kernel(ctx, "/x", KRUN_KERNEL_FORMAT_ELF, NULL, bad_utf8), -EINVAL, "");
}

TEST(features_tell_the_truth)
{
	EXPECT(krun_has_feature(KRUN_FEATURE_GPU), 0, "");
	EXPECT(krun_has_feature(KRUN_FEATURE_INPUT), 0, "");
	EXPECT(krun_has_feature(KRUN_FEATURE_TEE), 0, "");
	EXPECT(krun_has_feature(3), -EINVAL, "feature 3");
	EXPECT(krun_has_feature(5), -EINVAL, "feature 5");
	EXPECT(krun_has_feature(12), -EINVAL, "feature 12");
	EXPECT(krun_has_feature(UINT64_MAX), -EINVAL, "");
	CHECK_INT(krun_has_feature(KRUN_FEATURE_BLK), 1);
	CHECK_INT(krun_has_feature(KRUN_FEATURE_NET), 1);
	CHECK(krun_check_nested_virt() >= 0);
}

TEST(init_blob_and_its_feature_agree)
{
	const uint8_t *data = NULL;
	size_t len = 0;
	int32_t result = krun_get_default_init(&data, &len);

	if (krun_has_feature(KRUN_FEATURE_INIT_BLOB) == 0) {
		CHECK_INT(result, -ENOTSUP);
		return;
	}
	CHECK_INT(result, 0);
	CHECK(len > 1000 && memcmp(data, "\177ELF", 4) == 0);
}

TEST(what_is_not_built_says_so)
{
	static const uint16_t sizes[] = { 256 };
	uint32_t ctx = new_ctx();

	EXPECT(krun_set_gpu_options(ctx, 0), -ENOTSUP, "GPU");
	EXPECT(krun_set_gpu_options2(ctx, 0, 0), -ENOTSUP, "GPU");
	EXPECT(krun_add_display(ctx, 1, 1), -ENOTSUP, "display");
	EXPECT(krun_display_set_dpi(ctx, 0, 96), -ENOTSUP, "display");
	EXPECT(krun_display_set_physical_size(ctx, 0, 1, 1), -ENOTSUP, "display");
	EXPECT(krun_display_set_refresh_rate(ctx, 0, 60), -ENOTSUP, "display");
	EXPECT(krun_add_vhost_user_device(ctx, 4, "/s", NULL, 1, sizes), -ENOTSUP, "vhost-user");
	EXPECT(krun_set_tee_config_file(ctx, "/x"), -ENOTSUP, "confidential");
}

TEST(the_last_error_belongs_to_its_context)
{
	uint32_t a = new_ctx(), b = new_ctx();
	char text[64];

	CHECK_INT(krun_get_last_error(a, text, sizeof(text)), 0);
	CHECK_STR(text, "");
	CHECK_INT(krun_set_vm_config(a, 0, 1), -EINVAL);
	CHECK_INT(krun_set_vm_config(b, 1, 0), -EINVAL);
	CHECK_INT(krun_get_last_error(a, text, sizeof(text)), (int)strlen(text));
	CHECK_STR(text, "a machine has at least 1 vCPU");
	/* Success does not erase it; a short buffer is filled and ended. */
	CHECK_INT(krun_set_vm_config(a, 1, 1), 0);
	CHECK_INT(krun_get_last_error(a, text, 10), 29);
	CHECK_STR(text, "a machine");
	CHECK_INT(krun_get_last_error(a, NULL, 0), 29);
	CHECK_INT(krun_get_last_error(a, NULL, 1), -EINVAL);
	(void)krun_get_last_error(KRUN_LAST_ERROR_ANY, text, sizeof(text));
	CHECK_STR(text, "a machine has at least 1 MiB of RAM");
	CHECK_INT(krun_free_ctx(a), 0);
	CHECK_INT(krun_get_last_error(a, text, sizeof(text)), -ENOENT);
}

TEST(the_shutdown_eventfd_is_one_and_works)
{
	uint32_t ctx = new_ctx();
	int32_t fd = krun_get_shutdown_eventfd(ctx);
	uint64_t one = 1;

	CHECK(fd >= 0);
	CHECK_INT(krun_get_shutdown_eventfd(ctx), fd);
	CHECK_INT(write(fd, &one, sizeof(one)), sizeof(one));
	CHECK_INT(krun_free_ctx(ctx), 0);
	CHECK_INT(fcntl(fd, F_GETFD), -1);
}

TEST(descriptors_run_out)
{
	struct rlimit saved, none;
	uint32_t ctx = new_ctx();
	int32_t result;

	getrlimit(RLIMIT_NOFILE, &saved);
	none = saved;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	result = krun_get_shutdown_eventfd(ctx);
	setrlimit(RLIMIT_NOFILE, &saved);
	CHECK_INT(result, -EMFILE);
}

TEST(the_log_can_be_set_twice)
{
	int fds[2];
	char text[512] = "";

	EXPECT(krun_init_log(0, 1, 0, 0), -EINVAL, "descriptor 0");
	EXPECT(krun_init_log(-2, 1, 0, 0), -EINVAL, "descriptor -2");
	EXPECT(krun_init_log(-1, 1, 3, 0), -EINVAL, "style 3");
	EXPECT(krun_init_log(-1, 1, 0, 2), -EINVAL, "options 0x2");
	EXPECT(krun_init_log(1000, 1, 0, 0), -EBADF, "descriptor 1000");
	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	EXPECT(krun_init_log(fds[1], 99, KRUN_LOG_STYLE_NEVER, KRUN_LOG_OPTION_NO_ENV), 0, "");
	CHECK_INT(krun_set_vm_config(NOWHERE, 1, 1), -ENOENT);
	CHECK(read(fds[0], text, sizeof(text) - 1) > 0);
	CHECK(strstr(text, "no such context") != NULL);
	/* Replaced, and the library's descriptor is closed with it. */
	EXPECT(krun_set_log_level(KRUN_LOG_LEVEL_OFF), 0, "");
	CHECK_INT(read(fds[0], text, 1), 0);
	EXPECT(krun_set_log_level(KRUN_LOG_LEVEL_OFF), 0, "");
	close(fds[0]);
}

/* S26, S9, S28: what cannot be answered or is not built says so with the true errno. */
TEST(questions_without_an_answer)
{
	uint32_t ctx = new_ctx();
	struct stat st;
	int status = -1;
	pid_t child;

	EXPECT(krun_set_gpu_options(ctx, VIRGLRENDERER_VENUS), -ENOTSUP, "");
	EXPECT(krun_add_vhost_user_device(ctx, KRUN_VIRTIO_DEVICE_RNG, "/s", NULL, 0, NULL),
	       -ENOTSUP, "");
	if (stat("/dev/kvm", &st) != 0) {
		EXPECT(krun_get_max_vcpus(), -ENOENT, "/dev/kvm");
		return;
	}
	if (geteuid() != 0 || st.st_mode & 0006)
		SKIP("there is nobody to become who may not open /dev/kvm");
	child = fork();
	if (child == 0) {
		/* No groups either: kvm may be one of root's. */
		if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
			_exit(0);
		_exit(-krun_get_max_vcpus());
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), EACCES);
}

static void *make_and_free(void *arg)
{
	for (int i = 0; i < 200; i++) {
		int32_t ctx = krun_create_ctx();

		if (ctx < 0 || krun_set_vm_config((uint32_t)ctx, 2, 64) != 0 ||
		    krun_set_vm_config((uint32_t)ctx, 0, 0) != -EINVAL ||
		    krun_get_last_error((uint32_t)ctx, NULL, 0) <= 0 ||
		    krun_free_ctx((uint32_t)ctx) != 0)
			return arg;
	}
	return NULL;
}

TEST(every_thread_may_call)
{
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, make_and_free, said), 0);
	for (int i = 0; i < 4; i++) {
		void *failed;

		CHECK_INT(pthread_join(thread[i], &failed), 0);
		CHECK(failed == NULL);
	}
}

RUN_TESTS()

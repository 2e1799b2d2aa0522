/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration and facts in, plan out: layouts, interrupt lines, console ports, refusals. */
#include "guest/agent_wire.h"
#include "guest/proto.h"
#include "vmm/plan.h"

#include "test.h"

#include <unistd.h>

static const struct vmm_stdio terminal = { .open = { 1, 1, 1 }, .tty = { 1, 1, 1 } };
static const struct vmm_stdio pipes = { .open = { 1, 1, 1 } };

static struct vmm_facts host(enum vmm_boot boot)
{
	return (struct vmm_facts){ .vcpus_max = 8,
				   .address_bits = 40,
				   .hostname = "host",
				   .boot = boot,
				   .stdio = terminal,
				   .console_stdio = &pipes };
}

static struct vmm_config *config(void)
{
	struct vmm_config *c = NULL;

	rl_drop(vmm_config_new(&c));
	return c;
}

static const char *text(const struct vmm_plan *p)
{
	static char *buf;
	size_t size;
	FILE *out;

	free(buf);
	out = open_memstream(&buf, &size);
	vmm_plan_print(p, out);
	fclose(out);
	return buf;
}

TEST(the_smallest_machine)
{
	struct vmm_config *c = config();
	struct vmm_facts facts = host(VMM_BOOT_INITRAMFS);
	VMM_AUTO_PLAN struct vmm_plan p = { 0 };

	CHECK_OK(vmm_config_root(c, "/srv"));
	CHECK_OK(vmm_plan_make(c, &facts, &p));
	CHECK(strstr(text(&p), "vcpus 1\nram 0x0+0x8000000\n") != NULL);
	CHECK(strstr(text(&p), ": console 0\n  port \"\" console in 0 out 1 tty 0\n"
			       "  port \"krun-control\" in -1 out -1 tty -1 control\n") != NULL);
	CHECK(strstr(text(&p), ": fs /dev/root shm 0x140000000+0x20000000 path /srv init\n") ||
	      strstr(text(&p), ": fs /dev/root shm 0x100000000+0x20000000 path /srv init\n"));
	CHECK(strstr(text(&p), "rdinit=/init 8250.nr_uarts=0\n") != NULL);
	vmm_config_free(c);
}

TEST(streams_that_are_no_terminal_get_ports_of_their_own)
{
	struct vmm_config *c = config();
	struct vmm_facts facts = host(VMM_BOOT_INITRAMFS);
	VMM_AUTO_PLAN struct vmm_plan p = { 0 };

	facts.stdio = pipes;
	facts.stdio.open[2] = false;
	CHECK_OK(vmm_plan_make(c, &facts, &p));
	CHECK(strstr(text(&p), "  port \"\" console in -1 out -1 tty -1 to-log\n"
			       "  port \"krun-stdin\" in 0 out -1 tty -1\n"
			       "  port \"krun-stdout\" in -1 out 1 tty -1\n"
			       "  port \"krun-control\"") != NULL);
	vmm_config_free(c);
}

TEST(the_console_can_write_to_a_file)
{
	struct vmm_config *c = config();
	struct vmm_facts facts = host(VMM_BOOT_INITRAMFS);
	VMM_AUTO_PLAN struct vmm_plan p = { 0 };

	CHECK_OK(vmm_config_console_output(c, "/tmp/log"));
	CHECK_OK(vmm_plan_make(c, &facts, &p));
	CHECK(strstr(text(&p), "  port \"\" console in -1 out -1 tty -1 to-file\n"
			       "  port \"krun-control\"") != NULL);
	vmm_config_free(c);
}

TEST(without_a_console_the_host_can_still_ask_init)
{
	struct vmm_config *c = config();
	struct vmm_facts facts = host(VMM_BOOT_INITRAMFS);
	VMM_AUTO_PLAN struct vmm_plan p = { 0 };

	CHECK_OK(vmm_config_no_console(c));
	CHECK_OK(vmm_plan_make(c, &facts, &p));
	CHECK_INT(p.device[p.device_count - 1].port_count, 1);
	CHECK(p.device[p.device_count - 1].port[0].control);
	vmm_config_free(c);
}

/* The original's layout lost memory near 3.3 GiB and overlapped the devices' windows. */
TEST(memory_never_meets_the_gap)
{
	static const struct {
		uint32_t mib;
		uint64_t low, high;
	} cases[] = {
		{ 1, 1, 0 },
		{ 3071, 3071, 0 },
		{ 3072, 3072, 0 },
		{ 3073, 3072, 1 },
		{ 3327, 3072, 255 },
		{ 4096, 3072, 1024 },
		{ 65536, 3072, 62464 },
	};
	struct vmm_facts facts = host(VMM_BOOT_ROOT);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vmm_config *c = config();
		VMM_AUTO_PLAN struct vmm_plan p = { 0 };

		CHECK_OK(vmm_config_machine(c, 1, cases[i].mib));
		CHECK_OK(vmm_plan_make(c, &facts, &p));
		CHECK_INT(p.region[0].size >> 20, cases[i].low);
		CHECK_INT(p.region_count, cases[i].high ? 2 : 1);
		CHECK_INT(p.region[1].size >> 20, cases[i].high);
		CHECK(p.region[0].start.addr + p.region[0].size <= LAYOUT_MMIO);
		vmm_config_free(c);
	}
}

TEST(windows_lie_above_all_memory)
{
	struct vmm_config *c = config();
	struct vmm_facts facts = host(VMM_BOOT_ROOT);
	VMM_AUTO_PLAN struct vmm_plan p = { 0 };

	CHECK_OK(vmm_config_machine(c, 1, 8192));
	CHECK_OK(vmm_config_fs(c, "a", "/", 1, false, false));
	CHECK_OK(vmm_config_fs(c, "b", "/", 3ull << 30, false, false));
	CHECK_OK(vmm_config_fs(c, "c", "/", 4096, false, false));
	CHECK_OK(vmm_plan_make(c, &facts, &p));
	CHECK(strstr(text(&p), "fs a shm 0x240000000+0x1000 ") != NULL);
	CHECK(strstr(text(&p), "fs b shm 0x280000000+0xc0000000 ") != NULL);
	CHECK(strstr(text(&p), "fs c shm 0x340000000+0x1000 ") != NULL);
	vmm_config_free(c);
}

TEST(more_devices_than_interrupt_lines)
{
	struct vmm_config *c = config();
	struct vmm_facts facts = host(VMM_BOOT_INITRAMFS);
	VMM_AUTO_PLAN struct vmm_plan p = { 0 };
	unsigned used[24] = { 0 };
	char id[16];

	for (int i = 0; i < 60; i++) {
		snprintf(id, sizeof(id), "d%d", i);
		CHECK_OK(vmm_config_disk(c, id, "/x", 0, true, false, 2));
	}
	CHECK_OK(vmm_plan_make(c, &facts, &p));
	CHECK(p.device_count > 60);
	for (unsigned i = 0; i < p.device_count; i++) {
		CHECK(p.device[i].gsi >= 5 && p.device[i].gsi <= 23);
		CHECK_INT(p.device[i].mmio.addr, 0xd0000000 + i * 0x1000ul);
		used[p.device[i].gsi]++;
	}
	for (unsigned line = 5; line <= 23; line++)
		CHECK(used[line] >= 3);
	vmm_config_free(c);
}

TEST(old_disk_calls_count_only_alone)
{
	struct vmm_config *c = config();
	struct vmm_facts facts = host(VMM_BOOT_INITRAMFS);
	VMM_AUTO_PLAN struct vmm_plan old = { 0 };
	VMM_AUTO_PLAN struct vmm_plan new = { 0 };

	CHECK_OK(vmm_config_data_disk(c, "/data"));
	CHECK_OK(vmm_config_root_disk(c, "/root"));
	CHECK_OK(vmm_plan_make(c, &facts, &old));
	CHECK(strstr(text(&old), "disk root path /root\n") != NULL);
	CHECK(strstr(text(&old), "disk data path /data\n") != NULL);
	CHECK_OK(vmm_config_disk(c, "x", "/x", 0, true, true, 2));
	CHECK_OK(vmm_plan_make(c, &facts, &new));
	CHECK(strstr(text(&new), "disk x path /x ro direct\n") != NULL);
	CHECK(strstr(text(&new), "disk root") == NULL);
	vmm_config_free(c);
}

TEST(what_cannot_be_is_refused)
{
	struct vmm_facts facts = host(VMM_BOOT_ROOT);
	struct vmm_config *c = config();
	VMM_AUTO_PLAN struct vmm_plan p = { 0 };
	char tag[16];

	CHECK_OK(vmm_config_machine(c, 9, 128));
	CHECK_FAILS(vmm_plan_make(c, &facts, &p), ERANGE, "9 vCPUs: this host's KVM allows 8");
	CHECK_OK(vmm_config_machine(c, 8, UINT32_MAX));
	facts.address_bits = 36;
	CHECK_FAILS(vmm_plan_make(c, &facts, &p), ERANGE, "4294967295 MiB of RAM");
	CHECK_OK(vmm_config_machine(c, 8, 128));
	CHECK_OK(vmm_config_fs(c, "a", "/", 1ull << 40, false, false));
	CHECK_FAILS(vmm_plan_make(c, &facts, &p), ERANGE, "fs a: a shared-memory window");
	vmm_config_free(c);

	c = config();
	CHECK_OK(vmm_config_fs(c, "a", "/", 0, false, false));
	CHECK_OK(vmm_config_fs(c, "a", "/", 0, false, false));
	CHECK_FAILS(vmm_plan_make(c, &facts, &p), EEXIST, "tag \"a\"");
	vmm_config_free(c);

	c = config();
	for (int i = 0; i < 300; i++) {
		snprintf(tag, sizeof(tag), "t%d", i);
		CHECK_OK(vmm_config_fs(c, tag, "/", 0, false, false));
	}
	CHECK_FAILS(vmm_plan_make(c, &facts, &p), ENOSPC, "room for 256");
	vmm_config_free(c);
}

static rl_err cmdline(struct vmm_config *c, enum vmm_boot boot, char *buf, size_t size)
{
	struct vmm_facts facts = host(boot);
	VMM_AUTO_PLAN struct vmm_plan p = { 0 };

	RL_TRY(vmm_plan_make(c, &facts, &p));
	snprintf(buf, size, "%s", p.cmdline);
	return RL_OK;
}

TEST(console_word_is_replaced_or_added)
{
	static const struct {
		const char *given, *want;
	} cases[] = {
		{ "quiet console=hvc0 rw", "quiet console=ttyS0 rw virtio_mmio" },
		{ "console=hvc0", "console=ttyS0 virtio_mmio" },
		{ "quiet", "quiet console=ttyS0 virtio_mmio" },
		{ "netconsole=x", "netconsole=x console=ttyS0 virtio_mmio" },
		{ "", "console=ttyS0 virtio_mmio" },
	};
	char line[4096];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vmm_config *c = config();

		CHECK_OK(vmm_config_kernel(c, "/x", VMM_KERNEL_ELF, NULL, cases[i].given));
		CHECK_OK(vmm_config_kernel_console(c, "ttyS0"));
		CHECK_OK(cmdline(c, VMM_BOOT_ROOT, line, sizeof(line)));
		CHECK(strncmp(line, cases[i].want, strlen(cases[i].want)) == 0);
		vmm_config_free(c);
	}
}

TEST(an_init_of_the_callers_gets_the_old_command_line)
{
	static const char *const argv[] = { "a", "b", NULL }, *const envp[] = { "K=v w", NULL };
	static const char *const accent[] = { "\xc3\xa4", NULL }, *const none[] = { NULL };
	static const char *many[34];
	struct vmm_config *c = config();
	char line[4096], longer[3000];

	CHECK_OK(vmm_config_no_init(c));
	CHECK_OK(vmm_config_exec(c, "/bin/x", argv, envp));
	CHECK_OK(vmm_config_workdir(c, "/tmp"));
	CHECK_OK(cmdline(c, VMM_BOOT_ROOT, line, sizeof(line)));
	CHECK(strstr(line, " KRUN_INIT=/bin/x KRUN_WORKDIR=/tmp K=\"v w\" -- a b") != NULL);

	CHECK_OK(vmm_config_exec(c, "/bin/x", accent, none));
	CHECK_FAILS(cmdline(c, VMM_BOOT_ROOT, line, sizeof(line)), EILSEQ, "byte 0xc3");
	for (int i = 0; i < 33; i++)
		many[i] = "A=b";
	CHECK_OK(vmm_config_exec(c, "/bin/x", many, none));
	CHECK_FAILS(cmdline(c, VMM_BOOT_ROOT, line, sizeof(line)), E2BIG, "33 arguments");
	CHECK_OK(vmm_config_exec(c, "/bin/x", NULL, many));
	CHECK_FAILS(cmdline(c, VMM_BOOT_ROOT, line, sizeof(line)), E2BIG, "33 environment");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	CHECK_OK(vmm_config_exec(c, longer, NULL, none));
	CHECK_FAILS(cmdline(c, VMM_BOOT_ROOT, line, sizeof(line)), E2BIG, "the kernel takes 2047");
	vmm_config_free(c);
}

/* The nth record of a type, NULL if there is none; its length in *len. */
static const uint8_t *find(const struct vmm_plan *p, unsigned type, unsigned nth, uint32_t *len)
{
	size_t at = sizeof(struct gst_header);

	while (at + sizeof(struct gst_record) <= p->blob_size) {
		const struct gst_record *r = (const void *)(p->blob + at);

		*len = gst_get32(r->length);
		if (gst_get16(r->type) == type && nth-- == 0)
			return p->blob + at + sizeof(*r);
		at += sizeof(*r) + ((*len + 7) & ~7u);
	}
	return NULL;
}

TEST(the_workload_reaches_init_whole)
{
	static const char *const envp[] = { "HOSTNAME=guest", "A=\xff\xfe", "EMPTY=", NULL };
	static const char *const limits[] = { "7=1:18446744073709551615", NULL };
	static const char *args[3001];
	struct vmm_config *c = config();
	struct vmm_facts facts = host(VMM_BOOT_INITRAMFS);
	VMM_AUTO_PLAN struct vmm_plan p = { 0 };
	const uint8_t *bytes;
	uint32_t len = 0;

	for (int i = 0; i < 3000; i++)
		args[i] = i == 2999 ? "last \"one\"" : "x";
	CHECK_OK(vmm_config_root(c, "/"));
	CHECK_OK(vmm_config_exec(c, "/bin/x", args, NULL));
	environ = (char **)(uintptr_t)envp;
	/* The caller's environment may be any bytes. */
	CHECK_OK(vmm_config_env(c, NULL));
	CHECK_OK(vmm_config_rlimits(c, limits));
	CHECK_OK(vmm_plan_make(c, &facts, &p));

	CHECK_INT(memcmp(p.blob, GST_MAGIC, 8), 0);
	CHECK_INT(gst_get32(((const struct gst_header *)p.blob)->size), p.blob_size);
	bytes = find(&p, GST_EXEC, 0, &len);
	CHECK_STR((const char *)bytes, "/bin/x");
	CHECK_STR((const char *)find(&p, GST_ARG, 0, &len), "/bin/x");
	CHECK_STR((const char *)find(&p, GST_ARG, 3000, &len), "last \"one\"");
	CHECK(find(&p, GST_ARG, 3001, &len) == NULL);
	CHECK_STR((const char *)find(&p, GST_ENV, 1, &len), "A=\xff\xfe");
	CHECK_STR((const char *)find(&p, GST_HOSTNAME, 0, &len), "guest");
	bytes = find(&p, GST_RLIMIT, 0, &len);
	CHECK_INT(len, sizeof(struct gst_rlimit));
	CHECK(gst_get64(((const struct gst_rlimit *)bytes)->hard) == UINT64_MAX);
	bytes = find(&p, GST_ROOT, 0, &len);
	CHECK_INT(gst_get32(bytes), GST_ROOT_VIRTIOFS);
	CHECK_STR((const char *)bytes + 4, "/dev/root");
	vmm_config_free(c);
}

TEST(networks)
{
	static const uint8_t one[6] = { 2, 0, 0, 0, 0, 1 }, two[6] = { 2, 0, 0, 0, 0, 2 };
	struct vmm_config *c = config();
	struct vmm_facts facts = host(VMM_BOOT_INITRAMFS);
	VMM_AUTO_PLAN struct vmm_plan p = { 0 };
	const struct gst_net *net;
	uint32_t len = 0;

	CHECK_OK(vmm_config_root(c, "/"));
	CHECK_OK(vmm_config_net_old(c, VMM_BACKEND_STREAM, NULL, 7));
	CHECK_OK(vmm_config_net(c, VMM_BACKEND_DGRAM, "/s", -1, two, 0x1, 3));
	CHECK_OK(vmm_config_tap(c, "tap0", two, 0x3, 0));
	CHECK_OK(vmm_config_net_mac(c, one)); /* after the interface it belongs to */
	CHECK_OK(vmm_plan_make(c, &facts, &p));
	CHECK(strstr(text(&p), ": net 0 stream fd 7 mac 02:00:00:00:00:01 features 0x4c83\n"));
	CHECK(strstr(text(&p),
		     ": net 1 datagrams /s mac 02:00:00:00:00:02 features 0x1 vfkit dhcp\n"));
	CHECK(strstr(text(&p), ": net 2 tap tap0 mac 02:00:00:00:00:02 features 0x3\n"));
	net = (const void *)find(&p, GST_NET, 0, &len);
	CHECK_INT(len, sizeof(*net) + 2); /* and two empty strings */
	CHECK(memcmp(net->mac, two, 6) == 0 && gst_get32(net->flags) == GST_NET_DHCP);
	CHECK(find(&p, GST_NET, 1, &len) == NULL); /* the others are the workload's */
	vmm_config_free(c);
}

/* That the host may connect to its port is how an agent is asked for; the other way is not. */
TEST(agent)
{
	struct vmm_config *c = config();
	struct vmm_facts facts = host(VMM_BOOT_INITRAMFS);
	VMM_AUTO_PLAN struct vmm_plan without = { 0 }, with = { 0 };
	uint32_t len = 0;

	CHECK_OK(vmm_config_root(c, "/"));
	CHECK_OK(vmm_config_vsock_port(c, GST_AGENT_PORT, "/no/such/socket", false));
	CHECK_OK(vmm_config_vsock_port(c, 77, "/no/such/socket", true));
	CHECK_OK(vmm_plan_make(c, &facts, &without));
	CHECK(find(&without, GST_AGENT | GST_OPTIONAL, 0, &len) == NULL);
	CHECK_OK(vmm_config_vsock_port(c, GST_AGENT_PORT, "/no/such/socket", true));
	CHECK_OK(vmm_plan_make(c, &facts, &with));
	CHECK_INT(gst_get32(find(&with, GST_AGENT | GST_OPTIONAL, 0, &len)), GST_AGENT_PORT);
	vmm_config_free(c);
}

TEST(the_plan_can_be_sealed)
{
	struct vmm_config *c = config();
	struct vmm_facts facts = host(VMM_BOOT_INITRAMFS);
	VMM_AUTO_PLAN struct vmm_plan p = { 0 };
	void *more;

	CHECK_OK(vmm_plan_make(c, &facts, &p));
	CHECK_OK(rl_arena_seal(&p.arena));
	CHECK(rl_drop_failed(rl_arena_get(&p.arena, 1, 1, &more)));
	vmm_config_free(c);
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
/* The machine that a configuration asks for: no library, no KVM, no system call. */
#include "config_fixture.h"
#include "handlers/handler.h"
#include "host_fixture.h"
#include "plan/make.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>

static struct rl_arena arena;
static const struct plan *p;

static struct hdl_facts ours(void)
{
	return (struct hdl_facts){ .library = "/lib/libkrun.so.1",
				   .ours = true,
				   .takes_kvm = true,
				   .takes_tap = true,
				   .takes_config = true,
				   .overlay = true,
				   .net = true,
				   .blk = true,
				   .vcpus_max = 8,
				   .cpus = 6 };
}

static struct hdl_facts original(void)
{
	struct hdl_facts f = ours();

	f.ours = f.takes_kvm = f.takes_tap = f.takes_config = f.overlay = false;
	return f;
}

static rl_err plan_with(const struct hdl_facts *facts, const struct oci_config *config)
{
	const struct plan_request request = {
		.id = "c1", .bundle = "/bundle", .state_root = "/run/runlet", .rootless_cgroups = -1
	};
	struct lx_host host = host_of_root();

	p = NULL;
	rl_arena_free(&arena);
	RL_TRY(rl_arena_new(8 << 20, &arena));
	return plan_make(&arena, config, &request, &host, facts, &p);
}

#define CAPS "['CAP_CHOWN','CAP_SYS_ADMIN','CAP_SETUID','CAP_NET_RAW']"
#define PROCESS                                                             \
	"'process':{'args':['sh'],'cwd':'/data','user':{'uid':%u,'gid':0}," \
	"'rlimits':[{'type':'RLIMIT_NOFILE','soft':10,'hard':20}],"         \
	"'capabilities':{'bounding':" CAPS ",'effective':" CAPS ",'permitted':" CAPS "}}"
/* With more of `linux`, and more of the top level. */
#define CONFIG(linux_more, more)                                                                 \
	"{'ociVersion':'1.2.0','root':{'path':'rootfs'},'annotations':{'run.oci.handler':'krun'" \
	"%s}," PROCESS ",'linux':{'namespaces':[{'type':'mount'},{'type':'pid'},"                \
	"{'type':'network'}]" linux_more "}" more "}"

static rl_err plan_plain(const struct hdl_facts *facts, const char *annotations)
{
	return plan_with(facts, config_of(CONFIG("", ""), annotations, 0));
}

TEST(what_a_machine_is_by_itself)
{
	struct hdl_facts f = ours();

	CHECK_OK(plan_plain(&f, ""));
	CHECK_STR(p->handler, "krun");
	CHECK_INT(p->vm->vcpus, 6);
	CHECK_INT(p->vm->ram_mib, 1024);
	CHECK_STR(p->vm->tag, "/dev/root");
	CHECK(p->vm->network == HDL_NETWORK_NONE && p->vm->device_count == 0 &&
	      p->vm->rule_count == 0);
	f.vcpus_max = 4;
	CHECK_OK(plan_plain(&f, ""));
	CHECK_INT(p->vm->vcpus, 4);
	f.cpus = 64;
	f.vcpus_max = 255;
	CHECK_OK(plan_plain(&f, ""));
	CHECK_INT(p->vm->vcpus, 16);
}

TEST(the_process_on_the_host)
{
	struct hdl_facts f = ours();

	CHECK_OK(plan_with(&f, config_of(CONFIG("", ""), "", 1000)));
	CHECK_INT(p->process.uid, 0);
	CHECK_STR(p->process.cwd, "/");
	CHECK(p->process.no_new_privileges && p->process.rlimit_count == 0);
	/* Rights over files, and of those what the container has. */
	CHECK_INT(p->process.caps.permitted, 1 << CAP_CHOWN);
	CHECK_INT(p->process.caps.bounding, 1 << CAP_CHOWN);
	CHECK_INT(p->process.caps.inheritable, 0);
	CHECK(p->vm->find_home);
	CHECK_INT(p->vm->home_of, 1000);
	CHECK_STR(p->vm->rlimits[0], "7=10:20");
	CHECK(p->seccomp.enabled);
	CHECK_INT(p->seccomp.default_action & 0xffff0000, SECCOMP_RET_ERRNO);
}

TEST(rights_over_files)
{
	static const struct {
		const char *more, *readonly;
		uint64_t rights;
	} rows[] = {
		{ "", "", 1 << CAP_CHOWN | 1 << CAP_DAC_OVERRIDE },
		{ ",'mounts':[{'destination':'/proc','type':'proc'},{'destination':'/run',"
		  "'type':'tmpfs'},{'destination':'/a','source':'/a','options':['rbind','ro']}]",
		  "ro", 1 << CAP_DAC_OVERRIDE },
		{ ",'mounts':[{'destination':'/a','source':'/a','options':['bind']}]", "ro",
		  1 << CAP_CHOWN | 1 << CAP_DAC_OVERRIDE },
		{ ",'mounts':[{'destination':'/a','source':'/a','options':['bind','ro','rw']}]",
		  "ro", 1 << CAP_CHOWN | 1 << CAP_DAC_OVERRIDE },
		{ ",'vm':{'kernel':{'path':'/k'},'image':{'path':'/i','format':'raw'}}", "", 0 },
	};
	struct hdl_facts f = ours();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_OK(plan_with(&f, config_of("{'ociVersion':'1.2.0','root':{'path':'r',"
						 "'readonly':%s},'annotations':{"
						 "'run.oci.handler':'krun'},'process':{'args':["
						 "'sh'],'cwd':'/','user':{'uid':0,'gid':0},"
						 "'capabilities':{'bounding':['CAP_CHOWN',"
						 "'CAP_DAC_OVERRIDE','CAP_SYS_ADMIN']}},'linux':{"
						 "'namespaces':[{'type':'mount'}]}%s}",
						 rows[i].readonly[0] ? "true" : "false",
						 rows[i].more)));
		CHECK_INT(p->process.caps.permitted, (int64_t)rows[i].rights);
		CHECK_INT(p->process.caps.bounding, (int64_t)rows[i].rights);
	}
}

TEST(what_the_filter_lets_pass)
{
	static const char *const never[] = { "execve", "execveat",   "fork",
					     "vfork",  "mount",	     "setns",
					     "ptrace", "bpf",	     "pivot_root",
					     "chroot", "keyctl",     "io_uring_setup",
					     "clone3", "kexec_load", "init_module" };
	struct hdl_facts f = ours();
	size_t ioctls = 0;

	CHECK_OK(plan_plain(&f, ""));
	CHECK(plan_seccomp_allows(&p->seccomp, "openat2"));
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		CHECK(!plan_seccomp_allows(&p->seccomp, never[i]));
	for (size_t i = 0; i < p->seccomp.rule_count; i++) {
		const struct plan_seccomp_rule *r = &p->seccomp.rules[i];
		bool masked = r->arg_count > 0 && r->args[0].op == OCI_CMP_MASKED_EQ;

		if (strcmp(r->names[0], "ioctl") != 0)
			continue;
		ioctls++;
		CHECK(r->args[0].index == 1);
		CHECK(masked ? (TIOCSTI & r->args[0].value) != r->args[0].value_two
			     : r->args[0].value != TIOCSTI);
	}
	CHECK(ioctls > 1);
}

TEST(the_original_needs_a_device)
{
	struct hdl_facts f = original();

	CHECK_OK(plan_plain(&f, ""));
	CHECK_INT(p->vm->device_count, 1);
	CHECK_STR(p->vm->devices[0].path, "/dev/kvm");
	CHECK_INT(p->vm->rule_count, 1);
	/* Its file server takes on the ids of the guest's users. */
	CHECK_INT(p->process.caps.permitted, 1 << CAP_CHOWN | 1 << CAP_SETUID);
	CHECK_FAILS(plan_with(&f, config_of(CONFIG("", ""), "", 5)), ENOTSUP,
		    "$.process.user: 5:0: the init of /lib/libkrun.so.1");
}

TEST(limits)
{
	struct hdl_facts f = ours();

	CHECK_OK(plan_with(&f, config_of(CONFIG(",'resources':{'cpu':{'quota':250000,"
						"'period':100000}}",
						""),
					 "", 0)));
	CHECK_INT(p->vm->vcpus, 3);
	CHECK_OK(plan_with(&f,
			   config_of(CONFIG(",'resources':{'cpu':{'cpus':'0-1,4'}}", ""), "", 0)));
	CHECK_INT(p->vm->vcpus, 3);
	CHECK_OK(plan_with(
		&f, config_of(CONFIG(",'resources':{'memory':{'limit':1073741824}}", ""), "", 0)));
	CHECK_INT(p->vm->ram_mib, 1024 - 16 - 16);
	/* What engines write for no limit. */
	CHECK_OK(plan_with(&f, config_of(CONFIG(",'resources':{'memory':{'limit':"
						"9223372036854771712}}",
						""),
					 "", 0)));
	CHECK_INT(p->vm->ram_mib, 1024);
	CHECK_FAILS(
		plan_with(&f, config_of(CONFIG(",'resources':{'memory':{'limit':67108864}}", ""),
					"", 0)),
		ERANGE, "$.linux.resources.memory.limit: 67108864 bytes leave 47 MiB");
}

TEST(who_counts_more)
{
	static const char image[] = "{\"cpus\":2,\"ram_mib\":200}";
	struct hdl_facts f = ours();

	f.image_settings = image;
	f.image_settings_len = sizeof(image) - 1;
	CHECK_OK(plan_plain(&f, ""));
	CHECK_INT(p->vm->vcpus, 2);
	CHECK_INT(p->vm->ram_mib, 200);
	CHECK_OK(plan_with(&f, config_of(CONFIG("", ",'vm':{'kernel':{'path':'/k'},'hwConfig':{"
						    "'vcpus':3,'memory':314572800}}"),
					 "", 0)));
	CHECK_INT(p->vm->vcpus, 3);
	CHECK_INT(p->vm->ram_mib, 300);
	CHECK(p->vm->kernel_on_host);
	CHECK_OK(plan_plain(&f, ",'krun.cpus':'4','krun.ram_mib':'400'"));
	CHECK_INT(p->vm->vcpus, 4);
	CHECK_INT(p->vm->ram_mib, 400);
}

TEST(the_network)
{
	struct hdl_facts f = ours();

	f.passt = "/usr/bin/passt";
	CHECK_OK(plan_plain(&f, ""));
	CHECK(p->vm->network == HDL_NETWORK_PASST && p->vm->passt_open && !p->vm->network_asked);
	CHECK_OK(plan_plain(&f, ",'krun.use_passt':'0'"));
	CHECK_INT(p->vm->network, HDL_NETWORK_NONE);
	f.passt = NULL;
	CHECK_OK(plan_plain(&f, ""));
	CHECK_INT(p->warning_count, 1);
	CHECK_FAILS(plan_plain(&f, ",'krun.use_passt':'1'"), ENOENT, "`passt` not found");
	/* The original has its own way, until it is told otherwise. */
	f = original();
	f.passt = "/usr/bin/passt";
	CHECK_OK(plan_plain(&f, ""));
	CHECK_INT(p->vm->network, HDL_NETWORK_OF_LIBRARY);
}

TEST(a_tap_device)
{
	struct hdl_facts f = ours();
	uint8_t mac[6];

	CHECK_OK(plan_plain(&f, ",'krun.network':'tap'"));
	CHECK_INT(p->vm->network, HDL_NETWORK_TAP);
	CHECK(p->vm->network_asked && p->vm->dhcp && p->vm->tap == NULL);
	CHECK_INT(p->vm->mac[0], 0x5a);
	CHECK_INT(p->vm->device_count, 0);
	memcpy(mac, p->vm->mac, sizeof(mac));
	CHECK_OK(plan_plain(&f, ",'krun.tap':'tap7','krun.dhcp':'0','krun.use_passt':'0'"));
	CHECK_INT(p->vm->network, HDL_NETWORK_TAP);
	CHECK_STR(p->vm->tap, "tap7");
	CHECK(!p->vm->dhcp && memcmp(mac, p->vm->mac, sizeof(mac)) == 0);
	/* The host's network is nobody's to make devices in. */
	CHECK_FAILS(plan_with(&f, config_of("{'ociVersion':'1.2.0','root':{'path':'rootfs'},"
					    "'annotations':{'run.oci.handler':'krun',"
					    "'krun.network':'tap'}}")),
		    EPERM, "krun.network: no tap device is made in the host's network");
	f.net = false;
	CHECK_FAILS(plan_plain(&f, ",'krun.network':'tap'"), ENOTSUP,
		    "krun.network: /lib/libkrun.so.1 is built without network devices");
	f = original();
	CHECK_FAILS(plan_plain(&f, ",'krun.network':'tap'"), ENOTSUP,
		    "krun.network: /lib/libkrun.so.1 takes no tap device that is made for it");
	CHECK_OK(plan_plain(&f, ",'krun.tap':'t'"));
	CHECK_INT(p->vm->device_count, 2);
	CHECK_STR(p->vm->devices[1].path, "/dev/net/tun");
	CHECK_INT(p->vm->rules[1].minor, 200);
}

TEST(the_network_that_is_named)
{
	static const struct {
		const char *annotations, *text;
	} rows[] = {
		{ ",'krun.network':'bridge'",
		  "krun.network: \"bridge\" is none of passt, tap, none" },
		{ ",'krun.network':''", "krun.network: \"\" is none of passt, tap, none" },
		{ ",'krun.tap':''", "krun.tap: \"\" is no name of an interface" },
		{ ",'krun.tap':'a b'", "krun.tap: \"a b\" is no name of an interface" },
		{ ",'krun.tap':'..'", "krun.tap: \"..\" is no name of an interface" },
		{ ",'krun.tap':'tap%d'", "krun.tap: \"tap%d\" is no name of an interface" },
		{ ",'krun.tap':'sixteen-letters-'", "krun.tap: \"sixteen-letters-\" is no name" },
		{ ",'krun.tap':'t','krun.network':'none'",
		  "krun.tap: contradicts krun.network, which is \"none\"" },
		{ ",'krun.use_passt':'1','krun.network':'tap'",
		  "krun.use_passt: contradicts krun.network, which is \"tap\"" },
		{ ",'krun.use_passt':'0','krun.network':'passt'",
		  "krun.use_passt: contradicts krun.network, which is \"passt\"" },
	};
	struct hdl_facts f = ours();

	f.passt = "/usr/bin/passt";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_FAILS(plan_plain(&f, rows[i].annotations), EINVAL, rows[i].text);
	CHECK_OK(plan_plain(&f, ",'krun.network':'none'"));
	CHECK_INT(p->vm->network, HDL_NETWORK_NONE);
	CHECK_OK(plan_plain(&f, ",'krun.network':'passt'"));
	CHECK(p->vm->network == HDL_NETWORK_PASST && p->vm->network_asked);
	CHECK_FAILS(plan_plain(&f, ",'krun.dhcp':'2'"), ERANGE, "krun.dhcp: 2 is out of range");
	/* An image has no say in what the user has said, nor in the host's devices. */
	f.image_settings = "{\"use_passt\": 1, \"dhcp\": 0, \"tap\": \"eth0\"}";
	f.image_settings_len = strlen(f.image_settings);
	CHECK_OK(plan_plain(&f, ",'krun.network':'none'"));
	CHECK_INT(p->vm->network, HDL_NETWORK_NONE);
	CHECK(p->vm->dhcp);
	CHECK_INT(p->warning_count, 1);
}

TEST(the_user_of_a_disk)
{
	static const char image[] = ",'vm':{'kernel':{'path':'/k'},'image':{'path':'/i',"
				    "'format':'raw'}}";
	struct hdl_facts f = ours();
	char config[2048];

	(void)snprintf(config, sizeof(config), CONFIG("", "%s"), "", 1000, image);
	CHECK_OK(plan_with(&f, config_of("%s", config)));
	CHECK_STR(p->vm->image, "/i");
	f.takes_config = false;
	CHECK_FAILS(
		plan_with(&f, config_of("%s", config)), ENOTSUP,
		"$.process.user: 1000:0: the init of /lib/libkrun.so.1 runs everything on a disk "
		"of its own as root");
}

TEST(an_unknown_setting_is_told)
{
	struct hdl_facts f = ours();

	f.passt = "/usr/bin/passt";
	CHECK_OK(plan_plain(&f, ",'krun.cpu':'4'"));
	CHECK_INT(p->warning_count, 1);
	CHECK_STR(p->warnings[0], "krun.cpu: no such setting");
}

TEST(a_plan_without_facts)
{
	CHECK_FAILS(plan_plain(NULL, ""), EPROTO, "without its facts");
}

RUN_TESTS()

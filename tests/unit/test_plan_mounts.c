/* SPDX-License-Identifier: Apache-2.0 */
/* From config.json to the list of operations, for machines that need not be there. */
#include "config_fixture.h"
#include "plan/cgroup.h"
#include "plan/furnish.h"
#include "test.h"

#include <sys/stat.h>

static struct rl_arena arena;
static struct plan_furnish plan;
static struct plan_warnings warnings;

/* What a test changes of the machine and the request before it plans. */
static struct lx_host host;
static struct plan_request request;
static struct plan_furnish_input input;

static const struct lx_cgroup_hierarchy v2[] = { { "/sys/fs/cgroup", "", "/user/me", 2 } };
static const struct lx_cgroup_hierarchy hybrid[] = {
	{ "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct", "/", 1 },
	{ "/sys/fs/cgroup/systemd", "name=systemd", "/me", 1 },
	{ "/sys/fs/cgroup/unified", "", "/me", 2 },
};

static void use_hierarchies(enum lx_cgroup_layout layout, const struct lx_cgroup_hierarchy *h,
			    size_t count)
{
	host.cgroup_layout = layout;
	host.hierarchies = h;
	host.hierarchy_count = count;
}

static void fresh(void)
{
	rl_arena_free(&arena);
	rl_drop(rl_arena_new(8 << 20, &arena));
	host = (struct lx_host){ .selinux = false };
	use_hierarchies(LX_CGROUP_V2, v2, 1);
	request = (struct plan_request){ .id = "c1", .bundle = "/bundle", .state_root = "/state" };
	input = (struct plan_furnish_input){
		.request = &request,
		.host = &host,
		.new_network_namespace = true,
		.new_cgroup_namespace = true,
		.has_mount_namespace = true,
	};
	warnings = (struct plan_warnings){ 0 };
	plan = (struct plan_furnish){ 0 };
}

static void in_user_namespace(void)
{
	input.has_user_namespace = true;
	input.uid_lines = "0 100000 1000\n";
	input.gid_lines = "0 100000 3\n";
}

#define ROOT "'ociVersion':'1.2.0','root':{'path':'rootfs'}"
#define NAMESPACES                                                                           \
	"'namespaces':[{'type':'mount'},{'type':'pid'},{'type':'user'},{'type':'network'}]," \
	"'uidMappings':[{'containerID':0,'hostID':100000,'size':1000}],"                     \
	"'gidMappings':[{'containerID':0,'hostID':100000,'size':3}]"

static rl_err make(const struct oci_config *config)
{
	input.config = config;
	return plan_furnish_make(&arena, &input, &warnings, &plan);
}

static rl_err make_mounts(const char *mounts)
{
	return make(config_of("{" ROOT ",'mounts':[%s],'linux':{" NAMESPACES "}}", mounts));
}

static rl_err make_linux(const char *more)
{
	return make(config_of("{" ROOT ",'linux':{" NAMESPACES ",%s}}", more));
}

static const struct plan_op *op_at(const char *target, enum plan_op_kind kind)
{
	static const struct plan_op none;

	for (size_t i = 0; i < plan.count; i++)
		if (plan.ops[i].kind == kind && strcmp(plan.ops[i].target, target) == 0)
			return &plan.ops[i];
	printf("# no %s of %s\n", plan_op_name(kind), target);
	rl_test_failed = true;
	return &none;
}

static bool is_planned(const char *target, enum plan_op_kind kind)
{
	for (size_t i = 0; i < plan.count; i++)
		if (plan.ops[i].kind == kind && strcmp(plan.ops[i].target, target) == 0)
			return true;
	return false;
}

/* ---- options -------------------------------------------------------------------------------- */

#define REC MS_REC

static const struct {
	const char *options;
	uint64_t set, clear, recursive_set, recursive_clear;
	unsigned long sb_flags, sb_clear;
	uint32_t propagation;
} words[] = {
	{ "async", .sb_clear = MS_SYNCHRONOUS },
	{ "atime", .clear = MOUNT_ATTR__ATIME },
	{ "defaults", .set = 0 },
	{ "dev", .clear = MOUNT_ATTR_NODEV },
	{ "diratime", .clear = MOUNT_ATTR_NODIRATIME },
	{ "dirsync", .sb_flags = MS_DIRSYNC },
	{ "exec", .clear = MOUNT_ATTR_NOEXEC },
	{ "iversion", .sb_flags = MS_I_VERSION },
	{ "lazytime", .sb_flags = MS_LAZYTIME },
	{ "loud", .sb_clear = MS_SILENT },
	{ "mand", .sb_flags = MS_MANDLOCK },
	{ "noatime", .set = MOUNT_ATTR_NOATIME, .clear = MOUNT_ATTR__ATIME },
	{ "nodev", .set = MOUNT_ATTR_NODEV },
	{ "nodiratime", .set = MOUNT_ATTR_NODIRATIME },
	{ "noexec", .set = MOUNT_ATTR_NOEXEC },
	{ "noiversion", .sb_clear = MS_I_VERSION },
	{ "nolazytime", .sb_clear = MS_LAZYTIME },
	{ "nomand", .sb_clear = MS_MANDLOCK },
	{ "norelatime", .clear = MOUNT_ATTR__ATIME },
	{ "nostrictatime", .clear = MOUNT_ATTR__ATIME },
	{ "nosuid", .set = MOUNT_ATTR_NOSUID },
	{ "nosymfollow", .set = MOUNT_ATTR_NOSYMFOLLOW },
	{ "private", .propagation = MS_PRIVATE },
	{ "ratime", .recursive_clear = MOUNT_ATTR__ATIME },
	{ "rdev", .recursive_clear = MOUNT_ATTR_NODEV },
	{ "rdiratime", .recursive_clear = MOUNT_ATTR_NODIRATIME },
	{ "relatime", .clear = MOUNT_ATTR__ATIME },
	{ "rexec", .recursive_clear = MOUNT_ATTR_NOEXEC },
	{ "rnoatime", .recursive_set = MOUNT_ATTR_NOATIME, .recursive_clear = MOUNT_ATTR__ATIME },
	{ "rnodev", .recursive_set = MOUNT_ATTR_NODEV },
	{ "rnodiratime", .recursive_set = MOUNT_ATTR_NODIRATIME },
	{ "rnoexec", .recursive_set = MOUNT_ATTR_NOEXEC },
	{ "rnorelatime", .recursive_clear = MOUNT_ATTR__ATIME },
	{ "rnostrictatime", .recursive_clear = MOUNT_ATTR__ATIME },
	{ "rnosuid", .recursive_set = MOUNT_ATTR_NOSUID },
	{ "rnosymfollow", .recursive_set = MOUNT_ATTR_NOSYMFOLLOW },
	{ "ro", .set = MOUNT_ATTR_RDONLY, .sb_flags = MS_RDONLY },
	{ "rprivate", .propagation = MS_PRIVATE | REC },
	{ "rrelatime", .recursive_clear = MOUNT_ATTR__ATIME },
	{ "rro", .recursive_set = MOUNT_ATTR_RDONLY },
	{ "rrw", .recursive_clear = MOUNT_ATTR_RDONLY },
	{ "rshared", .propagation = MS_SHARED | REC },
	{ "rslave", .propagation = MS_SLAVE | REC },
	{ "rstrictatime", .recursive_set = MOUNT_ATTR_STRICTATIME,
	  .recursive_clear = MOUNT_ATTR__ATIME },
	{ "rsuid", .recursive_clear = MOUNT_ATTR_NOSUID },
	{ "rsymfollow", .recursive_clear = MOUNT_ATTR_NOSYMFOLLOW },
	{ "runbindable", .propagation = MS_UNBINDABLE | REC },
	{ "rw", .clear = MOUNT_ATTR_RDONLY, .sb_clear = MS_RDONLY },
	{ "shared", .propagation = MS_SHARED },
	{ "silent", .sb_flags = MS_SILENT },
	{ "slave", .propagation = MS_SLAVE },
	{ "strictatime", .set = MOUNT_ATTR_STRICTATIME, .clear = MOUNT_ATTR__ATIME },
	{ "suid", .clear = MOUNT_ATTR_NOSUID },
	{ "symfollow", .clear = MOUNT_ATTR_NOSYMFOLLOW },
	{ "sync", .sb_flags = MS_SYNCHRONOUS },
	{ "unbindable", .propagation = MS_UNBINDABLE },
	/* The later word counts. */
	{ "ro','rw", .clear = MOUNT_ATTR_RDONLY, .sb_clear = MS_RDONLY },
	{ "nodev','dev','nodev", .set = MOUNT_ATTR_NODEV },
	{ "noatime','strictatime", .set = MOUNT_ATTR_STRICTATIME, .clear = MOUNT_ATTR__ATIME },
	{ "sync','async", .sb_clear = MS_SYNCHRONOUS },
};

/* A remount shows the words as they were read; type ext4 keeps the flags of the file system. */
TEST(every_word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const struct plan_op_mount *m;
		char mount[256];

		fresh();
		snprintf(mount, sizeof(mount),
			 "{'destination':'/m','type':'ext4','options':['remount','%s']}",
			 words[i].options);
		printf("# %s\n", words[i].options);
		CHECK_OK(make_mounts(mount));
		m = &op_at("/m", PLAN_OP_REMOUNT)->mount;
		CHECK_INT(m->set, words[i].set);
		CHECK_INT(m->clear, words[i].clear);
		CHECK_INT(m->recursive_set, words[i].recursive_set);
		CHECK_INT(m->recursive_clear, words[i].recursive_clear);
		CHECK_INT(m->sb_flags, words[i].sb_flags);
		CHECK_INT(m->sb_clear, words[i].sb_clear);
		CHECK_INT(m->propagation_count, words[i].propagation != 0);
		if (words[i].propagation)
			CHECK_INT(m->propagation[0], words[i].propagation);
		CHECK_INT(m->option_count, 0);
	}
}

TEST(names_are_sorted)
{
	size_t i;

	for (i = 1; plan_mount_option_name(i) != NULL; i++)
		CHECK(strcmp(plan_mount_option_name(i - 1), plan_mount_option_name(i)) < 0);
	CHECK(i > 60);
	CHECK(plan_mount_option_name(i + 1) == NULL);
}

TEST(options_of_file_systems)
{
	const struct plan_op_mount *m;

	fresh();
	CHECK_OK(make_mounts(
		"{'destination':'/p','type':'proc','source':'proc','options':['hidepid=2',"
		"'nosuid','subset=pid','flag']}"));
	m = &op_at("/p", PLAN_OP_FILESYSTEM)->mount;
	CHECK_INT(m->option_count, 3);
	CHECK_STR(m->options[0].key, "hidepid");
	CHECK_STR(m->options[0].value, "2");
	CHECK(m->options[2].value == NULL);
	CHECK_STR(m->data, "hidepid=2,subset=pid,flag");
	CHECK_INT(m->set, MOUNT_ATTR_NOSUID);
	CHECK(m->no_symlinks);
	CHECK_FAILS(make_mounts("{'destination':'/p','type':'proc','options':['ro','']}"), EINVAL,
		    "$.mounts[0].options[1]");
}

/* ---- mounts --------------------------------------------------------------------------------- */

TEST(binds)
{
	const struct plan_op *op;

	fresh();
	CHECK_OK(make_mounts(
		"{'destination':'/a/../b/./c//d/','source':'rel','options':['rbind']},"
		"{'destination':'/x','source':'/abs','type':'bind'},"
		"{'destination':'y','source':'/abs','type':'none','options':['bind']}"));
	op = op_at("/b/c/d", PLAN_OP_BIND);
	CHECK_STR(op->mount.source, "/bundle/rel");
	CHECK(op->mount.recursive);
	CHECK_STR(op->origin, "$.mounts");
	CHECK_INT(op->index, 0);
	CHECK(op->serve == PLAN_SERVE_NOTHING);
	CHECK(!op_at("/x", PLAN_OP_BIND)->mount.recursive);
	op_at("/y", PLAN_OP_BIND);
	CHECK_INT(warnings.count, 1);
	CHECK(strstr(warnings.items[0], "$.mounts[2].destination") != NULL);
}

TEST(bad_binds)
{
	fresh();
	CHECK_FAILS(make_mounts("{'destination':'/a','source':'/s','options':['bind','size=1']}"),
		    EINVAL, "$.mounts[0].options[1]: \"size=1\" is no option of a bind mount");
	CHECK_FAILS(
		make_mounts("{'destination':'/a','source':'/s','options':['bind','tmpcopyup']}"),
		EINVAL, "tmpcopyup");
	CHECK_FAILS(make_mounts("{'destination':'/a','type':'tmpfs','options':['copy-symlink']}"),
		    EINVAL, "copy-symlink is for bind mounts");
	CHECK_FAILS(make_mounts("{'destination':'/a','type':'proc','options':['tmpcopyup']}"),
		    EINVAL, "tmpcopyup is for tmpfs");
	CHECK_OK(make_mounts("{'destination':'/a','source':'/s','options':['bind','sync']}"));
	CHECK_INT(warnings.count, 1);
	CHECK(strstr(warnings.items[0], "$.mounts[0].options[1]") != NULL);
	CHECK_INT(op_at("/a", PLAN_OP_BIND)->mount.sb_flags, 0);
}

TEST(proc_is_kept_clear)
{
	fresh();
	CHECK_FAILS(make_mounts("{'destination':'/proc','type':'tmpfs'}"), EINVAL,
		    "$.mounts[0].type: tmpfs at /proc");
	CHECK_FAILS(make_mounts("{'destination':'/proc/self/attr','type':'tmpfs'}"), EINVAL,
		    "$.mounts[0].destination: /proc/self/attr is inside /proc");
	CHECK_FAILS(
		make_mounts("{'destination':'/x/../proc/sys/','source':'/s','options':['bind']}"),
		EINVAL, "/proc/sys is inside /proc");
	CHECK_OK(make_mounts("{'destination':'/proc/meminfo','source':'/s','options':['bind']},"
			     "{'destination':'/proc','source':'/proc','options':['rbind']},"
			     "{'destination':'/process','type':'tmpfs'}"));
	CHECK(op_at("/proc/meminfo", PLAN_OP_BIND)->mount.may_cover_proc);
	CHECK(op_at("/proc", PLAN_OP_BIND)->mount.source_is_proc);
}

TEST(memory_becomes_readonly_at_the_end)
{
	const struct plan_op *op;

	fresh();
	CHECK_OK(make_mounts("{'destination':'/dev','type':'tmpfs','options':['ro','nosuid']},"
			     "{'destination':'/run','type':'tmpfs','options':['mode=700']},"
			     "{'destination':'/s','type':'sysfs','options':['ro']},"
			     "{'destination':'/d','type':'ext4','source':'/x','options':['ro']}"));
	op = op_at("/dev", PLAN_OP_FILESYSTEM);
	CHECK_INT(op->mount.set, MOUNT_ATTR_NOSUID);
	CHECK(op->mount.inherit_mode);
	CHECK(!op_at("/run", PLAN_OP_FILESYSTEM)->mount.inherit_mode);
	op = op_at("/dev", PLAN_OP_REMOUNT);
	CHECK((size_t)(op - plan.ops) >= plan.late);
	CHECK_INT(op->mount.set, MOUNT_ATTR_RDONLY);
	/* Of a file system that others share only the mount, of a disk both. */
	CHECK_INT(op_at("/s", PLAN_OP_FILESYSTEM)->mount.sb_flags, 0);
	CHECK_INT(op_at("/s", PLAN_OP_FILESYSTEM)->mount.set, MOUNT_ATTR_RDONLY);
	CHECK_INT(op_at("/d", PLAN_OP_FILESYSTEM)->mount.sb_flags, MS_RDONLY);
}

TEST(user_namespace)
{
	const struct plan_op *op;

	fresh();
	in_user_namespace();
	input.new_network_namespace = false;
	CHECK_OK(make_mounts(
		"{'destination':'/dev/pts','type':'devpts','options':['gid=5','mode=620']},"
		"{'destination':'/pts','type':'devpts','options':['gid=2']},"
		"{'destination':'/sys','type':'sysfs','options':['ro','nosuid']},"
		"{'destination':'/v','source':'/v','options':['bind']}"));
	op = op_at("/dev/pts", PLAN_OP_FILESYSTEM);
	CHECK_STR(op->mount.data, "mode=620");
	CHECK_INT(op->mount.option_count, 1);
	CHECK_STR(op_at("/pts", PLAN_OP_FILESYSTEM)->mount.data, "gid=2");
	op = op_at("/sys", PLAN_OP_BIND);
	CHECK_STR(op->mount.source, "/sys");
	CHECK(op->mount.recursive);
	CHECK_INT(op->mount.recursive_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	CHECK(op_at("/v", PLAN_OP_BIND)->serve == PLAN_SERVE_TREE);
	CHECK(plan.serve_root);
	CHECK_INT(plan.served_count, 2);
	CHECK(op_at("/dev/null", PLAN_OP_DEVICE)->node.bind);
}

TEST(id_maps)
{
	const struct plan_op *op;

	fresh();
	CHECK_FAILS(make_mounts("{'destination':'/a','source':'/a','options':['bind','idmap']}"),
		    EINVAL, "no user namespace");
	CHECK_FAILS(
		make_mounts("{'destination':'/a','source':'/a','options':['bind','idmap=uids=1']}"),
		EINVAL, "$.mounts[0].options[1]");
	CHECK_FAILS(make_mounts("{'destination':'/a','source':'/a','options':['bind',"
				"'idmap=uids=0-1-1']}"),
		    EINVAL, "needs both");
	CHECK_OK(make_mounts("{'destination':'/a','source':'/a','options':['rbind',"
			     "'ridmap=uids=0-1000-5#10-20-1;gids=0-0-4294967294']}"));
	op = op_at("/a", PLAN_OP_BIND);
	CHECK_STR(op->mount.idmap.uid_lines, "0 1000 5\n10 20 1\n");
	CHECK_STR(op->mount.idmap.gid_lines, "0 0 4294967294\n");
	CHECK(op->mount.idmap.recursive);
	CHECK(op->serve == PLAN_SERVE_TREE);
	in_user_namespace();
	CHECK_OK(make_mounts("{'destination':'/a','source':'/a','options':['bind',"
			     "'idmap=uids=@0-5-10;gids=@0-1-2']}"));
	op = op_at("/a", PLAN_OP_BIND);
	CHECK_STR(op->mount.idmap.uid_lines, "0 100005 10\n");
	CHECK_STR(op->mount.idmap.gid_lines, "0 100001 2\n");
	CHECK_FAILS(make_mounts("{'destination':'/a','source':'/a','options':['bind',"
				"'idmap=uids=@0-995-10;gids=0-0-1']}"),
		    EINVAL, "is not in the container's user namespace");
	CHECK_OK(make_mounts("{'destination':'/a','source':'/a','options':['bind','idmap']},"
			     "{'destination':'/t','type':'tmpfs','options':['idmap']}"));
	CHECK_STR(op_at("/a", PLAN_OP_BIND)->mount.idmap.uid_lines, "0 100000 1000\n");
	CHECK(op_at("/t", PLAN_OP_FILESYSTEM)->serve == PLAN_SERVE_USERNS);
}

TEST(labels)
{
	static const char linux_[] =
		"{" ROOT ",'mounts':[{'destination':'/t','type':'tmpfs'},"
		"{'destination':'/q','type':'mqueue'},{'destination':'/p','type':'proc'}],"
		"'linux':{" NAMESPACES ",'mountLabel':'u:r:t:s0:c1,c2'},"
		"'annotations':{'run.oci.mount_context_type':'%s'}}";

	fresh();
	CHECK_OK(make(config_of(linux_, "rootcontext")));
	CHECK(op_at("/t", PLAN_OP_FILESYSTEM)->mount.data == NULL);
	host.selinux = true;
	CHECK_OK(make(config_of(linux_, "rootcontext")));
	CHECK_STR(op_at("/t", PLAN_OP_FILESYSTEM)->mount.data, "rootcontext=\"u:r:t:s0:c1,c2\"");
	CHECK_STR(op_at("/t", PLAN_OP_FILESYSTEM)->mount.options[0].value, "u:r:t:s0:c1,c2");
	CHECK_STR(op_at("/q", PLAN_OP_FILESYSTEM)->mount.label, "u:r:t:s0:c1,c2");
	CHECK(op_at("/p", PLAN_OP_FILESYSTEM)->mount.data == NULL);
	CHECK_FAILS(make(config_of(linux_, "sidecontext")), EINVAL, "mount_context_type");
}

/* ---- cgroups -------------------------------------------------------------------------------- */

#define CGROUP "{'destination':'/sys/fs/cgroup','type':'cgroup','options':['ro','nosuid']}"

TEST(cgroup_version_2)
{
	const struct plan_op *op;

	fresh();
	CHECK_OK(make_mounts(CGROUP));
	op = op_at("/sys/fs/cgroup", PLAN_OP_FILESYSTEM);
	CHECK_STR(op->mount.type, "cgroup2");
	CHECK(op->mount.cgroup_fallback);
	CHECK_STR(op->mount.source, "/sys/fs/cgroup/user/me");
	CHECK_INT(op->mount.set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	/* CVE-2023-25809: the host's tree is not shown to those who may write in it. */
	input.new_cgroup_namespace = false;
	CHECK_OK(make_mounts(CGROUP));
	op_at("/sys/fs/cgroup", PLAN_OP_FILESYSTEM);
	host.rootless = true;
	CHECK_OK(make_mounts(CGROUP));
	op = op_at("/sys/fs/cgroup", PLAN_OP_BIND);
	CHECK_STR(op->mount.source, "/sys/fs/cgroup/user/me");
}

TEST(cgroup_hybrid)
{
	static const struct lx_cgroup_dir dirs[] = {
		{ "/sys/fs/cgroup/cpu,cpuacct/c1", 26, "cpu,cpuacct", 1 },
		{ "/sys/fs/cgroup/unified/c1", 22, "", 2 },
	};
	struct plan_cgroup cgroup = { .enabled = true, .spec = { .dirs = dirs, .dir_count = 2 } };
	const struct plan_op *op;

	fresh();
	use_hierarchies(LX_CGROUP_HYBRID, hybrid, 3);
	input.cgroup = &cgroup;
	CHECK_OK(make_mounts(CGROUP));
	op = op_at("/sys/fs/cgroup", PLAN_OP_FILESYSTEM);
	CHECK_STR(op->mount.type, "tmpfs");
	CHECK_STR(op->mount.data, "mode=755");
	op = op_at("/sys/fs/cgroup/cpu,cpuacct", PLAN_OP_BIND);
	CHECK_STR(op->mount.source, "/sys/fs/cgroup/cpu,cpuacct/c1");
	CHECK(!op->mount.optional);
	CHECK_STR(op_at("/sys/fs/cgroup/cpu", PLAN_OP_SYMLINK)->link.content, "cpu,cpuacct");
	CHECK_STR(op_at("/sys/fs/cgroup/cpuacct", PLAN_OP_SYMLINK)->link.content, "cpu,cpuacct");
	/* A hierarchy without a group of the container: the runtime's own. */
	op = op_at("/sys/fs/cgroup/systemd", PLAN_OP_BIND);
	CHECK_STR(op->mount.source, "/sys/fs/cgroup/systemd/me");
	CHECK_STR(op_at("/sys/fs/cgroup/unified", PLAN_OP_BIND)->mount.source,
		  "/sys/fs/cgroup/unified/c1");
	op = op_at("/sys/fs/cgroup", PLAN_OP_REMOUNT);
	CHECK_INT(op->mount.recursive_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	CHECK(op->mount.own_tree);
	CHECK((size_t)(op - plan.ops) >= plan.late);
	CHECK(!is_planned("/sys/fs/cgroup/systemd", PLAN_OP_SYMLINK));
}

TEST(old_systemd_on_version_2)
{
	const struct plan_op *op;

	fresh();
	CHECK_OK(make(config_of("{" ROOT ",'linux':{" NAMESPACES "},'annotations':"
				"{'run.oci.systemd.force_cgroup_v1':'/sys/fs/cgroup/systemd'}}")));
	op = op_at("/sys/fs/cgroup/systemd", PLAN_OP_FILESYSTEM);
	CHECK_STR(op->mount.type, "cgroup");
	CHECK_STR(op->mount.data, "none,name=systemd,xattr");
}

/* ---- devices, paths, root ------------------------------------------------------------------- */

TEST(devices)
{
	const struct plan_op_node *n;

	fresh();
	CHECK_OK(make_linux(
		"'devices':[{'path':'/dev/fuse','type':'c','major':10,'minor':229,"
		"'fileMode':432,'uid':7,'gid':8},{'path':'/dev/null','type':'c','major':1,"
		"'minor':3,'fileMode':384},{'path':'/dev/ptmx','type':'c','major':5,"
		"'minor':2},{'path':'/run/pipe','type':'p'}]"));
	n = &op_at("/dev/fuse", PLAN_OP_DEVICE)->node;
	CHECK_INT(n->mode, S_IFCHR | 0660);
	CHECK(n->major == 10 && n->minor == 229 && n->uid == 7 && n->gid == 8 && !n->bind);
	CHECK_INT(op_at("/dev/null", PLAN_OP_DEVICE)->node.mode, S_IFCHR | 0600);
	CHECK_INT(op_at("/dev/zero", PLAN_OP_DEVICE)->node.mode, S_IFCHR | 0666);
	CHECK_INT(op_at("/run/pipe", PLAN_OP_DEVICE)->node.mode, S_IFIFO | 0666);
	CHECK(!is_planned("/dev/ptmx", PLAN_OP_DEVICE));
	CHECK(op_at("/dev/ptmx", PLAN_OP_SYMLINK)->link.replace);
	CHECK_STR(op_at("/dev/fd", PLAN_OP_SYMLINK)->link.needs, "/proc/self/fd");
	CHECK_OK(make_mounts("{'destination':'/proc','type':'proc'},"
			     "{'destination':'/dev/','source':'/dev','options':['rbind']}"));
	CHECK(!is_planned("/dev/null", PLAN_OP_DEVICE));
	CHECK(!is_planned("/dev/ptmx", PLAN_OP_SYMLINK));
}

TEST(paths_come_last)
{
	fresh();
	CHECK_OK(make_linux("'maskedPaths':['/proc/keys'],'readonlyPaths':['/proc/sys']"));
	CHECK_INT(plan.count - plan.late, 2);
	CHECK(plan.ops[plan.late].kind == PLAN_OP_READONLY);
	CHECK(plan.ops[plan.late + 1].kind == PLAN_OP_MASK);
	CHECK_FAILS(make_linux("'maskedPaths':['/a/..']"), EINVAL, "$.linux.maskedPaths[0]");
}

TEST(process)
{
	fresh();
	CHECK_OK(make(config_of("{" ROOT ",'process':{'user':{'uid':5,'gid':5},'args':['x'],"
				"'cwd':'/w/../v','terminal':true,'consoleSize':{'height':3,"
				"'width':4}},'linux':{" NAMESPACES "}}")));
	CHECK(plan.terminal && plan.rows == 3 && plan.columns == 4 && plan.tty_uid == 5);
	op_at("/dev/console", PLAN_OP_CONSOLE);
	CHECK_INT(op_at("/v", PLAN_OP_DIRECTORY)->node.mode, 0755);
}

TEST(root)
{
	static const struct {
		const char *name;
		uint32_t host, root;
	} cases[] = {
		{ "shared", MS_SHARED, MS_SHARED },
		{ "slave", MS_SLAVE | MS_REC, MS_SLAVE },
		{ "private", MS_PRIVATE | MS_REC, MS_PRIVATE },
		{ "unbindable", MS_PRIVATE | MS_REC, MS_UNBINDABLE },
		{ "rshared", MS_SHARED | MS_REC, MS_SHARED },
	};

	fresh();
	CHECK_OK(make_mounts(""));
	CHECK_STR(plan.root_path, "/bundle/rootfs");
	CHECK_INT(plan.host_propagation, MS_SLAVE | MS_REC);
	CHECK_INT(plan.root_propagation, 0);
	CHECK(plan.root_change == PLAN_ROOT_PIVOT);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char more[64];

		snprintf(more, sizeof(more), "'rootfsPropagation':'%s'", cases[i].name);
		CHECK_OK(make_linux(more));
		CHECK_INT(plan.host_propagation, cases[i].host);
		CHECK_INT(plan.root_propagation, cases[i].root);
	}
	request.no_pivot = true;
	CHECK_OK(make_mounts(""));
	CHECK(plan.root_change == PLAN_ROOT_MOVE);
	input.has_mount_namespace = false;
	CHECK_OK(make_mounts(""));
	CHECK(plan.root_change == PLAN_ROOT_CHROOT);
	CHECK_FAILS(make_mounts("{'destination':'/t','type':'tmpfs'}"), EINVAL,
		    "$.mounts: needs a mount namespace");
	CHECK_FAILS(make_linux("'maskedPaths':['/proc/keys']"), EINVAL, "$.linux.maskedPaths");
}

TEST(notify_socket)
{
	fresh();
	request.notify_socket = "/run/systemd/notify";
	CHECK_OK(make_mounts(""));
	CHECK_STR(op_at("/run/notify", PLAN_OP_BIND)->mount.source, "/state/c1/notify");
	CHECK(op_at("/run/notify", PLAN_OP_BIND)->mount.optional);
}

RUN_TESTS()

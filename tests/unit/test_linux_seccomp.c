/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled programs are run here by a small interpreter over every call of every architecture,
 * loaded into children, and kept in a cache that others try to poison.
 */
#include "child.h"
#include "config_fixture.h"
#include "container/filter.h"
#include "linux/abi.h"
#include "linux/seccomp_enosys.h"
#include "profile_fixture.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* ---- an interpreter of classic BPF, as much as filters use -------------------------------------
 */

struct data { /* struct seccomp_data */
	int32_t nr;
	uint32_t arch;
	uint64_t ip;
	uint64_t args[6];
};

#define BROKEN 0xdeadbeefu

static uint32_t load(const struct data *d, uint32_t offset)
{
	uint32_t value;

	if (offset > sizeof(*d) - 4)
		return BROKEN;
	memcpy(&value, (const uint8_t *)d + offset, 4);
	return value;
}

static uint32_t interpret(const struct lx_seccomp_program *p, const struct data *d)
{
	const struct sock_filter *f = (const struct sock_filter *)(const void *)p->bytes;
	size_t count = p->size / sizeof(*f);
	uint32_t a = 0, m[16] = { 0 };

	for (size_t pc = 0; pc < count; pc++) {
		const struct sock_filter *i = &f[pc];
		bool yes = false;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = load(d, i->k);
			continue;
		case BPF_LD | BPF_MEM:
			a = m[i->k & 15];
			continue;
		case BPF_ST:
			m[i->k & 15] = a;
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_RET | BPF_K:
			return i->k;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= i->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			yes = (a & i->k) != 0;
			break;
		default:
			return BROKEN;
		}
		pc += yes ? i->jt : i->jf;
	}
	return BROKEN;
}

/* ---- compiling ---------------------------------------------------------------------------------
 */

static struct ct_filter filter;

static rl_err prepare(const char *seccomp, const char *state_root)
{
	const struct oci_config *c = config_of(
		"{'ociVersion':'1.0.2','root':{'path':'r'},'linux':{'seccomp':{%s}}}", seccomp);
	struct plan_warnings w = { 0 };
	struct plan_seccomp s;

	RL_TRY(plan_seccomp_make(&fixture_arena, c, NULL, &w, &s));
	return ct_filter_prepare(&fixture_arena, &s, state_root, &filter);
}

static uint32_t verdict(uint32_t arch, uint32_t nr, uint64_t arg0)
{
	const struct data d = { (int32_t)nr, arch, 0, { arg0 } };

	return interpret(&filter.program, &d);
}

#define ALLOW SECCOMP_RET_ALLOW
#define ERR(n) (SECCOMP_RET_ERRNO | (n))
#define X64 AUDIT_ARCH_X86_64
#define X86 AUDIT_ARCH_I386
#define X32_BIT 0x40000000u

TEST(profile_of_the_usual_shape)
{
	CHECK_OK(prepare(PROFILE, NULL));
	CHECK(verdict(X64, SYS_read, 0) == ALLOW);
	CHECK(verdict(X64, SYS_mount, 0) == ERR(EPERM));
	CHECK(verdict(X64, SYS_bpf, 0) == ERR(EPERM));
	CHECK(verdict(X64, SYS_clone3, 0) == ERR(ENOSYS));
	CHECK(verdict(X64, SYS_personality, 0) == ALLOW);
	CHECK(verdict(X64, SYS_personality, 8) == ALLOW);
	CHECK(verdict(X64, SYS_personality, 9) == ERR(EPERM));
	CHECK(verdict(X64, SYS_socket, AF_INET) == ALLOW);
	CHECK(verdict(X64, SYS_socket, AF_VSOCK) == ERR(EPERM));
	CHECK(verdict(X64, SYS_clone, 17) == ALLOW);
	CHECK(verdict(X64, SYS_clone, 0x10000000) == ERR(EPERM));
	CHECK(filter.program.size < 4096 * 8);
}

/* Attack: the same machine has other ways in, with other numbers. */
TEST(other_architectures_have_their_own_rules)
{
	CHECK_OK(prepare(PROFILE, NULL));
	CHECK(verdict(X86, 3, 0) == ALLOW);		     /* read */
	CHECK(verdict(X86, 21, 0) == ERR(EPERM));	     /* mount */
	CHECK(verdict(X64, X32_BIT | 0, 0) == ALLOW);	     /* x32 read */
	CHECK(verdict(X64, X32_BIT | 165, 0) == ERR(EPERM)); /* x32 mount */
	CHECK(verdict(AUDIT_ARCH_AARCH64, 63, 0) == SECCOMP_RET_KILL_THREAD);
	CHECK(verdict(AUDIT_ARCH_ARM, 3, 0) == SECCOMP_RET_KILL_THREAD);

	CHECK_OK(prepare("'defaultAction':'SCMP_ACT_ERRNO'," PROFILE_RULES, NULL));
	CHECK(verdict(X64, SYS_read, 0) == ALLOW);
	CHECK(verdict(X86, 3, 0) == SECCOMP_RET_KILL_THREAD);
	CHECK(verdict(X64, X32_BIT | 0, 0) == SECCOMP_RET_KILL_THREAD);
}

/* Attack: numbers that are none. */
TEST(numbers_beyond_the_profile_do_not_exist)
{
	static const uint32_t beyond[] = { 450, 451, 500, 0x3fffffff, 0xffffffff };

	CHECK_OK(prepare(PROFILE, NULL));
	/* futex_waitv is the newest that the profile names and this libseccomp knows. */
	CHECK(verdict(X64, 449, 0) == ALLOW);
	CHECK(verdict(X64, 448, 0) == ERR(EPERM));
	for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		CHECK(verdict(X64, beyond[i], 0) == ERR(ENOSYS));
		CHECK(verdict(X86, beyond[i], 0) == ERR(ENOSYS));
	}
	CHECK(verdict(X64, X32_BIT | 449, 0) == ALLOW);
	CHECK(verdict(X64, X32_BIT | 450, 0) == ERR(EPERM)); /* x32's own begin at 512 */
	CHECK(verdict(X64, X32_BIT | 600, 0) == ERR(ENOSYS));
	CHECK(verdict(X64, 0x7fffffff, 0) == ERR(ENOSYS));
	CHECK(verdict(X64, 0x80000000, 0) == ERR(ENOSYS));
}

#define RULES_READ "'syscalls':[{'names':['read'],'action':'%s'}]"

TEST(enosys_only_where_the_default_refuses)
{
	CHECK_OK(prepare("'defaultAction':'SCMP_ACT_KILL_PROCESS','syscalls':["
			 "{'names':['read'],'action':'SCMP_ACT_ALLOW'}]",
			 NULL));
	CHECK(verdict(X64, SYS_read, 0) == ALLOW);
	CHECK(verdict(X64, SYS_write, 0) == ERR(ENOSYS));
	CHECK(verdict(X64, X32_BIT, 0) == SECCOMP_RET_KILL_THREAD);
	CHECK(verdict(X64, 0xffffffff, 0) == ERR(ENOSYS));
	CHECK_OK(prepare("'defaultAction':'SCMP_ACT_ALLOW','syscalls':["
			 "{'names':['read'],'action':'SCMP_ACT_ERRNO'}]",
			 NULL));
	CHECK(verdict(X64, SYS_read, 0) == ERR(EPERM));
	CHECK(verdict(X64, 2000, 0) == ALLOW);
	CHECK_OK(prepare("'defaultAction':'SCMP_ACT_TRACE','defaultErrnoRet':5,'syscalls':["
			 "{'names':['read'],'action':'SCMP_ACT_ALLOW'}]",
			 NULL));
	CHECK(verdict(X64, 2000, 0) == (SECCOMP_RET_TRACE | 5));
	CHECK_OK(prepare("'defaultAction':'SCMP_ACT_ERRNO'", NULL));
	CHECK(verdict(X64, 2000, 0) == ERR(EPERM));
}

/*
 * libseccomp sorts the program into a tree. What comes out must be what the plain list of the
 * library says, for every number there is and some more.
 */
TEST(sorted_program_means_the_same)
{
	static const uint32_t archs[] = { X64, X86, AUDIT_ARCH_AARCH64 };
	static const uint64_t args[] = { 0, 8, 9, 40, 0xffffffff, 0x10000000, 1ULL << 32 };
	struct lx_seccomp_program sorted;
	struct lx_seccomp_newest none = { .count = 0 };
	struct sock_filter head[LX_SECCOMP_ENOSYS_MAX];
	scmp_filter_ctx plain = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	const struct oci_config *c = config_of(
		"{'ociVersion':'1.0.2','root':{'path':'r'},'linux':{'seccomp':{%s}}}", PROFILE);
	struct plan_warnings w = { 0 };
	struct plan_seccomp s;
	static uint8_t bytes[4096 * 8];
	int fd = memfd_create("plain", 0);
	ssize_t n;

	CHECK_OK(plan_seccomp_make(&fixture_arena, c, NULL, &w, &s));
	CHECK_OK(ct_filter_prepare(&fixture_arena, &s, NULL, &filter));
	sorted = filter.program;
	seccomp_arch_add(plain, SCMP_ARCH_X86);
	seccomp_arch_add(plain, SCMP_ARCH_X32);
	for (size_t i = 0; i < s.rule_count; i++)
		for (size_t j = 0; j < s.rules[i].name_count; j++) {
			int nr = seccomp_syscall_resolve_name(s.rules[i].names[j]);
			struct scmp_arg_cmp cmp = { 0 };

			if (nr == __NR_SCMP_ERROR)
				continue;
			if (s.rules[i].arg_count > 0) {
				const struct plan_seccomp_arg *a = s.rules[i].args;

				cmp.arg = a->index;
				cmp.op = a->op == OCI_CMP_NE   ? SCMP_CMP_NE
					 : a->op == OCI_CMP_EQ ? SCMP_CMP_EQ
							       : SCMP_CMP_MASKED_EQ;
				cmp.datum_a = a->value;
				cmp.datum_b = a->value_two;
			}
			CHECK_INT(seccomp_rule_add_array(plain, s.rules[i].action, nr,
							 (unsigned)s.rules[i].arg_count, &cmp),
				  0);
		}
	CHECK_INT(seccomp_export_bpf(plain, fd), 0);
	seccomp_release(plain);
	n = pread(fd, bytes, sizeof(bytes), 0);
	close(fd);
	CHECK(n > 0);
	CHECK_INT(lx_seccomp_enosys(&none, ERR(EPERM), head), 0);

	for (size_t a = 0; a < sizeof(archs) / sizeof(archs[0]); a++)
		for (uint32_t nr = 0; nr < 1300; nr++)
			for (size_t v = 0; v < sizeof(args) / sizeof(args[0]); v++) {
				uint32_t number = nr < 650 ? nr : X32_BIT | (nr - 650);
				struct data d = { (int32_t)number, archs[a], 0, { args[v] } };
				uint32_t got, want;

				filter.program = (struct lx_seccomp_program){ bytes, (size_t)n };
				want = interpret(&filter.program, &d);
				got = interpret(&sorted, &d);
				/* Our own answer stands where theirs is the refusing default. */
				if (got == ERR(ENOSYS) && want == ERR(EPERM) &&
				    (archs[a] == X64 ? number & ~X32_BIT : number) > 449)
					continue;
				if (got != want)
					FAIL_("arch %#x call %u arg %llu: %#x, want %#x", archs[a],
					      number, (unsigned long long)args[v], got, want);
			}
}

TEST(first_of_contradicting_rules_counts)
{
	CHECK_OK(prepare("'defaultAction':'SCMP_ACT_ALLOW','syscalls':["
			 "{'names':['read'],'action':'SCMP_ACT_ERRNO'},"
			 "{'names':['read'],'action':'SCMP_ACT_TRAP'}]",
			 NULL));
	CHECK(verdict(X64, SYS_read, 0) == ERR(EPERM));
}

TEST(unknown_names_are_an_error_on_request)
{
	const struct oci_config *c =
		config_of("{'ociVersion':'1.0.2','root':{'path':'r'},"
			  "'annotations':{'run.oci.seccomp_fail_unknown_syscall':'1'},"
			  "'linux':{'seccomp':{%s}}}",
			  PROFILE);
	struct plan_warnings w = { 0 };
	struct plan_seccomp s;

	CHECK_OK(plan_seccomp_make(&fixture_arena, c, NULL, &w, &s));
	CHECK_FAILS(ct_filter_prepare(&fixture_arena, &s, NULL, &filter), EINVAL,
		    "unknown system call \"a_call_of_tomorrow\"");
}

TEST(foreign_architectures_are_passed_over)
{
	CHECK_OK(prepare("'defaultAction':'SCMP_ACT_ERRNO','architectures':["
			 "'SCMP_ARCH_S390X','SCMP_ARCH_LOONGARCH64','SCMP_ARCH_AARCH64'],"
			 "'syscalls':[{'names':['read'],'action':'SCMP_ACT_ALLOW'}]",
			 NULL));
	CHECK(verdict(X64, SYS_read, 0) == ALLOW);
	CHECK(verdict(AUDIT_ARCH_AARCH64, 63, 0) == ALLOW);
	CHECK(verdict(AUDIT_ARCH_S390X, 3, 0) == SECCOMP_RET_KILL_THREAD);
}

/* ---- loading -----------------------------------------------------------------------------------
 */

static int load_and_try(void)
{
	EXPECT_OK(prepare(PROFILE, NULL));
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	EXPECT_OK(ct_filter_load(&filter, NULL));
	EXPECT(getpid() > 0);
	EXPECT(syscall(SYS_mount, "a", "b", "c", 0, NULL) == -1 && errno == EPERM);
	EXPECT(syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS);
	EXPECT(syscall(1000) == -1 && errno == ENOSYS);
	EXPECT(syscall(-1) == -1 && errno == ENOSYS);
	EXPECT(syscall(SYS_personality, 0xffffffff) >= 0);
	EXPECT(syscall(SYS_personality, 9) == -1 && errno == EPERM);
	EXPECT(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2);
	return 0;
}

TEST(loaded_filter_holds)
{
	CHECK_CHILD(load_and_try);
}

/* int $0x80 in a 64-bit program enters by the 32-bit table. */
static int enter_by_the_old_door(void)
{
	long r;

	EXPECT_OK(prepare(PROFILE, NULL));
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	EXPECT_OK(ct_filter_load(&filter, NULL));
#if defined(__x86_64__)
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(21L), "b"(0L), "c"(0L), "d"(0L) : "memory");
	EXPECT(r == -EPERM || r == -ENOSYS);
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory"); /* getpid */
	EXPECT(r == getpid() || r == -ENOSYS);
#else
	(void)r;
#endif
	return 0;
}

TEST(the_32_bit_door_is_guarded)
{
	CHECK_CHILD(enter_by_the_old_door);
}

static int load_without_right(void)
{
	EXPECT_OK(prepare(PROFILE, NULL));
	if (geteuid() == 0)
		EXPECT(setresuid(65534, 65534, 65534) == 0);
	EXPECT_FAILS(ct_filter_load(&filter, NULL), EACCES, "load the seccomp filter");
	return 0;
}

TEST(loading_needs_a_right)
{
	CHECK_CHILD(load_without_right);
}

TEST(what_the_kernel_lacks_is_named)
{
	CHECK_OK(lx_seccomp_check_flags(SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW));
	CHECK_OK(lx_seccomp_check_flags(0));
	CHECK_FAILS(lx_seccomp_check_flags(1u << 30), ENOTSUP, "flags 0x40000000");
	CHECK_OK(lx_seccomp_check_action(SECCOMP_RET_KILL_PROCESS));
	CHECK_OK(lx_seccomp_check_action(SECCOMP_RET_USER_NOTIF));
}

static int unknown_flag_is_not_dropped(void)
{
	EXPECT_OK(prepare(PROFILE, NULL));
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	filter.flags |= 1u << 30;
	EXPECT_FAILS(ct_filter_load(&filter, NULL), EINVAL, "flags 0x40000004");
	EXPECT(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0);
	return 0;
}

TEST(never_again_without_flags)
{
	CHECK_CHILD(unknown_flag_is_not_dropped);
}

/* ---- the cache ---------------------------------------------------------------------------------
 */

static char root[64];

static int cache_fd(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/.cache/seccomp", root);
	return open(path, O_RDONLY | O_DIRECTORY);
}

/* Fills the cache with the filter of PROFILE; the only entry's name. */
static const char *fill(void)
{
	static char key[PLAN_SECCOMP_KEY];
	const struct oci_config *c = config_of(
		"{'ociVersion':'1.0.2','root':{'path':'r'},'linux':{'seccomp':{%s}}}", PROFILE);
	struct plan_warnings w = { 0 };
	struct plan_seccomp s;

	if (root[0] == '\0') {
		snprintf(root, sizeof(root), "/tmp/cache-XXXXXX");
		if (mkdtemp(root) == NULL)
			abort();
	}
	rl_drop(plan_seccomp_make(&fixture_arena, c, NULL, &w, &s));
	plan_seccomp_key(&s, lx_seccomp_compiler(), key);
	rl_drop(ct_filter_prepare(&fixture_arena, &s, root, &filter));
	return key;
}

static bool cached(const char *key)
{
	struct lx_seccomp_program p;
	int fd = cache_fd();
	bool hit = lx_seccomp_cache_get(&fixture_arena, fd, key, &p);

	close(fd);
	return hit;
}

TEST(second_time_comes_from_the_cache)
{
	const char *key = fill();
	struct lx_seccomp_program first = filter.program, again;
	int fd = cache_fd();
	struct stat st;

	CHECK(fd >= 0);
	CHECK(fstatat(fd, key, &st, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	CHECK(fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0700);
	CHECK(lx_seccomp_cache_get(&fixture_arena, fd, key, &again));
	CHECK(again.size == first.size && memcmp(again.bytes, first.bytes, first.size) == 0);
	close(fd);
}

/* Each of these changes an entry; none may be believed, and the next create mends it. */
TEST(poisoned_entries_are_made_anew)
{
	const char *key = fill();
	int dir = cache_fd(), fd;
	uint8_t byte;
	struct stat st;

	CHECK(fstatat(dir, key, &st, 0) == 0);
	for (off_t at = 0; at < st.st_size; at += at < 112 ? 5 : 397) {
		fd = openat(dir, key, O_RDWR);
		CHECK(pread(fd, &byte, 1, at) == 1);
		byte ^= 0x40;
		CHECK(pwrite(fd, &byte, 1, at) == 1);
		close(fd);
		CHECK(!cached(key));
		fill();
		CHECK(cached(key));
	}
	for (off_t size = 0; size < st.st_size; size += 403) {
		fd = openat(dir, key, O_RDWR);
		CHECK(ftruncate(fd, size) == 0);
		close(fd);
		CHECK(!cached(key));
		fill();
	}
	fd = openat(dir, key, O_RDWR | O_APPEND);
	CHECK(write(fd, "12345678", 8) == 8);
	close(fd);
	CHECK(!cached(key));
	fill();
	CHECK(cached(key));
	close(dir);
}

TEST(entries_that_others_can_write_are_not_believed)
{
	const char *key = fill();
	int dir = cache_fd();

	CHECK(fchmodat(dir, key, 0620, 0) == 0);
	CHECK(!cached(key));
	fill();
	CHECK(cached(key));
	CHECK(fchmodat(dir, key, 0602, 0) == 0);
	CHECK(!cached(key));
	fill();
	if (geteuid() == 0) {
		CHECK(fchownat(dir, key, 65534, 0, 0) == 0);
		CHECK(!cached(key));
		fill();
		CHECK(cached(key));
	}
	close(dir);
}

TEST(links_fifos_and_other_names_are_not_entries)
{
	const char *key = fill();
	int dir = cache_fd();
	char other[PLAN_SECCOMP_KEY];

	/* The right content under another key. */
	snprintf(other, sizeof(other), "%s", key);
	other[0] = other[0] == '0' ? '1' : '0';
	CHECK(linkat(dir, key, dir, other, 0) == 0);
	CHECK(!cached(other));
	unlinkat(dir, other, 0);
	CHECK(renameat(dir, key, dir, "target") == 0);
	CHECK(symlinkat("target", dir, key) == 0);
	CHECK(!cached(key));
	unlinkat(dir, key, 0);
	CHECK(mkfifoat(dir, key, 0600) == 0);
	CHECK(!cached(key));
	fill(); /* the rename replaces whatever is there */
	CHECK(cached(key));
	CHECK(!cached("../seccomp"));
	unlinkat(dir, "target", 0);
	close(dir);
}

TEST(directories_that_are_not_ours_are_not_used)
{
	struct rl_fd RL_AUTO_FD dir = { 0 };
	char path[128], moved[128];

	fill();
	snprintf(path, sizeof(path), "%s/.cache", root);
	CHECK(chmod(path, 0720) == 0);
	CHECK_FAILS(lx_seccomp_cache_open(root, &dir), EPERM, ".cache is not ours alone");
	fill(); /* works, without a cache */
	CHECK(filter.program.size > 0);
	CHECK(chmod(path, 0700) == 0);
	CHECK(chmod(root, 0777) == 0);
	CHECK_FAILS(lx_seccomp_cache_open(root, &dir), EPERM, "is not ours alone");
	CHECK(chmod(root, 0700) == 0);
	snprintf(moved, sizeof(moved), "%s/moved", root);
	CHECK(rename(path, moved) == 0);
	CHECK(symlink("moved", path) == 0);
	CHECK_FAILS(lx_seccomp_cache_open(root, &dir), ENOTDIR, ".cache");
	CHECK(unlink(path) == 0 && rename(moved, path) == 0);
	if (geteuid() == 0) {
		CHECK(chown(path, 65534, 0) == 0);
		CHECK_FAILS(lx_seccomp_cache_open(root, &dir), EPERM, "not ours");
		CHECK(chown(path, 0, 0) == 0);
	}
	CHECK_OK(lx_seccomp_cache_open(root, &dir));
}

TEST(cache_does_not_grow_without_end)
{
	struct lx_seccomp_program p = { (const uint8_t *)"12345678", 8 };
	char key[PLAN_SECCOMP_KEY];
	int dir = cache_fd(), left = 0;

	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "%064d", i);
		lx_seccomp_cache_put(dir, key, &p);
		CHECK(cached(key));
	}
	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "%064d", i);
		left += cached(key);
	}
	CHECK(left > 0 && left <= 130);
	close(dir);
}

static __attribute__((destructor)) void clean(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	if (root[0] != '\0' && system(command) != 0)
		abort();
}

RUN_TESTS()

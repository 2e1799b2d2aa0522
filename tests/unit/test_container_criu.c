/* SPDX-License-Identifier: Apache-2.0 */
/* The messages to CRIU, and what is taken from its log. */
#include "container/criu.h"
#include "test.h"

#include <stddef.h>
#include <string.h>

static struct rl_arena arena;

#define PREPARE()                                                \
	do {                                                     \
		if (arena.base == NULL)                          \
			CHECK_OK(rl_arena_new(1 << 20, &arena)); \
	} while (0)

static bool has_bytes(const uint8_t *bytes, size_t len, const void *what, size_t what_len)
{
	return memmem(bytes, len, what, what_len) != NULL;
}

/* criu_req { type: DUMP opts { images_dir_fd: 7 pid: 300 ... } } by hand. */
TEST(a_request_is_what_protoc_would_write)
{
	static const uint8_t expected[] = {
		0x08, 0x01,	  /* type: DUMP */
		0x12, 0x0d,	  /* opts, 13 bytes */
		0x08, 0x07,	  /* images_dir_fd */
		0x10, 0xac, 0x02, /* pid: 300 */
		0x18, 0x01,	  /* leave_running */
		0x52, 0x01, 'x',  /* log_file */
		0x88, 0x01, 0x08, /* work_dir_fd, field 17 */
	};
	struct ct_criu_request r = { .type = CT_CRIU_DUMP,
				     .images_fd = 7,
				     .work_fd = 8,
				     .pid = 300,
				     .log_file = "x",
				     .leave_running = true };
	const uint8_t *bytes;
	size_t len;

	PREPARE();
	CHECK_OK(ct_criu_encode(&arena, &r, &bytes, &len));
	CHECK(len == sizeof(expected));
	CHECK(memcmp(bytes, expected, len) == 0);
}

/* The numbers of criu_opts in rpc.proto, one by one: with a wrong one CRIU does something else. */
static const struct {
	size_t member;
	enum { FLAG, NUMBER, TEXT } kind;
	unsigned number;
} numbers[] = {
#define MEMBER(kind, name, number)                                   \
	{                                                            \
		offsetof(struct ct_criu_request, name), kind, number \
	}
	MEMBER(NUMBER, pid, 2),
	MEMBER(FLAG, leave_running, 3),
	MEMBER(FLAG, ext_unix_sockets, 4),
	MEMBER(FLAG, tcp_established, 5),
	MEMBER(FLAG, shell_job, 7),
	MEMBER(FLAG, file_locks, 8),
	MEMBER(NUMBER, log_level, 9),
	MEMBER(TEXT, log_file, 10),
	MEMBER(FLAG, notify, 12),
	MEMBER(TEXT, root, 13),
	MEMBER(TEXT, parent_images, 14),
	MEMBER(FLAG, track_memory, 15),
	MEMBER(FLAG, auto_dedup, 16),
	MEMBER(FLAG, link_remap, 18),
	MEMBER(FLAG, restore_as_sibling, 26),
	MEMBER(NUMBER, empty_namespaces, 38),
	MEMBER(TEXT, freeze_cgroup, 44),
	MEMBER(FLAG, tcp_skip_in_flight, 46),
	MEMBER(FLAG, lazy_pages, 48),
	MEMBER(FLAG, orphan_pts_master, 50),
	MEMBER(TEXT, config_file, 51),
	MEMBER(FLAG, tcp_close, 52),
	MEMBER(TEXT, lsm_profile, 53),
	MEMBER(TEXT, lsm_mount_context, 63),
	MEMBER(NUMBER, network_lock, 64),
};

/* `at` as a varint. */
static size_t varint(uint8_t *at, unsigned value)
{
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		at[n++] = (uint8_t)(value | 0x80);
	at[n++] = (uint8_t)value;
	return n;
}

TEST(every_option_has_its_number)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct ct_criu_request r = { .type = CT_CRIU_DUMP };
		char *member = (char *)&r + numbers[i].member;
		uint8_t expected[32] = { 0x08, 0x01, 0x12, 0, 0x08, 0x00 };
		static const uint8_t work[] = { 0x88, 0x01, 0x00 };
		const char *text = "text";
		const uint8_t *bytes;
		size_t len, n = 6;
		int number = 3;

		if (numbers[i].kind == FLAG)
			*(bool *)member = true;
		else if (numbers[i].kind == NUMBER)
			memcpy(member, &number, sizeof(number));
		else
			memcpy(member, &text, sizeof(text));
		/* work_dir_fd is always sent, after those with smaller numbers. */
		if (numbers[i].number > 17)
			for (size_t k = 0; k < sizeof(work); k++)
				expected[n++] = work[k];
		n += varint(expected + n,
			    numbers[i].number << 3 | (numbers[i].kind == TEXT ? 2 : 0));
		if (numbers[i].kind == TEXT) {
			expected[n++] = 4;
			memcpy(expected + n, "text", 4);
			n += 4;
		} else {
			expected[n++] = numbers[i].kind == FLAG ? 1 : 3;
		}
		if (numbers[i].number < 17)
			for (size_t k = 0; k < sizeof(work); k++)
				expected[n++] = work[k];
		expected[3] = (uint8_t)(n - 4);
		PREPARE();
		CHECK_OK(ct_criu_encode(&arena, &r, &bytes, &len));
		CHECK_INT((int)len, (int)n);
		CHECK(memcmp(bytes, expected, len) == 0);
	}
}

TEST(lists_and_messages_within)
{
	static const uint8_t mount[] = { 0xba, 0x01, 0x08, 0x0a, 0x02, '/',
					 'a',  0x12, 0x02, '/',	 'b' };
	static const uint8_t inherited[] = { 0xda, 0x01, 0x05, 0x0a, 0x01, 'k', 0x10, 0x04 };
	static const uint8_t cgroup[] = { 0xca, 0x01, 0x04, 0x12, 0x02, '/', 'c' };
	static const uint8_t mode[] = { 0x90, 0x02, 0x00 }; /* IGNORE is 0, and is sent */
	struct ct_criu_request r = { .type = CT_CRIU_RESTORE,
				     .cgroups = CT_CRIU_CGROUPS_IGNORE,
				     .inherited = { { "k", 4 } },
				     .inherited_count = 1 };
	const uint8_t *bytes;
	size_t len;

	PREPARE();
	CHECK_OK(ct_criu_pair_add(&arena, &r.mounts, "/a", "/b"));
	CHECK_OK(ct_criu_pair_add(&arena, &r.cgroup_roots, NULL, "/c"));
	CHECK_OK(ct_criu_encode(&arena, &r, &bytes, &len));
	CHECK(has_bytes(bytes, len, mount, sizeof(mount)));
	CHECK(has_bytes(bytes, len, inherited, sizeof(inherited)));
	CHECK(has_bytes(bytes, len, cgroup, sizeof(cgroup)));
	CHECK(has_bytes(bytes, len, mode, sizeof(mode)));
}

TEST(answers_are_read)
{
	static const uint8_t notify[] = { 0x08, 0x06, 0x10, 0x01, 0x2a, 0x08, 0x0a,
					  0x03, 'a',  'b',  'c',  0x10, 0xac, 0x02 };
	static const uint8_t restored[] = { 0x08, 0x02, 0x10, 0x01, 0x22, 0x02, 0x08, 0x2a };
	static const uint8_t refused[] = {
		0x08, 0x01, 0x10, 0x00, 0x38, 0x16, 0x4a, 0x02, 'n', 'o'
	};
	struct ct_criu_reply reply;

	PREPARE();
	CHECK_OK(ct_criu_decode(&arena, notify, sizeof(notify), &reply));
	CHECK(reply.type == CT_CRIU_NOTIFY && reply.success && reply.pid == 300);
	CHECK_STR(reply.script, "abc");
	CHECK_OK(ct_criu_decode(&arena, restored, sizeof(restored), &reply));
	CHECK(reply.type == CT_CRIU_RESTORE && reply.success && reply.pid == 42);
	CHECK_OK(ct_criu_decode(&arena, refused, sizeof(refused), &reply));
	CHECK(!reply.success && reply.error == 22);
	CHECK_STR(reply.message, "no");
}

/* Every beginning of an answer, and a field that is longer than what is there. */
TEST(broken_answers_are_refused)
{
	static const uint8_t whole[] = { 0x08, 0x06, 0x10, 0x01, 0x2a, 0x03, 0x0a, 0x01, 'a' };
	static const uint8_t long_field[] = { 0x08, 0x01, 0x4a, 0x7f, 'x' };
	static const uint8_t endless[] = { 0x08, 0xff, 0xff, 0xff, 0xff, 0xff,
					   0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t nested[] = { 0x08, 0x06, 0x2a, 0x03, 0x0a, 0x7f, 'a' };
	struct ct_criu_reply reply;

	PREPARE();
	CHECK_FAILS(ct_criu_decode(&arena, whole, 0, &reply), EPROTO, "criu");
	for (size_t len = 5; len < sizeof(whole); len++)
		CHECK_FAILS(ct_criu_decode(&arena, whole, len, &reply), EPROTO, "criu");
	CHECK_FAILS(ct_criu_decode(&arena, long_field, sizeof(long_field), &reply), EPROTO, "criu");
	CHECK_FAILS(ct_criu_decode(&arena, endless, sizeof(endless), &reply), EPROTO, "criu");
	CHECK_FAILS(ct_criu_decode(&arena, nested, sizeof(nested), &reply), EPROTO, "criu");
}

TEST(the_log_tells_why)
{
	static const char log[] = "(00.000001) Version: 3.17\n"
				  "(00.100000) Warn  (criu/a.c:1): hm\n"
				  "(00.200000) Error (criu/sk-unix.c:5): sk unix: outside\n"
				  "(00.300000)  7: Error (criu/b.c:2): Dumping failed.\n";
	const char *reasons;

	PREPARE();
	CHECK_OK(ct_criu_reasons(&arena, log, &reasons));
	CHECK_STR(
		reasons,
		"Error (criu/sk-unix.c:5): sk unix: outside; Error (criu/b.c:2): Dumping failed.");
	CHECK_OK(ct_criu_reasons(&arena, "all is well\n", &reasons));
	CHECK_STR(reasons, "");
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sha256.h"
#include "test.h"

static const char *sum_of(const void *bytes, size_t len, size_t piece)
{
	static char text[2 * RL_SHA256_SIZE + 1];
	uint8_t sum[RL_SHA256_SIZE];
	struct rl_sha256 h;

	rl_sha256_begin(&h);
	for (size_t at = 0; at < len; at += piece)
		rl_sha256_add(&h, (const uint8_t *)bytes + at, len - at < piece ? len - at : piece);
	rl_sha256_end(&h, sum);
	for (size_t i = 0; i < sizeof(sum); i++)
		snprintf(text + 2 * i, 3, "%02x", sum[i]);
	return text;
}

/* The examples of FIPS 180-2, appendix B, and the empty message. */
TEST(vectors_of_the_standard)
{
	static char million[1000000];

	CHECK_STR(sum_of("", 0, 1),
		  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	CHECK_STR(sum_of("abc", 3, 3),
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CHECK_STR(sum_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, 56),
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(million, 'a', sizeof(million));
	CHECK_STR(sum_of(million, sizeof(million), sizeof(million)),
		  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Every length around the padding's edges is the same in one piece and in pieces. */
TEST(pieces_make_the_same_sum)
{
	uint8_t bytes[200];
	char whole[2 * RL_SHA256_SIZE + 1];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	for (size_t len = 1; len <= sizeof(bytes); len++) {
		snprintf(whole, sizeof(whole), "%s", sum_of(bytes, len, len));
		CHECK_STR(sum_of(bytes, len, 1), whole);
		CHECK_STR(sum_of(bytes, len, 63), whole);
	}
}

RUN_TESTS()

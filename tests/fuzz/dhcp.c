/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a DHCP server: the bytes are an IP packet, for our transaction and address. */
#include "fuzz.h"

#include "guest/dhcp.h"
#include "guest/fail.h"

#include <string.h>

_Noreturn void gst_fail(const char *fmt, ...)
{
	(void)fmt;
	abort();
}

_Noreturn void gst_refuse(const char *fmt, ...)
{
	(void)fmt;
	abort();
}

void gst_note(const char *fmt, ...)
{
	(void)fmt;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	struct gst_lease l = { 0 };
	uint8_t *copy = malloc(len + 1); /* so that a sanitizer sees a step beyond the end */

	if (copy == NULL)
		return 0;
	memcpy(copy, bytes, len);
	if (gst_dhcp_parse(copy, len, 0x12345678, mac, &l) != 0) {
		FUZZ_CHECK(l.dns_count <= GST_DHCP_SERVERS);
		FUZZ_CHECK(memchr(l.domain, '\0', sizeof(l.domain)) != NULL);
		FUZZ_CHECK(strpbrk(l.domain, "\n #;") == NULL);
	}
	free(copy);
	return 0;
}

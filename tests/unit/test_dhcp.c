/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's DHCP client: messages made, answers taken apart, answers that are none. */
#include "test.h"

#include "guest/dhcp.h"

#include <arpa/inet.h>

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
#define XID 0x12345678u

/* An answer as a server makes it, from our own request: IP, UDP, BOOTP, then these options. */
static size_t answer(uint8_t *p, const uint8_t *options, size_t len)
{
	uint8_t request[GST_DHCP_MAX];
	uint32_t sum = 0, xid = XID;

	memset(p, 0, GST_DHCP_MAX);
	(void)gst_dhcp_make(GST_DHCP_ANY, xid, mac, NULL, request);
	memcpy(p + 28, request + 28, 240);
	p[28] = 2;
	memcpy(p + 28 + 16, "\x0a\x00\x02\x0f", 4); /* yours: 10.0.2.15 */
	memcpy(p + 28 + 240, options, len);
	len += 240 + 8;
	p[0] = 0x45;
	p[2] = (uint8_t)((len + 20) >> 8);
	p[3] = (uint8_t)(len + 20);
	p[8] = 64;
	p[9] = 17;
	p[21] = 67;
	p[23] = 68;
	p[24] = (uint8_t)(len >> 8);
	p[25] = (uint8_t)len;
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	p[10] = (uint8_t)(~sum >> 8);
	p[11] = (uint8_t)~sum;
	return len + 20;
}

static const uint8_t offer[] = {
	53, 1,	2,  1,	4,  255, 255, 255, 0,	3,   8,	  10,  0,    2,	   2,  10, 0,
	2,  3,	54, 4,	10, 0,	 2,   2,   0,	0,   26,  2,   0xff, 0xf0, 51, 4,  0,
	0,  14, 16, 15, 7,  'l', 'o', 'c', 'a', 'l', '.', 'x', 6,    16,   1,  1,  1,
	1,  8,	8,  8,	8,  9,	 9,   9,   9,	4,   4,	  4,   4,    255,  99, 99,
};

TEST(requests)
{
	struct gst_lease chosen = { .address = htonl(0x0a00020f), .server = htonl(0x0a000202) };
	uint8_t p[GST_DHCP_MAX];
	size_t len = gst_dhcp_make(GST_DHCP_ANY, XID, mac, NULL, p);

	CHECK_INT(len, 328);
	CHECK_INT(p[2] << 8 | p[3], len);
	CHECK(memcmp(p + 12, "\0\0\0\0\xff\xff\xff\xff\0\x44\0\x43", 12) == 0);
	CHECK(memcmp(p + 28 + 28, mac, 6) == 0);
	CHECK(memcmp(p + 28 + 236, "\x63\x82\x53\x63\x35\x01\x01", 7) == 0);
	(void)gst_dhcp_make(GST_DHCP_CHOSEN, XID, mac, &chosen, p);
	CHECK(memcmp(p + 28 + 240, "\x35\x01\x03\x32\x04\x0a\x00\x02\x0f\x36\x04\x0a\x00\x02\x02",
		     15) == 0);
	/* Again: the address is in the header, and neither chosen nor asked of one server (4.3.6).
	 */
	(void)gst_dhcp_make(GST_DHCP_AGAIN, XID, mac, &chosen, p);
	CHECK(memcmp(p + 28 + 12, "\x0a\x00\x02\x0f", 4) == 0);
	CHECK_INT(p[28 + 10], 0); /* a unicast answer will do */
	CHECK(memcmp(p + 28 + 240, "\x35\x01\x03\x37", 4) == 0);
}

TEST(answers)
{
	struct gst_lease l;
	uint8_t p[GST_DHCP_MAX];
	size_t len = answer(p, offer, sizeof(offer));

	CHECK_INT(gst_dhcp_parse(p, len, XID, mac, &l), GST_DHCP_OFFER);
	CHECK(l.address == htonl(0x0a00020f) && l.mask == htonl(0xffffff00) &&
	      l.router == htonl(0x0a000202) && l.server == htonl(0x0a000202));
	CHECK_INT(l.mtu, 65520);
	CHECK_INT(l.seconds, 3600);
	CHECK_STR(l.domain, "local.x");
	CHECK_INT(l.dns_count, 3); /* resolv.conf takes no more */
	CHECK(l.dns[2] == htonl(0x09090909));
	CHECK_INT(gst_dhcp_parse(p, len + 100, XID, mac, &l), GST_DHCP_OFFER); /* padding */
}

TEST(no_answers)
{
	static const uint8_t other[6] = { 2, 0, 0, 0, 0, 8 };
	static const uint8_t beyond[] = { 53, 1, 5, 1, 200, 1 }, half[] = { 53, 1, 5, 1 };
	static const uint8_t words[] = { 53, 1, 5, 15, 5, 'a', '\n', 'b', ' ', 'c', 255 };
	struct gst_lease l = { .mtu = 77 };
	uint8_t p[GST_DHCP_MAX], q[GST_DHCP_MAX];
	size_t len = answer(p, offer, sizeof(offer));

	CHECK_INT(gst_dhcp_parse(p, len, XID + 1, mac, &l), 0);
	CHECK_INT(gst_dhcp_parse(p, len, XID, other, &l), 0);
	for (size_t cut = 0; cut < len; cut++)
		CHECK_INT(gst_dhcp_parse(p, cut, XID, mac, &l), 0);
	/* Every header byte matters, one way or the other: nothing is read beyond the end. */
	for (size_t i = 0; i < len; i++) {
		memcpy(q, p, sizeof(q));
		q[i] ^= 0xff;
		(void)gst_dhcp_parse(q, len, XID, mac, &l);
	}
	memcpy(q, p, sizeof(q));
	q[10] ^= 1; /* checksum */
	CHECK_INT(gst_dhcp_parse(q, len, XID, mac, &l), 0);
	len = answer(p, beyond, sizeof(beyond));
	CHECK_INT(gst_dhcp_parse(p, len, XID, mac, &l), 0);
	len = answer(p, half, sizeof(half));
	CHECK_INT(gst_dhcp_parse(p, len, XID, mac, &l), 0);
	len = answer(p, words, sizeof(words));
	CHECK_INT(gst_dhcp_parse(p, len, XID, mac, &l), GST_DHCP_ACK);
	CHECK_STR(l.domain, "");   /* no line of its own in resolv.conf */
	memset(p + 28 + 16, 0, 4); /* an address of nothing */
	CHECK_INT(gst_dhcp_parse(p, len, XID, mac, &l), 0);
}

RUN_TESTS()

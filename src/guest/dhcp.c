/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/dhcp.h"

#include "guest/fail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ETHERTYPE_IPV4 0x0800
#define IP_HEADER 20u
#define UDP_HEADER 8u
#define HEADERS (IP_HEADER + UDP_HEADER)
#define SERVER_PORT 67
#define CLIENT_PORT 68

/* RFC 2131, 2. */
#define AT_XID 4
#define AT_FLAGS 10
#define AT_CIADDR 12
#define AT_YIADDR 16
#define AT_CHADDR 28
#define AT_COOKIE 236
#define AT_OPTIONS 240
#define BROADCAST 0x80 /* we have no address for a unicast answer */

static const uint8_t cookie[4] = { 99, 130, 83, 99 };

/* RFC 2132 */
enum option {
	OPTION_PAD = 0,
	OPTION_MASK = 1,
	OPTION_ROUTER = 3,
	OPTION_DNS = 6,
	OPTION_DOMAIN = 15,
	OPTION_MTU = 26,
	OPTION_ADDRESS = 50,
	OPTION_LEASE = 51,
	OPTION_TYPE = 53,
	OPTION_SERVER = 54,
	OPTION_WANTED = 55,
	OPTION_END = 255,
};

/* Seconds to wait for an answer, attempt by attempt. */
static const int patience[] = { 1, 2, 4, 8 };

/* Between two attempts to renew. */
#define RENEW_MIN_MS 10000

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t sum(const uint8_t *p, size_t len, uint32_t total)
{
	for (; len >= 2; p += 2, len -= 2)
		total += get16(p);
	if (len > 0)
		total += (uint32_t)*p << 8;
	return total;
}

static unsigned fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return ~total & 0xffff;
}

/* ---- Making ---- */

static void make_headers(uint8_t *p, size_t payload)
{
	memset(p, 0, HEADERS);
	p[0] = 0x45;
	put16(p + 2, (unsigned)(HEADERS + payload));
	p[8] = 64;
	p[9] = IPPROTO_UDP;
	memset(p + 16, 0xff, 4); /* to everybody, from nobody */
	put16(p + 10, fold(sum(p, IP_HEADER, 0)));
	put16(p + IP_HEADER, CLIENT_PORT);
	put16(p + IP_HEADER + 2, SERVER_PORT);
	put16(p + IP_HEADER + 4, (unsigned)(UDP_HEADER + payload)); /* checksum 0: none */
}

static uint8_t *put_option(uint8_t *at, enum option code, const void *bytes, uint8_t len)
{
	*at++ = (uint8_t)code;
	*at++ = len;
	memcpy(at, bytes, len);
	return at + len;
}

size_t gst_dhcp_make(enum gst_dhcp_wish wish, uint32_t xid, const uint8_t mac[6],
		     const struct gst_lease *lease, uint8_t packet[GST_DHCP_MAX])
{
	static const uint8_t wanted[] = { OPTION_MASK,	 OPTION_ROUTER, OPTION_DNS,
					  OPTION_DOMAIN, OPTION_MTU,	OPTION_LEASE };
	uint8_t *m = packet + HEADERS, *at = m + AT_OPTIONS;
	uint8_t type = wish == GST_DHCP_ANY ? GST_DHCP_DISCOVER : GST_DHCP_REQUEST;

	memset(m, 0, AT_OPTIONS);
	m[0] = 1; /* a request, by Ethernet, with addresses of 6 bytes */
	m[1] = 1;
	m[2] = 6;
	memcpy(m + AT_XID, &xid, sizeof(xid));
	m[AT_FLAGS] = BROADCAST;
	memcpy(m + AT_CHADDR, mac, 6);
	memcpy(m + AT_COOKIE, cookie, sizeof(cookie));
	at = put_option(at, OPTION_TYPE, &type, 1);
	if (wish == GST_DHCP_CHOSEN) {
		at = put_option(at, OPTION_ADDRESS, &lease->address, 4);
		if (lease->server != 0)
			at = put_option(at, OPTION_SERVER, &lease->server, 4);
	}
	/* Whose address this is goes into the header then, and the answer to it (4.3.6). */
	if (wish == GST_DHCP_AGAIN) {
		memcpy(m + AT_CIADDR, &lease->address, 4);
		m[AT_FLAGS] = 0;
	}
	at = put_option(at, OPTION_WANTED, wanted, sizeof(wanted));
	*at++ = OPTION_END;
	/* RFC 951: some servers expect no less than 300 bytes. */
	while (at < m + 300)
		*at++ = OPTION_PAD;
	make_headers(packet, (size_t)(at - m));
	return (size_t)(at - packet);
}

/* ---- Taking apart ---- */

/* A name as resolv.conf may hold it; anything else is as good as none. */
static void take_domain(struct gst_lease *l, const uint8_t *bytes, uint8_t len)
{
	for (unsigned i = 0; i < len; i++) {
		uint8_t c = bytes[i];

		if (!(c == '.' || c == '-' || c == '_' || (c >= '0' && c <= '9') ||
		      (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
			return;
	}
	memcpy(l->domain, bytes, len);
	l->domain[len] = '\0';
}

static void take_option(struct gst_lease *l, int *type, uint8_t code, const uint8_t *bytes,
			uint8_t len)
{
	if (code == OPTION_TYPE && len == 1)
		*type = bytes[0];
	else if (code == OPTION_MASK && len == 4)
		memcpy(&l->mask, bytes, 4);
	else if (code == OPTION_ROUTER && len >= 4)
		memcpy(&l->router, bytes, 4);
	else if (code == OPTION_SERVER && len == 4)
		memcpy(&l->server, bytes, 4);
	else if (code == OPTION_MTU && len == 2)
		l->mtu = (uint16_t)get16(bytes);
	else if (code == OPTION_LEASE && len == 4)
		l->seconds = (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
	else if (code == OPTION_DOMAIN)
		take_domain(l, bytes, len);
	else if (code == OPTION_DNS)
		for (unsigned i = 0; i + 4 <= len && l->dns_count < GST_DHCP_SERVERS; i += 4)
			memcpy(&l->dns[l->dns_count++], bytes + i, 4);
}

/* False: an option goes beyond the end. */
static bool take_options(const uint8_t *at, size_t len, struct gst_lease *l, int *type)
{
	while (len > 0 && *at != OPTION_END) {
		if (*at == OPTION_PAD) {
			at++;
			len--;
			continue;
		}
		if (len < 2 || len - 2 < at[1])
			return false;
		take_option(l, type, at[0], at + 2, at[1]);
		len -= 2u + at[1];
		at += 2u + at[1];
	}
	return true;
}

/* The message in an IP packet, NULL if it is no UDP from a server to a client. */
static const uint8_t *payload_of(const uint8_t *packet, size_t len, size_t *ret_len)
{
	size_t header, total, udp;

	if (len < HEADERS || packet[0] >> 4 != 4)
		return NULL;
	header = (packet[0] & 15u) * 4u;
	total = get16(packet + 2);
	if (header < IP_HEADER || total > len || total < header + UDP_HEADER ||
	    packet[9] != IPPROTO_UDP || (get16(packet + 6) & 0x3fff) != 0 ||
	    fold(sum(packet, header, 0)) != 0)
		return NULL;
	packet += header;
	udp = get16(packet + 4);
	if (udp < UDP_HEADER || udp > total - header || get16(packet) != SERVER_PORT ||
	    get16(packet + 2) != CLIENT_PORT)
		return NULL;
	*ret_len = udp - UDP_HEADER;
	return packet + UDP_HEADER;
}

int gst_dhcp_parse(const uint8_t *packet, size_t len, uint32_t xid, const uint8_t mac[6],
		   struct gst_lease *ret)
{
	struct gst_lease l = { .seconds = UINT32_MAX };
	size_t size;
	const uint8_t *m = payload_of(packet, len, &size);
	int type = 0;

	if (m == NULL || size < AT_OPTIONS || m[0] != 2 ||
	    memcmp(m + AT_XID, &xid, sizeof(xid)) != 0 || memcmp(m + AT_CHADDR, mac, 6) != 0 ||
	    memcmp(m + AT_COOKIE, cookie, sizeof(cookie)) != 0)
		return 0;
	memcpy(&l.address, m + AT_YIADDR, 4);
	if (!take_options(m + AT_OPTIONS, size - AT_OPTIONS, &l, &type))
		return 0;
	if ((type == GST_DHCP_OFFER || type == GST_DHCP_ACK) && l.address == 0)
		return 0;
	*ret = l;
	return type;
}

/* ---- Asking ---- */

/* A lease runs on while the machine sleeps. */
static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for an answer to this transaction; 0: none came in time. */
static int hear(int fd, int seconds, uint32_t xid, const uint8_t mac[6], struct gst_lease *ret)
{
	int64_t until = now_ms() + seconds * 1000;
	uint8_t packet[GST_DHCP_MAX];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = until - now_ms();
		ssize_t n;
		int type;

		if (left <= 0)
			return 0;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);
		type = n > 0 ? gst_dhcp_parse(packet, (size_t)n, xid, mac, ret) : 0;
		if (type != 0)
			return type;
	}
}

static bool say(int fd, int ifindex, enum gst_dhcp_wish wish, uint32_t xid, const uint8_t mac[6],
		const struct gst_lease *lease)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETHERTYPE_IPV4),
				  .sll_ifindex = ifindex,
				  .sll_halen = 6 };
	uint8_t packet[GST_DHCP_MAX];
	size_t len = gst_dhcp_make(wish, xid, mac, lease, packet);

	memset(to.sll_addr, 0xff, 6);
	return sendto(fd, packet, len, 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)len;
}

static uint32_t new_xid(void)
{
	uint32_t xid;

	if (getrandom(&xid, sizeof(xid), GRND_NONBLOCK) != (ssize_t)sizeof(xid))
		xid = (uint32_t)now_ms();
	return xid;
}

static bool attempt(int fd, int ifindex, const uint8_t mac[6], int seconds, struct gst_lease *ret)
{
	struct gst_lease offer;
	uint32_t xid = new_xid();

	if (!say(fd, ifindex, GST_DHCP_ANY, xid, mac, NULL))
		gst_fail("send to the DHCP server");
	if (hear(fd, seconds, xid, mac, &offer) != GST_DHCP_OFFER)
		return false;
	if (!say(fd, ifindex, GST_DHCP_CHOSEN, xid, mac, &offer))
		gst_fail("send to the DHCP server");
	/* Another offer may come first. */
	for (int i = 0; i < 4; i++) {
		int type = hear(fd, seconds, xid, mac, ret);

		if (type != GST_DHCP_OFFER)
			return type == GST_DHCP_ACK;
	}
	return false;
}

static int open_socket(int ifindex)
{
	struct sockaddr_ll us = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETHERTYPE_IPV4),
				  .sll_ifindex = ifindex };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETHERTYPE_IPV4));

	if (fd < 0 || bind(fd, (struct sockaddr *)&us, sizeof(us)) != 0)
		gst_fail("open a packet socket for DHCP");
	return fd;
}

bool gst_dhcp_ask(int ifindex, const uint8_t mac[6], struct gst_lease *ret)
{
	int fd = open_socket(ifindex);
	bool done = false;

	for (size_t i = 0; i < sizeof(patience) / sizeof(patience[0]) && !done; i++)
		done = attempt(fd, ifindex, mac, patience[i], ret);
	close(fd);
	return done;
}

/* One attempt. True: *ret_ends is later now. The socket is open only meanwhile: between attempts
 * nothing of the interface's traffic is to be kept for it. */
static bool renew(int ifindex, const uint8_t mac[6], const struct gst_lease *held,
		  int64_t *ret_ends)
{
	int fd = open_socket(ifindex), type = 0;
	uint32_t xid = new_xid();
	struct gst_lease l;

	if (say(fd, ifindex, GST_DHCP_AGAIN, xid, mac, held))
		type = hear(fd, patience[2], xid, mac, &l);
	close(fd);
	if (type == GST_DHCP_NAK || (type == GST_DHCP_ACK && l.address != held->address))
		gst_refuse("the DHCP server takes its address back");
	if (type != GST_DHCP_ACK)
		return false;
	*ret_ends = now_ms() + (int64_t)l.seconds * 1000;
	return true;
}

/* 4.4.5: at half of the time, then at half of what is left. */
void gst_dhcp_keep(int ifindex, const uint8_t mac[6], const struct gst_lease *lease)
{
	int64_t ends = now_ms() + (int64_t)lease->seconds * 1000;
	bool told = false;

	for (;;) {
		int64_t pause = (ends - now_ms()) / 2;
		struct timespec t;

		pause = pause > RENEW_MIN_MS ? pause : RENEW_MIN_MS;
		t = (struct timespec){ pause / 1000, pause % 1000 * 1000000 };
		(void)nanosleep(&t, NULL);
		if (renew(ifindex, mac, lease, &ends)) {
			told = false;
		} else if (now_ms() > ends && !told) {
			gst_note("the DHCP lease has ended, and no server renews it");
			told = true;
		}
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DHCP client (RFC 2131, 2132): address, mask, router, name servers, MTU at the start, and later
 * the same address again before its time is over. It speaks on a packet socket, for an interface
 * without an address gets no unicast otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GST_DHCP_SERVERS 3 /* what resolv.conf(5) takes */
#define GST_DHCP_MAX 1500  /* bytes of a message */

/* Addresses as in the packet: network byte order. */
struct gst_lease {
	uint32_t address, mask, router, server; /* router 0: none */
	uint32_t dns[GST_DHCP_SERVERS];
	unsigned dns_count;
	uint16_t mtu;	  /* 0: not said */
	uint32_t seconds; /* UINT32_MAX: for ever */
	char domain[256]; /* "" for none */
};

enum gst_dhcp_type {
	GST_DHCP_DISCOVER = 1,
	GST_DHCP_OFFER,
	GST_DHCP_REQUEST,
	GST_DHCP_ACK = 5,
	GST_DHCP_NAK
};

/* What a message is about. */
enum gst_dhcp_wish {
	GST_DHCP_ANY,	 /* DISCOVER */
	GST_DHCP_CHOSEN, /* REQUEST of an offer */
	GST_DHCP_AGAIN,	 /* REQUEST of the address that is held already */
};

/* An IP packet. `lease`: chosen or held. Returns its length. */
size_t gst_dhcp_make(enum gst_dhcp_wish wish, uint32_t xid, const uint8_t mac[6],
		     const struct gst_lease *lease, uint8_t packet[GST_DHCP_MAX]);
/*
 * Takes an IP packet apart. The type, or 0 if it is no answer to us: another transaction or
 * address, a false length or checksum.
 */
int gst_dhcp_parse(const uint8_t *packet, size_t len, uint32_t xid, const uint8_t mac[6],
		   struct gst_lease *ret);

/* The whole exchange. False: nobody answered within the time. */
bool gst_dhcp_ask(int ifindex, const uint8_t mac[6], struct gst_lease *ret);
/* Renews a lease that ends, again and again: for a process of its own. */
_Noreturn void gst_dhcp_keep(int ifindex, const uint8_t mac[6], const struct gst_lease *lease);

/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/net.h"

#include "guest/dhcp.h"
#include "guest/fail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define APPEAR_MS 2000 /* drivers may probe for a moment */

static struct ifreq named(const char *name)
{
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return r;
}

static void link_up(int sock, const char *name)
{
	struct ifreq r = named(name);

	if (ioctl(sock, SIOCGIFFLAGS, &r) != 0)
		gst_fail("read the state of the interface %s", name);
	r.ifr_flags |= IFF_UP;
	if (ioctl(sock, SIOCSIFFLAGS, &r) != 0)
		gst_fail("start the interface %s", name);
}

/* ---- Finding ---- */

/* By its address, or the first one; its own address is returned in either case. */
static bool find(int sock, const uint8_t mac[6], char name[IF_NAMESIZE], uint8_t ret_mac[6])
{
	static const uint8_t any[6];
	struct if_nameindex *list = if_nameindex();
	bool found = false;

	for (struct if_nameindex *i = list; i && i->if_name && !found; i++) {
		struct ifreq r = named(i->if_name);

		if (ioctl(sock, SIOCGIFHWADDR, &r) != 0 || strcmp(i->if_name, "lo") == 0)
			continue;
		found = memcmp(mac, any, 6) == 0 || memcmp(mac, r.ifr_hwaddr.sa_data, 6) == 0;
		snprintf(name, IF_NAMESIZE, "%s", i->if_name);
		memcpy(ret_mac, r.ifr_hwaddr.sa_data, 6);
	}
	if_freenameindex(list);
	return found;
}

/* ---- Setting ---- */

static struct sockaddr *address(struct sockaddr *to, uint32_t value)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { value } };

	memcpy(to, &in, sizeof(*to));
	return to;
}

static void set_address(int sock, const char *name, unsigned long request, uint32_t value,
			const char *what)
{
	struct ifreq r = named(name);
	struct in_addr in = { value };

	address(&r.ifr_addr, value);
	if (ioctl(sock, request, &r) != 0)
		gst_fail("set the %s of %s to %s", what, name, inet_ntoa(in));
}

static void add_route(int sock, char *name, uint32_t to, uint32_t mask, uint32_t gateway)
{
	struct rtentry r = { .rt_flags = RTF_UP, .rt_dev = name };
	struct in_addr in = { gateway ? gateway : to };

	address(&r.rt_dst, to);
	address(&r.rt_genmask, mask);
	address(&r.rt_gateway, gateway);
	if (gateway)
		r.rt_flags |= RTF_GATEWAY;
	if (mask == UINT32_MAX)
		r.rt_flags |= RTF_HOST;
	if (ioctl(sock, SIOCADDRT, &r) != 0 && errno != EEXIST)
		gst_fail("add a route by %s on %s", inet_ntoa(in), name);
}

/* A smaller or larger one is a matter of speed: not worth a failure. */
static void set_mtu(int sock, const char *name, unsigned mtu)
{
	struct ifreq r = named(name);

	r.ifr_mtu = (int)mtu;
	if (mtu != 0 && ioctl(sock, SIOCSIFMTU, &r) != 0)
		gst_note("set the MTU of %s to %u: %s", name, mtu, strerror(errno));
}

static void set_lease(int sock, char *name, const struct gst_lease *l)
{
	set_mtu(sock, name, l->mtu);
	set_address(sock, name, SIOCSIFADDR, l->address, "address");
	if (l->mask != 0)
		set_address(sock, name, SIOCSIFNETMASK, l->mask, "network mask");
	if (l->router == 0)
		return;
	/* A router outside of the network is reached by the wire. */
	if ((l->router & l->mask) != (l->address & l->mask) || l->mask == UINT32_MAX)
		add_route(sock, name, l->router, UINT32_MAX, 0);
	add_route(sock, name, 0, 0, l->router);
}

/* A root that is read-only keeps its own. */
static void write_resolv_conf(const char *text)
{
	size_t len = strlen(text);
	int fd;

	if (len == 0)
		return;
	(void)mkdir("/etc", 0755);
	fd = open(RESOLV_CONF, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		gst_note("write " RESOLV_CONF ": %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* ---- The two ways ---- */

/*
 * A process of its own, because it mostly sleeps and then waits. It may fail alone: what it has to
 * say goes into the log.
 */
static void keep_lease(const char *name, const uint8_t mac[6], const struct gst_lease *l)
{
	pid_t pid = fork();

	if (pid < 0)
		gst_fail("fork");
	if (pid > 0)
		return;
	(void)prctl(PR_SET_NAME, "dhcp");
	gst_fail_to_log();
	gst_dhcp_keep((int)if_nametoindex(name), mac, l);
}

static void use_dhcp(int sock, char *name, const uint8_t mac[6])
{
	char text[1024];
	struct gst_lease l;
	int len = 0;

	if (!gst_dhcp_ask((int)if_nametoindex(name), mac, &l))
		gst_refuse("no DHCP server answered on the interface %s", name);
	set_lease(sock, name, &l);
	if (l.dns_count > 0 && l.domain[0])
		len = snprintf(text, sizeof(text), "search %s\n", l.domain);
	for (unsigned i = 0; i < l.dns_count; i++) {
		struct in_addr in = { l.dns[i] };

		len += snprintf(text + len, sizeof(text) - (size_t)len, "nameserver %s\n",
				inet_ntoa(in));
	}
	text[len] = '\0';
	write_resolv_conf(text);
	if (l.seconds != UINT32_MAX)
		keep_lease(name, mac, &l);
}

static void use_addresses(int sock, char *name, const struct gst_interface *i)
{
	struct gst_lease l = { .mtu = i->mtu };
	char text[1024] = "", plain[INET_ADDRSTRLEN];
	const char *slash = strchr(i->address, '/');
	size_t len = slash ? (size_t)(slash - i->address) : strlen(i->address);
	unsigned bits = slash ? (unsigned)strtoul(slash + 1, NULL, 10) : 32, used = 0;

	snprintf(plain, sizeof(plain), "%.*s", (int)len, i->address);
	if (inet_pton(AF_INET, plain, &l.address) != 1 || bits > 32)
		gst_refuse("\"%s\" is no address with the length of its prefix", i->address);
	if (i->gateway[0] && inet_pton(AF_INET, i->gateway, &l.router) != 1)
		gst_refuse("\"%s\" is no address of a gateway", i->gateway);
	l.mask = bits ? htonl(UINT32_MAX << (32 - bits)) : 0;
	set_lease(sock, name, &l);
	for (size_t d = 0; d < i->dns.count && used < sizeof(text) - 64; d++)
		used += (unsigned)snprintf(text + used, sizeof(text) - used, "nameserver %.45s\n",
					   i->dns.item[d]);
	write_resolv_conf(text);
}

static void set_up(int sock, const struct gst_interface *i)
{
	char name[IF_NAMESIZE] = "";
	uint8_t mac[6];
	bool found;

	for (int waited = 0; !(found = find(sock, i->mac, name, mac)) && waited < APPEAR_MS;
	     waited += 10)
		(void)poll(NULL, 0, 10);
	if (!found)
		gst_refuse("there is no network interface %02x:%02x:%02x:%02x:%02x:%02x", i->mac[0],
			   i->mac[1], i->mac[2], i->mac[3], i->mac[4], i->mac[5]);
	link_up(sock, name);
	if (i->dhcp)
		use_dhcp(sock, name, mac);
	else if (i->address[0])
		use_addresses(sock, name, i);
}

void gst_net_up(const struct gst_config *c)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0) {
		if (errno == EAFNOSUPPORT && c->interfaces == NULL)
			return; /* a kernel without networks */
		gst_fail("open a socket");
	}
	link_up(sock, "lo");
	for (const struct gst_interface *i = c->interfaces; i != NULL; i = i->next)
		set_up(sock, i);
	close(sock);
}

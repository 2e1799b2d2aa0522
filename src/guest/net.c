/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/net.h"

#include "guest/fail.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void link_up(int sock, const char *name)
{
	struct ifreq r = { 0 };

	strncpy(r.ifr_name, name, sizeof(r.ifr_name) - 1);
	if (ioctl(sock, SIOCGIFFLAGS, &r) != 0)
		gst_fail("read the state of the interface %s", name);
	r.ifr_flags |= IFF_UP;
	if (ioctl(sock, SIOCSIFFLAGS, &r) != 0)
		gst_fail("start the interface %s", name);
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
	close(sock);
	if (c->interfaces != NULL)
		gst_refuse("this init cannot configure network interfaces yet");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/setup.h"

#include "guest/fail.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "net.ipv4.ip_forward" or with slashes; a name with both keeps its dots ("net/ipv4/conf/eth0.1").
 */
static void set_sysctl(const char *key, const char *value)
{
	char path[512];
	size_t len = strlen(value);
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/%s", key);
	if (strchr(key, '/') == NULL) {
		for (char *p = path + strlen("/proc/sys/"); *p; p++)
			*p = *p == '.' ? '/' : *p;
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, len) != (ssize_t)len)
		gst_fail("set the sysctl %s to %s", key, value);
	close(fd);
}

void gst_setup_machine(const struct gst_config *c)
{
	if (c->hostname != NULL && sethostname(c->hostname, strlen(c->hostname)) != 0)
		gst_fail("set the host name to %s", c->hostname);
	if (c->domainname != NULL && setdomainname(c->domainname, strlen(c->domainname)) != 0)
		gst_fail("set the domain name to %s", c->domainname);
	for (size_t i = 0; i + 1 < c->sysctls.count; i += 2)
		set_sysctl(c->sysctls.item[i], c->sysctls.item[i + 1]);
}

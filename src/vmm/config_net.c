/* SPDX-License-Identifier: Apache-2.0 */
/* The setters of network and vsock. */
#include "vmm/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	NET_CSUM = 1 << 0,
	NET_GUEST_CSUM = 1 << 1,
	NET_GUEST_TSO4 = 1 << 7,
	NET_GUEST_TSO6 = 1 << 8,
	NET_GUEST_UFO = 1 << 10,
	NET_HOST_TSO4 = 1 << 11,
	NET_HOST_TSO6 = 1 << 12,
	NET_HOST_UFO = 1 << 14,
	NET_GUEST_OFFLOADS = NET_GUEST_TSO4 | NET_GUEST_TSO6 | NET_GUEST_UFO,
	NET_FEATURES = NET_CSUM | NET_GUEST_CSUM | NET_GUEST_OFFLOADS | NET_HOST_TSO4 |
		       NET_HOST_TSO6 | NET_HOST_UFO,
	NET_COMPAT = NET_CSUM | NET_GUEST_CSUM | NET_GUEST_TSO4 | NET_GUEST_UFO | NET_HOST_TSO4 |
		     NET_HOST_UFO,
	NET_VFKIT = 1 << 0,
	NET_DHCP = 1 << 1,
	TSI_ALL = 3,
};

static rl_err check_net(const uint8_t *mac, uint32_t features, uint32_t flags,
			uint32_t allowed_flags)
{
	if (mac == NULL)
		return rl_refuse(RL_E(EINVAL), "network: the MAC address is NULL");
	if (features & ~(uint32_t)NET_FEATURES)
		return rl_refuse(RL_E(EINVAL), "network: unknown features 0x%x",
				 features & ~(uint32_t)NET_FEATURES);
	if (flags & ~allowed_flags)
		return rl_refuse(RL_E(EINVAL), "network: unknown flags 0x%x",
				 flags & ~allowed_flags);
	return RL_OK;
}

static rl_err add_net(struct vmm_config *c, struct vmm_net net, const uint8_t *mac, uint32_t flags)
{
	struct vmm_net *new;

	RL_TRY(vmm_config_exists(c));
	RL_TRY(rl_new(&c->arena, &new));
	*new = net;
	if (net.path)
		RL_TRY(vmm_config_copy(c, net.path, &new->path));
	memcpy(new->mac, mac, sizeof(new->mac));
	new->vfkit = flags &NET_VFKIT;
	new->dhcp = flags &NET_DHCP;
	*c->net_end = new;
	c->net_end = &new->next;
	return RL_OK;
}

static rl_err check_socket(const char *path, int fd)
{
	if (path)
		RL_TRY(vmm_config_text("network socket", path));
	if ((path != NULL) == (fd >= 0))
		return rl_refuse(RL_E(EINVAL), "network: a path or a descriptor, one of them");
	return RL_OK;
}

rl_err vmm_config_net(struct vmm_config *c, enum vmm_net_backend backend, const char *path, int fd,
		      const uint8_t *mac, uint32_t features, uint32_t flags)
{
	RL_TRY(check_socket(path, fd));
	RL_TRY(check_net(mac, features, flags,
			 backend == VMM_BACKEND_DGRAM ? NET_VFKIT | NET_DHCP : NET_DHCP));
	return add_net(c,
		       (struct vmm_net){
			       .backend = backend, .path = path, .fd = fd, .features = features },
		       mac, flags);
}

rl_err vmm_config_net_old(struct vmm_config *c, enum vmm_net_backend backend, const char *path,
			  int fd)
{
	static const uint8_t later[6];

	RL_TRY(check_socket(path, fd));
	RL_TRY(vmm_config_exists(c));
	if (c->net)
		return rl_refuse(RL_E(EINVAL), "there is a network interface already");
	return add_net(c,
		       (struct vmm_net){ .backend = backend,
					 .path = path,
					 .fd = fd,
					 .features = NET_COMPAT,
					 .old = true },
		       later, backend == VMM_BACKEND_DGRAM ? NET_VFKIT : 0);
}

rl_err vmm_config_net_mac(struct vmm_config *c, const uint8_t *mac)
{
	if (mac == NULL)
		return rl_refuse(RL_E(EINVAL), "the MAC address is NULL");
	RL_TRY(vmm_config_exists(c));
	/* The address alone makes no interface; without one of the old calls it has no effect. */
	memcpy(c->old_mac, mac, sizeof(c->old_mac));
	return RL_OK;
}

static rl_err check_tap(const uint8_t *mac, uint32_t features, uint32_t flags)
{
	RL_TRY(check_net(mac, features, flags, NET_DHCP));
	if ((features & NET_GUEST_OFFLOADS) && !(features & NET_GUEST_CSUM))
		return rl_refuse(RL_E(EINVAL),
				 "network: segmentation offload to the guest needs GUEST_CSUM");
	return RL_OK;
}

rl_err vmm_config_tap(struct vmm_config *c, const char *name, const uint8_t *mac, uint32_t features,
		      uint32_t flags)
{
	RL_TRY(vmm_config_text("name of the tap device", name));
	RL_TRY(check_tap(mac, features, flags));
	return add_net(
		c,
		(struct vmm_net){
			.backend = VMM_BACKEND_TAP, .path = name, .fd = -1, .features = features },
		mac, flags);
}

rl_err vmm_config_tap_fd(struct vmm_config *c, int fd, const uint8_t *mac, uint32_t features,
			 uint32_t flags)
{
	RL_TRY(rl_sys(fcntl(fd, F_GETFD), "tap device: descriptor %d", fd));
	RL_TRY(check_tap(mac, features, flags));
	return add_net(
		c, (struct vmm_net){ .backend = VMM_BACKEND_TAP, .fd = fd, .features = features },
		mac, flags);
}

static bool parse_port(const char **p, char end, unsigned *ret)
{
	unsigned value = 0, digits = 0;

	for (; **p >= '0' && **p <= '9' && digits < 6; digits++)
		value = value * 10 + (unsigned)(*(*p)++ - '0');
	if (digits == 0 || value > 65535 || **p != end)
		return false;
	*p += end != '\0';
	*ret = value;
	return true;
}

static rl_err check_port_map(const char *const map[], size_t *ret_count)
{
	/* One bit a port: on the host, in the guest. */
	static const size_t words = 65536 / 64;
	uint64_t seen[2][65536 / 64];
	size_t n;

	memset(seen, 0, 2 * words * sizeof(uint64_t));
	for (n = 0; map && map[n]; n++) {
		const char *p = map[n];
		unsigned port[2];

		if (!parse_port(&p, ':', &port[0]) || !parse_port(&p, '\0', &port[1]))
			return rl_refuse(RL_E(EINVAL), "port map \"%s\" is not HOST:GUEST", map[n]);
		for (int side = 0; side < 2; side++) {
			uint64_t bit = 1ull << (port[side] % 64);

			if (seen[side][port[side] / 64] & bit)
				return rl_refuse(RL_E(EINVAL), "port map: %s port %u occurs twice",
						 side ? "guest" : "host", port[side]);
			seen[side][port[side] / 64] |= bit;
		}
	}
	*ret_count = n;
	return RL_OK;
}

/* Is there a device that `what` can belong to? */
static rl_err needs_vsock(const struct vmm_config *c, const char *what)
{
	if (c->no_implicit_vsock && !c->explicit_vsock)
		return rl_refuse(RL_E(ENODEV), "%s: vsock is disabled", what);
	return RL_OK;
}

rl_err vmm_config_port_map(struct vmm_config *c, const char *const map[])
{
	size_t count;

	RL_TRY(check_port_map(map, &count));
	RL_TRY(vmm_config_exists(c));
	/* No proxy, so no port of the guest is exposed: that is what an empty map asks for. */
	RL_TRY(needs_vsock(c, "port map"));
	if (c->net)
		return rl_refuse(RL_E(ENOTSUP),
				 "port map: there is a network interface, which has its own");
	if (count == 0)
		return RL_OK;
	return rl_refuse(RL_E(ENOTSUP), "port map: the socket proxy (TSI) is not built in");
}

rl_err vmm_config_no_vsock(struct vmm_config *c)
{
	RL_TRY(vmm_config_exists(c));
	c->no_implicit_vsock = true;
	return RL_OK;
}

rl_err vmm_config_vsock(struct vmm_config *c, uint32_t tsi)
{
	if (tsi & ~(uint32_t)TSI_ALL)
		return rl_refuse(RL_E(EINVAL), "vsock: unknown TSI features 0x%x",
				 tsi & ~(uint32_t)TSI_ALL);
	RL_TRY(vmm_config_exists(c));
	if (!c->no_implicit_vsock)
		return rl_refuse(RL_E(EEXIST), "the implicit vsock device was not disabled before");
	if (c->explicit_vsock)
		return rl_refuse(RL_E(EEXIST), "there is a vsock device already");
	if (tsi != 0)
		return rl_refuse(RL_E(ENOTSUP), "vsock: the socket proxy (TSI) is not built in");
	c->explicit_vsock = true;
	return RL_OK;
}

rl_err vmm_config_vsock_port(struct vmm_config *c, uint32_t port, const char *path, bool listen)
{
	struct vmm_vsock_map *map;
	char what[32];
	struct stat st;

	RL_TRY(vmm_config_text("path of the vsock port", path));
	RL_TRY(vmm_config_exists(c));
	if (listen && stat(path, &st) == 0)
		return rl_fail(RL_E(EEXIST), "vsock port %u: %s", port, path);
	if (listen && errno != ENOENT)
		return rl_fail(RL_E(EINVAL), "vsock port %u: %s: %s", port, path, strerror(errno));
	snprintf(what, sizeof(what), "vsock port %u", port);
	RL_TRY(needs_vsock(c, what));
	RL_TRY(rl_new(&c->arena, &map));
	map->port = port;
	map->listen = listen;
	RL_TRY(vmm_config_copy(c, path, &map->path));
	*c->vsock_end = map;
	c->vsock_end = &map->next;
	return RL_OK;
}

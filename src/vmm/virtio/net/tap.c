/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/net/backend.h"

#include "vmm/log.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEADER sizeof(struct virtio_net_hdr_v1)
#define MODE (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)

static rl_err tap_receive(struct net_backend *b, struct net_frame *ret, bool *ret_again)
{
	ssize_t n;

	do {
		n = read(rl_fd_get(&b->fd), b->in, HEADER + NET_FRAME_MAX);
	} while (n < 0 && errno == EINTR);
	*ret_again = n < 0 && errno == EAGAIN;
	if (*ret_again)
		return RL_OK;
	RL_TRY(rl_sys(n, "read from the tap device"));
	*ret = (struct net_frame){ .bytes = b->in + HEADER };
	if ((size_t)n >= HEADER) {
		memcpy(&ret->header, b->in, HEADER);
		ret->len = (size_t)n - HEADER;
	}
	return RL_OK;
}

static uint8_t *tap_place(struct net_backend *b)
{
	return b->out;
}

static rl_err tap_commit(struct net_backend *b, const struct virtio_net_hdr_v1 *header, size_t len,
			 bool *ret_again)
{
	struct virtio_net_hdr_v1 copy = *header;
	struct iovec from[] = { { &copy, sizeof(copy) }, { b->out, len } };
	ssize_t n;

	do {
		n = writev(rl_fd_get(&b->fd), from, 2);
	} while (n < 0 && errno == EINTR);
	*ret_again = n < 0 && errno == EAGAIN;
	/* EINVAL: a header the kernel does not believe. EIO: the device is down. The frame is lost.
	 */
	if (n >= 0 || *ret_again || errno == EINVAL || errno == EIO || errno == ENOMEM)
		return RL_OK;
	return rl_sys(-1, "write to the tap device");
}

static rl_err tap_flush(struct net_backend *b)
{
	(void)b;
	return RL_OK;
}

static unsigned long offloads_of(uint64_t features)
{
	static const struct {
		unsigned bit, offload;
	} table[] = {
		{ VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM },
		{ VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4 },
		{ VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6 },
		{ VIRTIO_NET_F_GUEST_UFO, TUN_F_UFO },
	};
	unsigned long offloads = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (features >> table[i].bit & 1)
			offloads |= table[i].offload;
	}
	return offloads;
}

static rl_err tap_negotiated(struct net_backend *b, uint64_t features)
{
	return rl_sys(ioctl(rl_fd_get(&b->fd), TUNSETOFFLOAD, offloads_of(features)),
		      "set the offloads of the tap device");
}

static const struct net_backend_ops tap_ops = {
	.has_header = true,
	.receive = tap_receive,
	.place = tap_place,
	.commit = tap_commit,
	.flush = tap_flush,
	.negotiated = tap_negotiated,
};

/* TUNSETIFF would make one of this name. */
static rl_err check_exists(const char *name)
{
	struct ifreq r = { 0 };
	struct rl_fd RL_AUTO_FD fd = { 0 };

	if (strlen(name) == 0 || strlen(name) >= IFNAMSIZ)
		return rl_refuse(RL_E(EINVAL), "\"%s\" is no name of an interface", name);
	memcpy(r.ifr_name, name, strlen(name));
	RL_TRY(rl_fd_from(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), &fd, "make a socket"));
	return rl_sys(ioctl(rl_fd_get(&fd), SIOCGIFINDEX, &r), "tap device %s", name);
}

static rl_err attach_by_name(const char *name, struct rl_fd *ret)
{
	struct ifreq r = { .ifr_flags = MODE };

	RL_TRY(check_exists(name));
	RL_TRY(rl_fd_from(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), ret,
			  "open /dev/net/tun"));
	memcpy(r.ifr_name, name, strlen(name));
	return rl_sys(ioctl(rl_fd_get(ret), TUNSETIFF, &r), "attach to the tap device %s", name);
}

/* Attached by somebody else: that it is what we take it for decides how frames are read. */
static rl_err take_attached(int fd, struct rl_fd *ret)
{
	struct ifreq r = { 0 };
	int flags;

	RL_TRY(rl_fd_from(fcntl(fd, F_DUPFD_CLOEXEC, 0), ret, "tap device: descriptor %d", fd));
	if (ioctl(fd, TUNGETIFF, &r) < 0)
		return rl_fail(RL_E(EBADFD), "descriptor %d is no attached tap device", fd);
	if ((r.ifr_flags & (IFF_TUN | MODE)) != MODE)
		return rl_fail(RL_E(EBADFD), "tap device %.*s: needs IFF_NO_PI and IFF_VNET_HDR",
			       IFNAMSIZ, r.ifr_name);
	flags = fcntl(fd, F_GETFL);
	return rl_sys(fcntl(fd, F_SETFL, flags | O_NONBLOCK), "make the tap device non-blocking");
}

rl_err net_tap_open(const struct vmm_net_config *config, struct net_backend *b, uint32_t *features)
{
	int header = HEADER;

	b->ops = &tap_ops;
	b->in = malloc(HEADER + NET_FRAME_MAX);
	b->out = malloc(NET_FRAME_MAX);
	if (b->in == NULL || b->out == NULL)
		return rl_nomem();
	RL_TRY(config->path != NULL ? attach_by_name(config->path, &b->fd)
				    : take_attached(config->fd, &b->fd));
	RL_TRY(rl_sys(ioctl(rl_fd_get(&b->fd), TUNSETVNETHDRSZ, &header),
		      "set the header of the tap device"));
	if (rl_drop_failed(tap_negotiated(b, *features))) {
		vmm_log(VMM_LOG_WARN, config->name,
			"this kernel's tap devices do not pass the offloads asked for; none are "
			"used");
		*features &=
			~(uint32_t)(1u << VIRTIO_NET_F_GUEST_CSUM | 1u << VIRTIO_NET_F_GUEST_TSO4 |
				    1u << VIRTIO_NET_F_GUEST_TSO6 | 1u << VIRTIO_NET_F_GUEST_UFO);
	}
	return tap_negotiated(b, 0); /* until the driver has chosen */
}

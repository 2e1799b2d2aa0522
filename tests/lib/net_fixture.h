/* SPDX-License-Identifier: Apache-2.0 */
/* A network device between a guest and a proxy. Include it in one file of a program. */
#pragma once

#include "child.h"
#include "fake_guest.h"
#include "fake_loop.h"
#include "test.h"

#include "vmm/virtio/net/csum.h"
#include "vmm/virtio/net/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SLOTS 16
#define SLOT 2048
#define MERGEABLE (1ull << VIRTIO_NET_F_MRG_RXBUF)

static struct fake_guest guest;
static struct fake_queue rx, tx;
static struct vmm_virtio_irq irq;
static struct vmm_virtio_env env;
static struct vmm_virtio_device *dev;
static uint64_t rx_buffers, tx_buffers;
static unsigned rx_slot, tx_slot, changes;
static int proxy = -1;

static const struct vmm_net_config plain = {
	.kind = VMM_NET_STREAM, .name = "net 0", .fd = -1, .mac = { 2, 0, 0, 0, 0, 1 }
};

static inline void offer(unsigned count)
{
	for (; count > 0; count--)
		fake_request(&rx, 0, 0, rx_buffers + SLOT * (rx_slot++ % SLOTS), SLOT);
	fake_kick(&rx);
}

static inline void changed(struct vmm_virtio_device *d)
{
	(void)d;
	changes++;
}

static inline bool start_on(struct vmm_net_config config, int fd, uint64_t features,
			    unsigned buffers)
{
	struct vmm_virtio_run run = {
		.mem = &guest.mem, .irq = &irq, .queue_count = 2, .features = features
	};

	config.fd = fd;
	fake_guest_init(&guest);
	fake_queue_init(&rx, &guest, SLOTS);
	fake_queue_init(&tx, &guest, SLOTS);
	rx_buffers = fake_alloc(&guest, SLOT * SLOTS, 64);
	tx_buffers = fake_alloc(&guest, 70000 * 2, 64);
	rx_slot = tx_slot = changes = 0;
	fake_log[0] = '\0';
	irq = (struct vmm_virtio_irq){ 0 };
	env = (struct vmm_virtio_env){ .loop = fake_loop_new() };
	if (rl_drop_failed(vmm_net_new(&env, &config, &dev)))
		return false;
	close(fd); /* it has its own */
	dev->config_changed = changed;
	run.queue[0] = rx.setup;
	run.queue[1] = tx.setup;
	if (rl_drop_failed(dev->ops->activate(dev, &run)))
		return false;
	offer(buffers);
	return fake_loop_settle(env.loop);
}

static inline bool start(struct vmm_net_config config, int type, uint64_t features,
			 unsigned buffers)
{
	int pair[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	proxy = pair[1];
	return start_on(config, pair[0], features, buffers);
}

static inline void stop(void)
{
	dev->ops->free(dev);
	fake_queue_free(&rx);
	fake_queue_free(&tx);
	fake_guest_free(&guest);
	fake_loop_free(env.loop);
	close(proxy);
}

/* A frame of the guest: header and bytes in two descriptors, as Linux does. */
static inline void send_header(struct virtio_net_hdr_v1 h, const void *bytes, uint32_t len)
{
	uint64_t at = tx_buffers + 70000 * (tx_slot++ % 2);
	uint16_t head = tx.next_desc % SLOTS;

	memcpy(fake_at(&guest, at, sizeof(h)), &h, sizeof(h));
	if (len > 0)
		memcpy(fake_at(&guest, at + 16, len), bytes, len);
	fake_desc(&tx, at, sizeof(h), len ? FAKE_NEXT : 0, (uint16_t)((head + 1) % SLOTS));
	if (len > 0)
		fake_desc(&tx, at + 16, len, 0, 0);
	fake_offer(&tx, head);
	fake_kick(&tx);
}

static inline bool send_frame(const void *bytes, uint32_t len)
{
	struct fake_used used;

	send_header((struct virtio_net_hdr_v1){ 0 }, bytes, len);
	return fake_loop_settle(env.loop) && fake_take(&tx, &used) && used.len == 0;
}

static inline bool proxy_sends(const void *bytes, uint32_t len)
{
	uint32_t be = htonl(len);

	return write(proxy, &be, 4) == 4 && write(proxy, bytes, len) == (ssize_t)len &&
	       fake_loop_settle(env.loop);
}

static uint8_t got[70000];

/* What the proxy gets next; -1: nothing. */
static inline ssize_t proxy_gets(void)
{
	uint32_t be;

	if (recv(proxy, &be, 4, MSG_DONTWAIT) != 4)
		return -1;
	if (ntohl(be) > sizeof(got) ||
	    recv(proxy, got, ntohl(be), MSG_WAITALL) != (ssize_t)ntohl(be))
		return -2;
	return (ssize_t)ntohl(be);
}

/* The next frame of the guest in `got`, over all its buffers; 0: none, -1: against the rules. */
static inline ssize_t guest_gets(void)
{
	struct virtio_net_hdr_v1 h;
	struct fake_used used;
	size_t len = 0;

	if (!fake_take(&rx, &used))
		return 0;
	if (used.len < sizeof(h))
		return -1;
	memcpy(&h, fake_at(&guest, rx.desc[used.id].addr, sizeof(h)), sizeof(h));
	memcpy(got, fake_at(&guest, rx.desc[used.id].addr + sizeof(h), used.len - sizeof(h)),
	       used.len - sizeof(h));
	len = used.len - sizeof(h);
	for (unsigned i = 1; i < h.num_buffers; i++) {
		if (!fake_take(&rx, &used))
			return -1;
		memcpy(got + len, fake_at(&guest, rx.desc[used.id].addr, used.len), used.len);
		len += used.len;
	}
	return h.num_buffers > 0 && h.flags == 0 ? (ssize_t)len : -1;
}

static inline const uint8_t *pattern(uint32_t len, unsigned seed)
{
	static uint8_t bytes[70000];

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 251 + seed);
	return bytes;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is behind a network device: frames out and in, never blocking.
 *
 *   socket.c   unix sockets, streams and datagrams
 *   tap.c      tap devices
 */
#pragma once

#include "base/fd.h"
#include "vmm/virtio/net/net.h"

#include <linux/virtio_net.h>

/* The longest frame: 64 KiB of IP, Ethernet with a VLAN tag. */
#define NET_FRAME_MAX 65553u
#define NET_FRAME_MIN 14u
/* Frames that go to, or come from, a stream at once. */
#define NET_STREAM_BUFFER (192u << 10)

struct net_frame {
	struct virtio_net_hdr_v1 header; /* num_buffers is the device's */
	const uint8_t *bytes;		 /* in the back end's buffer, until the next call */
	size_t len;
};

struct net_backend {
	const struct net_backend_ops *ops;
	struct rl_fd fd;
	char local_path[64]; /* our own address, to be removed; "" for none */
	uint8_t *in, *out;
	size_t in_at, in_len; /* of the stream's bytes, those not given out yet */
	size_t out_at, out_len;
};

struct net_backend_ops {
	/* Partial checksums and segments pass, with their header. */
	bool has_header;
	/* The next frame; *ret_again: none now. An error is the end of the back end. */
	rl_err (*receive)(struct net_backend *b, struct net_frame *ret, bool *ret_again);
	/* Where the next frame may be written, NET_FRAME_MAX bytes; NULL: no room now. */
	uint8_t *(*place)(struct net_backend *b);
	/*
	 * Sends what was written there. *ret_again: no room after all, the frame is to come again.
	 * A frame that the back end does not like is dropped.
	 */
	rl_err (*commit)(struct net_backend *b, const struct virtio_net_hdr_v1 *header, size_t len,
			 bool *ret_again);
	/* After one or more frames. */
	rl_err (*flush)(struct net_backend *b);
	/* The guest's driver has chosen. */
	rl_err (*negotiated)(struct net_backend *b, uint64_t features);
};

RL_MUST rl_err net_socket_open(const struct vmm_net_config *config, struct net_backend *b);
/* *features loses what this kernel's tap devices cannot do. */
RL_MUST rl_err net_tap_open(const struct vmm_net_config *config, struct net_backend *b,
			    uint32_t *features);
void net_backend_close(struct net_backend *b);

static inline bool net_backend_wants_out(const struct net_backend *b)
{
	return b->out_len > 0;
}

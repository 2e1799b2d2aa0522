/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network device (virtio 1.2, 5.1): one interface of the guest, connected to a proxy of the
 * host by a unix socket (stream: passt; datagrams: gvproxy), or to a tap device.
 *
 * It lives on the loop. Nothing is queued without bound: input is read only while the guest has
 * buffers for it, output is taken from the guest only while the back end takes it. A back end
 * that dies is told in the log, the guest's link goes down, and what the guest sends is thrown
 * away.
 */
#pragma once

#include "vmm/virtio/device.h"

/* Where our own address is while datagrams go to and fro; removed in the end. */
#define VMM_NET_SOCKET_DIR "/tmp"

enum vmm_net_kind {
	VMM_NET_STREAM, /* frames behind a length of 4 bytes, big-endian, as QEMU has it */
	VMM_NET_DGRAM,	/* a datagram a frame */
	VMM_NET_TAP,
};

struct vmm_net_config {
	enum vmm_net_kind kind;
	const char *name; /* for messages; borrowed for the device's life */
	const char *path; /* of the socket, or the tap device's name; NULL: fd */
	int fd;		  /* a connected socket, or an attached tap device (which becomes
			     non-blocking); it is duplicated, its flags are not changed */
	bool vfkit;	  /* greet the proxy, who else would not know us */
	uint8_t mac[6];
	/*
	 * Offloads, VIRTIO_NET_F_* as bits. Towards a proxy there is no room for them in the frame:
	 * checksums that the guest leaves out are completed here, and segments stay as large as
	 * they are, which is the caller's to know about its proxy.
	 */
	uint32_t features;
};

/*
 * Connects. ENOENT, ECONNREFUSED, EACCES: the socket. ENOTSOCK, EPROTOTYPE: fd is no such socket.
 * EBADFD: no such tap device behind fd. ENODEV: no such tap device. EPERM, EBUSY: it is not ours.
 */
RL_MUST rl_err vmm_net_new(const struct vmm_virtio_env *env, const struct vmm_net_config *config,
			   struct vmm_virtio_device **ret);

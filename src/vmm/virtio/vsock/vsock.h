/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket device (virtio 1.2, 5.10): streams between processes of the guest and unix sockets of
 * the host, by a list of ports. A port that is not in the list, or whose socket nobody listens
 * on, is refused at once (RST: the guest sees ECONNRESET), never left to a time-out.
 *
 * It lives on the loop.
 */
#pragma once

#include "vmm/virtio/device.h"

#define VMM_VSOCK_GUEST_CID 3
#define VMM_VSOCK_HOST_CID 2

struct vmm_vsock_port {
	uint32_t port;
	const char *path;
	/*
	 * false: the guest connects to (2, port), and is connected to the socket at `path`.
	 * true: a socket is made at `path` (and removed in the end); who connects to it is
	 * connected to the guest's port.
	 */
	bool listen;
};

/*
 * `port` is borrowed for the device's life. ENAMETOOLONG: a path longer than a unix address.
 * EADDRINUSE and other errnos of bind(2): a listening socket cannot be made.
 */
RL_MUST rl_err vmm_vsock_new(const struct vmm_virtio_env *env, const struct vmm_vsock_port *port,
			     unsigned count, struct vmm_virtio_device **ret);

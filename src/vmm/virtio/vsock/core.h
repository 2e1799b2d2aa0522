/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the socket device.
 *
 *   vsock.c       the device: queues, packets, dispatch
 *   connection.c  one connection: states, credit, data both ways
 *   host.c        unix sockets of the host: listening, connecting
 */
#pragma once

#include "base/fd.h"
#include "vmm/log.h"
#include "vmm/mem/le.h"
#include "vmm/virtio/kick.h"
#include "vmm/virtio/vsock/vsock.h"

/* 5.10.6 */
struct vsock_header {
	struct le64 src_cid, dst_cid;
	struct le32 src_port, dst_port, len;
	struct le16 type, op;
	struct le32 flags, buf_alloc, fwd_cnt;
} __attribute__((packed));
_Static_assert(sizeof(struct vsock_header) == 44, "wire format");

#define VSOCK_TYPE_STREAM 1

enum vsock_op {
	VSOCK_REQUEST = 1,
	VSOCK_RESPONSE = 2,
	VSOCK_RST = 3,
	VSOCK_SHUTDOWN = 4,
	VSOCK_RW = 5,
	VSOCK_CREDIT_UPDATE = 6,
	VSOCK_CREDIT_REQUEST = 7,
};

/* Flags of SHUTDOWN: the sender will receive, or send, no more. */
#define VSOCK_NO_RECEIVE 1u
#define VSOCK_NO_SEND 2u

/* What the guest may have in flight to one connection; we never buffer more. */
#define VSOCK_BUFFER (256u << 10)
/* The largest packet we make. */
#define VSOCK_PACKET_MAX (64u << 10)
#define VSOCK_CONNECTIONS_MAX 1024
#define VSOCK_BUCKETS 256
/* Refusals that wait for a receive buffer. When there are more, the guest's packets wait. */
#define VSOCK_REFUSALS_MAX 64
/* Ports of the host's side of connections that the host began. */
#define VSOCK_EPHEMERAL 0x40000000u

/*
 * What is to be told about a connection, one bit each: they do not pile up. Sent in this order;
 * REFUSE ends the connection.
 */
enum vsock_news {
	VSOCK_TELL_REQUEST = 1 << 0,
	VSOCK_TELL_RESPONSE = 1 << 1,
	VSOCK_TELL_CREDIT = 1 << 2,
	VSOCK_TELL_SHUTDOWN = 1 << 3,
	VSOCK_TELL_RST = 1 << 4,
};

enum vsock_state {
	VSOCK_ASKING, /* the host began; the guest has not answered */
	VSOCK_ESTABLISHED,
	VSOCK_CLOSING, /* only an RST is left to say */
};

struct vsock;

struct vsock_connection {
	struct vsock *vsock;
	struct vsock_connection *next;	     /* of the same bucket */
	struct vsock_connection *next_ready; /* of those with something to say */
	bool is_ready;
	uint32_t guest_port, host_port;
	enum vsock_state state;
	struct rl_fd fd;
	struct vmm_watch watch;
	uint32_t events;
	unsigned news;
	bool has_input; /* the host's socket is readable, as far as we know */

	/* Shut down: by the guest (what it does no more), by the host. */
	uint32_t guest_flags, host_flags;

	/* Credit, 5.10.6.3: counters wrap. */
	uint32_t peer_buf_alloc, peer_fwd_cnt, sent;
	uint32_t forwarded, told_forwarded;

	/* Bytes from the guest that the host's socket has not taken yet. */
	uint8_t *buffer;
	uint32_t buffered, buffer_at;
};

struct vsock_listener {
	struct vsock *vsock;
	const struct vmm_vsock_port *port;
	struct rl_fd fd;
	struct vmm_watch watch;
	struct vsock_listener *next;
};

struct vsock_refusal {
	uint32_t guest_port, host_port;
};

struct vsock {
	struct vmm_virtio_device dev;
	const struct vmm_virtio_env *env;
	const struct vmm_vsock_port *port;
	unsigned port_count;
	struct vsock_listener *listener;

	bool active;
	struct vmm_virtio_irq *irq;
	struct vmm_queue rx, tx;
	struct vmm_kick kick_rx, kick_tx;
	struct vmm_chain chain; /* scratch */

	struct vsock_connection *bucket[VSOCK_BUCKETS];
	unsigned connection_count;
	struct vsock_connection *ready, **ready_end;
	struct vsock_refusal refusal[VSOCK_REFUSALS_MAX];
	unsigned refusal_count;
	uint32_t next_ephemeral;
	bool tx_waits;	   /* the guest's packets wait until refusals are sent */
	bool accept_waits; /* no descriptors were left: listeners wait for a connection's end */
};

/* ---- vsock.c ---- */

/* The connection has something to say: it is sent as soon as the guest has room. */
void vsock_say(struct vsock_connection *c, unsigned news);
void vsock_make_ready(struct vsock_connection *c);
/* Sends what there is to send. */
void vsock_flush(struct vsock *v);

/* ---- connection.c ---- */

struct vsock_connection *vsock_find(struct vsock *v, uint32_t guest_port, uint32_t host_port);
/* Takes `fd` over in any case. NULL: too many, or no memory. */
struct vsock_connection *vsock_add(struct vsock *v, uint32_t guest_port, uint32_t host_port,
				   enum vsock_state state, struct rl_fd *fd);
void vsock_remove(struct vsock_connection *c);
/* Nothing more goes either way; an RST is still said. */
void vsock_close(struct vsock_connection *c);

/* A packet of the guest for this connection; its payload is at `from`. */
void vsock_receive(struct vsock_connection *c, const struct vsock_header *h,
		   struct vmm_cursor *from);
/* May data be read from the host's socket for the guest? How many bytes? */
uint32_t vsock_credit(const struct vsock_connection *c);
/* Which readiness of the host's socket matters now. */
void vsock_update_watch(struct vsock_connection *c);
/* The host's socket has no more input. */
void vsock_host_ended(struct vsock_connection *c);

/* ---- host.c ---- */

RL_MUST rl_err vsock_listen(struct vsock *v);
/* Begins to accept, or stops. */
RL_MUST rl_err vsock_listen_start(struct vsock *v);
void vsock_listen_stop(struct vsock *v);
/* A descriptor was closed: whoever waited for one is accepted now. */
void vsock_listen_again(struct vsock *v);
void vsock_listen_free(struct vsock *v);
/* The socket of a port the guest wants; none if it is not mapped or nobody listens. */
struct rl_fd vsock_connect(struct vsock *v, uint32_t port);

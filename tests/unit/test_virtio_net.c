/* SPDX-License-Identifier: Apache-2.0 */
/* The network device from the guest's side, with a proxy on the other end of a socket pair. */
#include "net_fixture.h"

TEST(frames_both_ways)
{
	CHECK(start(plain, SOCK_STREAM, MERGEABLE, SLOTS));
	CHECK(send_frame(pattern(100, 1), 100));
	CHECK(send_frame(pattern(1514, 2), 1514));
	CHECK_INT(proxy_gets(), 100);
	CHECK(memcmp(got, pattern(100, 1), 100) == 0);
	CHECK_INT(proxy_gets(), 1514);
	CHECK(memcmp(got, pattern(1514, 2), 1514) == 0);
	CHECK_INT(proxy_gets(), -1);
	CHECK(proxy_sends(pattern(60, 3), 60));
	CHECK_INT(guest_gets(), 60);
	CHECK(memcmp(got, pattern(60, 3), 60) == 0);
	CHECK_INT(irq.count[0], 1);
	CHECK_INT(fake_loop_watches(env.loop), 3);
	stop();
}

TEST(frame_over_several_buffers)
{
	CHECK(start(plain, SOCK_STREAM, MERGEABLE, 2));
	CHECK(proxy_sends(pattern(5000, 4), 5000));
	CHECK_INT(guest_gets(), 0); /* needs three, there are two: they are untouched */
	CHECK_INT(irq.count[0], 0);
	CHECK_INT(fake_loop_watches(env.loop), 2); /* and nothing is read meanwhile */
	offer(1);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(guest_gets(), 5000);
	CHECK(memcmp(got, pattern(5000, 4), 5000) == 0);
	offer(SLOTS);
	CHECK(proxy_sends(pattern(25000, 5), 25000));
	CHECK_INT(guest_gets(), 25000);
	CHECK(memcmp(got, pattern(25000, 5), 25000) == 0);
	CHECK_INT(guest_gets(), 0);
	stop();
}

TEST(too_long_for_the_only_buffer)
{
	struct fake_used used;

	CHECK(start(plain, SOCK_STREAM, 0, SLOTS));
	CHECK(proxy_sends(pattern(3000, 6), 3000));
	CHECK(fake_take(&rx, &used) && used.len == 0); /* lost, and only it */
	CHECK(proxy_sends(pattern(2036, 7), 2036));
	CHECK_INT(guest_gets(), 2036);
	stop();
}

TEST(stream_in_pieces)
{
	uint8_t stream[2 * (4 + 200)];
	uint32_t be = htonl(200);

	CHECK(start(plain, SOCK_STREAM, MERGEABLE, SLOTS));
	for (int i = 0; i < 2; i++) {
		memcpy(stream + 204 * i, &be, 4);
		memcpy(stream + 204 * i + 4, pattern(200, 8), 200);
	}
	for (size_t i = 0; i < sizeof(stream); i++) {
		CHECK_INT(write(proxy, stream + i, 1), 1);
		CHECK(fake_loop_settle(env.loop));
	}
	CHECK_INT(guest_gets(), 200);
	CHECK_INT(guest_gets(), 200);
	CHECK(memcmp(got, pattern(200, 8), 200) == 0);
	CHECK_INT(guest_gets(), 0);
	stop();
}

/* Frames pile up neither here nor there: the guest's come when the proxy reads, none is lost. */
TEST(proxy_that_does_not_read)
{
	struct fake_used used;
	unsigned sent = 0, taken = 0;

	CHECK(start(plain, SOCK_STREAM, MERGEABLE, SLOTS));
	for (int quiet = 0; quiet < 4 && sent < 500;) {
		unsigned before = taken;

		if (sent - taken < 4)
			send_header((struct virtio_net_hdr_v1){ 0 }, pattern(60000, sent++), 60000);
		CHECK(fake_loop_settle(env.loop));
		while (fake_take(&tx, &used))
			taken++;
		quiet = taken == before ? quiet + 1 : 0;
	}
	CHECK(sent > taken && taken < 100); /* it stopped */
	/* Two slots were written over and over: only lengths count here. */
	for (unsigned i = 0; i < sent; i++) {
		ssize_t n = -1;

		for (int tries = 0; n < 0 && tries < 100; tries++) {
			uint32_t be;

			CHECK(fake_loop_settle(env.loop));
			if (recv(proxy, &be, 4, MSG_DONTWAIT | MSG_PEEK) == 4) {
				/* The rest may come in pieces. */
				size_t have = 0;

				CHECK_INT(recv(proxy, &be, 4, 0), 4);
				while (have < ntohl(be)) {
					ssize_t part = recv(proxy, got + have, ntohl(be) - have,
							    MSG_DONTWAIT);

					have += part > 0 ? (size_t)part : 0;
					CHECK(fake_loop_settle(env.loop));
				}
				n = (ssize_t)have;
			}
		}
		CHECK_INT(n, 60000);
	}
	CHECK(fake_loop_settle(env.loop));
	while (fake_take(&tx, &used))
		taken++;
	CHECK_INT(taken, sent);
	stop();
}

/* Without buffers of the guest nothing is read, and nothing spins. */
TEST(guest_without_buffers)
{
	CHECK(start(plain, SOCK_STREAM, MERGEABLE, 0));
	for (unsigned i = 0; i < 20; i++)
		CHECK(proxy_sends(pattern(1000, i), 1000));
	offer(SLOTS);
	CHECK(fake_loop_settle(env.loop));
	for (unsigned i = 0; i < SLOTS; i++) {
		CHECK_INT(guest_gets(), 1000);
		CHECK(memcmp(got, pattern(1000, i), 1000) == 0);
	}
	CHECK_INT(guest_gets(), 0);
	offer(4);
	CHECK(fake_loop_settle(env.loop));
	for (unsigned i = 16; i < 20; i++) {
		CHECK_INT(guest_gets(), 1000);
		CHECK(memcmp(got, pattern(1000, i), 1000) == 0);
	}
	stop();
}

static unsigned link_state(void)
{
	uint8_t c[10];

	dev->ops->config_read(dev, 0, c, sizeof(c));
	return memcmp(c, plain.mac, 6) == 0 && c[7] == 0 && c[8] == 0 ? c[6] : 99;
}

TEST(proxy_that_dies)
{
	CHECK(start(plain, SOCK_STREAM, MERGEABLE, SLOTS));
	CHECK_INT(link_state(), VIRTIO_NET_S_LINK_UP);
	close(proxy);
	CHECK(fake_loop_settle(env.loop));
	CHECK(strstr(fake_log, "the network is gone: the proxy closed the connection") != NULL);
	CHECK_INT(link_state(), 0);
	CHECK_INT(changes, 1);
	/* The guest's frames go nowhere, but they go. */
	CHECK(send_frame(pattern(100, 1), 100));
	offer(1);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(guest_gets(), 0);
	CHECK_INT(changes, 1);
	CHECK_INT(fake_loop_watches(env.loop), 2);
	stop();
}

TEST(proxy_that_lies)
{
	static const uint32_t lengths[] = { 0, 13, 65554, 0xffffffff };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint32_t be = htonl(lengths[i]);

		CHECK(start(plain, SOCK_STREAM, MERGEABLE, SLOTS));
		CHECK_INT(write(proxy, &be, 4), 4);
		CHECK(fake_loop_settle(env.loop));
		CHECK(strstr(fake_log, "announced a frame of") != NULL);
		CHECK_INT(link_state(), 0);
		stop();
	}
}

TEST(hostile_guest)
{
	struct virtio_net_hdr_v1 lie = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					 .csum_start = 60000,
					 .csum_offset = 60000 };
	struct fake_used used;

	CHECK(start(plain, SOCK_STREAM, MERGEABLE, SLOTS));
	CHECK(send_frame("", 0));		     /* a header only */
	CHECK(send_frame("tiny", 4));		     /* no Ethernet */
	CHECK(send_frame(pattern(66000, 1), 66000)); /* beyond 64 KiB */
	fake_request(&tx, tx_buffers, 5, 0, 0);	     /* half a header */
	fake_request(&tx, 0, 0, tx_buffers, 100);    /* nothing to read in it */
	fake_kick(&tx);
	CHECK(fake_loop_settle(env.loop));
	CHECK(fake_take(&tx, &used) && fake_take(&tx, &used));
	send_header(lie, pattern(100, 1), 100);
	CHECK(fake_loop_settle(env.loop));
	CHECK(fake_take(&tx, &used));
	lie.csum_start = 99; /* one byte of two */
	lie.csum_offset = 0;
	send_header(lie, pattern(100, 1), 100);
	CHECK(fake_loop_settle(env.loop));
	CHECK(fake_take(&tx, &used));
	CHECK_INT(proxy_gets(), -1);
	CHECK(send_frame(pattern(100, 1), 100)); /* it still works */
	CHECK_INT(proxy_gets(), 100);
	tx.avail[1] = (uint16_t)(tx.avail[1] + 1000);
	fake_kick(&tx);
	CHECK(fake_loop_settle(env.loop));
	CHECK(strstr(fake_log, "the available index jumped") != NULL);
	CHECK(irq.is_broken); /* the driver is told that a reset is needed */
	stop();
}

/* A receive buffer without room for the header, one that is readable only. */
TEST(hostile_buffers)
{
	struct fake_used used;

	CHECK(start(plain, SOCK_STREAM, MERGEABLE, 0));
	fake_request(&rx, 0, 0, rx_buffers, 11);
	fake_request(&rx, rx_buffers, 2000, 0, 0);
	for (int i = 0; i < 3; i++)
		CHECK(proxy_sends(pattern(100, 1), 100));
	fake_kick(&rx);
	CHECK(fake_loop_settle(env.loop));
	CHECK(fake_take(&rx, &used) && used.len == 0);
	CHECK(fake_take(&rx, &used) && used.len == 0);
	offer(1);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(guest_gets(), 100);
	stop();
}

/* Example of RFC 1071 and what a guest leaves to us. */
TEST(checksums)
{
	uint8_t frame[] = {
		0xaa, 0xbb, 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7, 0x00, 0x00
	};
	uint8_t zero[] = { 0xff, 0xff, 0, 0 };
	uint8_t sent[64] = { 0 };
	struct virtio_net_hdr_v1 h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				       .csum_start = 34,
				       .csum_offset = 6 };

	CHECK(net_complete_checksum(frame, sizeof(frame), 2, 8));
	CHECK_INT(frame[10], 0x22);
	CHECK_INT(frame[11], 0x0d);
	CHECK(net_complete_checksum(zero, sizeof(zero), 0, 2)); /* 0 is written as all ones */
	CHECK_INT(zero[2], 0xff);
	CHECK(!net_complete_checksum(frame, sizeof(frame), 12, 0));
	CHECK(!net_complete_checksum(frame, sizeof(frame), 2, 9));
	CHECK(!net_complete_checksum(frame, sizeof(frame), 0xffff, 0xffff));

	CHECK(start(plain, SOCK_STREAM, MERGEABLE, 0));
	sent[34] = 0x12;
	sent[35] = 0x34;
	sent[63] = 0x01; /* an odd byte at the end belongs to it */
	send_header(h, sent, 63);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(proxy_gets(), 63);
	CHECK(got[40] == 0xed && got[41] == 0xcb);
	stop();
}

TEST(datagrams)
{
	struct vmm_net_config c = plain;

	c.kind = VMM_NET_DGRAM;
	c.vfkit = true;
	CHECK(start(c, SOCK_DGRAM, MERGEABLE, SLOTS));
	CHECK_INT(recv(proxy, got, sizeof(got), MSG_DONTWAIT), 4);
	CHECK(memcmp(got, "VFKT", 4) == 0);
	CHECK(send_frame(pattern(1514, 2), 1514));
	CHECK_INT(recv(proxy, got, sizeof(got), MSG_DONTWAIT), 1514);
	CHECK(memcmp(got, pattern(1514, 2), 1514) == 0);
	CHECK_INT(send(proxy, pattern(900, 3), 900, 0), 900);
	CHECK_INT(send(proxy, pattern(66000, 3), 66000, 0), 66000); /* no frame */
	CHECK_INT(send(proxy, "", 0, 0), 0);
	CHECK_INT(send(proxy, pattern(901, 4), 901, 0), 901);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(guest_gets(), 900);
	CHECK_INT(guest_gets(), 901);
	CHECK(memcmp(got, pattern(901, 4), 901) == 0);
	CHECK_INT(guest_gets(), 0);
	stop();
}

TEST(features)
{
	struct vmm_net_config c = plain;
	int pair[2];

	env = (struct vmm_virtio_env){ .loop = fake_loop_new() };
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	c.fd = pair[0];
	c.features = 1u << VIRTIO_NET_F_CSUM | 1u << VIRTIO_NET_F_HOST_TSO4 |
		     1u << VIRTIO_NET_F_GUEST_TSO4;
	CHECK_OK(vmm_net_new(&env, &c, &dev));
	CHECK(dev->features >> VIRTIO_NET_F_HOST_TSO4 & 1);
	CHECK(!(dev->features >> VIRTIO_NET_F_GUEST_TSO4 & 1));
	dev->ops->free(dev);
	c.features = 1u << VIRTIO_NET_F_HOST_TSO4 | 1u << VIRTIO_NET_F_GUEST_CSUM |
		     1u << VIRTIO_NET_F_GUEST_TSO4 | 1u << 20;
	CHECK_OK(vmm_net_new(&env, &c, &dev));
	CHECK(!(dev->features >> VIRTIO_NET_F_HOST_TSO4 & 1));
	CHECK(dev->features >> VIRTIO_NET_F_GUEST_TSO4 & 1);
	CHECK(!(dev->features >> 20 & 1));
	dev->ops->free(dev);
	close(pair[0]);
	close(pair[1]);
	fake_loop_free(env.loop);
}

TEST(reset_and_again)
{
	struct vmm_virtio_run run = {
		.mem = &guest.mem, .irq = &irq, .queue_count = 2, .features = MERGEABLE
	};

	CHECK(start(plain, SOCK_STREAM, MERGEABLE, 0));
	CHECK(proxy_sends(pattern(100, 1), 100));
	dev->ops->reset(dev);
	CHECK_INT(fake_loop_watches(env.loop), 0);
	CHECK(proxy_sends(pattern(200, 2), 200));
	fake_queue_free(&rx);
	fake_queue_init(&rx, &guest, SLOTS);
	run.queue[0] = rx.setup;
	run.queue[1] = (struct vmm_queue_setup){ .kick_fd = tx.setup.kick_fd };
	CHECK_OK(dev->ops->activate(dev, &run));
	offer(2);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(guest_gets(), 200);
	stop();
}

RUN_TESTS()

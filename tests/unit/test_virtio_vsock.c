/* SPDX-License-Identifier: Apache-2.0 */
/* The socket device from the guest's side: handshakes, data, credit, refusals. */
#include "fake_guest.h"
#include "fake_loop.h"
#include "test.h"

#include "vmm/virtio/vsock/vsock.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { REQUEST = 1, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST };

struct header {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port, len;
	uint16_t type, op;
	uint32_t flags, buf_alloc, fwd_cnt;
} __attribute__((packed));

static struct fake_guest guest;
static struct fake_queue rx, tx;
static struct vmm_virtio_irq irq;
static struct vmm_virtio_env env;
static struct vmm_virtio_device *dev;
static uint64_t rx_buffers, tx_buffers;
static unsigned rx_slot, tx_slot;
static char dir[32], connect_path[64], listen_path[64];
static int server = -1;

#define SLOT 4096
#define SLOTS 16

static int unix_socket(const char *path, bool listening)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(a.sun_path, path);
	if (listening ? bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 8) != 0
		      : connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void offer(unsigned count)
{
	for (; count > 0; count--)
		fake_request(&rx, 0, 0, rx_buffers + SLOT * (rx_slot++ % SLOTS), SLOT);
	fake_kick(&rx);
}

static bool start(void)
{
	static struct vmm_vsock_port ports[2];
	struct vmm_virtio_run run = { .mem = &guest.mem, .irq = &irq, .queue_count = 3 };

	strcpy(dir, "/tmp/vsock.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return false;
	snprintf(connect_path, sizeof(connect_path), "%s/c", dir);
	snprintf(listen_path, sizeof(listen_path), "%s/l", dir);
	server = unix_socket(connect_path, true);
	ports[0] = (struct vmm_vsock_port){ 1000, connect_path, false };
	ports[1] = (struct vmm_vsock_port){ 2000, listen_path, true };
	fake_guest_init(&guest);
	fake_queue_init(&rx, &guest, SLOTS);
	fake_queue_init(&tx, &guest, SLOTS);
	rx_buffers = fake_alloc(&guest, SLOT * SLOTS, 64);
	tx_buffers = fake_alloc(&guest, SLOT * SLOTS, 64);
	rx_slot = tx_slot = 0;
	irq = (struct vmm_virtio_irq){ 0 };
	env = (struct vmm_virtio_env){ .loop = fake_loop_new() };
	if (rl_drop_failed(vmm_vsock_new(&env, ports, 2, &dev)))
		return false;
	run.queue[0] = rx.setup;
	run.queue[1] = tx.setup;
	if (rl_drop_failed(dev->ops->activate(dev, &run)))
		return false;
	offer(SLOTS);
	return fake_loop_settle(env.loop);
}

static void stop(void)
{
	dev->ops->free(dev);
	fake_queue_free(&rx);
	fake_queue_free(&tx);
	fake_guest_free(&guest);
	fake_loop_free(env.loop);
	close(server);
	unlink(connect_path);
	rmdir(dir);
}

static bool send_packet(struct header h, const void *payload)
{
	uint64_t at = tx_buffers + SLOT * (tx_slot++ % SLOTS);

	h.src_cid = h.src_cid ? h.src_cid : 3;
	h.dst_cid = h.dst_cid ? h.dst_cid : 2;
	h.type = h.type ? h.type : 1;
	memcpy(fake_at(&guest, at, sizeof(h)), &h, sizeof(h));
	if (payload != NULL)
		memcpy(fake_at(&guest, at + sizeof(h), h.len), payload, h.len);
	fake_request(&tx, at, (uint32_t)sizeof(h) + (payload ? h.len : 0), 0, 0);
	fake_kick(&tx);
	return fake_loop_settle(env.loop);
}

static bool packet(uint16_t op, uint32_t guest_port, uint32_t host_port, const char *payload)
{
	return send_packet((struct header){ .src_port = guest_port,
					    .dst_port = host_port,
					    .op = op,
					    .len = payload ? (uint32_t)strlen(payload) : 0,
					    .buf_alloc = 1000000 },
			   payload);
}

/* The next packet for the guest; op 0 if there is none. */
static struct header next(char *payload)
{
	struct header h = { 0 };
	struct fake_used used;

	if (!fake_take(&rx, &used))
		return h;
	memcpy(&h, fake_at(&guest, rx.desc[used.id].addr, sizeof(h)), sizeof(h));
	if (payload != NULL) {
		memcpy(payload, fake_at(&guest, rx.desc[used.id].addr + sizeof(h), h.len), h.len);
		payload[h.len] = '\0';
	}
	offer(1);
	if (!fake_loop_settle(env.loop) || used.len != sizeof(h) + h.len || h.src_cid != 2 ||
	    h.dst_cid != 3 || h.type != 1)
		h.op = 99;
	return h;
}

static const char *got(int fd)
{
	static char text[256];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n < 0 ? 0 : n] = '\0';
	return n == 0 ? "(end)" : text;
}

/* A connection from the guest's port 5 to 1000; the host's end. */
static int establish(void)
{
	struct header h;

	if (!packet(REQUEST, 5, 1000, NULL))
		return -1;
	h = next(NULL);
	if (h.op != RESPONSE || h.src_port != 1000 || h.dst_port != 5 || h.buf_alloc == 0)
		return -1;
	return accept4(server, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

TEST(guest_connects)
{
	char text[SLOT];
	struct header h;
	int fd;

	CHECK(start());
	fd = establish();
	CHECK(fd >= 0);
	CHECK(packet(RW, 5, 1000, "from the guest"));
	CHECK_STR(got(fd), "from the guest");
	CHECK_INT(write(fd, "from the host", 13), 13);
	CHECK(fake_loop_settle(env.loop));
	h = next(text);
	CHECK_INT(h.op, RW);
	CHECK_STR(text, "from the host");
	CHECK_INT(h.fwd_cnt, 14);
	/* The guest is done sending, then the host: a reset ends it. */
	CHECK(send_packet((struct header){ .src_port = 5,
					   .dst_port = 1000,
					   .op = SHUTDOWN,
					   .flags = 2,
					   .buf_alloc = 1000000 },
			  NULL));
	CHECK_STR(got(fd), "(end)");
	CHECK_INT(write(fd, "last", 4), 4);
	close(fd);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(next(text).op, RW);
	CHECK_STR(text, "last");
	CHECK_INT(next(NULL).op, RST);
	CHECK_INT(next(NULL).op, 0);
	stop();
}

TEST(host_ends_first)
{
	struct header h;
	int fd;

	CHECK(start());
	fd = establish();
	shutdown(fd, SHUT_WR);
	CHECK(fake_loop_settle(env.loop));
	h = next(NULL);
	CHECK_INT(h.op, SHUTDOWN);
	CHECK_INT(h.flags, 2);
	CHECK(packet(RW, 5, 1000, "still")); /* the other half is open */
	CHECK_STR(got(fd), "still");
	close(fd);
	CHECK(packet(RW, 5, 1000, "nobody reads"));
	CHECK_INT(next(NULL).op, RST);
	CHECK(packet(RW, 5, 1000, "gone"));
	CHECK_INT(next(NULL).op, RST); /* of a connection that is no more */
	stop();
}

TEST(refusals)
{
	CHECK(start());
	CHECK(packet(REQUEST, 5, 77, NULL)); /* not mapped */
	CHECK_INT(next(NULL).op, RST);
	CHECK(packet(REQUEST, 5, 2000, NULL)); /* mapped the other way */
	CHECK_INT(next(NULL).op, RST);
	close(server);
	unlink(connect_path);
	CHECK(packet(REQUEST, 5, 1000, NULL)); /* nobody listens */
	CHECK_INT(next(NULL).op, RST);
	CHECK(strstr(fake_log, "connect to") != NULL);
	CHECK(packet(RW, 5, 1000, "x"));
	CHECK_INT(next(NULL).op, RST);
	CHECK(packet(RST, 5, 1000, NULL)); /* is not answered */
	CHECK_INT(next(NULL).op, 0);
	/* Datagrams, another machine's address as destination. */
	CHECK(send_packet(
		(struct header){ .src_port = 5, .dst_port = 1000, .op = REQUEST, .type = 3 },
		NULL));
	CHECK_INT(next(NULL).op, RST);
	CHECK(send_packet(
		(struct header){ .src_port = 5, .dst_port = 1000, .op = REQUEST, .dst_cid = 9 },
		NULL));
	CHECK_INT(next(NULL).op, RST);
	/* Somebody else's source, a length beyond the buffer, half a header. */
	CHECK(send_packet(
		(struct header){ .src_port = 5, .dst_port = 1000, .op = REQUEST, .src_cid = 9 },
		NULL));
	CHECK(send_packet((struct header){ .src_port = 5, .dst_port = 1000, .op = RW, .len = 5000 },
			  NULL));
	fake_request(&tx, tx_buffers, 20, 0, 0);
	fake_kick(&tx);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(next(NULL).op, 0);
	stop();
}

TEST(host_connects)
{
	char text[SLOT];
	struct header h;
	int fd, second;

	CHECK(start());
	fd = unix_socket(listen_path, false);
	CHECK(fd >= 0);
	CHECK_INT(write(fd, "early", 5), 5);
	CHECK(fake_loop_settle(env.loop));
	h = next(NULL);
	CHECK_INT(h.op, REQUEST);
	CHECK_INT(h.dst_port, 2000);
	CHECK_INT(next(NULL).op, 0); /* no data before the answer */
	CHECK(packet(RESPONSE, 2000, h.src_port, NULL));
	CHECK_INT(next(text).op, RW);
	CHECK_STR(text, "early");
	/* Another one has another port; the guest refuses it. */
	second = unix_socket(listen_path, false);
	CHECK(fake_loop_settle(env.loop));
	CHECK(next(NULL).src_port == h.src_port + 1);
	CHECK(packet(RST, 2000, h.src_port + 1, NULL));
	CHECK_STR(got(second), "(end)");
	close(fd);
	close(second);
	stop();
	CHECK(access(listen_path, F_OK) != 0); /* nothing is left behind */
}

TEST(credit_of_the_guest)
{
	char text[SLOT];
	struct header h;
	int fd;

	CHECK(start());
	fd = establish();
	/* The guest has room for 10 bytes. */
	CHECK(send_packet(
		(struct header){
			.src_port = 5, .dst_port = 1000, .op = CREDIT_UPDATE, .buf_alloc = 10 },
		NULL));
	CHECK_INT(write(fd, "0123456789abcde", 15), 15);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(next(text).op, RW);
	CHECK_STR(text, "0123456789");
	CHECK_INT(next(NULL).op, 0);
	CHECK(send_packet((struct header){ .src_port = 5,
					   .dst_port = 1000,
					   .op = CREDIT_UPDATE,
					   .buf_alloc = 10,
					   .fwd_cnt = 3 },
			  NULL));
	CHECK_INT(next(text).op, RW);
	CHECK_STR(text, "abc");
	/* A counter that makes no sense gives no credit and does no harm. */
	CHECK(send_packet((struct header){ .src_port = 5,
					   .dst_port = 1000,
					   .op = CREDIT_UPDATE,
					   .buf_alloc = 10,
					   .fwd_cnt = 0x80000000 },
			  NULL));
	CHECK_INT(next(NULL).op, 0);
	CHECK(packet(CREDIT_REQUEST, 5, 1000, NULL));
	h = next(NULL);
	CHECK(h.op == CREDIT_UPDATE || h.op == RW);
	close(fd);
	stop();
}

/* The host's socket is full: what the guest sends is kept, up to the credit it was given. */
TEST(credit_of_the_host)
{
	static char block[4000], read_back[4000];
	struct header h = { .src_port = 5,
			    .dst_port = 1000,
			    .op = RW,
			    .len = sizeof(block),
			    .buf_alloc = 1000000 };
	size_t sent = 0, received = 0;
	bool reset = false;
	int fd;

	CHECK(start());
	fd = establish();
	memset(block, 'b', sizeof(block));
	for (int i = 0; i < 1000 && !reset; i++) {
		CHECK(send_packet(h, block));
		sent += sizeof(block);
		for (struct header n = next(NULL); n.op != 0; n = next(NULL))
			reset |= n.op == RST;
	}
	CHECK(reset); /* a guest that does not care for credit loses the connection */
	CHECK(sent > 256 * 1024);
	close(fd);

	/* One that does loses nothing. */
	fd = establish();
	for (sent = 0; sent < 200000; sent += sizeof(block))
		CHECK(send_packet(h, block));
	for (int i = 0; i < 1000 && received < sent; i++) {
		ssize_t n = recv(fd, read_back, sizeof(read_back), MSG_DONTWAIT);

		received += n > 0 ? (size_t)n : 0;
		CHECK(fake_loop_settle(env.loop));
		while (next(NULL).op != 0)
			continue;
	}
	CHECK_INT(received, sent);
	close(fd);
	stop();
}

/* No receive buffers: refusals wait, and so do the guest's packets; nothing piles up. */
TEST(guest_without_buffers)
{
	struct fake_used used;
	unsigned taken = 0, refusals = 0;

	CHECK(start());
	for (int i = 0; i < SLOTS; i++) /* use the buffers up */
		CHECK(packet(REQUEST, 5, 77, NULL));
	while (fake_take(&tx, &used))
		continue;
	for (int i = 0; i < 100; i++) {
		CHECK(packet(REQUEST, 5, 77, NULL));
		while (fake_take(&tx, &used))
			taken++;
		if (taken + SLOTS == (unsigned)i)
			break;
	}
	CHECK_INT(taken, 64);
	for (int i = 0; i < 200; i++)
		refusals += next(NULL).op == RST;
	CHECK(refusals >= SLOTS + 64);
	stop();
}

/* Many at once, each with its own bytes, all of them closed by the guest in the end. */
TEST(many_connections)
{
	enum { MANY = 200 };
	int fd[MANY];
	char text[SLOT];

	CHECK(start());
	for (uint32_t i = 0; i < MANY; i++) {
		CHECK(packet(REQUEST, 10000 + i, 1000, NULL));
		CHECK_INT(next(NULL).op, RESPONSE);
		fd[i] = accept4(server, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		CHECK(fd[i] >= 0);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "bytes of %u", i);
		CHECK(packet(RW, 10000 + i, 1000, text));
		CHECK_STR(got(fd[i]), text);
	}
	for (uint32_t i = MANY; i-- > 0;) {
		CHECK(send_packet((struct header){ .src_port = 10000 + i,
						   .dst_port = 1000,
						   .op = SHUTDOWN,
						   .flags = 3,
						   .buf_alloc = 1000000 },
				  NULL));
		CHECK_INT(next(NULL).op, RST);
		CHECK_STR(got(fd[i]), "(end)");
		close(fd[i]);
	}
	/* Nothing is left: listener and two queues are all that is waited for. */
	CHECK_INT(fake_loop_watches(env.loop), 3);
	CHECK(!dev->ops->busy(dev));
	stop();
}

/* Without descriptors a connection waits in the backlog, and is taken when another one ends. */
TEST(no_descriptors)
{
	struct rlimit old, few;
	int fd, second;

	CHECK(start());
	fd = establish();
	second = unix_socket(listen_path, false);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){ 0, old.rlim_max };
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK(strstr(fake_log, "it waits until a connection ends") != NULL);
	CHECK_INT(next(NULL).op, 0);
	CHECK(packet(RST, 5, 1000, NULL));
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(next(NULL).op, REQUEST);
	close(fd);
	close(second);
	stop();
}

TEST(hostile_queue)
{
	CHECK(start());
	tx.avail[1] = (uint16_t)(tx.avail[1] + 1000);
	fake_kick(&tx);
	CHECK(fake_loop_settle(env.loop));
	CHECK(strstr(fake_log, "the available index jumped") != NULL);
	CHECK(irq.is_broken); /* the driver is told that a reset is needed */
	stop();
}

TEST(bad_paths)
{
	char long_path[200];
	struct vmm_vsock_port port = { 1, long_path, false };

	env = (struct vmm_virtio_env){ .loop = fake_loop_new() };
	memset(long_path, 'p', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	CHECK_FAILS(vmm_vsock_new(&env, &port, 1, &dev), ENAMETOOLONG, "199 bytes");
	port = (struct vmm_vsock_port){ 1, "/nonexistent/dir/socket", true };
	CHECK_FAILS(vmm_vsock_new(&env, &port, 1, &dev), ENOENT, "bind /nonexistent");
	port = (struct vmm_vsock_port){ 1, "/etc/passwd", true };
	CHECK_FAILS(vmm_vsock_new(&env, &port, 1, &dev), EADDRINUSE, "bind /etc/passwd");
	CHECK(access("/etc/passwd", F_OK) == 0); /* what was there before stays */
	fake_loop_free(env.loop);
}

TEST(reset_closes_everything)
{
	int fd;

	CHECK(start());
	fd = establish();
	dev->ops->reset(dev);
	CHECK_STR(got(fd), "(end)");
	CHECK_INT(fake_loop_watches(env.loop), 0);
	close(fd);
	stop();
}

RUN_TESTS()

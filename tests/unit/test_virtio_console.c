/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_guest.h"
#include "fake_loop.h"
#include "test.h"

#include "vmm/virtio/console.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <termios.h>

#define F_MULTIPORT 2

static struct fake_guest guest;
static struct fake_queue queue[6]; /* port 0, control, port 1 */
static struct vmm_virtio_irq irq;
static struct vmm_virtio_env env;
static struct vmm_virtio_device *dev;
static uint64_t buffer; /* 16 buffers of 64 bytes for each queue */
static int in[2], out[2];

static uint64_t buffer_of(unsigned q, unsigned slot)
{
	return buffer + 1024 * q + 64 * (slot % 16);
}

static bool start(const struct vmm_console_port_config *ports, unsigned count, uint64_t features)
{
	struct vmm_virtio_run run = { .mem = &guest.mem, .features = features, .irq = &irq };

	signal(SIGPIPE, SIG_IGN); /* as the library does when it takes over the process */
	fake_guest_init(&guest);
	irq = (struct vmm_virtio_irq){ 0 };
	env = (struct vmm_virtio_env){ .loop = fake_loop_new(), .mem = &guest.mem };
	if (rl_drop_failed(vmm_console_new(&env, "console 0", ports, count, &dev)))
		return false;
	for (unsigned i = 0; i < 6; i++) {
		fake_queue_init(&queue[i], &guest, 16);
		run.queue[i] = queue[i].setup;
	}
	run.queue_count = dev->queue_count;
	buffer = fake_alloc(&guest, 6 * 1024, 64);
	return !rl_drop_failed(dev->ops->activate(dev, &run));
}

static void stop(void)
{
	dev->ops->free(dev);
	for (unsigned i = 0; i < 6; i++)
		fake_queue_free(&queue[i]);
	fake_guest_free(&guest);
	fake_loop_free(env.loop);
}

/* The driver offers a receive buffer. */
static void offer(unsigned q, unsigned slot)
{
	fake_request(&queue[q], 0, 0, buffer_of(q, slot), 64);
	fake_kick(&queue[q]);
}

/* The driver sends bytes. */
static void send_bytes(unsigned q, unsigned slot, const void *bytes, uint32_t len)
{
	memcpy(fake_at(&guest, buffer_of(q, slot), len), bytes, len);
	fake_request(&queue[q], buffer_of(q, slot), len, 0, 0);
	fake_kick(&queue[q]);
}

static void send_control(unsigned slot, uint32_t id, uint16_t event, uint16_t value)
{
	struct {
		uint32_t id;
		uint16_t event, value;
	} m = { id, event, value };

	send_bytes(3, slot, &m, sizeof(m));
}

/* Takes one used receive buffer as text; "" if there is none. */
static const char *received(unsigned q, uint32_t *ret_len)
{
	static char text[65];
	struct fake_used used;

	text[0] = '\0';
	*ret_len = 0;
	if (fake_take(&queue[q], &used)) {
		memcpy(text, fake_at(&guest, queue[q].desc[used.id].addr, 64), 64);
		text[used.len] = '\0';
		*ret_len = used.len;
	}
	return text;
}

static void make_pipes(void)
{
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		abort();
}

static void close_pipes(void)
{
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
}

static const char *drained(int fd)
{
	static char text[256];
	int flags = fcntl(fd, F_GETFL);
	ssize_t n;

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	n = read(fd, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

TEST(single_port_both_ways)
{
	uint32_t len;

	make_pipes();
	struct vmm_console_port_config port = { NULL, true, in[0], out[1], -1 };

	CHECK(start(&port, 1, 0));
	send_bytes(1, 0, "hello ", 6);
	send_bytes(1, 1, "world", 5);
	CHECK(fake_loop_settle(env.loop));
	CHECK_STR(drained(out[0]), "hello world");
	CHECK(irq.count[1] > 0);

	CHECK_INT(write(in[1], "input", 5), 5);
	CHECK(fake_loop_settle(env.loop));
	CHECK_STR(received(0, &len), ""); /* no buffer yet: it waits in the pipe, nothing spins */
	offer(0, 0);
	CHECK(fake_loop_settle(env.loop));
	CHECK_STR(received(0, &len), "input");
	CHECK(irq.count[0] > 0);
	/* The caller's descriptors keep their flags. */
	CHECK_INT(fcntl(in[0], F_GETFL) & O_NONBLOCK, 0);
	CHECK_INT(fcntl(out[1], F_GETFL) & O_NONBLOCK, 0);
	stop();
	close_pipes();
}

TEST(full_pipe_loses_nothing)
{
	static char big[4096], got[70000];
	size_t total = 0;
	unsigned sent = 0;
	struct fake_used used;

	make_pipes();
	struct vmm_console_port_config port = { NULL, true, -1, out[1], -1 };

	CHECK(start(&port, 1, 0));
	buffer = fake_alloc(&guest, sizeof(big), 16);
	memset(big, 'x', sizeof(big));
	memcpy(fake_at(&guest, buffer, sizeof(big)), big, sizeof(big));
	fcntl(out[1], F_SETPIPE_SZ, 4096 * 2);
	for (; sent < 10; sent++) {
		fake_request(&queue[1], buffer, 3000, 0, 0);
		fake_kick(&queue[1]);
	}
	CHECK(fake_loop_settle(env.loop)); /* waits for the pipe, does not spin */
	for (int i = 0; i < 20; i++) {
		fcntl(out[0], F_SETFL, O_NONBLOCK);
		ssize_t n = read(out[0], got, 1000);

		total += n > 0 ? (size_t)n : 0;
		CHECK(fake_loop_settle(env.loop));
	}
	for (ssize_t n; (n = read(out[0], got, sizeof(got))) > 0; fake_loop_settle(env.loop))
		total += (size_t)n;
	CHECK_INT(total, 30000);
	for (sent = 0; fake_take(&queue[1], &used);)
		sent++;
	CHECK_INT(sent, 10);
	stop();
	close_pipes();
}

TEST(nobody_reads_the_output)
{
	struct fake_used used;

	make_pipes();
	struct vmm_console_port_config port = { NULL, true, -1, out[1], -1 };

	CHECK(start(&port, 1, 0));
	close(out[0]);
	out[0] = -1;
	send_bytes(1, 0, "lost", 4);
	CHECK(fake_loop_settle(env.loop));
	CHECK(fake_take(&queue[1], &used)); /* the guest goes on */
	stop();
	close_pipes();
}

TEST(input_is_closed_while_the_guest_has_no_room)
{
	make_pipes();
	struct vmm_console_port_config port = { NULL, true, in[0], -1, -1 };

	CHECK(start(&port, 1, 0));
	offer(0, 0);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(write(in[1], "x", 1), 1);
	CHECK(fake_loop_settle(env.loop));
	close(in[1]);
	in[1] = -1;
	CHECK(fake_loop_settle(env.loop)); /* a hang-up must not spin */
	stop();
	close_pipes();
}

TEST(devnull_and_files)
{
	uint32_t len;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char path[] = "/tmp/console.XXXXXX";
	int file = mkstemp(path);
	char text[16] = "";

	struct vmm_console_port_config port = { NULL, true, null, file, -1 };

	CHECK(start(&port, 1, 0));
	offer(0, 0);
	send_bytes(1, 0, "to a file", 9);
	CHECK(fake_loop_settle(env.loop));
	CHECK_STR(received(0, &len), "");
	CHECK_INT(pread(file, text, sizeof(text), 0), 9);
	CHECK_STR(text, "to a file");
	/* The offset is the caller's: what it writes later comes behind. */
	CHECK_INT(lseek(file, 0, SEEK_CUR), 9);
	stop();
	unlink(path);
	close(file);
	close(null);
}

static uint32_t control(uint16_t event, uint16_t *ret_value, char *ret_text)
{
	struct {
		uint32_t id;
		uint16_t event, value;
		char text[57];
	} m;
	uint32_t len;
	const char *bytes = received(2, &len);

	memset(&m, 0, sizeof(m));
	memcpy(&m, bytes, len);
	if (len < 8 || m.event != event)
		return 99;
	*ret_value = m.value;
	memcpy(ret_text, m.text, sizeof(m.text));
	return m.id;
}

TEST(multiport_handshake)
{
	uint16_t value;
	char text[64];

	make_pipes();
	struct vmm_console_port_config ports[] = {
		{ NULL, true, -1, -1, -1 },
		{ "krun-stdin", false, in[0], out[1], -1 },
	};

	CHECK(start(ports, 2, F_MULTIPORT));
	for (unsigned i = 0; i < 8; i++)
		offer(2, i);
	offer(4, 0);
	send_control(0, 0xffffffff, 0, 1); /* DEVICE_READY */
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(control(1, &value, text), 0); /* PORT_ADD */
	CHECK_INT(control(1, &value, text), 1);
	send_control(1, 0, 3, 1); /* PORT_READY */
	send_control(2, 1, 3, 1);
	send_control(3, 77, 3, 1); /* no such port: ignored */
	CHECK_INT(write(in[1], "early", 5), 5);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(control(4, &value, text), 0); /* CONSOLE_PORT */
	CHECK_INT(control(6, &value, text), 0); /* PORT_OPEN */
	CHECK_INT(control(7, &value, text), 1); /* PORT_NAME */
	CHECK_STR(text, "krun-stdin");
	CHECK_INT(control(6, &value, text), 1);
	CHECK_INT(value, 1);

	uint32_t len;

	CHECK_STR(received(4, &len), ""); /* not open in the guest: it would be thrown away */
	send_control(4, 1, 6, 1);
	CHECK(fake_loop_settle(env.loop));
	CHECK_STR(received(4, &len), "early");

	/* End of input closes the port, so that the guest's reader sees the end. */
	close(in[1]);
	in[1] = -1;
	offer(4, 1);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(control(6, &value, text), 1);
	CHECK_INT(value, 0);
	stop();
	close_pipes();
}

TEST(news_do_not_pile_up)
{
	uint16_t value;
	char text[64];

	struct vmm_console_port_config port = { "a", true, -1, -1, -1 };

	CHECK(start(&port, 1, F_MULTIPORT));
	for (unsigned i = 0; i < 500; i++) { /* no control buffers are offered */
		send_control(i, 0, 3, 1);
		CHECK(fake_loop_settle(env.loop));
	}
	for (unsigned i = 0; i < 8; i++)
		offer(2, i);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(control(4, &value, text), 0);
	CHECK_INT(control(7, &value, text), 0);
	CHECK_INT(control(6, &value, text), 0);
	CHECK_INT(control(6, &value, text), 99); /* once each */
	stop();
}

TEST(terminal_size_and_raw_mode)
{
	int master, slave;
	uint16_t value;
	char text[64];
	uint8_t config[12];
	struct termios before, during, after;
	struct winsize size = { .ws_row = 24, .ws_col = 80 };

	CHECK_INT(openpty(&master, &slave, NULL, NULL, &size), 0);
	tcgetattr(slave, &before);
	struct vmm_console_port_config port = { NULL, true, slave, slave, slave };

	CHECK(start(&port, 1, F_MULTIPORT));
	tcgetattr(slave, &during);
	CHECK_INT(during.c_lflag & (ICANON | ECHO), 0);
	dev->ops->config_read(dev, 0, config, sizeof(config));
	CHECK_INT(config[0], 80);
	CHECK_INT(config[2], 24);
	CHECK_INT(config[4], 1);
	for (unsigned i = 0; i < 8; i++)
		offer(2, i);
	send_control(0, 0, 3, 1);
	CHECK(fake_loop_settle(env.loop));
	CHECK_INT(control(4, &value, text), 0);
	CHECK_INT(control(5, &value, text), 0);
	CHECK_INT(text[0], 80);
	CHECK_INT(text[2], 24);
	CHECK_INT(control(6, &value, text), 0);
	size.ws_col = 100;
	ioctl(slave, TIOCSWINSZ, &size);
	vmm_console_resized(dev);
	CHECK_INT(control(5, &value, text), 0);
	CHECK_INT(text[0], 100);
	stop();
	tcgetattr(slave, &after);
	CHECK_INT(after.c_lflag, before.c_lflag);
	close(master);
	close(slave);
}

TEST(reset_and_again)
{
	make_pipes();
	struct vmm_console_port_config port = { NULL, true, in[0], out[1], -1 };
	struct vmm_virtio_run run = { .mem = &guest.mem, .irq = &irq, .queue_count = 4 };

	CHECK(start(&port, 1, 0));
	offer(0, 0);
	CHECK(fake_loop_settle(env.loop));
	CHECK(fake_loop_watches(env.loop) > 0);
	dev->ops->reset(dev);
	CHECK_INT(fake_loop_watches(env.loop), 0);
	CHECK_INT(write(in[1], "x", 1), 1);
	CHECK(fake_loop_settle(env.loop));
	fake_queue_free(&queue[0]);
	fake_queue_init(&queue[0], &guest, 16);
	run.queue[0] = queue[0].setup;
	CHECK_OK(dev->ops->activate(dev, &run));
	offer(0, 1);
	CHECK(fake_loop_settle(env.loop));

	uint32_t len;

	CHECK_STR(received(0, &len), "x");
	stop();
	close_pipes();
}

TEST(hostile_queue_stops_the_device_only)
{
	make_pipes();
	struct vmm_console_port_config port = { NULL, true, in[0], out[1], -1 };

	CHECK(start(&port, 1, 0));
	queue[1].avail[1] = 1000;
	fake_kick(&queue[1]);
	CHECK(fake_loop_settle(env.loop));
	CHECK(strstr(fake_log, "the available index jumped") != NULL);
	fake_kick(&queue[1]);
	CHECK(fake_loop_settle(env.loop));
	stop();
	close_pipes();
}

TEST(bad_configurations)
{
	struct vmm_console_port_config none[32] = { 0 };
	struct vmm_console_port_config bad = { NULL, true, 999, -1, -1 };
	char name[300];
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	env = (struct vmm_virtio_env){ .loop = fake_loop_new() };
	CHECK_FAILS(vmm_console_new(&env, "c", none, 0, &dev), E2BIG, "0 ports");
	CHECK_FAILS(vmm_console_new(&env, "c", none, 32, &dev), E2BIG, "32 ports");
	CHECK_FAILS(vmm_console_new(&env, "c", &bad, 1, &dev), EBADF, "input: descriptor 999");
	bad = (struct vmm_console_port_config){ NULL, true, -1, null, -1 };
	CHECK_FAILS(vmm_console_new(&env, "c", &bad, 1, &dev), EBADF, "not open for writing");
	bad = (struct vmm_console_port_config){ NULL, true, -1, -1, null };
	CHECK_FAILS(vmm_console_new(&env, "c", &bad, 1, &dev), ENOTTY, "terminal");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	bad = (struct vmm_console_port_config){ name, true, -1, -1, -1 };
	CHECK_FAILS(vmm_console_new(&env, "c", &bad, 1, &dev), ENAMETOOLONG, "299 bytes");
	close(null);
	fake_loop_free(env.loop);
}

TEST(sockets)
{
	int pair[2];
	uint32_t len;

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	struct vmm_console_port_config port = { NULL, true, pair[0], pair[0], -1 };

	CHECK(start(&port, 1, 0));
	offer(0, 0);
	send_bytes(1, 0, "out", 3);
	CHECK_INT(write(pair[1], "in", 2), 2);
	CHECK(fake_loop_settle(env.loop));
	CHECK_STR(received(0, &len), "in");
	CHECK_STR(drained(pair[1]), "out");
	CHECK_INT(fcntl(pair[0], F_GETFL) & O_NONBLOCK, 0);
	stop();
	close(pair[0]);
	close(pair[1]);
}

RUN_TESTS()

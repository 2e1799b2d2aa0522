/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's client against an agent that lies, dawdles, falls silent or goes away. */
#include "agent_fixture.h"
#include "guest/agent_wire.h"

#include <stdarg.h>
#include <time.h>

/* ---- A scripted agent: accepts once, and plays what the case says ---- */

static char dir[32], path[64];
static struct hdl_agent_at at;
static pid_t fake;

static void put_all(int fd, const void *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		_exit(0);
}

static void hello(int fd, const char *magic, uint32_t version)
{
	struct gst_agent_hello h = { 0 };

	memcpy(h.magic, magic, strlen(magic));
	gst_put32(h.version, version);
	put_all(fd, &h, sizeof(h));
}

static void frame(int fd, uint16_t type, uint16_t stream, uint32_t length, const void *body)
{
	struct gst_agent_frame f;

	gst_put16(f.type, type);
	gst_put16(f.stream, stream);
	gst_put32(f.length, length);
	put_all(fd, &f, sizeof(f));
	if (body != NULL)
		put_all(fd, body, length);
}

static void number(int fd, uint16_t type, uint16_t stream, uint32_t value)
{
	uint8_t le[4];

	gst_put32(le, value);
	frame(fd, type, stream, 4, le);
}

static void read_request(int fd)
{
	static uint8_t body[100000];
	struct gst_agent_frame f;

	if (recv(fd, body, sizeof(struct gst_agent_hello), MSG_WAITALL) <= 0 ||
	    recv(fd, &f, sizeof(f), MSG_WAITALL) != (ssize_t)sizeof(f) ||
	    (gst_get32(f.length) > 0 && recv(fd, body, gst_get32(f.length), MSG_WAITALL) <= 0))
		_exit(0);
}

static void stay(int fd)
{
	char c[512];

	while (read(fd, c, sizeof(c)) > 0)
		continue;
}

typedef void script(int fd);

static void play(script *say)
{
	int listen_fd;

	strcpy(dir, "/tmp/agent.XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/socket", dir);
	at = (struct hdl_agent_at){ .dir_fd = AT_FDCWD, .path = path, .wait_ms = 600 };
	listen_fd = fixture_listen(path);
	fflush(NULL);
	fake = fork();
	if (fake == 0) {
		struct pollfd p = { .fd = listen_fd, .events = POLLIN };
		int fd;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		poll(&p, 1, -1);
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		close(listen_fd);
		say(fd);
		_exit(0);
	}
	close(listen_fd);
}

static void over(void)
{
	kill(fake, SIGKILL);
	waitpid(fake, NULL, 0);
	unlink(path);
	rmdir(dir);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *const args[] = { "x", NULL };
static const struct hdl_agent_process process = { .args = args };

/* The client meets the script; what comes of it, and in no more than five seconds. */
static rl_err meet(script *say, struct hdl_agent_exit *ret)
{
	struct hdl_agent_io io = { .fd = { -1, -1, -1 }, .size_fd = -1 };
	struct hdl_agent_session *s = NULL;
	int64_t start = now();
	rl_err e;

	play(say);
	e = hdl_agent_start(&at, &process, true, &s, NULL);
	if (!rl_failed(e))
		e = hdl_agent_relay(s, &io, ret);
	hdl_agent_free(s);
	over();
	if (now() - start > 5000)
		e = rl_first(rl_refuse(RL_E(EDEADLK), "it took %d ms", (int)(now() - start)), e);
	return e;
}

static struct hdl_agent_exit end;

/* ---- Hellos ---- */

static void say_nothing(int fd)
{
	stay(fd);
}

static void say_half(int fd)
{
	put_all(fd, "runl", 4);
	stay(fd);
}

static void say_http(int fd)
{
	put_all(fd, "HTTP/1.1 400 Bad Request\r\n", 26);
	stay(fd);
}

static void say_version(int fd)
{
	hello(fd, GST_AGENT_MAGIC, 77);
	stay(fd);
}

static void say_goodbye(int fd)
{
	close(fd);
}

TEST(hellos)
{
	CHECK_FAILS(meet(say_nothing, &end), ETIMEDOUT, "does not answer");
	CHECK_FAILS(meet(say_half, &end), ETIMEDOUT, "does not answer");
	CHECK_FAILS(meet(say_http, &end), EPROTO, "what listens in the guest is no agent");
	CHECK_FAILS(meet(say_version, &end), EPROTO, "speaks version 77");
	/* Closed, then nobody listens: tried again until the time is over. */
	CHECK_FAILS(meet(say_goodbye, &end), ECONNREFUSED, "reach the agent");
}

TEST(no_socket)
{
	at = (struct hdl_agent_at){ .dir_fd = AT_FDCWD, .path = "/no/such/socket", .wait_ms = 100 };
	CHECK_FAILS(hdl_agent_signal(&at, 0, 0), ENOENT, "open /no/such/socket");
	at.path = "/etc/passwd";
	CHECK_FAILS(hdl_agent_signal(&at, 0, 0), ECONNREFUSED, "connect to /etc/passwd");
}

/* ---- Answers ---- */

static void silent_after_request(int fd)
{
	hello(fd, GST_AGENT_MAGIC, 1);
	read_request(fd);
	stay(fd);
}

static void trickle(int fd)
{
	hello(fd, GST_AGENT_MAGIC, 1);
	read_request(fd);
	for (int i = 0; i < 100; i++) {
		put_all(fd, "\x24", 1);
		usleep(100000);
	}
}

static void done(int fd)
{
	hello(fd, GST_AGENT_MAGIC, 1);
	read_request(fd);
	frame(fd, GST_AGENT_DONE, 0, 0, NULL);
}

static void reason(int fd)
{
	char f[8 + 30] = { 0 };

	gst_put32((uint8_t *)f + 4, EBUSY);
	memcpy(f + 8, "busy\033[2J\n\0\xff now", 15);
	hello(fd, GST_AGENT_MAGIC, 1);
	read_request(fd);
	frame(fd, GST_AGENT_FAILED, 0, 8 + 15, f);
}

static void impossible_reason(int fd)
{
	uint8_t f[8] = { 0 };

	gst_put32(f + 4, 0xffffffea);
	hello(fd, GST_AGENT_MAGIC, 1);
	read_request(fd);
	frame(fd, GST_AGENT_FAILED, 0, 8, f);
}

TEST(answers)
{
	int64_t start = now();

	play(silent_after_request);
	CHECK_FAILS(hdl_agent_signal(&at, 0, 15), ETIMEDOUT, "does not answer");
	over();
	play(trickle);
	CHECK_FAILS(hdl_agent_shutdown(&at), ETIMEDOUT, "the agent in the guest");
	over();
	CHECK(now() - start < 4000);
	play(done);
	CHECK_OK(hdl_agent_signal(&at, 0, 15));
	over();
	play(reason);
	CHECK_FAILS(hdl_agent_resize(&at, 0, 1, 2), EBUSY, "in the guest: busy?[2J??? now: Device");
	over();
	play(impossible_reason);
	CHECK_FAILS(hdl_agent_resize(&at, 0, 1, 2), EPROTO, "in the guest");
	over();
	CHECK_FAILS(meet(done, &end), EPROTO, "frame 36");
	play(reason);
	CHECK_FAILS(hdl_agent_signal_all(&at, 9), EBUSY, "in the guest");
	over();
}

/* ---- Lists ---- */

static void list_one(int fd, uint32_t name_length, const char *text, uint32_t len)
{
	uint8_t b[sizeof(struct gst_agent_process) + 64] = { 0 };
	struct gst_agent_process *p = (void *)b;

	gst_put32(p->pid, 5);
	gst_put32(p->state, 0x1b);
	gst_put32(p->name_length, name_length);
	memcpy(b + sizeof(*p), text, len);
	frame(fd, GST_AGENT_PROCESS, 0, (uint32_t)sizeof(*p) + len, b);
}

static void list_fine(int fd)
{
	hello(fd, GST_AGENT_MAGIC, 1);
	read_request(fd);
	list_one(fd, 3, "a\033bcmd\0arg\n\0", 12);
	list_one(fd, 2, "kt", 2);
	list_one(fd, 0, "\0\0\0", 3);
	frame(fd, GST_AGENT_DONE, 0, 0, NULL);
}

static void list_lie(int fd)
{
	hello(fd, GST_AGENT_MAGIC, 1);
	read_request(fd);
	list_one(fd, 4, "abc", 3);
	stay(fd);
}

static void list_endless(int fd)
{
	hello(fd, GST_AGENT_MAGIC, 1);
	read_request(fd);
	for (;;)
		list_one(fd, 1, "x", 1);
}

TEST(lists)
{
	struct rl_arena RL_AUTO_ARENA arena = { 0 };
	const struct hdl_agent_ps *ps;
	size_t count;

	CHECK_OK(rl_arena_new(64 << 20, &arena));
	play(list_fine);
	CHECK_OK(hdl_agent_list(&at, &arena, &ps, &count));
	CHECK_INT(count, 3);
	CHECK_STR(ps[0].name, "a?b");
	CHECK_STR(ps[0].command, "cmd arg?");
	CHECK_INT(ps[0].state, '?');
	CHECK_STR(ps[1].command, "[kt]");
	CHECK_STR(ps[2].command, " ");
	over();
	play(list_lie);
	CHECK_FAILS(hdl_agent_list(&at, &arena, &ps, &count), EPROTO, "frame 35");
	over();
	play(list_endless);
	at.wait_ms = 20000;
	CHECK_FAILS(hdl_agent_list(&at, &arena, &ps, &count), EOVERFLOW, "more than 65536");
	over();
}

/* ---- While a process runs ---- */

static void begin(int fd)
{
	hello(fd, GST_AGENT_MAGIC, 1);
	read_request(fd);
	number(fd, GST_AGENT_STARTED, 0, 7);
}

static void end_well(int fd)
{
	begin(fd);
	frame(fd, GST_AGENT_DATA, 1, 2, "hi");
	number(fd, GST_AGENT_EXIT, 0, GST_EXIT_SIGNALED | 0xffff0000u | 143);
	stay(fd);
}

static void vanish(int fd)
{
	begin(fd);
}

static void vanish_in_a_frame(int fd)
{
	begin(fd);
	frame(fd, GST_AGENT_DATA, 1, 100, NULL);
	put_all(fd, "only", 4);
}

static void too_long(int fd)
{
	begin(fd);
	frame(fd, GST_AGENT_DATA, 1, 0xfffffff0u, NULL);
	stay(fd);
}

static void wrong_stream(int fd)
{
	begin(fd);
	frame(fd, GST_AGENT_DATA, 3, 1, "x");
	stay(fd);
}

static void too_much_credit(int fd)
{
	begin(fd);
	number(fd, GST_AGENT_CREDIT, 0, 0xffffffffu);
	stay(fd);
}

static void after_the_end(int fd)
{
	begin(fd);
	frame(fd, GST_AGENT_DATA, 2, 0, NULL);
	frame(fd, GST_AGENT_DATA, 2, 1, "x");
	stay(fd);
}

static void started_twice(int fd)
{
	begin(fd);
	number(fd, GST_AGENT_STARTED, 0, 7);
	stay(fd);
}

static void in_bytes(int fd)
{
	static const uint8_t exit_frame[] = { 34, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0 };

	begin(fd);
	for (size_t i = 0; i < sizeof(exit_frame); i++) {
		put_all(fd, exit_frame + i, 1);
		usleep(2000);
	}
	stay(fd);
}

TEST(running)
{
	CHECK_OK(meet(end_well, &end));
	CHECK(end.status == 143 && end.signaled);
	CHECK_OK(meet(in_bytes, &end));
	CHECK(end.status == 9 && !end.signaled);
	CHECK_FAILS(meet(vanish, &end), ECONNRESET, "");
	CHECK_FAILS(meet(vanish_in_a_frame, &end), ECONNRESET, "");
	CHECK_FAILS(meet(too_long, &end), EPROTO, "4294967280 bytes");
	CHECK_FAILS(meet(wrong_stream, &end), EPROTO, "stream 3");
	CHECK_FAILS(meet(too_much_credit, &end), EPROTO, "frame 17");
	CHECK_FAILS(meet(after_the_end, &end), EPROTO, "frame 16 of stream 2");
	CHECK_FAILS(meet(started_twice, &end), EPROTO, "frame 32");
}

/* Output that nobody takes here is the guest's to keep: beyond its credit it is refused. */
static void flood(int fd)
{
	static char block[GST_AGENT_DATA_MAX];

	begin(fd);
	for (int i = 0; i < 5; i++)
		frame(fd, GST_AGENT_DATA, 1, sizeof(block), block);
	stay(fd);
}

TEST(flood_beyond_credit)
{
	struct hdl_agent_session *s;
	int fd[2];

	CHECK_INT(pipe2(fd, O_CLOEXEC), 0);
	/* A pipe of one page that nobody reads. */
	CHECK(fcntl(fd[1], F_SETPIPE_SZ, 4096) >= 0);
	CHECK_INT(write(fd[1], (char[4096]){ 0 }, 4096), 4096);

	struct hdl_agent_io io = { .fd = { -1, fd[1], -1 }, .size_fd = -1 };

	play(flood);
	CHECK_OK(hdl_agent_start(&at, &process, true, &s, NULL));
	CHECK_FAILS(hdl_agent_relay(s, &io, &end), EPROTO, "frame 16 of stream 1");
	hdl_agent_free(s);
	over();
	close(fd[0]);
	close(fd[1]);
}

/* Input goes out no faster than the guest asks for it. */
static void count_input(int fd)
{
	static char bytes[200000];
	size_t got = 0;
	ssize_t n;

	begin(fd);
	usleep(300000);
	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		got += (size_t)n;
	/* Credit, and no more than a header for each KiB. */
	number(fd, GST_AGENT_EXIT, 0, got >= 65536 && got < 65536 + 65536 / 16 ? 1 : 2);
	stay(fd);
}

TEST(input_waits_for_credit)
{
	struct hdl_agent_session *s;
	struct hdl_agent_io io = { .fd = { open("/dev/zero", O_RDONLY | O_CLOEXEC), -1, -1 },
				   .size_fd = -1 };

	play(count_input);
	CHECK_OK(hdl_agent_start(&at, &process, true, &s, NULL));
	CHECK_OK(hdl_agent_relay(s, &io, &end));
	CHECK_INT(end.status, 1);
	hdl_agent_free(s);
	over();
	close(io.fd[0]);
}

RUN_TESTS()

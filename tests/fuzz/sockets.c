/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network and the socket device on rings and memory that are the input, with what a proxy or a
 * host's process sends as input, too: 64 bytes of setup, then RAM. Nothing outside RAM is touched
 * (the sanitizers look), and a turn of the loop comes to an end.
 */
#include "fuzz.h"

#include "../lib/fake_loop.h"
#include "vmm/virtio/net/net.h"
#include "vmm/virtio/vsock/vsock.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#define RAM 65536
#define HALF (RAM / 2)
#define BASE 0x1000

struct setup {
	uint8_t kind, size_log2[2], sent;
	uint16_t desc[2], driver[2], device[2];
	uint64_t features;
	uint8_t from_host[40];
};
_Static_assert(sizeof(struct setup) == 64, "seeds have this layout");

static int listen_at(char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(path, 64, "/tmp/fuzz-vsock-%d", (int)getpid());
	strcpy(a.sun_path, path);
	(void)unlink(path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 8) != 0)
		abort();
	return fd;
}

/* What the other side of the device does meanwhile. */
struct host {
	int fd, peer;
};

static void host_turn(struct host *h, const struct setup *s, bool listens)
{
	uint8_t drop[4096];

	if (listens && h->peer < 0)
		h->peer = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (h->peer < 0)
		return;
	(void)send(h->peer, s->from_host, s->sent % (sizeof(s->from_host) + 1),
		   MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)recv(h->peer, drop, sizeof(drop), MSG_DONTWAIT);
}

static void run(struct vmm_virtio_device *dev, const struct vmm_virtio_run *run,
		struct vmm_loop *loop, struct host *h, const struct setup *s, bool listens)
{
	rl_err e = dev->ops->activate(dev, run);

	if (!rl_failed(e)) {
		/* Rings may lie over each other: there may be ever more to do, but never at once.
		 */
		for (int turn = 0; turn < 24; turn++) {
			(void)eventfd_write(run->queue[turn % 2].kick_fd, 1);
			(void)fake_loop_turn(loop);
			host_turn(h, s, listens);
		}
		dev->ops->reset(dev);
		FUZZ_CHECK(fake_loop_watches(loop) == 0);
	}
	rl_drop(e);
}

static void play(const struct setup *s, const struct vmm_mem *mem)
{
	struct vmm_virtio_irq irq = { 0 };
	struct vmm_loop *loop = fake_loop_new();
	struct vmm_virtio_env env = { .loop = loop, .mem = mem };
	struct vmm_virtio_run setup = {
		.mem = mem, .irq = &irq, .queue_count = 2, .features = s->features
	};
	struct vmm_virtio_device *dev = NULL;
	struct host h = { -1, -1 };
	char path[64] = "";
	bool is_vsock = s->kind % 2;
	int pair[2] = { -1, -1 };

	for (int i = 0; i < 2; i++)
		setup.queue[i] = (struct vmm_queue_setup){
			.ready = true,
			.size = (uint16_t)(1u << (s->size_log2[i] % 9)),
			.desc = GPA(s->desc[i]),
			.driver = GPA(s->driver[i]),
			.device = GPA(s->device[i]),
			.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		};
	if (is_vsock) {
		h.fd = listen_at(path);
		struct vmm_vsock_port port = { 1000, path, false };

		FUZZ_CHECK(!rl_drop_failed(vmm_vsock_new(&env, &port, 1, &dev)));
		run(dev, &setup, loop, &h, s, true);
		dev->ops->free(dev);
	} else {
		struct vmm_net_config config = { .kind = s->kind & 2 ? VMM_NET_DGRAM
								     : VMM_NET_STREAM,
						 .name = "net" };

		FUZZ_CHECK(socketpair(AF_UNIX,
				      (s->kind & 2 ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0,
				      pair) == 0);
		config.fd = pair[0];
		h.peer = pair[1];
		FUZZ_CHECK(!rl_drop_failed(vmm_net_new(&env, &config, &dev)));
		close(pair[0]);
		run(dev, &setup, loop, &h, s, false);
		dev->ops->free(dev);
	}
	if (h.peer >= 0)
		close(h.peer);
	if (h.fd >= 0)
		close(h.fd);
	if (path[0])
		(void)unlink(path);
	for (int i = 0; i < 2; i++)
		close(setup.queue[i].kick_fd);
	fake_loop_free(loop);
}

/* Two neighbours for the guest, two allocations for us. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t *low = calloc(1, HALF), *high = calloc(1, HALF);
	struct vmm_mem mem = {
		.count = 2, .region = { { GPA(BASE), HALF, low }, { GPA(BASE + HALF), HALF, high } }
	};
	struct setup s;

	if (low != NULL && high != NULL && len >= sizeof(s)) {
		size_t ram = len - sizeof(s) < RAM ? len - sizeof(s) : RAM;

		memcpy(&s, bytes, sizeof(s));
		memcpy(low, bytes + sizeof(s), ram < HALF ? ram : HALF);
		if (ram > HALF)
			memcpy(high, bytes + sizeof(s) + HALF, ram - HALF);
		play(&s, &mem);
	}
	free(low);
	free(high);
	return 0;
}

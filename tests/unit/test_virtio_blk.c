/* SPDX-License-Identifier: Apache-2.0 */
/* Disks and entropy: requests as a driver makes them, and as it should not. */
#include "fake_guest.h"
#include "fake_loop.h"
#include "test.h"

#include "vmm/virtio/blk.h"
#include "vmm/virtio/rng.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>

enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13 };
enum { OK = 0, IOERR = 1, UNSUPP = 2, NOTHING = 99 };

#define SECTORS 64

static struct fake_guest guest;
static struct fake_queue queue;
static struct vmm_virtio_irq irq;
static struct vmm_virtio_env env;
static struct vmm_virtio_device *dev;
static char path[32];
static uint64_t header, data, status;

static void make_image(void)
{
	strcpy(path, "/tmp/blk.XXXXXX");

	int fd = mkstemp(path);

	if (ftruncate(fd, SECTORS * 512 + 100) != 0) /* and a part of a sector */
		abort();
	close(fd);
}

static bool start(struct vmm_blk_config config)
{
	struct vmm_virtio_run run = { .mem = &guest.mem, .irq = &irq, .queue_count = 1 };

	config.id = "disk-with-a-name-of-25-by";
	config.path = path;
	fake_guest_init(&guest);
	fake_queue_init(&queue, &guest, 16);
	header = fake_alloc(&guest, 16, 8);
	status = fake_alloc(&guest, 1, 1);
	data = fake_alloc(&guest, 65536, 512);
	run.queue[0] = queue.setup;
	if (rl_drop_failed(vmm_blk_new(&env, &config, &dev)))
		return false;
	return !rl_drop_failed(dev->ops->activate(dev, &run));
}

static void stop(void)
{
	dev->ops->free(dev);
	fake_queue_free(&queue);
	fake_guest_free(&guest);
	unlink(path);
}

/* The worker is a thread: its answer comes within 5 seconds, or not at all. */
static bool wait_used(struct fake_used *ret)
{
	struct timespec step = { .tv_nsec = 1000000 };

	for (int i = 0; i < 5000; i++) {
		if (fake_take(&queue, ret))
			return true;
		nanosleep(&step, NULL);
	}
	return false;
}

/* A request with `out` bytes behind the header and `in` before the status. Its status. */
static int request(uint32_t type, uint64_t sector, uint32_t out, uint32_t in)
{
	struct {
		uint32_t type, reserved;
		uint64_t sector;
	} h = { type, 0, sector };
	struct fake_used used;
	uint16_t head = queue.next_desc % 16;

	memcpy(fake_at(&guest, header, 16), &h, 16);
	*(uint8_t *)fake_at(&guest, status, 1) = NOTHING;
	fake_desc(&queue, header, 16, FAKE_NEXT, (head + 1) % 16);
	if (out || in)
		fake_desc(&queue, data, out ? out : in, FAKE_NEXT | (in ? FAKE_WRITE : 0),
			  (head + 2) % 16);
	fake_desc(&queue, status, 1, FAKE_WRITE, 0);
	fake_offer(&queue, head);
	fake_kick(&queue);
	if (!wait_used(&used))
		return -1;
	return *(uint8_t *)fake_at(&guest, status, 1);
}

TEST(reads_and_writes)
{
	char *bytes;
	char got[512] = "";
	int fd;

	make_image();
	CHECK(start((struct vmm_blk_config){ .flush = true }));
	bytes = fake_at(&guest, data, 65536);
	memset(bytes, 'w', 1024);
	CHECK_INT(request(OUT, 3, 1024, 0), OK);
	memset(bytes, 0, 1024);
	CHECK_INT(request(IN, 4, 0, 512), OK);
	CHECK(bytes[0] == 'w' && bytes[511] == 'w' && bytes[512] == 0);
	CHECK_INT(request(FLUSH, 0, 0, 0), OK);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK_INT(pread(fd, got, 512, 3 * 512), 512);
	close(fd);
	CHECK(got[0] == 'w');
	stop();
}

TEST(beyond_the_disk)
{
	make_image();
	CHECK(start((struct vmm_blk_config){ 0 }));
	CHECK_INT(request(IN, SECTORS - 1, 0, 512), OK);
	CHECK_INT(request(IN, SECTORS, 0, 512), IOERR); /* where half a sector is */
	CHECK_INT(request(IN, SECTORS - 1, 0, 1024), IOERR);
	CHECK_INT(request(IN, UINT64_MAX, 0, 512), IOERR);
	CHECK_INT(request(IN, UINT64_MAX / 512 + 1, 0, 512), IOERR);
	CHECK_INT(request(OUT, SECTORS, 512, 0), IOERR);
	CHECK_INT(request(OUT, 0, 100, 0), IOERR); /* not whole sectors */
	CHECK_INT(request(77, 0, 0, 0), UNSUPP);
	stop();
}

TEST(identity)
{
	char *bytes;

	make_image();
	CHECK(start((struct vmm_blk_config){ 0 }));
	bytes = fake_at(&guest, data, 64);
	CHECK_INT(request(GET_ID, 0, 0, 20), OK);
	CHECK(memcmp(bytes, "disk-with-a-name-of-25-by", 20) == 0);
	CHECK_INT(request(GET_ID, 0, 0, 10), IOERR);
	stop();
}

TEST(zeroes)
{
	struct {
		uint64_t sector;
		uint32_t count, flags;
	} range = { 2, 1, 0 };
	uint8_t *bytes;
	struct stat st;

	make_image();
	CHECK(start((struct vmm_blk_config){ 0 }));
	bytes = fake_at(&guest, data, 4096);
	memset(bytes, 'x', 4096);
	CHECK_INT(request(OUT, 0, 4096, 0), OK);
	memcpy(bytes, &range, sizeof(range));
	CHECK_INT(request(WRITE_ZEROES, 0, sizeof(range), 0), OK);
	CHECK_INT(request(IN, 1, 0, 1536), OK);
	CHECK(bytes[511] == 'x' && bytes[512] == 0 && bytes[1023] == 0 && bytes[1024] == 'x');
	range.flags = 1;
	memcpy(bytes, &range, sizeof(range));
	CHECK_INT(request(DISCARD, 0, sizeof(range), 0), UNSUPP); /* the flag is not for it */
	range.flags = 2;
	memcpy(bytes, &range, sizeof(range));
	CHECK_INT(request(WRITE_ZEROES, 0, sizeof(range), 0), UNSUPP);
	range.flags = 0;
	range.sector = SECTORS;
	memcpy(bytes, &range, sizeof(range));
	CHECK_INT(request(DISCARD, 0, sizeof(range), 0), IOERR);
	CHECK_INT(request(DISCARD, 0, 15, 0), UNSUPP); /* no whole range */
	stat(path, &st);
	CHECK_INT(st.st_size, SECTORS * 512 + 100); /* as long as before */
	stop();
}

TEST(read_only)
{
	uint8_t config[8];

	make_image();
	CHECK(start((struct vmm_blk_config){ .read_only = true }));
	CHECK(dev->features & 1 << 5);
	CHECK_INT(request(OUT, 0, 512, 0), IOERR);
	CHECK_INT(request(DISCARD, 0, 16, 0), IOERR);
	CHECK_INT(request(IN, 0, 0, 512), OK);
	dev->ops->config_read(dev, 0, config, 8);
	CHECK_INT(config[0], SECTORS);
	stop();
}

TEST(no_place_for_the_status)
{
	struct fake_used used;

	make_image();
	CHECK(start((struct vmm_blk_config){ 0 }));
	fake_request(&queue, header, 16, 0, 0);
	fake_kick(&queue);
	CHECK(wait_used(&used));
	CHECK_INT(used.len, 0);
	fake_request(&queue, header, 8, status, 1); /* half a header */
	fake_kick(&queue);
	CHECK(wait_used(&used));
	CHECK_INT(used.len, 0);
	stop();
}

TEST(image_in_use_or_missing)
{
	struct vmm_blk_config config = { .id = "d", .path = path };
	struct vmm_virtio_device *second;

	make_image();
	CHECK(start((struct vmm_blk_config){ 0 }));
	CHECK_FAILS(vmm_blk_new(&env, &config, &second), EBUSY, "in use by another process");
	config.path = "/nonexistent/image";
	CHECK_FAILS(vmm_blk_new(&env, &config, &second), ENOENT, "/nonexistent/image");
	config.path = "/tmp";
	config.read_only = true;
	CHECK_FAILS(vmm_blk_new(&env, &config, &second), EINVAL, "neither a file nor");
	stop();
}

TEST(two_readers)
{
	struct vmm_blk_config config = { .id = "d", .path = path, .read_only = true };
	struct vmm_virtio_device *second;

	make_image();
	CHECK(start((struct vmm_blk_config){ .read_only = true }));
	CHECK_OK(vmm_blk_new(&env, &config, &second));
	second->ops->free(second);
	config.read_only = false;
	CHECK_FAILS(vmm_blk_new(&env, &config, &second), EBUSY, "in use");
	stop();
}

TEST(broken_queue_and_reset)
{
	struct timespec step = { .tv_nsec = 10000000 };

	make_image();
	CHECK(start((struct vmm_blk_config){ 0 }));
	fake_log_lines = 0;
	__atomic_store_n(&queue.avail[1], (uint16_t)1000, __ATOMIC_RELEASE);
	fake_kick(&queue);
	for (int i = 0; i < 500 && __atomic_load_n(&fake_log_lines, __ATOMIC_ACQUIRE) == 0; i++)
		nanosleep(&step, NULL);
	dev->ops->reset(dev);
	dev->ops->reset(dev);
	CHECK(strstr(fake_log, "the guest broke a queue") != NULL);
	stop();
}

TEST(entropy)
{
	struct vmm_virtio_run run = { .mem = &guest.mem, .irq = &irq, .queue_count = 1 };
	struct vmm_virtio_env loop_env = { .loop = fake_loop_new() };
	struct fake_used used;
	unsigned set = 0;

	fake_guest_init(&guest);
	fake_queue_init(&queue, &guest, 16);
	data = fake_alloc(&guest, 65536, 8);
	run.queue[0] = queue.setup;
	CHECK_OK(vmm_rng_new(&loop_env, &dev));
	CHECK_OK(dev->ops->activate(dev, &run));
	fake_request(&queue, 0, 0, data, 64);
	fake_request(&queue, 0, 0, data + 64, 60000); /* more than one request gets */
	fake_request(&queue, data, 64, 0, 0);	      /* nothing to write to */
	fake_kick(&queue);
	CHECK(fake_loop_settle(loop_env.loop));
	CHECK(fake_take(&queue, &used));
	CHECK_INT(used.len, 64);
	for (int i = 0; i < 64; i++)
		set += ((uint8_t *)fake_at(&guest, data, 64))[i] != 0;
	CHECK(set > 32);
	CHECK(fake_take(&queue, &used));
	CHECK_INT(used.len, 4096);
	CHECK(fake_take(&queue, &used));
	CHECK_INT(used.len, 0);
	dev->ops->free(dev);
	fake_queue_free(&queue);
	fake_guest_free(&guest);
	fake_loop_free(loop_env.loop);
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
/* The transport as a driver sees it: registers in, and a device that notes what it is asked. */
#include "vmm/virtio/mmio.h"

#include "test.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <unistd.h>

#define AT 0xd0000000ull

struct fake {
	struct vmm_virtio_device dev;
	unsigned activated, resets, freed;
	int refuse; /* errno for activate */
	struct vmm_virtio_run run;
	uint8_t config[8];
};

static rl_err activate(struct vmm_virtio_device *dev, const struct vmm_virtio_run *run)
{
	struct fake *f = (struct fake *)dev;

	f->activated++;
	f->run = *run;
	return f->refuse ? rl_fail(RL_E(EIO), "refused") : RL_OK;
}

static void reset(struct vmm_virtio_device *dev)
{
	((struct fake *)dev)->resets++;
}

static void config_read(struct vmm_virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	struct fake *f = (struct fake *)dev;

	if (offset + len <= sizeof(f->config))
		memcpy(buf, f->config + offset, len);
}

static void config_write(struct vmm_virtio_device *dev, uint32_t offset, const void *buf,
			 uint32_t len)
{
	struct fake *f = (struct fake *)dev;

	if (offset + len <= sizeof(f->config))
		memcpy(f->config + offset, buf, len);
}

static void release(struct vmm_virtio_device *dev)
{
	((struct fake *)dev)->freed++;
}

static const struct vmm_virtio_ops ops = { .activate = activate,
					   .reset = reset,
					   .config_read = config_read,
					   .config_write = config_write,
					   .free = release };
static const uint16_t queue_max[] = { 128, 64 };

static struct fake device;
static struct vmm_loop *loop;
static struct vmm_mem mem;
static struct vmm_virtio_env env;
static struct vmm_bus bus;
static struct vmm_mmio *transport;

static bool set_up(void)
{
	device = (struct fake){ .dev = { .ops = &ops,
					 .name = "fake",
					 .id = 26,
					 .features = 1ull << 5 | 1ull << 40,
					 .queue_count = 2,
					 .queue_max = queue_max,
					 .shm = { { .id = 0,
						    .size = 0x200000000ull,
						    .at = GPA(0x140000000ull) } } },
				.config = "abcdefg" };
	env = (struct vmm_virtio_env){ .mem = &mem };
	if (rl_drop_failed(vmm_loop_new(&loop)))
		return false;
	env.loop = loop;
	return !rl_drop_failed(vmm_mmio_new(&env, &device.dev, NULL, GPA(AT), 5, &transport)) &&
	       !rl_drop_failed(vmm_mmio_attach(transport, &bus));
}

static void tear_down(void)
{
	vmm_mmio_free(transport);
	vmm_bus_free(&bus);
	vmm_loop_free(loop);
}

static uint32_t get(uint64_t offset)
{
	uint8_t data[4];

	vmm_bus_read(&bus, AT + offset, data, 4);
	return vmm_bus_value(data, 4);
}

static void set(uint64_t offset, uint32_t value)
{
	uint8_t data[4];

	vmm_bus_answer(data, 4, value);
	vmm_bus_write(&bus, AT + offset, data, 4);
}

enum {
	SEEN = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER,
	AGREED = SEEN | VIRTIO_CONFIG_S_FEATURES_OK,
	RUNNING = AGREED | VIRTIO_CONFIG_S_DRIVER_OK,
};

static void accept_features(uint64_t features)
{
	set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	set(VIRTIO_MMIO_STATUS, SEEN);
	for (uint32_t word = 0; word < 2; word++) {
		set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, word);
		set(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> (32 * word)));
	}
	set(VIRTIO_MMIO_STATUS, AGREED);
}

static void make_queue(uint32_t index, uint32_t size)
{
	set(VIRTIO_MMIO_QUEUE_SEL, index);
	set(VIRTIO_MMIO_QUEUE_NUM, size);
	set(VIRTIO_MMIO_QUEUE_DESC_LOW, 0x1000);
	set(VIRTIO_MMIO_QUEUE_DESC_HIGH, 1);
	set(VIRTIO_MMIO_QUEUE_AVAIL_LOW, 0x2000);
	set(VIRTIO_MMIO_QUEUE_USED_HIGH, 2);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
}

#define VERSION_1 (1ull << VIRTIO_F_VERSION_1)

TEST(a_driver_finds_and_starts_the_device)
{
	CHECK(set_up());
	CHECK_INT(get(VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	CHECK_INT(get(VIRTIO_MMIO_VERSION), 2);
	CHECK_INT(get(VIRTIO_MMIO_DEVICE_ID), 26);
	CHECK_INT(get(VIRTIO_MMIO_DEVICE_FEATURES), 1 << 5);
	set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	CHECK_INT(get(VIRTIO_MMIO_DEVICE_FEATURES), 1 << 8 | 1);
	set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	CHECK_INT(get(VIRTIO_MMIO_DEVICE_FEATURES), 0);
	accept_features(VERSION_1 | 1 << 5);
	CHECK_INT(get(VIRTIO_MMIO_STATUS), AGREED);
	make_queue(1, 32);
	CHECK_INT(get(VIRTIO_MMIO_QUEUE_READY), 1);
	CHECK_INT(get(VIRTIO_MMIO_QUEUE_NUM_MAX), 64);
	set(VIRTIO_MMIO_STATUS, RUNNING);
	CHECK_INT(device.activated, 1);
	CHECK_INT(device.run.features, VERSION_1 | 1 << 5);
	CHECK(!device.run.queue[0].ready && device.run.queue[1].ready);
	CHECK_INT(device.run.queue[1].size, 32);
	CHECK_INT(device.run.queue[1].desc.addr, 0x100001000);
	CHECK_INT(device.run.queue[1].device.addr, 0x200000000);
	set(VIRTIO_MMIO_STATUS, 0);
	CHECK_INT(device.resets, 1);
	CHECK_INT(get(VIRTIO_MMIO_STATUS), 0);
	CHECK_INT(get(VIRTIO_MMIO_QUEUE_READY), 0);
	tear_down();
	CHECK_INT(device.freed, 1);
}

TEST(features_that_were_not_offered_are_not_agreed_on)
{
	CHECK(set_up());
	accept_features(VERSION_1 | 1 << 6);
	CHECK_INT(get(VIRTIO_MMIO_STATUS), SEEN);
	set(VIRTIO_MMIO_STATUS, SEEN | VIRTIO_CONFIG_S_DRIVER_OK);
	CHECK_INT(device.activated, 0);
	set(VIRTIO_MMIO_STATUS, 0);
	accept_features(1 << 5); /* a driver of before version 1 */
	CHECK_INT(get(VIRTIO_MMIO_STATUS), SEEN);
	tear_down();
}

TEST(queues_keep_to_their_rules)
{
	CHECK(set_up());
	make_queue(0, 16); /* before the features are agreed on */
	CHECK_INT(get(VIRTIO_MMIO_QUEUE_READY), 0);
	accept_features(VERSION_1);
	make_queue(0, 100); /* not a power of two */
	CHECK_INT(get(VIRTIO_MMIO_QUEUE_READY), 0);
	make_queue(0, 256); /* too large */
	CHECK_INT(get(VIRTIO_MMIO_QUEUE_READY), 0);
	make_queue(0, 0);
	CHECK_INT(get(VIRTIO_MMIO_QUEUE_READY), 0);
	make_queue(0, 128);
	CHECK_INT(get(VIRTIO_MMIO_QUEUE_READY), 1);
	set(VIRTIO_MMIO_QUEUE_DESC_LOW, 0x9000); /* a ready queue stays as it is */
	set(VIRTIO_MMIO_QUEUE_NUM, 2);
	make_queue(2, 16); /* no such queue */
	CHECK_INT(get(VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	make_queue(UINT32_MAX, 16);
	set(VIRTIO_MMIO_STATUS, RUNNING);
	CHECK_INT(device.run.queue[0].desc.addr, 0x100001000);
	CHECK_INT(device.run.queue[0].size, 128);
	tear_down();
}

TEST(interrupts_and_notifications)
{
	uint64_t count = 0;

	CHECK(set_up());
	accept_features(VERSION_1);
	make_queue(0, 16);
	set(VIRTIO_MMIO_STATUS, RUNNING);
	CHECK_INT(get(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	vmm_virtio_used(device.run.irq, 0);
	CHECK_INT(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
	device.dev.config_changed(&device.dev);
	CHECK_INT(get(VIRTIO_MMIO_INTERRUPT_STATUS), 3);
	CHECK_INT(get(VIRTIO_MMIO_CONFIG_GENERATION), 1);
	set(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
	CHECK_INT(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	CHECK_INT(read(device.run.queue[0].kick_fd, &count, sizeof(count)), sizeof(count));
	CHECK_INT(count, 1);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 2);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, UINT32_MAX);
	/* Notifications of before a reset do not reach the next driver. */
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	set(VIRTIO_MMIO_STATUS, 0);
	CHECK_INT(read(device.run.queue[0].kick_fd, &count, sizeof(count)), -1);
	tear_down();
}

TEST(a_device_that_does_not_start_needs_a_reset)
{
	CHECK(set_up());
	device.refuse = EIO;
	accept_features(VERSION_1);
	set(VIRTIO_MMIO_STATUS, RUNNING);
	CHECK_INT(get(VIRTIO_MMIO_STATUS), RUNNING | VIRTIO_CONFIG_S_NEEDS_RESET);
	CHECK_INT(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
	set(VIRTIO_MMIO_STATUS, 0);
	CHECK_INT(device.resets, 0); /* it was never active */
	CHECK_INT(get(VIRTIO_MMIO_STATUS), 0);
	tear_down();
}

/* Whenever it breaks; the driver can neither set nor clear the bit but by a reset. */
TEST(a_device_that_breaks_needs_a_reset)
{
	CHECK(set_up());
	accept_features(VERSION_1);
	make_queue(0, 16);
	set(VIRTIO_MMIO_STATUS, RUNNING);
	set(VIRTIO_MMIO_STATUS, RUNNING | VIRTIO_CONFIG_S_NEEDS_RESET);
	CHECK_INT(get(VIRTIO_MMIO_STATUS), RUNNING);
	vmm_virtio_broken(device.run.irq);
	CHECK_INT(get(VIRTIO_MMIO_STATUS), RUNNING | VIRTIO_CONFIG_S_NEEDS_RESET);
	CHECK_INT(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
	set(VIRTIO_MMIO_STATUS, RUNNING);
	CHECK_INT(get(VIRTIO_MMIO_STATUS), RUNNING | VIRTIO_CONFIG_S_NEEDS_RESET);
	set(VIRTIO_MMIO_STATUS, 0);
	CHECK_INT(device.resets, 1);
	CHECK_INT(get(VIRTIO_MMIO_STATUS), 0);
	tear_down();
}

TEST(configuration_and_shared_memory)
{
	uint8_t data[8];

	CHECK(set_up());
	vmm_bus_read(&bus, AT + VIRTIO_MMIO_CONFIG + 2, data, 1);
	CHECK_INT(data[0], 'c');
	vmm_bus_write(&bus, AT + VIRTIO_MMIO_CONFIG + 2, (const uint8_t *)"X", 1);
	CHECK_INT(device.config[2], 'X');
	vmm_bus_read(&bus, AT + VIRTIO_MMIO_CONFIG + 0x100, data, 4);
	CHECK_INT(vmm_bus_value(data, 4), 0);
	CHECK_INT(get(VIRTIO_MMIO_SHM_LEN_HIGH), 2);
	CHECK_INT(get(VIRTIO_MMIO_SHM_BASE_LOW), 0x40000000);
	CHECK_INT(get(VIRTIO_MMIO_SHM_BASE_HIGH), 1);
	set(VIRTIO_MMIO_SHM_SEL, 1);
	CHECK_INT(get(VIRTIO_MMIO_SHM_LEN_LOW), 0xffffffff);
	/* Registers are read whole or not at all. */
	vmm_bus_read(&bus, AT + VIRTIO_MMIO_MAGIC_VALUE, data, 1);
	CHECK_INT(data[0], 0xff);
	tear_down();
}

RUN_TESTS()

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/rng.h"

#include "vmm/log.h"
#include "vmm/virtio/kick.h"

#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#define QUEUE_SIZE 64

static const uint16_t queue_max[] = { QUEUE_SIZE };

/*
 * What one request gets, and how many are served in one call: a guest that asks for gigabytes must
 * not keep the loop from its other work. Less than asked for is allowed (5.4.6.1).
 */
#define BYTES_MAX 4096
#define TURN 16

struct rng {
	struct vmm_virtio_device dev;
	const struct vmm_virtio_env *env;
	struct vmm_virtio_irq *irq;
	struct vmm_queue queue;
	struct vmm_kick kick;
	struct vmm_chain chain;
};

static struct rng *rng_of(struct vmm_virtio_device *dev)
{
	return (struct rng *)dev;
}

static uint32_t fill(struct vmm_chain *c)
{
	struct vmm_cursor to = vmm_cursor_at(vmm_chain_in(c), c->in_count);
	uint8_t bytes[BYTES_MAX];
	size_t want = to.left < sizeof(bytes) ? to.left : sizeof(bytes);
	ssize_t n = getrandom(bytes, want, 0);

	/* It cannot fail for this size once the host is up; then there is nothing to give. */
	if (n <= 0 || !vmm_cursor_write(&to, bytes, (size_t)n))
		return 0;
	explicit_bzero(bytes, sizeof(bytes));
	return (uint32_t)n;
}

static void on_kick(void *arg, uint32_t events)
{
	struct rng *r = arg;
	unsigned served = 0;

	(void)events;
	vmm_kick_heard(&r->kick);
	while (served < TURN) {
		enum vmm_pop got = vmm_queue_pop(&r->queue, &r->chain);

		if (got == VMM_POP_FAULT) {
			vmm_queue_blame(&r->queue, r->irq, r->dev.name);
			vmm_kick_close(&r->kick, r->env->loop);
			return;
		}
		if (got == VMM_POP_EMPTY) {
			if (vmm_queue_listen(&r->queue))
				continue;
			break;
		}
		vmm_queue_push(&r->queue, r->chain.head, fill(&r->chain));
		served++;
	}
	vmm_queue_tell(&r->queue, r->irq, 0);
	if (served == TURN)
		vmm_kick_again(&r->kick);
}

static rl_err activate(struct vmm_virtio_device *dev, const struct vmm_virtio_run *run)
{
	struct rng *r = rng_of(dev);

	r->irq = run->irq;
	RL_TRY(vmm_kick_open(&r->kick, r->env->loop, run, 0, &r->queue, on_kick, r));
	on_kick(r, 0);
	return RL_OK;
}

static void reset(struct vmm_virtio_device *dev)
{
	struct rng *r = rng_of(dev);

	vmm_kick_close(&r->kick, r->env->loop);
	r->queue = (struct vmm_queue){ 0 };
}

static void config_read(struct vmm_virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	(void)dev;
	(void)offset;
	memset(buf, 0, len);
}

static void rng_free(struct vmm_virtio_device *dev)
{
	reset(dev);
	free(rng_of(dev));
}

static const struct vmm_virtio_ops ops = {
	.activate = activate,
	.reset = reset,
	.config_read = config_read,
	.free = rng_free,
};

rl_err vmm_rng_new(const struct vmm_virtio_env *env, struct vmm_virtio_device **ret)
{
	struct rng *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return rl_nomem();
	r->env = env;
	r->dev = (struct vmm_virtio_device){
		.ops = &ops,
		.name = "rng",
		.id = VIRTIO_ID_RNG,
		.features = VMM_F_RING,
		.queue_count = 1,
		.queue_max = queue_max,
	};
	*ret = &r->dev;
	return RL_OK;
}

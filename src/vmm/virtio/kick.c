/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/kick.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

rl_err vmm_kick_open(struct vmm_kick *kick, struct vmm_loop *loop, const struct vmm_virtio_run *run,
		     unsigned index, struct vmm_queue *q, vmm_ready_fn *ready, void *arg)
{
	const struct vmm_queue_setup *setup = &run->queue[index];
	enum vmm_queue_fault fault;

	if (index >= run->queue_count)
		return RL_OK;
	fault = vmm_queue_init(q, run->mem, setup, run->features);
	if (fault != VMM_QUEUE_FINE)
		return rl_refuse(RL_E(EINVAL), "queue %u: %s", index, vmm_queue_fault_text(fault));
	kick->fd = setup->kick_fd;
	return setup->ready ? vmm_loop_add(loop, kick->fd, EPOLLIN, ready, arg, &kick->watch)
			    : RL_OK;
}

void vmm_kick_close(struct vmm_kick *kick, struct vmm_loop *loop)
{
	vmm_loop_remove(loop, &kick->watch);
}

void vmm_kick_heard(const struct vmm_kick *kick)
{
	eventfd_t count;

	if (kick->watch.slot_plus_one != 0)
		(void)eventfd_read(kick->fd, &count);
}

void vmm_kick_again(const struct vmm_kick *kick)
{
	if (kick->watch.slot_plus_one != 0)
		(void)eventfd_write(kick->fd, 1);
}

void vmm_queue_tell(struct vmm_queue *q, struct vmm_virtio_irq *irq, unsigned index)
{
	if (vmm_queue_wants_interrupt(q))
		vmm_virtio_used(irq, (uint16_t)index);
}

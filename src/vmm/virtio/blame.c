/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from queue.c, which needs neither log nor transport. */
#include "vmm/log.h"
#include "vmm/virtio/queue.h"

void vmm_queue_blame(const struct vmm_queue *q, struct vmm_virtio_irq *irq, const char *name)
{
	vmm_log(VMM_LOG_ERROR, name, "the guest broke a queue: %s", vmm_queue_fault_text(q->fault));
	vmm_virtio_broken(irq);
}

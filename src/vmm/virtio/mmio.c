/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/mmio.h"

#include "vmm/log.h"
#include "vmm/plan.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAGIC 0x74726976u /* "virt" */
#define VERSION 2u
#define VENDOR 0x544c4e52u /* "RNLT" */

struct vmm_virtio_irq {
	int fd; /* eventfd: KVM raises the line when it is written */
	atomic_uint status;
	atomic_bool broken; /* DEVICE_NEEDS_RESET */
};

struct vmm_mmio {
	struct vmm_virtio_device *dev;
	const struct vmm_virtio_env *env;
	struct vmm_kvm *kvm; /* NULL: tests */
	bool window_mapped;
	struct gpa at;
	struct rl_fd irq_fd;
	struct vmm_virtio_irq irq;
	struct rl_fd kick[VIRTIO_QUEUES_MAX];

	/* What the driver has written; the loop's lock protects it. */
	uint32_t status;
	uint32_t device_word, driver_word; /* which 32 feature bits are looked at */
	uint64_t driver_features;
	uint32_t queue; /* selected */
	uint32_t shm;	/* selected */
	uint32_t generation;
	bool active;
	struct vmm_virtio_run run;
};

/* ---- Interrupts ---- */

static void raise_line(struct vmm_virtio_irq *irq, unsigned cause)
{
	static const uint64_t one = 1;
	int saved = errno;

	atomic_fetch_or(&irq->status, cause);
	if (write(irq->fd, &one, sizeof(one)) < 0)
		errno = saved; /* the counter is full: the line is raised anyway */
}

void vmm_virtio_used(struct vmm_virtio_irq *irq, uint16_t index)
{
	(void)index; /* one line for all queues */
	raise_line(irq, VIRTIO_MMIO_INT_VRING);
}

int vmm_virtio_used_later(struct vmm_virtio_irq *irq, uint16_t index)
{
	(void)index;
	atomic_fetch_or(&irq->status, VIRTIO_MMIO_INT_VRING);
	return irq->fd;
}

void vmm_virtio_broken(struct vmm_virtio_irq *irq)
{
	atomic_store(&irq->broken, true);
	raise_line(irq, VIRTIO_MMIO_INT_CONFIG);
}

static void config_changed(struct vmm_virtio_device *dev)
{
	struct vmm_mmio *t = dev->transport;

	t->generation++;
	if (t->status & VIRTIO_CONFIG_S_DRIVER_OK)
		raise_line(&t->irq, VIRTIO_MMIO_INT_CONFIG);
}

/* ---- Status ---- */

static uint64_t offered(const struct vmm_mmio *t)
{
	return t->dev->features | 1ull << VIRTIO_F_VERSION_1;
}

static rl_err map_window(struct vmm_mmio *t)
{
	const struct vmm_shm *shm = &t->dev->shm[0];

	if (shm->size == 0 || t->kvm == NULL || t->window_mapped)
		return RL_OK;
	RL_TRY(vmm_kvm_map(t->kvm, shm->at, shm->size, shm->host));
	t->window_mapped = true;
	return RL_OK;
}

static void activate(struct vmm_mmio *t)
{
	rl_err e = map_window(t);

	t->run.features = t->driver_features;
	if (!rl_failed(e))
		e = t->dev->ops->activate(t->dev, &t->run);
	if (!rl_failed(e)) {
		t->active = true;
		return;
	}
	vmm_log_drop(VMM_LOG_ERROR, t->dev->name, rl_wrap(e, "start the device"));
	vmm_virtio_broken(&t->irq);
}

static void reset(struct vmm_mmio *t)
{
	if (t->active)
		t->dev->ops->reset(t->dev);
	t->active = false;
	t->status = 0;
	t->driver_features = 0;
	t->device_word = t->driver_word = t->queue = 0;
	atomic_store(&t->irq.status, 0);
	atomic_store(&t->irq.broken, false);
	for (uint16_t i = 0; i < t->run.queue_count; i++) {
		uint64_t stale;

		t->run.queue[i] = (struct vmm_queue_setup){ .kick_fd = t->run.queue[i].kick_fd };
		/* Notifications of the old driver mean nothing to the new one. */
		if (read(t->run.queue[i].kick_fd, &stale, sizeof(stale)) < 0)
			errno = 0;
	}
}

static void set_status(struct vmm_mmio *t, uint32_t value)
{
	uint32_t added = value & ~t->status;

	if (value == 0) {
		reset(t);
		return;
	}
	/* Bits are only ever added; NEEDS_RESET is ours. */
	value &= ~(uint32_t)VIRTIO_CONFIG_S_NEEDS_RESET;
	if (t->status & ~value)
		return;
	if ((added & VIRTIO_CONFIG_S_FEATURES_OK) &&
	    ((t->driver_features & ~offered(t)) ||
	     !(t->driver_features & 1ull << VIRTIO_F_VERSION_1)))
		value &= ~(uint32_t)VIRTIO_CONFIG_S_FEATURES_OK;
	t->status = value;
	if ((added & VIRTIO_CONFIG_S_DRIVER_OK) && (t->status & VIRTIO_CONFIG_S_FEATURES_OK))
		activate(t);
}

/* ---- Queues ---- */

static struct vmm_queue_setup *selected(struct vmm_mmio *t)
{
	return t->queue < t->run.queue_count ? &t->run.queue[t->queue] : NULL;
}

/* A queue may be changed between FEATURES_OK and DRIVER_OK while it is not ready. */
static struct vmm_queue_setup *changeable(struct vmm_mmio *t)
{
	struct vmm_queue_setup *q = selected(t);
	uint32_t phase = t->status & (VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);

	return q && !q->ready && phase == VIRTIO_CONFIG_S_FEATURES_OK ? q : NULL;
}

static void set_size(struct vmm_mmio *t, uint32_t value)
{
	struct vmm_queue_setup *q = changeable(t);

	if (q && value > 0 && value <= t->dev->queue_max[t->queue] && (value & (value - 1)) == 0)
		q->size = (uint16_t)value;
}

static void set_half(struct gpa *address, bool high, uint32_t value)
{
	address->addr = high ? (address->addr & 0xffffffff) | (uint64_t)value << 32
			     : (address->addr & ~0xffffffffull) | value;
}

static void set_address(struct vmm_mmio *t, uint64_t offset, uint32_t value)
{
	struct vmm_queue_setup *q = changeable(t);
	bool high = offset & 4;

	if (q == NULL)
		return;
	switch (offset & ~4ull) {
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
		set_half(&q->desc, high, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
		set_half(&q->driver, high, value);
		break;
	default:
		set_half(&q->device, high, value);
		break;
	}
}

static void set_ready(struct vmm_mmio *t, uint32_t value)
{
	struct vmm_queue_setup *q = changeable(t);

	if (q && value == 1 && q->size > 0)
		q->ready = true;
	/* Taking a ready queue away again is only possible by a reset. */
}

/* ---- Registers ---- */

static uint32_t shm_register(const struct vmm_mmio *t, uint64_t offset)
{
	const struct vmm_shm *shm = &t->dev->shm[0];
	uint64_t value = ~0ull; /* no such region */

	if (shm->size && shm->id == t->shm)
		value = offset < VIRTIO_MMIO_SHM_BASE_LOW ? shm->size : shm->at.addr;
	return offset & 4 ? (uint32_t)(value >> 32) : (uint32_t)value;
}

static uint32_t read_register(struct vmm_mmio *t, uint64_t offset)
{
	const struct vmm_queue_setup *q = selected(t);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return t->dev->id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return t->device_word < 2 ? (uint32_t)(offered(t) >> (32 * t->device_word)) : 0;
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return q ? t->dev->queue_max[t->queue] : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return q && q->ready;
	case VIRTIO_MMIO_STATUS:
		return t->status | (atomic_load(&t->irq.broken) ? VIRTIO_CONFIG_S_NEEDS_RESET : 0);
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return t->generation;
	default:
		return 0;
	}
}

static void set_driver_features(struct vmm_mmio *t, uint32_t value)
{
	unsigned shift = 32 * t->driver_word;

	if (t->driver_word > 1 || (t->status & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	t->driver_features = (t->driver_features & ~(0xffffffffull << shift)) | (uint64_t)value
											<< shift;
}

static void write_register(struct vmm_mmio *t, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		t->device_word = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		set_driver_features(t, value);
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		t->driver_word = value;
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		t->queue = value;
		break;
	case VIRTIO_MMIO_SHM_SEL:
		t->shm = value;
		break;
	case VIRTIO_MMIO_QUEUE_NUM:
		set_size(t, value);
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		set_ready(t, value);
		break;
	case VIRTIO_MMIO_STATUS:
		set_status(t, value);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_address(t, offset, value);
		break;
	default:
		break;
	}
}

static bool is_shm(uint64_t offset)
{
	return offset >= VIRTIO_MMIO_SHM_LEN_LOW && offset <= VIRTIO_MMIO_SHM_BASE_HIGH;
}

static void mmio_read(void *arg, uint64_t offset, uint8_t *data, unsigned len)
{
	struct vmm_mmio *t = arg;

	/* The one register of the hot path needs no lock. */
	if (offset == VIRTIO_MMIO_INTERRUPT_STATUS) {
		vmm_bus_answer(data, len, atomic_load(&t->irq.status));
		return;
	}
	vmm_loop_lock(t->env->loop);
	if (offset >= VIRTIO_MMIO_CONFIG) {
		memset(data, 0, len);
		t->dev->ops->config_read(t->dev, (uint32_t)(offset - VIRTIO_MMIO_CONFIG), data,
					 len);
	} else if (len == 4) {
		vmm_bus_answer(data, len,
			       is_shm(offset) ? shm_register(t, offset) : read_register(t, offset));
	}
	vmm_loop_unlock(t->env->loop);
}

static void kick(struct vmm_mmio *t, uint32_t queue)
{
	static const uint64_t one = 1;

	/* KVM takes these writes; they come here only where it has no ioeventfd. */
	if (queue < t->run.queue_count && write(t->run.queue[queue].kick_fd, &one, sizeof(one)) < 0)
		errno = 0;
}

static void mmio_write(void *arg, uint64_t offset, const uint8_t *data, unsigned len)
{
	struct vmm_mmio *t = arg;
	uint32_t value = vmm_bus_value(data, len);

	if (offset == VIRTIO_MMIO_INTERRUPT_ACK) {
		atomic_fetch_and(&t->irq.status, ~value);
		return;
	}
	if (offset == VIRTIO_MMIO_QUEUE_NOTIFY) {
		kick(t, value);
		return;
	}
	vmm_loop_lock(t->env->loop);
	if (offset < VIRTIO_MMIO_CONFIG && len == 4)
		write_register(t, offset, value);
	else if (offset >= VIRTIO_MMIO_CONFIG && t->dev->ops->config_write)
		t->dev->ops->config_write(t->dev, (uint32_t)(offset - VIRTIO_MMIO_CONFIG), data,
					  len);
	vmm_loop_unlock(t->env->loop);
}

/* ---- Life ---- */

static rl_err make_eventfds(struct vmm_mmio *t, const struct vmm_kvm *kvm, uint32_t gsi)
{
	RL_TRY(rl_fd_from(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), &t->irq_fd, "make an eventfd"));
	t->irq.fd = rl_fd_get(&t->irq_fd);
	if (kvm)
		RL_TRY(vmm_kvm_irqfd(kvm, t->irq.fd, gsi));
	for (uint16_t i = 0; i < t->run.queue_count; i++) {
		RL_TRY(rl_fd_from(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), &t->kick[i],
				  "make an eventfd"));
		t->run.queue[i].kick_fd = rl_fd_get(&t->kick[i]);
		if (kvm)
			RL_TRY(vmm_kvm_ioeventfd(kvm, t->run.queue[i].kick_fd,
						 gpa_add(t->at, VIRTIO_MMIO_QUEUE_NOTIFY), i));
	}
	return RL_OK;
}

rl_err vmm_mmio_new(const struct vmm_virtio_env *env, struct vmm_virtio_device *dev,
		    struct vmm_kvm *kvm, struct gpa at, uint32_t gsi, struct vmm_mmio **ret)
{
	struct vmm_mmio *t = calloc(1, sizeof(*t));
	rl_err e;

	if (t == NULL) {
		dev->ops->free(dev);
		return rl_nomem();
	}
	t->dev = dev;
	t->env = env;
	t->kvm = kvm;
	t->at = at;
	t->run.mem = env->mem;
	t->run.irq = &t->irq;
	t->run.queue_count = dev->queue_count;
	dev->transport = t;
	dev->config_changed = config_changed;
	e = make_eventfds(t, kvm, gsi);
	if (rl_failed(e)) {
		e = rl_wrap(e, "%s", dev->name);
		vmm_mmio_free(t);
		return e;
	}
	*ret = t;
	return RL_OK;
}

rl_err vmm_mmio_attach(struct vmm_mmio *t, struct vmm_bus *bus)
{
	static const struct vmm_bus_ops ops = { .read = mmio_read, .write = mmio_write };

	return vmm_bus_add(bus, (struct vmm_bus_range){ t->at.addr, LAYOUT_MMIO_SIZE, &ops, t });
}

struct vmm_virtio_device *vmm_mmio_device(struct vmm_mmio *t)
{
	return t->dev;
}

void vmm_mmio_free(struct vmm_mmio *t)
{
	if (t == NULL)
		return;
	t->dev->ops->free(t->dev);
	for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++)
		rl_fd_close(&t->kick[i]);
	rl_fd_close(&t->irq_fd);
	free(t);
}

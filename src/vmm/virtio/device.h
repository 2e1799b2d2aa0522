/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between a virtio device and its transport (virtio 1.2; virtio/mmio.c is the only
 * transport today).
 *
 * The transport owns the handshake: feature negotiation, queue registers, status, interrupt
 * status, configuration generation. A device owns its queues' contents, its configuration space
 * and its back end. The transport calls a device
 *
 *     config_read, config_write    at any time
 *     activate                     once, when the driver sets DRIVER_OK
 *     reset                        afterwards, when the driver writes 0 to the status
 *     free                         once, at the end
 *
 * always with the loop's lock held, so never two of them at a time, and never while a callback of
 * the loop runs. All are called on a vCPU's or the loop's thread and must not block on the
 * guest.
 *
 * The queue addresses that the transport passes to `activate` were written by the guest: nothing
 * is checked but that the size is a power of two and not above the maximum.
 */
#pragma once

#include "base/error.h"
#include "vmm/loop.h"
#include "vmm/mem/guest_memory.h"

#define VIRTIO_QUEUES_MAX 64 /* of one device */
#define VIRTIO_SHM_MAX 1

struct vmm_virtio_device;
struct vmm_virtio_irq; /* opaque: belongs to the transport */

/* One queue as the driver has set it up. */
struct vmm_queue_setup {
	bool ready;    /* false: the driver does not use this queue; the rest is 0 */
	uint16_t size; /* descriptors; a power of two */
	struct gpa desc, driver, device; /* descriptor table, available ring, used ring */
	/*
	 * Borrowed, non-blocking eventfd that becomes readable when the driver notifies the queue
	 * (KVM writes it, no exit to user space). Valid until `free`.
	 */
	int kick_fd;
};

/* What an active device works with; valid until `reset` or `free` has returned. */
struct vmm_virtio_run {
	const struct vmm_mem *mem;
	uint64_t features; /* negotiated; VIRTIO_F_VERSION_1 is always among them */
	uint16_t queue_count;
	struct vmm_queue_setup queue[VIRTIO_QUEUES_MAX];
	struct vmm_virtio_irq *irq;
};

/*
 * Interrupts the driver: buffers of queue `index` were used. Any thread, no lock; one system
 * call. The device decides by the rules of event suppression whether to call it.
 */
void vmm_virtio_used(struct vmm_virtio_irq *irq, uint16_t index);

/*
 * The same for a thread that has one more call to make: returns the eventfd to which it writes 1,
 * in 8 bytes, soon. -1: nothing is to be written.
 */
int vmm_virtio_used_later(struct vmm_virtio_irq *irq, uint16_t index);

/*
 * The device cannot go on: DEVICE_NEEDS_RESET (2.1.1), until the driver resets it. As above: any
 * thread, no lock.
 */
void vmm_virtio_broken(struct vmm_virtio_irq *irq);

/* A window of shared memory that the device serves (virtio 1.2, 2.10), e.g. DAX of fs. */
struct vmm_shm {
	uint8_t id;
	uint64_t size; /* 0: none */
	struct gpa at; /* where the guest sees it */
	uint8_t *host; /* reserved address space of `size` bytes; map files over it (MAP_FIXED) */
};

struct vmm_virtio_ops {
	/*
	 * The driver is ready: take the queues (copy what you need of *run, it is the transport's)
	 * and begin. An error marks the device DEVICE_NEEDS_RESET and is logged.
	 */
	rl_err (*activate)(struct vmm_virtio_device *dev, const struct vmm_virtio_run *run);
	/*
	 * Stop using the queues before returning: no access to guest memory, no interrupt
	 * afterwards. Called only after a successful activate.
	 */
	void (*reset)(struct vmm_virtio_device *dev);
	/* Fills buf with configuration bytes [offset, offset + len); beyond the end: zeroes. */
	void (*config_read)(struct vmm_virtio_device *dev, uint32_t offset, void *buf,
			    uint32_t len);
	/* NULL: the configuration is read-only, writes are ignored. */
	void (*config_write)(struct vmm_virtio_device *dev, uint32_t offset, const void *buf,
			     uint32_t len);
	/*
	 * Optional. True while output that the driver handed over has not reached the host yet.
	 * When the machine has stopped, the loop goes on running until no device is busy.
	 */
	bool (*busy)(struct vmm_virtio_device *dev);
	/* Releases everything, active or not. */
	void (*free)(struct vmm_virtio_device *dev);
};

/* First member of every device's own struct. */
struct vmm_virtio_device {
	const struct vmm_virtio_ops *ops;
	char name[48];	      /* for messages: "fs /dev/root", "console 0" */
	uint32_t id;	      /* virtio device type: 1 net, 2 block, 3 console ... */
	uint64_t features;    /* offered, without VIRTIO_F_VERSION_1, which the transport adds */
	uint16_t queue_count; /* at most VIRTIO_QUEUES_MAX */
	const uint16_t *queue_max; /* largest size of each queue, a power of two */
	struct vmm_shm shm[VIRTIO_SHM_MAX];
	/*
	 * Set by the transport when the device is attached: tells the driver that the
	 * configuration has changed. Lock held (a callback of the loop has it). Harmless before
	 * activation.
	 */
	void (*config_changed)(struct vmm_virtio_device *dev);
	void *transport;
};

/* What every device needs when it is made. Outlives the device. */
struct vmm_virtio_env {
	struct vmm_loop *loop;
	const struct vmm_mem *mem;
	/*
	 * The workload's exit status came through this device (the original's ioctl on the root
	 * file system). Any thread.
	 */
	void (*exit_code)(void *arg, int code);
	void *exit_arg;
};

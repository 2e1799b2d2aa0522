/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console device (virtio 1.2, 5.3) with several ports: terminals (/dev/hvcN in the guest) and
 * plain byte channels (/dev/vportNpM, found by name).
 *
 * It lives on the loop. Input is read from the host only while the guest has room for it, output
 * is taken from the guest only while the host takes it, so nothing is buffered and nothing lost.
 */
#pragma once

#include "vmm/virtio/device.h"

/* Each port has two queues, and two more carry control messages. */
#define VMM_CONSOLE_PORTS_MAX ((VIRTIO_QUEUES_MAX - 2) / 2)

struct vmm_console_port_config {
	const char *name; /* borrowed during the call; NULL or "": none */
	bool is_console;  /* a terminal of the guest; else a byte channel */
	int in_fd;	  /* borrowed for the device's life; -1: no input */
	int out_fd;	  /* likewise; -1: output is thrown away */
	/*
	 * The host's terminal whose size the guest's has; it is put into raw mode and restored when
	 * the device is freed. -1: none. Usually equal to in_fd.
	 */
	int tty_fd;
};

/*
 * EBADF: a descriptor that is not open for its use. ENOTTY: tty_fd is no terminal. E2BIG: too many
 * ports. ENAMETOOLONG: a name of more than 255 bytes.
 */
RL_MUST rl_err vmm_console_new(const struct vmm_virtio_env *env, const char *name,
			       const struct vmm_console_port_config *port, unsigned count,
			       struct vmm_virtio_device **ret);

/* The host's terminal changed its size (SIGWINCH). On the loop's thread or with its lock. */
void vmm_console_resized(struct vmm_virtio_device *dev);

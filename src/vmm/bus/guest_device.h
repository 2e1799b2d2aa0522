/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest device (guest/proto.h): init reads its configuration from an I/O port and reports
 * what becomes of the workload, before any driver is loaded and without any file system.
 */
#pragma once

#include "guest/proto.h"
#include "vmm/bus/bus.h"
#include "vmm/outcome.h"

struct vmm_guest_device {
	pthread_mutex_t lock;
	const uint8_t *blob; /* borrowed */
	size_t blob_size;
	size_t offset; /* of the next byte read */
	uint8_t report[GST_REPORT_MAX];
	size_t report_len; /* bytes collected, also those that did not fit */
	struct vmm_outcome *outcome;
};

void vmm_guest_device_init(struct vmm_guest_device *d, const uint8_t *blob, size_t size,
			   struct vmm_outcome *outcome);
RL_MUST rl_err vmm_guest_device_attach(struct vmm_guest_device *d, struct vmm_bus *ports);

/* SPDX-License-Identifier: Apache-2.0 */
/* The guest device of proto.h as init uses it. */
#pragma once

#include <stdint.h>

/*
 * The configuration, in memory of our own, and its length. NULL: there is no such device, so
 * this is not a machine of ours.
 */
uint8_t *gst_device_config(uint32_t *ret_size);

/* Reports to the host. Harmless without a device. */
void gst_device_report(uint32_t type, uint32_t value, const char *text);

/* Gives the right to use the device up, before a workload is executed. */
void gst_device_close(void);

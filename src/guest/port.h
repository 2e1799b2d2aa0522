/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The I/O port between the guest's init and the machine (x86): how init receives what it is to
 * run and hands back what became of it. It works before any driver is loaded and without any
 * file system, which is why it is not a virtio device. In the guest it takes ioperm(2), or
 * /dev/port where that is missing.
 *
 * All registers are 32 bits wide unless noted, little-endian. Reads beyond an item give zeroes.
 */
#pragma once

#include <stdint.h>

#define GST_PORT_BASE 0x0e00
#define GST_PORT_COUNT 0x20

#define GST_PORT_MAGIC_VALUE 0x544c4e52u /* "RNLT" */

enum gst_port {
	GST_PORT_MAGIC = 0x00,	/* R: GST_PORT_MAGIC_VALUE; anything else: no such device */
	GST_PORT_SELECT = 0x04, /* W: choose an item (enum gst_item), rewinds. R: its length */
	GST_PORT_DATA = 0x08,	/* R, 1, 2 or 4 bytes or a string instruction: the next bytes */
	/*
	 * W: the exit status of the workload (0..255, as a shell would report it). The last one
	 * written counts. It does not end the machine.
	 */
	GST_PORT_STATUS = 0x0c,
	/*
	 * W: ends the machine at once: enum gst_end. Sync and unmount first.
	 */
	GST_PORT_END = 0x10,
	/*
	 * W, 1 byte each: the text of one message for the person who started the machine; a
	 * newline ends it. For the reason of a failure that GST_PORT_STATUS can only number.
	 */
	GST_PORT_MESSAGE = 0x14,
};

enum gst_item {
	GST_ITEM_CONFIG = 0, /* the blob of guest/proto.h */
};

enum gst_end {
	GST_END_POWEROFF = 0,
	GST_END_PANIC = 1, /* the status, if any, does not count: the guest broke down */
};

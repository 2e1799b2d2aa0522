/* SPDX-License-Identifier: Apache-2.0 */
/* By I/O port, which needs no driver. ioperm(2) wants CAP_SYS_RAWIO, which PID 1 has. */
#include "guest/device.h"

#include "guest/fail.h"
#include "guest/proto.h"

#include <string.h>
#include <sys/io.h>

static int is_open;

/*
 * libc's insb and outsb do not tell the compiler that memory is read and written, so it may leave
 * out what fills the buffer.
 */
static void port_read(void *buf, unsigned long n)
{
	__asm__ volatile("cld; rep insb"
			 : "+D"(buf), "+c"(n)
			 : "d"(GST_PORT + GST_PORT_DATA)
			 : "memory", "cc");
}

static void port_write(const void *buf, unsigned long n)
{
	__asm__ volatile("cld; rep outsb"
			 : "+S"(buf), "+c"(n)
			 : "d"(GST_PORT + GST_PORT_DATA)
			 : "memory", "cc");
}

static int open_device(void)
{
	if (!is_open && ioperm(GST_PORT, GST_PORT_SIZE, 1) == 0)
		is_open = inl(GST_PORT + GST_PORT_ID) == GST_PORT_MAGIC;
	return is_open;
}

uint8_t *gst_device_config(uint32_t *ret_size)
{
	uint8_t *bytes;
	uint32_t size;

	if (!open_device())
		return NULL;
	size = inl(GST_PORT + GST_PORT_CONFIG);
	if (size > GST_BLOB_MAX)
		gst_refuse("the configuration has %u bytes", size);
	bytes = gst_alloc(size + 8, 1);
	/*
	 * Every page must be there: what the processor had taken from the device when a write to
	 * memory faults is lost.
	 */
	for (uint32_t at = 0; at < size; at += 4096)
		((volatile uint8_t *)bytes)[at] = 0;
	((volatile uint8_t *)bytes)[size] = 0;
	outl(0, GST_PORT + GST_PORT_CONFIG);
	port_read(bytes, size);
	*ret_size = size;
	return bytes;
}

void gst_device_report(uint32_t type, uint32_t value, const char *text)
{
	size_t len = strlen(text);
	struct gst_report head;

	if (!open_device())
		return;
	if (len > GST_REPORT_MAX - sizeof(head))
		len = GST_REPORT_MAX - sizeof(head);
	gst_put32(head.type, type);
	gst_put32(head.value, value);
	port_write(&head, sizeof(head));
	port_write(text, len);
	outl((uint32_t)(sizeof(head) + len), GST_PORT + GST_PORT_ID);
}

void gst_device_close(void)
{
	if (is_open)
		ioperm(GST_PORT, GST_PORT_SIZE, 0);
	is_open = 0;
}

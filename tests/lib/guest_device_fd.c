/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest device for tests: the configuration is read from descriptor GST_TEST_CONFIG, each
 * report is one datagram on GST_TEST_REPORTS.
 */
#include "guest/device.h"

#include "guest/fail.h"
#include "guest/proto.h"
#include "guest_device_fd.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

uint8_t *gst_device_config(uint32_t *ret_size)
{
	struct stat st;
	uint8_t *bytes;

	if (fstat(GST_TEST_CONFIG, &st) != 0)
		return NULL;
	bytes = gst_alloc((uint64_t)st.st_size + 8, 1);
	if (pread(GST_TEST_CONFIG, bytes, (size_t)st.st_size, 0) != st.st_size)
		gst_fail("read the test's configuration");
	close(GST_TEST_CONFIG);
	*ret_size = (uint32_t)st.st_size;
	return bytes;
}

void gst_device_report(uint32_t type, uint32_t value, const char *text)
{
	uint8_t record[GST_REPORT_MAX];
	struct gst_report *head = (void *)record;
	size_t len = strlen(text);

	gst_put32(head->type, type);
	gst_put32(head->value, value);
	memcpy(record + sizeof(*head), text, len);
	(void)!send(GST_TEST_REPORTS, record, sizeof(*head) + len, MSG_NOSIGNAL);
}

void gst_device_close(void)
{
	close(GST_TEST_REPORTS);
}

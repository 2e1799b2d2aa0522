/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/bus/guest_device.h"

#include "vmm/log.h"

#include <stdio.h>
#include <string.h>

void vmm_guest_device_init(struct vmm_guest_device *d, const uint8_t *blob, size_t size,
			   struct vmm_outcome *outcome)
{
	*d = (struct vmm_guest_device){ .blob = blob, .blob_size = size, .outcome = outcome };
	(void)pthread_mutex_init(&d->lock, NULL);
}

static void device_read(void *arg, uint64_t offset, uint8_t *data, unsigned len)
{
	struct vmm_guest_device *d = arg;

	(void)pthread_mutex_lock(&d->lock);
	if (offset == GST_PORT_ID && len == 4)
		vmm_bus_answer(data, len, GST_PORT_MAGIC);
	else if (offset == GST_PORT_CONFIG && len == 4)
		vmm_bus_answer(data, len, (uint32_t)d->blob_size);
	else if (offset == GST_PORT_DATA && len == 1)
		data[0] = d->offset < d->blob_size ? d->blob[d->offset++] : 0;
	(void)pthread_mutex_unlock(&d->lock);
}

/* The guest's words go to a terminal: nothing in them may steer it. */
static void printable(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
	}
}

static void setup_failed(struct vmm_outcome *outcome, uint32_t errnum, const char *text)
{
	char reason[GST_REPORT_MAX + 128];

	/* strerror() of a number the guest chose: whatever it is, it gives a text. */
	(void)snprintf(reason, sizeof(reason), errnum ? "%s: %s" : "%s", text,
		       strerror((int)errnum));
	vmm_outcome_setup_failed(outcome, reason);
}

static void commit(struct vmm_guest_device *d, uint32_t length)
{
	char text[GST_REPORT_MAX + 1];
	size_t have = d->report_len < sizeof(d->report) ? d->report_len : sizeof(d->report);
	uint32_t type, value;

	if (length != d->report_len || have < sizeof(struct gst_report))
		return;
	type = gst_get32(d->report);
	value = gst_get32(d->report + 4);
	memcpy(text, d->report + 8, have - 8);
	text[have - 8] = '\0';
	printable(text);
	switch (type) {
	case GST_REPORT_BOOTED:
		vmm_outcome_booted(d->outcome);
		vmm_log(VMM_LOG_INFO, "guest", "init is running");
		break;
	case GST_REPORT_FAILED:
		setup_failed(d->outcome, value, text);
		break;
	case GST_REPORT_STARTED:
		vmm_log(VMM_LOG_INFO, "guest", "the workload is process %u", value);
		break;
	case GST_REPORT_EXIT:
		vmm_outcome_status(d->outcome, (int)(value & GST_EXIT_STATUS_MASK));
		if (value & GST_EXIT_OOM)
			vmm_log(VMM_LOG_WARN, "guest", "the guest ran out of memory");
		break;
	case GST_REPORT_NOTE:
		vmm_log(VMM_LOG_WARN, "guest", "%s", text);
		break;
	default:
		break;
	}
}

static void device_write(void *arg, uint64_t offset, const uint8_t *data, unsigned len)
{
	struct vmm_guest_device *d = arg;

	(void)pthread_mutex_lock(&d->lock);
	if (offset == GST_PORT_ID && len == 4) {
		commit(d, vmm_bus_value(data, len));
		d->report_len = 0;
	} else if (offset == GST_PORT_CONFIG && len == 4) {
		d->offset = vmm_bus_value(data, len);
	} else if (offset == GST_PORT_DATA && len == 1) {
		if (d->report_len < sizeof(d->report))
			d->report[d->report_len] = data[0];
		d->report_len += d->report_len < SIZE_MAX;
	}
	(void)pthread_mutex_unlock(&d->lock);
}

rl_err vmm_guest_device_attach(struct vmm_guest_device *d, struct vmm_bus *ports)
{
	static const struct vmm_bus_ops ops = { .read = device_read, .write = device_write };

	return vmm_bus_add(
		ports, (struct vmm_bus_range){
			       .start = GST_PORT, .size = GST_PORT_SIZE, .ops = &ops, .arg = d });
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/boot/aml.h"

#include <string.h>

enum {
	OP_ZERO = 0x00,
	OP_ONE = 0x01,
	OP_NAME = 0x08,
	OP_BYTE = 0x0a,
	OP_WORD = 0x0b,
	OP_DWORD = 0x0c,
	OP_STRING = 0x0d,
	OP_QWORD = 0x0e,
	OP_SCOPE = 0x10,
	OP_BUFFER = 0x11,
	OP_PACKAGE = 0x12,
	OP_EXT = 0x5b,
	OP_EXT_DEVICE = 0x82,
};
#define LENGTH_BYTES 4

void vmm_aml_bytes(struct vmm_aml *a, const void *bytes, size_t len)
{
	if (a->full || len > a->size - a->used) {
		a->full = true;
		return;
	}
	memcpy(a->bytes + a->used, bytes, len);
	a->used += len;
}

static void byte(struct vmm_aml *a, uint8_t value)
{
	vmm_aml_bytes(a, &value, 1);
}

static void little_endian(struct vmm_aml *a, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		byte(a, (uint8_t)(value >> (8 * i)));
}

void vmm_aml_seg(struct vmm_aml *a, const char *seg)
{
	size_t len = strnlen(seg, 4);

	vmm_aml_bytes(a, seg, len);
	vmm_aml_bytes(a, "____", 4 - len);
}

void vmm_aml_integer(struct vmm_aml *a, uint64_t value)
{
	if (value <= 1) {
		byte(a, value ? OP_ONE : OP_ZERO);
	} else if (value <= UINT8_MAX) {
		byte(a, OP_BYTE);
		little_endian(a, value, 1);
	} else if (value <= UINT16_MAX) {
		byte(a, OP_WORD);
		little_endian(a, value, 2);
	} else if (value <= UINT32_MAX) {
		byte(a, OP_DWORD);
		little_endian(a, value, 4);
	} else {
		byte(a, OP_QWORD);
		little_endian(a, value, 8);
	}
}

void vmm_aml_string(struct vmm_aml *a, const char *s)
{
	byte(a, OP_STRING);
	vmm_aml_bytes(a, s, strlen(s) + 1);
}

/* Room for the length, which includes itself. */
static vmm_aml_mark begin(struct vmm_aml *a)
{
	vmm_aml_mark mark = a->used;

	little_endian(a, 0, LENGTH_BYTES);
	return mark;
}

void vmm_aml_end(struct vmm_aml *a, vmm_aml_mark mark)
{
	size_t len = a->used - mark;

	if (a->full)
		return;
	/* Low four bits in the first byte, whose top two bits say that three bytes follow. */
	a->bytes[mark] = (uint8_t)(0xc0 | (len & 0xf));
	a->bytes[mark + 1] = (uint8_t)(len >> 4);
	a->bytes[mark + 2] = (uint8_t)(len >> 12);
	a->bytes[mark + 3] = (uint8_t)(len >> 20);
}

vmm_aml_mark vmm_aml_scope(struct vmm_aml *a, const char *path)
{
	vmm_aml_mark mark;

	byte(a, OP_SCOPE);
	mark = begin(a);
	vmm_aml_bytes(a, path, strlen(path));
	return mark;
}

vmm_aml_mark vmm_aml_device(struct vmm_aml *a, const char *seg)
{
	vmm_aml_mark mark;

	byte(a, OP_EXT);
	byte(a, OP_EXT_DEVICE);
	mark = begin(a);
	vmm_aml_seg(a, seg);
	return mark;
}

void vmm_aml_name(struct vmm_aml *a, const char *seg)
{
	byte(a, OP_NAME);
	vmm_aml_seg(a, seg);
}

static unsigned hex(char c)
{
	return (unsigned)(c >= 'A' ? c - 'A' + 10 : c - '0');
}

void vmm_aml_eisa(struct vmm_aml *a, const char *id)
{
	unsigned vendor = (unsigned)(id[0] - '@') << 10 | (unsigned)(id[1] - '@') << 5 |
			  (unsigned)(id[2] - '@');

	byte(a, OP_DWORD);
	byte(a, (uint8_t)(vendor >> 8));
	byte(a, (uint8_t)vendor);
	byte(a, (uint8_t)(hex(id[3]) << 4 | hex(id[4])));
	byte(a, (uint8_t)(hex(id[5]) << 4 | hex(id[6])));
}

void vmm_aml_package(struct vmm_aml *a, const char *seg, const uint8_t *values, uint8_t count)
{
	vmm_aml_mark mark;

	vmm_aml_name(a, seg);
	byte(a, OP_PACKAGE);
	mark = begin(a);
	byte(a, count);
	for (uint8_t i = 0; i < count; i++)
		vmm_aml_integer(a, values[i]);
	vmm_aml_end(a, mark);
}

static void memory_window(struct vmm_aml *a, const struct vmm_aml_resources *r)
{
	byte(a, 0x86); /* Memory32Fixed */
	little_endian(a, 9, 2);
	byte(a, 1); /* writable */
	little_endian(a, r->base, 4);
	little_endian(a, r->length, 4);
}

static void io_window(struct vmm_aml *a, const struct vmm_aml_resources *r)
{
	byte(a, 0x47); /* IO, 16-bit decode */
	byte(a, 1);
	little_endian(a, r->base, 2);
	little_endian(a, r->base, 2);
	byte(a, 1);
	byte(a, (uint8_t)r->length);
}

void vmm_aml_crs(struct vmm_aml *a, const struct vmm_aml_resources *r)
{
	enum { CONSUMER = 1, EDGE = 2, SHARED = 8, END_TAG = 0x79 };
	uint8_t window = r->memory ? 12 : 8;
	vmm_aml_mark mark;

	vmm_aml_name(a, "_CRS");
	byte(a, OP_BUFFER);
	mark = begin(a);
	vmm_aml_integer(a, (uint64_t)window + 9 + 2);
	if (r->memory)
		memory_window(a, r);
	else
		io_window(a, r);
	byte(a, 0x89); /* extended interrupt */
	little_endian(a, 6, 2);
	byte(a, CONSUMER | EDGE | SHARED);
	byte(a, 1);
	little_endian(a, r->gsi, 4);
	byte(a, END_TAG);
	byte(a, 0); /* no checksum */
	vmm_aml_end(a, mark);
}

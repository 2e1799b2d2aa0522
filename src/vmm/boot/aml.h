/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACPI Machine Language, as much as a virtual machine's DSDT needs (ACPI 6.4, chapter 20). A
 * package's length stands in front of its content, so a package is begun, filled and ended; the
 * encoder always uses the four-byte form of the length.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vmm_aml {
	uint8_t *bytes;
	size_t size, used;
	bool full; /* something did not fit: the result is of no use */
};

/* Where a package began; give it back to vmm_aml_end. */
typedef size_t vmm_aml_mark;

void vmm_aml_bytes(struct vmm_aml *a, const void *bytes, size_t len);
/* A name segment, padded to four characters: "_HID", "COM1". */
void vmm_aml_seg(struct vmm_aml *a, const char *seg);
void vmm_aml_integer(struct vmm_aml *a, uint64_t value);
void vmm_aml_string(struct vmm_aml *a, const char *s);

vmm_aml_mark vmm_aml_scope(struct vmm_aml *a, const char *path); /* "\\_SB_" */
vmm_aml_mark vmm_aml_device(struct vmm_aml *a, const char *seg);
void vmm_aml_end(struct vmm_aml *a, vmm_aml_mark mark);

/* Name(seg, ...): the value follows. */
void vmm_aml_name(struct vmm_aml *a, const char *seg);
/* An EISA id: "PNP0501". */
void vmm_aml_eisa(struct vmm_aml *a, const char *id);
/* Name(seg, Package { values }). */
void vmm_aml_package(struct vmm_aml *a, const char *seg, const uint8_t *values, uint8_t count);

/* Name(_CRS, ResourceTemplate { ... }): an address window and an edge-triggered interrupt. */
struct vmm_aml_resources {
	bool memory; /* else I/O ports */
	uint32_t base, length;
	uint32_t gsi;
};
void vmm_aml_crs(struct vmm_aml *a, const struct vmm_aml_resources *r);

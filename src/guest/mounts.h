/* SPDX-License-Identifier: Apache-2.0 */
/* File systems: those every workload expects, the root, those of the configuration. */
#pragma once

#include "guest/config.h"

#include <stdbool.h>

/* What a list of options as in OCI ("ro,nosuid,size=1m") means to mount(2). */
struct gst_options {
	unsigned long set, clear;  /* MS_* */
	unsigned long propagation; /* MS_SHARED and the like, with MS_REC; 0: none */
	bool recursive;		   /* rbind */
	char *data;		   /* the rest, joined by commas */
};

struct gst_options gst_options_parse(const char *text);

/* /dev, /proc, /sys and what belongs to them. Mounted ones are left alone. */
void gst_mount_api(void);
/* /dev and /proc only: enough for set-up in an initramfs. */
void gst_mount_early(void);
/* Mounts the root that the configuration names and enters it. Nothing for GST_ROOT_CURRENT. */
void gst_enter_root(const struct gst_config *c);
/* The configuration's mounts, devices, masked and read-only paths; last the root's own flag. */
void gst_mount_all(const struct gst_config *c);

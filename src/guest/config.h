/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration blob of proto.h, taken apart. Strings point into the blob. */
#pragma once

#include "guest/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Grows by one; always followed by a NULL, so it can be argv. */
struct gst_strings {
	const char **item;
	size_t count;
};

void gst_strings_add(struct gst_strings *list, const char *item);

struct gst_mount {
	const char *source, *target, *fstype, *options;
	struct gst_mount *next;
};

struct gst_interface {
	uint8_t mac[6];
	uint16_t mtu;
	bool dhcp;
	const char *address, *gateway; /* "" for none */
	struct gst_strings dns;
	struct gst_interface *next;
};

struct gst_limit {
	uint32_t resource;
	uint64_t soft, hard;
	struct gst_limit *next;
};

struct gst_special { /* a device node */
	uint32_t mode, uid, gid, major, minor;
	const char *path;
	struct gst_special *next;
};

enum gst_cap_set { GST_BOUNDING, GST_EFFECTIVE, GST_PERMITTED, GST_INHERITABLE, GST_AMBIENT };

struct gst_config {
	/* The workload. */
	const char *exec, *cwd, *config_file, *config_text;
	struct gst_strings args, env;
	uint32_t uid, gid, umask;
	uint32_t *groups;
	size_t group_count;
	bool has_groups;
	bool has_caps;
	uint64_t caps[5];
	struct gst_limit *limits;
	uint32_t flags;
	bool has_oom_score;
	int32_t oom_score;
	uint16_t rows, columns;

	/* The machine. */
	const char *hostname, *domainname;
	enum gst_root root;
	const char *root_source, *root_fstype, *root_options;
	struct gst_strings sysctls; /* key, value, key, value */
	struct gst_strings masks, readonlys;
	struct gst_mount *mounts; /* in the order they are made */
	struct gst_interface *interfaces;
	struct gst_special *devices;

	uint32_t agent_port; /* 0: no agent */
	uint32_t grace_ms;
};

/*
 * Takes `size` bytes apart; they must live as long as the result, and are not changed. NULL, or
 * what is wrong with them.
 */
const char *gst_config_parse(uint8_t *blob, uint32_t size, struct gst_config *ret);
void gst_config_defaults(struct gst_config *c);
/* Behind those that are there. */
void gst_config_add_mount(struct gst_config *c, struct gst_mount *m);
